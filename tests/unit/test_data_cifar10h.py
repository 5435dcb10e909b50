"""Votes: joined by id, checked against the probabilities, every oddity named."""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latent_microscope.data.cifar import CIFAR10_CLASSES
from latent_microscope.data.cifar10h import (
    check_probabilities,
    class_order,
    load_counts,
    load_raw_votes,
    vote_facts,
    votes_table,
)
from latent_microscope.errors import InputError

COUNTS = np.array([[5, 0, 0], [1, 3, 0], [0, 2, 2], [1, 1, 2]])
CLASSES = ["a", "b", "c"]


def saved(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def test_counts(tmp_path: Path) -> None:
    for kind in (np.int64, np.float64, np.uint8):
        counts = load_counts(saved(tmp_path / "c.npy", COUNTS.astype(kind)))
        assert counts.dtype == np.int64
        assert np.array_equal(counts, COUNTS)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (COUNTS[0], "must be"),
        (COUNTS[:, :1], "must be"),
        (COUNTS + 0.5, "row 0, class 0: 5.5"),
        (np.where(COUNTS == 3, -3, COUNTS), "row 1, class 1: -3"),
        (np.where(COUNTS == 3, np.nan, COUNTS), "row 1, class 1: nan"),
        (np.where(COUNTS == 3, np.inf, COUNTS), "row 1, class 1: inf"),
        (COUNTS * (np.arange(4) != 2)[:, None], "row 2 "),
        (COUNTS.astype(str), "<U"),
        (COUNTS > 1, "bool"),
    ],
)
def test_bad_counts_are_named(tmp_path: Path, array: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_counts(saved(tmp_path / "c.npy", array))


def test_probabilities(tmp_path: Path) -> None:
    shares = COUNTS / COUNTS.sum(axis=1, keepdims=True)
    check_probabilities(COUNTS, saved(tmp_path / "p.npy", shares))
    with pytest.raises(InputError, match=r"p\.npy.*\(3, 3\).*\(4, 3\)"):
        check_probabilities(COUNTS, saved(tmp_path / "p.npy", shares[:3]))
    with pytest.raises(InputError, match="row 1 "):
        check_probabilities(COUNTS, saved(tmp_path / "p.npy", shares[[0, 2, 3, 1]]))


def test_votes_are_joined_by_id() -> None:
    ids = ["test-00003", "test-00001"]
    table = votes_table(COUNTS, ids, CLASSES)
    assert list(table.columns) == ["id", *CLASSES]
    assert table["id"].tolist() == ids
    assert table[CLASSES].to_numpy().tolist() == [[1, 1, 2], [1, 3, 0]]
    with pytest.raises(InputError, match="'test-00004'"):
        votes_table(COUNTS, [*ids, "test-00004"], CLASSES)
    with pytest.raises(InputError, match=r"3 columns .*2 classes"):
        votes_table(COUNTS, ids, CLASSES[:2])


def test_class_order() -> None:
    samples = pd.DataFrame({"label": [2, 0, 1, 0], "label_name": ["c", "a", "b", "a"]})
    assert class_order(samples, 3) == CLASSES
    with pytest.raises(InputError, match="3 of 4"):
        class_order(samples, 4)
    cifar = pd.DataFrame({"label": [3, 9], "label_name": ["cat", "truck"]})
    assert class_order(cifar, 10) == CIFAR10_CLASSES
    with pytest.raises(InputError, match="3 of 10"):
        class_order(samples, 10)
    twice = pd.DataFrame({"label": [0, 0], "label_name": ["a", "b"]})
    with pytest.raises(InputError, match="label 0"):
        class_order(twice, 2)


def test_facts_by_hand() -> None:
    facts = vote_facts(COUNTS, np.array([0, 1, 2, 0]))
    assert facts["votes"] == 17
    assert (facts["min_votes"], facts["max_votes"]) == (4, 5)
    assert facts["mean_accuracy"] == pytest.approx((1 + 0.75 + 0.5 + 0.25) / 4)
    assert facts["majority_accuracy"] == pytest.approx(0.5)
    assert facts["unanimous"] == pytest.approx(0.25)
    assert facts["below_half"] == 1
    by_hand = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75)) + np.log(2) + 1.5 * np.log(2)
    assert facts["mean_entropy"] == pytest.approx(by_hand / 4)
    assert facts["accuracy_by_class"] == pytest.approx([0.625, 0.75, 0.5])


@pytest.mark.parametrize("index", ["cifar10_test_test_idx", "cifar10_test_set_idx"])
def test_annotator_level_votes(tmp_path: Path, index: str) -> None:
    text = (
        f"annotator_id,trial_index,is_attn_check,chosen_label,{index}\n"
        "0,0,0,3,17\n0,1,1,5,-99999\n1,0,0,9,2405\n"
    )
    (tmp_path / "raw.csv").write_text(text)
    with zipfile.ZipFile(tmp_path / "raw.zip", "w") as archive:
        archive.writestr("cifar10h-raw.csv", text)
        archive.writestr("__MACOSX/._cifar10h-raw.csv", "junk")
    for name in ("raw.csv", "raw.zip"):
        table = load_raw_votes(tmp_path / name)
        assert table["id"].tolist() == ["test-00017", "test-02405"]
        assert table["annotator"].tolist() == [0, 1]
        assert table["label"].tolist() == [3, 9]


def test_annotator_level_files_without_use(tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_text("annotator_id,is_attn_check,chosen_label\n0,0,1\n")
    with pytest.raises(InputError, match="cifar10_test_test_idx"):
        load_raw_votes(tmp_path / "raw.csv")
    with pytest.raises(InputError, match=r"none\.csv"):
        load_raw_votes(tmp_path / "none.csv")
    with zipfile.ZipFile(tmp_path / "raw.zip", "w") as archive:
        archive.writestr("other.csv", "x")
    with pytest.raises(InputError, match=r"raw.zip.*cifar10h-raw\.csv"):
        load_raw_votes(tmp_path / "raw.zip")
    (tmp_path / "raw.csv").write_text("")
    with pytest.raises(InputError, match=r"raw\.csv"):
        load_raw_votes(tmp_path / "raw.csv")
    header = "annotator_id,is_attn_check,chosen_label,cifar10_test_test_idx"
    for value in ("9" * 400, "1.5", "", "x"):
        (tmp_path / "raw.csv").write_text(f"{header}\n0,0,3,17\n{value},0,3,18\n")
        with pytest.raises(InputError, match=r"raw\.csv: row 1, column 'annotator_id'"):
            load_raw_votes(tmp_path / "raw.csv")
