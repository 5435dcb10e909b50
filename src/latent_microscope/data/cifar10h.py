"""CIFAR-10H: how many annotators gave each image each class, joined to the images by id."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.data.archives import open_zip, read_zip_member, zip_members
from latent_microscope.data.cifar import CIFAR10_CLASSES, row_of_id
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy

_RAW_COLUMNS = ["annotator_id", "is_attn_check", "chosen_label"]
_RAW_INDEX = ("cifar10_test_test_idx", "cifar10_test_set_idx")


def load_counts(path: Path) -> npt.NDArray[np.int64]:
    """Read the votes, (n, classes); :class:`InputError` if they are no whole counts."""
    counts = load_npy(path)
    if counts.ndim != 2 or counts.shape[1] < 2:
        raise InputError(f"{path}: must be (images, classes), not {counts.shape}")
    if counts.dtype.kind not in "iuf":
        raise InputError(f"{path}: must hold whole numbers of votes, not {counts.dtype}")
    return whole_counts(counts, path)


def whole_counts(
    counts: np.ndarray,
    path: Path,
    ids: npt.NDArray[np.object_] | None = None,
    classes: Sequence[str] | None = None,
    *,
    may_be_empty: bool = False,
) -> npt.NDArray[np.int64]:
    """Counts (n, classes) after a check; ids and classes are for messages.

    ``may_be_empty``: rows without votes are allowed, unless all are.
    """

    def who(row: int) -> str:
        return f"row {row}" if ids is None else f"row {row} (id {ids[row]!r})"

    bad = ~np.isfinite(counts) | (counts < 0) | (counts != np.floor(counts))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        name = column if classes is None else repr(classes[column])
        raise InputError(
            f"{path}: {who(row)}, class {name}: {counts[row, column]} votes; give whole counts "
            "(in a custom study also shares whose rows sum to 1)"
        )
    empty = np.flatnonzero(counts.sum(axis=1) == 0)
    if empty.size and (empty.size == len(counts) or not may_be_empty):
        raise InputError(
            f"{path}: {who(empty[0])} and {empty.size - 1} more have no votes; remove their rows"
        )
    return counts.astype(np.int64)


def check_probabilities(counts: npt.NDArray[np.int64], path: Path) -> None:
    """Compare the votes with the published probabilities, which are votes over their sum."""
    published = load_npy(path)
    if published.shape != counts.shape:
        raise InputError(f"{path}: is {published.shape}, the counts are {counts.shape}")
    expected = counts / counts.sum(axis=1, keepdims=True)
    wrong = ~np.isclose(published, expected, rtol=0, atol=1e-6).all(axis=1)
    if wrong.any():
        raise InputError(
            f"{path}: row {int(np.argmax(wrong))} and {int(wrong.sum()) - 1} others are not the "
            "counts over their sum; the two files must be of the same release"
        )


def votes_table(
    counts: npt.NDArray[np.int64], ids: Sequence[str], classes: Sequence[str]
) -> pd.DataFrame:
    """``id`` (such as ``test-02405``) and one int column per class, in the order of ``ids``.

    Row i of ``counts`` (n, classes) belongs to image i of the whole test split.
    """
    if len(classes) != counts.shape[1]:
        raise InputError(f"{counts.shape[1]} columns of votes for {len(classes)} classes")
    rows = np.array([row_of_id(i) for i in ids], dtype=np.int64)
    if len(rows) and rows.max() >= len(counts):
        first = ids[int(np.argmax(rows >= len(counts)))]
        raise InputError(f"the votes have {len(counts)} rows: none for the image {first!r}")
    table = pd.DataFrame(counts[rows], columns=list(classes))
    table.insert(0, "id", list(ids))
    return table


def class_order(samples: pd.DataFrame, n_classes: int) -> list[str]:
    """Class names by label, from a samples table; those of CIFAR-10 if a class does not occur."""
    texts = samples["label_name"].map(lambda name: isinstance(name, str)).all()
    if samples["label"].dtype.kind not in "iu" or not texts:
        raise InputError("samples: labels must be whole numbers, and their names texts")
    pairs = samples[["label", "label_name"]].drop_duplicates().sort_values("label")
    if pairs["label"].duplicated().any():
        label = pairs["label"][pairs["label"].duplicated()].iloc[0]
        raise InputError(f"samples: the label {label} has two names")
    names = dict(zip(pairs["label"], pairs["label_name"], strict=True))
    if all(label in names for label in range(n_classes)):
        return [str(names[label]) for label in range(n_classes)]
    if n_classes == 10 and all(CIFAR10_CLASSES[k] == name for k, name in names.items()):
        return list(CIFAR10_CLASSES)
    raise InputError(
        f"samples: only {len(names)} of {n_classes} classes occur; give `classes`, all the names"
    )


def vote_facts(
    counts: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]
) -> dict[str, float | list[float]]:
    """Facts by which to recognise a data set of votes.

    Accuracy is the share of votes for the label, ``mean_entropy`` in nats, ``unanimous`` a share,
    ``below_half`` the number of images with an accuracy under 0.5.
    """
    totals = counts.sum(axis=1)
    shares = counts / totals[:, None]
    accuracy = shares[np.arange(len(labels)), labels]
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    by_class = pd.Series(accuracy).groupby(labels).mean().reindex(range(counts.shape[1]))
    return {
        "votes": int(totals.sum()),
        "min_votes": int(totals.min()),
        "max_votes": int(totals.max()),
        "mean_accuracy": float(accuracy.mean()),
        "majority_accuracy": float((shares.argmax(axis=1) == labels).mean()),
        "unanimous": float((shares.max(axis=1) == 1).mean()),
        "mean_entropy": float(-(shares * logs).sum(axis=1).mean()),
        "below_half": int((accuracy < 0.5).sum()),
        "accuracy_by_class": by_class.tolist(),
    }


def load_raw_votes(path: Path) -> pd.DataFrame:
    """Single votes of ``cifar10h-raw.csv`` (or the zip that contains it): id, annotator, label.

    Attention checks are left out. The published counts leave out more (annotators who failed those
    checks), so they need not be the sum of these rows.
    """
    try:
        # As text: an integer of hundreds of digits would stay a Python integer, beyond any float.
        names = {*_RAW_COLUMNS, *_RAW_INDEX}
        raw = io.BytesIO(_raw_bytes(path))
        table = pd.read_csv(raw, dtype=str, usecols=lambda name: name in names)
    except ValueError as error:  # pandas' parser errors are ValueErrors
        raise InputError(f"{path}: not a readable CSV ({error})") from error
    index = next((name for name in _RAW_INDEX if name in table.columns), None)
    missing = [name for name in _RAW_COLUMNS if name not in table.columns]
    if index is None or missing:
        raise InputError(f"{path}: the column {(missing or [_RAW_INDEX[0]])[0]!r} is missing")
    for name in (*_RAW_COLUMNS, index):
        numbers = pd.to_numeric(table[name], errors="coerce")
        wrong = ~(numbers.abs() < 2**53) | (numbers % 1 != 0)
        if wrong.any():
            row = int(np.argmax(wrong))
            value = str(table[name].iloc[row])
            raise InputError(f"{path}: row {row}, column {name!r}: {value!r} is no whole number")
        table[name] = numbers
    table = table[(table["is_attn_check"] == 0) & (table[index] >= 0)]
    return pd.DataFrame(
        {
            "id": [f"test-{int(row):05d}" for row in table[index]],
            "annotator": table["annotator_id"].astype(np.int64).to_numpy(),
            "label": table["chosen_label"].astype(np.int64).to_numpy(),
        }
    )


def _raw_bytes(path: Path) -> bytes:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    with open_zip(path) as archive:
        members = [info for info in zip_members(archive) if info.filename.endswith("raw.csv")]
        members = [info for info in members if not info.filename.startswith("__MACOSX")]
        if len(members) != 1:
            raise InputError(f"{path}: must contain one cifar10h-raw.csv")
        return read_zip_member(archive, members[0])
