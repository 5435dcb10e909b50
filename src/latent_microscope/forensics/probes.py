"""Linear probes: what of an attribute can be read off the latents by a linear rule."""

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

COLUMNS = {
    "attribute": "str",
    "n": "int64",
    "positives": "int64",
    "auc": "float64",
    "low": "float64",
    "high": "float64",
    "p": "float64",
    "q": "float64",
    "auc_pixels": "float64",
    "low_pixels": "float64",
    "high_pixels": "float64",
    "auc_colour": "float64",
    "gain": "float64",
    "gain_low": "float64",
    "gain_high": "float64",
    "gain_p": "float64",
    "gain_q": "float64",
    "baseline": "float64",
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
    """Fold of each sample, one split for all attributes.

    Args:
        n: Samples.
        count: Folds.
        seed: Of the shuffle.
        people: Identities: all images of a person are put into one fold.
        classes: Classes to spread evenly over the folds, where there are no identities.

    Raises:
        InputError: Fewer people or samples than folds.
    """
    in_range(count, "folds", 2, n)
    state = derive(seed, "folds") % 2**32
    split: GroupKFold | StratifiedKFold
    if people is not None:
        if len(np.unique(people)) < count:
            raise InputError(f"folds: {count} folds need as many people; ask for fewer")
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
    """Images as (n, side·side·C) block means in [0, 1]; smaller where a side is not a multiple.

    Args:
        images: uint8 (n, H, W, C), may be memory-mapped.
        side: Pixels wanted; the block is H // side by W // side.
    """
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
    """The first principal components of 16×16 thumbnails: as good a linear code as there is.

    Args:
        images: uint8 (n, H, W, C).
        count: Components, at most.

    Returns:
        (n, at most count) scores, by falling variance, those without variance left out.
    """
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
    """Scores of every sample by logistic regressions that did not see its fold.

    Features are standardised by the other folds. A fold whose training part lacks a class gets 0.

    Args:
        features: (n, d).
        present: (n, m) attributes.
        folds: n fold numbers.
        strength: scikit-learn's C, the inverse of the L2 penalty.

    Returns:
        (n, m) log odds.
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
    """AUC of a linear probe of every attribute, beside what pixels give.

    AUC is that within each held-out fold, averaged over folds; its error is from DeLong's
    placements, summed within people, so that several images of a person count as what they are.

    Args:
        features: ``latents``, ``pixels`` (as many principal components) and ``colour`` (the mean
            colour), each (n, …); the last two may be missing.
        attributes: n rows, one binary column an attribute.
        folds: n fold numbers.
        people: n identities, or None for independent samples.
        strength: Inverse of the L2 penalty on standardised features.

    Returns:
        Table with :data:`COLUMNS`, a row an attribute in its order: ``auc`` with 95 % ``low`` and
        ``high`` (logit scale), ``p`` of 0.5 (its error widened for the training that folds share)
        and ``q`` (Benjamini–Hochberg over attributes); the same of the pixels; ``gain`` = auc −
        auc_pixels with interval, p and q, paired by sample; ``baseline`` 0.5.
        ``status``: ok, constant, separated (no fold has samples with and without it, as where it
        is the same on all images of each of a few people), or few (fewer than 20 with or without,
        or fewer than 20 people: no interval and not tested).

    Raises:
        InputError: Attributes that are not binary, or rows that do not fit.
    """
    present, _ = binary_attributes(attributes)
    n, m = present.shape
    clusters = np.arange(n) if people is None else np.asarray(people, dtype=np.int64)
    scores = {
        name: held_out_scores(values, present, folds, strength=strength)
        for name, values in features.items()
    }
    rows = [
        _row(str(attributes.columns[k]), {name: s[:, k] for name, s in scores.items()},
             present[:, k], folds, clusters)
        for k in range(m)
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    table["q"] = benjamini_hochberg(table["p"].to_numpy(float))
    table["gain_q"] = benjamini_hochberg(table["gain_p"].to_numpy(float))
    return table[list(COLUMNS)].astype(COLUMNS)


def _shared_training(folds: Ints) -> float:
    """How much wider the error of a mean over folds is where nothing is there to be learnt.

    The rules of two folds come from mostly the same samples; without it 13 to 20 % of attributes
    that are noise have p ≤ 0.05 instead of 5 %.

    Source: Nadeau and Bengio 2003, the corrected resampled test.
    """
    count = len(np.unique(folds))
    return float(np.sqrt(1.0 + count / (count - 1)))


def _row(
    name: str, scores: Mapping[str, Floats], present: npt.NDArray[np.bool_], folds: Ints,
    clusters: Ints,
) -> dict[str, Any]:  # fmt: skip
    """One attribute; NaN where nothing can be said."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS, float("nan"))
    positives = int(present.sum())
    fewest = min(positives, len(present) - positives)
    units = len(np.unique(clusters))
    few = min(fewest, units) < _MIN_CASES
    separated = not testable_folds(present, folds)
    status = "constant" if fewest == 0 else "separated" if separated else "few" if few else "ok"
    row |= {"attribute": name, "n": len(present), "positives": positives, "status": status}
    row["baseline"] = 0.5
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
