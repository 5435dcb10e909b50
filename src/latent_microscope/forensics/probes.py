"""Linear probes: what a linear rule can predict of an attribute from the latents."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold

from latent_microscope.errors import InputError
from latent_microscope.forensics.bias import binary_attributes
from latent_microscope.forensics.checks import as_matrix, in_range
from latent_microscope.seeds import derive
from latent_microscope.statistics.auc import (
    FoldedAuc,
    clustered_error,
    folded_auc,
    logit_interval,
    testable_folds,
    two_sided_p,
)
from latent_microscope.statistics.summaries import benjamini_hochberg

_NUMBERS = (
    *("auc", "low", "high", "p", "q", "auc_pixels", "low_pixels", "high_pixels", "auc_colour"),
    *("gain", "gain_low", "gain_high", "gain_p", "gain_q", "baseline"),
)
COLUMNS = {
    "attribute": "str",
    **dict.fromkeys(("n", "positives"), "int64"),
    **dict.fromkeys(_NUMBERS, "float64"),
    "status": "str",
}
THUMBNAIL = 16
_MIN_CASES = 20
_ROWS = 2_000

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def folds_of(
    n: int, count: int, seed: int, *, people: Ints | None = None, classes: Ints | None = None
) -> Ints:
    """Fold per sample: ``people`` stay in one fold, ``classes`` spread evenly."""
    in_range(count, "folds", 2, n)
    state = derive(seed, "folds") % 2**32
    split: GroupKFold | StratifiedKFold
    if people is not None:
        if len(np.unique(people)) < count:
            raise InputError(f"folds: {count} is more than the number of people; lower it")
        split = GroupKFold(count, shuffle=True, random_state=state)
    else:
        split = StratifiedKFold(count, shuffle=True, random_state=state)
    labels = np.zeros(n, dtype=np.int64) if classes is None else classes
    folds = np.empty(n, dtype=np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class smaller than the number of folds
        for number, (_, held) in enumerate(split.split(labels, labels, people)):
            folds[held] = number
    return folds


def thumbnails(images: np.ndarray, side: int = THUMBNAIL) -> npt.NDArray[np.float32]:
    """(n, at most side·side·C) block means in [0, 1] of uint8 images."""
    n, height, width, channels = images.shape
    fy, fx = max(1, height // side), max(1, width // side)
    rows, columns = height // fy, width // fx
    out = np.empty((n, rows * columns * channels), dtype=np.float32)
    for start in range(0, n, _ROWS):
        block = np.asarray(images[start : start + _ROWS, : rows * fy, : columns * fx])
        small = block.reshape(len(block), rows, fy, columns, fx, channels)
        means = small.mean(axis=(2, 4), dtype=np.float32) / np.float32(255.0)
        out[start : start + len(block)] = means.reshape(len(block), -1)
    return out


def pixel_components(images: np.ndarray, count: int) -> Floats:
    """(n, at most count) principal components of 16×16 thumbnails, by falling variance."""
    small = thumbnails(images).astype(np.float64)
    small -= small.mean(axis=0)
    values, vectors = np.linalg.eigh(small.T @ small / len(small))
    order = np.argsort(-values, kind="stable")[:count]
    order = order[values[order] > 1e-12 * values.max()]
    vectors = vectors[:, order]
    # Signs are arbitrary: the largest weight of a component is positive.
    vectors *= np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(order))])
    return np.asarray(small @ vectors, dtype=np.float64)


def held_out_scores(
    features: npt.ArrayLike, present: npt.NDArray[np.bool_], folds: Ints, *, strength: float = 0.01
) -> Floats:
    """(n, m) log odds of logistic regressions that did not see the sample's fold.

    Standardised by the other folds; 0 where the training part lacks a class. ``strength`` is C.
    """
    matrix = as_matrix(features, "features")
    scores = np.zeros(present.shape)
    for fold in np.unique(folds):
        train, held = folds != fold, folds == fold
        mean, deviation = matrix[train].mean(axis=0), matrix[train].std(axis=0)
        scaled = (matrix - mean) / np.where(deviation > 0.0, deviation, 1.0)
        fitted, shown = scaled[train], scaled[held]
        for column in range(present.shape[1]):
            labels = present[train, column]
            if labels.all() or not labels.any():
                continue
            model = LogisticRegression(C=strength, max_iter=200, tol=1e-3)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(fitted, labels)
            scores[held, column] = model.decision_function(shown)
    return scores


def probe_table(
    features: Mapping[str, npt.ArrayLike],
    attributes: pd.DataFrame,
    folds: Ints,
    *,
    people: Ints | None = None,
    strength: float = 0.01,
) -> pd.DataFrame:
    """AUC of a linear probe of every attribute, beside the same from pixels, as :data:`COLUMNS`.

    AUC within each held-out fold, averaged; errors are summed within people. Status ``separated``:
    no fold has samples with and without it; ``few``: fewer than 20 samples or people, not tested.
    """
    present, _ = binary_attributes(attributes)
    n = len(present)
    clusters = np.arange(n) if people is None else np.asarray(people, dtype=np.int64)
    scores = {
        name: held_out_scores(values, present, folds, strength=strength)
        for name, values in features.items()
    }
    rows = []
    for k, name in enumerate(attributes.columns):
        column = {features: s[:, k] for features, s in scores.items()}
        rows.append({"attribute": str(name)} | _row(column, present[:, k], folds, clusters))
    table = pd.DataFrame(rows)
    table["q"] = benjamini_hochberg(table["p"].to_numpy(float))
    table["gain_q"] = benjamini_hochberg(table["gain_p"].to_numpy(float))
    return table[list(COLUMNS)].astype(COLUMNS)


def _shared_training(folds: Ints) -> float:
    """Factor on the error of a mean over folds for the training samples that folds share.

    Source: Nadeau and Bengio 2003, the corrected resampled test.
    """
    count = len(np.unique(folds))
    return float(np.sqrt(1.0 + count / (count - 1)))


def _row(
    scores: Mapping[str, Floats], present: npt.NDArray[np.bool_], folds: Ints, clusters: Ints
) -> dict[str, Any]:
    """One attribute; NaN where nothing was estimated."""
    row: dict[str, Any] = dict.fromkeys(_NUMBERS, float("nan"))
    positives = int(present.sum())
    fewest = min(positives, len(present) - positives)
    units = len(np.unique(clusters))
    few = min(fewest, units) < _MIN_CASES
    separated = not testable_folds(present, folds)
    status = "constant" if fewest == 0 else "separated" if separated else "few" if few else "ok"
    row |= {"n": len(present), "positives": positives, "status": status, "baseline": 0.5}
    if status in ("constant", "separated"):
        return row
    found: dict[str, FoldedAuc] = {
        key: folded_auc(values, present, folds) for key, values in scores.items()
    }
    ends = {"latents": "", "pixels": "_pixels", "colour": "_colour"}
    row |= {f"auc{ends[key]}": one.auc for key, one in found.items()}
    if "pixels" in found:
        row["gain"] = found["latents"].auc - found["pixels"].auc
    if status == "few":
        return row
    freedom = float(units - 1)  # a few people say little
    for key, end in ends.items():
        if key == "colour" or key not in found:
            continue
        error = clustered_error(found[key].influence, found[key].n, clusters)
        row[f"low{end}"], row[f"high{end}"] = logit_interval(found[key].auc, error, freedom=freedom)
        if key == "latents":
            row["p"] = two_sided_p(found[key].auc - 0.5, error * _shared_training(folds), freedom)
    if "pixels" not in found:
        return row
    paired = found["latents"].influence - found["pixels"].influence
    error = clustered_error(paired, found["latents"].n, clusters)
    gain = row["gain"]
    wide = float(student.ppf(0.975, freedom)) * error
    row |= {"gain_low": gain - wide, "gain_high": gain + wide}
    row["gain_p"] = two_sided_p(gain, error, freedom)
    return row
