"""CIFAR-10H: how many annotators gave each image each class, joined to the images by id."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.data.cifar import CIFAR10_CLASSES, row_of_id
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy


def load_counts(path: Path) -> npt.NDArray[np.int64]:
    """Read the votes, (n, classes).

    Raises:
        InputError: Not a table of whole numbers of votes, or an image without a vote.
    """
    counts = load_npy(path)
    if counts.ndim != 2 or counts.shape[1] < 2:
        raise InputError(f"{path}: must be (images, classes), not {counts.shape}")
    if counts.dtype.kind not in "iuf":
        raise InputError(f"{path}: must hold whole numbers of votes, not {counts.dtype}")
    bad = ~np.isfinite(counts) | (counts < 0) | (counts != np.floor(counts))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise InputError(f"{path}: row {row}, class {column}: {counts[row, column]} is no count")
    empty = counts.sum(axis=1) == 0
    if empty.any():
        raise InputError(f"{path}: row {int(np.argmax(empty))} has no vote")
    return counts.astype(np.int64)


def check_probabilities(counts: npt.NDArray[np.int64], path: Path) -> None:
    """Compare the votes with the published probabilities, which are votes over their sum.

    Raises:
        InputError: Another shape, or a row that differs; the message names the first.
    """
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

    Raises:
        InputError: An id past the end of the counts, or another number of classes.
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
    """Class names by label, from a samples table.

    A subset may lack a class; then the names must be those of CIFAR-10.

    Raises:
        InputError: Two names for one label, or a missing class of unknown name.
    """
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
