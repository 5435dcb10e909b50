"""Every kind of data in every format that can hold it; docs/formats.md has the table of it.

``python tests/unit/test_file_kinds.py`` writes that table.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import save_file
from scipy.io import savemat
from scipy.spatial.distance import pdist, squareform

from latent_microscope.custom.arrays import read_rows
from latent_microscope.custom.dissimilarity import read_square
from latent_microscope.custom.images import open_pictures
from latent_microscope.custom.looking import Found, look
from latent_microscope.custom.tables import read_table
from latent_microscope.custom.votes import read_votes
from latent_microscope.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
Arrays = Mapping[str, np.ndarray]
RANDOM = np.random.default_rng(5)
N = 12
IDS = np.array([f"s{i:02d}" for i in RANDOM.permutation(N)])
X = RANDOM.normal(size=(N, 9)).astype(np.float32)
COUNTS = RANDOM.integers(0, 7, size=(N, 3)) + 1
SOFT = RANDOM.dirichlet([1, 1, 1], N)
SQUARE = squareform(pdist(X.astype(np.float64)))
PEOPLE = np.stack([squareform(pdist(X + RANDOM.normal(size=X.shape))) for _ in range(3)])
PIXELS = RANDOM.integers(0, 256, size=(N, 8, 8, 3), dtype=np.uint8)
TOWNS = np.array(["Ulm", "Bonn", "Jena"])[np.arange(N) % 3]
AGES = RANDOM.uniform(20, 60, N).round(1)

KINDS: dict[str, tuple[str, Arrays]] = {
    "embeddings": ("embeddings", {"emb": X}),
    "embeddings, ids": ("embeddings", {"id": IDS, "emb": X}),
    "embeddings, ids under any name": ("embeddings", {"stimulus": IDS, "emb": X}),
    "embeddings, ids, labels": (
        "embeddings",
        {"id": IDS, "emb": X, "label": np.arange(N) % 4, "split": TOWNS},
    ),
    "attributes": ("attributes", {"id": IDS, "hat": np.arange(N) % 2, "town": TOWNS, "age": AGES}),
    "list of ids": ("ids", {"id": IDS}),
    "votes, a matrix": ("votes", {"id": IDS, "votes": COUNTS}),
    "votes, a column per class": (
        "votes",
        {"id": IDS} | {name: COUNTS[:, k] for k, name in enumerate(("cat", "dog", "eel"))},
    ),
    "soft labels": ("votes", {"id": IDS, "votes": SOFT}),
    "soft labels, a column per class": (
        "votes",
        {"id": IDS} | {name: SOFT[:, k] for k, name in enumerate(("cat", "dog", "eel"))},
    ),
    "dissimilarities": ("dissimilarity", {"rdm": SQUARE}),
    "dissimilarities, ids": ("dissimilarity", {"id": IDS, "rdm": SQUARE}),
    "dissimilarities per observer": ("dissimilarity", {"rdm": PEOPLE}),
    "condensed dissimilarities": ("dissimilarity", {"rdm": pdist(X)}),
    "similarities": ("similarity", {"s": np.asarray(np.corrcoef(X))}),
    "pixels": ("images", {"pixels": PIXELS}),
    "pixels, ids": ("images", {"id": IDS, "pixels": PIXELS}),
}
FORMATS = (
    *(".npy", ".npz", ".parquet", ".feather", ".csv", ".jsonl", ".h5", ".mat", ".pt"),
    ".safetensors",
)


def columns(arrays: Arrays, *, vectors: bool) -> pd.DataFrame:
    """A table; matrices as one column of vectors or as numbered columns."""
    found = {}
    for name, array in arrays.items():
        if array.ndim == 1 or vectors:
            found[name] = array.tolist()
        else:
            found |= {f"{name}{k}": array[:, k].tolist() for k in range(array.shape[1])}
    return pd.DataFrame(found)


def holds(ending: str, arrays: Arrays) -> bool:
    """Whether a format can hold these arrays."""
    if ending == ".npy":
        return len(arrays) == 1
    if ending == ".safetensors":
        return all(one.dtype.kind != "U" for one in arrays.values())
    if ending in (".parquet", ".feather", ".csv", ".jsonl"):
        first = next(iter(arrays.values()))
        condensed = len(arrays) == 1 and first.ndim == 1 and first.dtype.kind == "f"
        return all(one.ndim < 3 for one in arrays.values()) and not condensed
    return True


def write(path: Path, arrays: Arrays) -> None:
    ending = path.suffix
    if ending == ".npy":
        np.save(path, next(iter(arrays.values())))
    elif ending == ".npz":
        np.savez(path, **dict(arrays))  # type: ignore[arg-type]
    elif ending == ".parquet":
        columns(arrays, vectors=True).to_parquet(path)
    elif ending == ".feather":
        columns(arrays, vectors=True).to_feather(path)
    elif ending == ".csv":
        columns(arrays, vectors=False).to_csv(path, index=False)
    elif ending == ".jsonl":
        rows = columns(arrays, vectors=True).to_dict("records")
        path.write_text("\n".join(map(json.dumps, rows)))
    elif ending == ".h5":
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array.astype(object) if array.dtype.kind == "U" else array
    elif ending == ".mat":
        savemat(
            path, {n: a.astype(object) if a.dtype.kind == "U" else a for n, a in arrays.items()}
        )
    elif ending == ".pt":
        torch.save(
            {n: a.tolist() if a.dtype.kind == "U" else torch.tensor(a) for n, a in arrays.items()},
            path,
        )
    else:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)


def check_values(found: Found, role: str, path: Path, arrays: Arrays) -> None:
    """Fail unless the numbers and ids are those that were written."""
    if role == "embeddings":
        rows = read_rows(path, array=found.facts.get("array"))
        np.testing.assert_allclose(rows.values, X, rtol=1e-6)
        ids = rows.ids
    elif role == "attributes":
        table = read_table(path)
        ids = table["id"].to_numpy()
        assert table["town"].tolist() == TOWNS.tolist()
        np.testing.assert_allclose(table["age"].to_numpy(float), AGES)
    elif role == "votes":
        votes = read_votes(path, {})
        ids = votes.ids
        assert "votes" in arrays or votes.classes == ["cat", "dog", "eel"]
        soft = any(one.dtype.kind == "f" for one in arrays.values())
        np.testing.assert_allclose(votes.answers, SOFT if soft else COUNTS, rtol=1e-12)
    elif role == "ids":
        ids = found.ids
    elif role == "images":
        with open_pictures(path) as pictures:
            assert (np.stack(list(pictures.rows(np.arange(N), 8))) == PIXELS).all()
            ids = pictures.ids
    else:
        square = read_square(path, {"similarity": role == "similarity"})
        ids = square.ids
        expected = SQUARE[None] if role == "dissimilarity" else 1 - np.atleast_3d(np.corrcoef(X)).T
        many = next(iter(arrays.values())).ndim == 3
        np.testing.assert_allclose(square.values, PEOPLE if many else expected, atol=1e-6)
    names = {"id", "stimulus"} & arrays.keys()
    assert (ids is None) == (not names)
    assert ids is None or ids.tolist() == IDS.tolist()


def outcome(folder: Path, kind: str, ending: str) -> str:
    """``read``, or the line that refuses it; "" where the format cannot hold it."""
    role, arrays = KINDS[kind]
    if not holds(ending, arrays):
        return ""
    path = folder / f"votes{ending}" if role == "votes" else folder / f"z{ending}"
    write(path, arrays)
    given = f"{role}={path}" if role in ("similarity", "votes") else str(path)
    try:
        found = look(given)
    except InputError as error:
        return str(error).replace(str(path), path.name)
    roles = {"embeddings": "matrix", "similarity": "dissimilarity"}
    assert found.role == roles.get(role, role), found
    assert found.count == N
    check_values(found, role, path, arrays)
    return "read"


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_in_a_format(tmp_path: Path, kind: str, ending: str) -> None:
    assert outcome(tmp_path, kind, ending) in ("read", "")


def generated() -> str:
    lines = [f"| | {' | '.join(f'`{ending}`' for ending in FORMATS)} |", "|---" * 11 + "|"]
    with TemporaryDirectory() as folder:
        for kind in KINDS:
            cells = [outcome(Path(folder), kind, ending) or "–" for ending in FORMATS]
            lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


MARKED = re.compile(r"(<!-- generated: kinds -->\n).*?(<!-- end -->)", re.DOTALL)


def test_the_page_has_this_table() -> None:
    text = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
    match = MARKED.search(text)
    assert match is not None
    assert match[0] == f"{match[1]}{generated()}{match[2]}"


if __name__ == "__main__":
    page = ROOT / "docs/formats.md"
    made = MARKED.sub(lambda m: m[1] + generated() + m[2], page.read_text(encoding="utf-8"))
    sys.exit(0 if page.write_text(made, encoding="utf-8") else 1)
