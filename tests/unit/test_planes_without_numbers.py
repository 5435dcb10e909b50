"""NaN, infinities and constants in a user's files: one line that names the file, no warning."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latent_microscope.custom.arrays import chosen_rows, read_rows, varying_columns
from latent_microscope.custom.dissimilarity import condensed, read_square
from latent_microscope.errors import InputError

N, D = 12, 4
IDS = np.array([f"s{i}" for i in range(N)], dtype=object)
pytestmark = pytest.mark.filterwarnings("error")
Change = Callable[[np.ndarray], object]


def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)


def square() -> np.ndarray:
    return np.abs(rows()[:, None] - rows()[None]).sum(axis=-1).astype(np.float64)


def put(values: np.ndarray, where: Any, value: float) -> np.ndarray:
    values[where] = value
    return values


def embedded(file: Path) -> np.ndarray:
    return varying_columns(chosen_rows(read_rows(file), np.arange(N), IDS, file), file)


EVERY = np.s_[:]
ROWS = {
    "NaN": (put(rows(), EVERY, np.nan), "all numbers are NaN or infinite; write"),
    "infinite": (put(rows(), EVERY, -np.inf), "all numbers are NaN or infinite; write"),
    "a column": (put(rows(), np.s_[:, 2], np.nan), "column 2 is NaN or infinite in all rows; le"),
    "columns": (put(rows(), np.s_[:, 1:], np.inf), "column 1 is .* in all rows, as are 2 more; l"),
    "a row": (put(rows(), 3, np.nan), r"row 3 \(id s3\) contains NaN or infinity; remove or fix"),
    "rows": (put(rows(), np.s_[3:5, 1], np.nan), r"row 3 \(id s3\) .*, as do 1 more; remove"),
    "constant": (put(rows(), EVERY, 3.0), "all 12 rows are equal"),
    "equal": (put(rows(), EVERY, rows()[0]), "all 12 rows are equal"),
    "one varies": (put(rows(), np.s_[:, 1:], 2.0), "1 of its columns vary; at least 2 must"),
    "few differ": (rows()[np.arange(N) % 4], "4 different rows among 12; at least 5"),
}


@pytest.mark.parametrize("kind", ROWS)
def test_rows(kind: str, tmp_path: Path) -> None:
    values, message = ROWS[kind]
    np.save(tmp_path / "z.npy", values)
    with pytest.raises(InputError, match=message) as caught:
        embedded(tmp_path / "z.npy")
    assert str(caught.value).startswith(f"{tmp_path / 'z.npy'}: ")
    assert "\n" not in str(caught.value)


def test_rows_of_few_values_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "z.npy", put(rows()[np.arange(N) % 5], np.s_[:, 0], 1.0))
    assert embedded(tmp_path / "z.npy").shape == (N, D - 1)


def crossed(value: float) -> np.ndarray:
    return put(put(square(), 3, value), np.s_[:, 3], value)


SAME = 1.0 - np.eye(N)
SQUARES = {
    "NaN": (put(square(), EVERY, np.nan), "no pair is known, so that .*; check it"),
    "infinite": (put(square(), EVERY, np.inf), "the value of '0' and '0', inf, is not finite"),
    "a row": (crossed(np.inf), "the value of '0' and '3', inf, is not finite; give a number, or"),
    "zeros": (put(square(), EVERY, 0.0), "all known pairs have the value 0, so that"),
    "constant": (SAME, "all known pairs have the value 1, so that"),
    "nobody": (np.stack([square(), put(square(), EVERY, np.nan)]), "observer 1: no pair .* out"),
    "bored": (np.stack([2.0 * SAME, square()]), "observer 0: all known pairs .* 2, .* leave it"),
}


@pytest.mark.parametrize("kind", SQUARES)
def test_dissimilarities(kind: str, tmp_path: Path) -> None:
    values, message = SQUARES[kind]
    np.save(tmp_path / "d.npy", values)
    with pytest.raises(InputError, match=message) as caught:
        read_square(tmp_path / "d.npy", {})
    assert str(caught.value).startswith(f"{tmp_path / 'd.npy'}: ")
    assert "\n" not in str(caught.value)


def test_a_sample_without_pairs_is_read(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", crossed(np.nan))
    found = read_square(tmp_path / "d.npy", {})
    (rdm,) = condensed(found, np.arange(N), IDS)
    assert np.isnan(rdm.values).sum() == N - 1
    # Of two samples no order of pairs is left.
    with pytest.raises(InputError, match=r"d\.npy: all known pairs have the value"):
        condensed(found, np.arange(2), IDS[:2])
