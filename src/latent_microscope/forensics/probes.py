"""Linear probes: what a linear rule can predict of an attribute from the latents."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array
from scipy.special import expit
from scipy.stats import t as student
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold

from latent_microscope.errors import InputError
from latent_microscope.forensics.bias import binary_attributes, by_known_rows
from latent_microscope.forensics.checks import as_matrix, in_range
from latent_microscope.seeds import derive, rng
from latent_microscope.statistics.auc import (
    FoldedAuc,
    folded_auc,
    logit_interval,
    sampling_error,
    testable_folds,
    two_sided_p,
)
from latent_microscope.statistics.summaries import benjamini_hochberg, satterthwaite

_NUMBERS = (
    *("auc", "low", "high", "p", "q", "auc_pixels", "low_pixels", "high_pixels", "auc_colour"),
    *("gain", "gain_low", "gain_high", "gain_p", "gain_q", "baseline", "auc_covariates"),
    *("auc_partial", "low_partial", "high_partial", "p_partial", "q_partial"),
)
COLUMNS = {
    "attribute": "str",
    **dict.fromkeys(("n", "positives"), "int64"),
    **dict.fromkeys(_NUMBERS, "float64"),
    "status": "str",
}
THUMBNAIL = 16
_ENDS = {
    "latents": "",
    **{name: f"_{name}" for name in ("pixels", "colour", "covariates", "partial")},
}
_BASELINES = ("colour", "covariates")  # shown without an interval
MIN_CASES = 20
_ROWS = 2_000
_REFITS = 16
# Smaller: the AUC, a count of pairs, hardly moves. Larger: it is no longer linear in the weights.
_STEP = 0.25
_MOST_LEVERAGE = 0.9

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def folds_of(
    n: int, count: int, seed: int, *, people: Ints | None = None, classes: Ints | None = None
) -> Ints:
    """Fold per sample: ``people`` stay in one fold, ``classes`` spread evenly.

    Classes that all have fewer samples than there are folds are not looked at.
    """
    in_range(count, "folds", 2, n)
    state = derive(seed, "folds") % 2**32
    split: GroupKFold | StratifiedKFold
    if people is not None:
        if len(np.unique(people)) < count:
            raise InputError(f"folds: {count} is more than the number of people; lower it")
        split = GroupKFold(count, shuffle=True, random_state=state)
    else:
        split = StratifiedKFold(count, shuffle=True, random_state=state)
    labels = np.zeros(n, dtype=np.int64)
    if classes is not None and np.unique(classes, return_counts=True)[1].max() >= count:
        labels = classes
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


@dataclass(frozen=True)
class Refits:
    """Random weights of training samples: 1 + sign · step for all samples of a person."""

    people: Ints  # (n,) codes
    signs: Singles  # (people, refits) of -1 and 1

    @classmethod
    def of(cls, people: Ints) -> "Refits":
        """Signs for people, or for samples that are each a person of their own."""
        codes = np.unique(people, return_inverse=True)[1]
        shape = (int(codes.max()) + 1, _REFITS)
        signs = rng(0, "probe_refits").choice([-1.0, 1.0], size=shape)
        return cls(codes, signs.astype(np.float32))


def cross_validated(
    features: npt.ArrayLike,
    present: npt.NDArray[np.bool_],
    folds: Ints,
    *,
    strength: float = 0.01,
    refits: Refits | None = None,
    controls: npt.ArrayLike | None = None,
) -> tuple[Floats, Floats]:
    """(n, m) held-out log odds of logistic regressions, and (m, refits) shifts of their AUC.

    Standardised by the other folds; 0 where the training part lacks a class. ``strength`` is C.
    ``controls`` (n, c) are regressed out of the features, by the other folds.

    A shift is the difference between the AUCs of probes trained with weights 1 + signs · step and
    1 - signs · step, over twice the step; a refit is one Newton step. The mean square of shifts is
    the sum over people of squared derivatives of the cross-validated AUC by their weight in
    training: its variance by the training samples, as of the infinitesimal jackknife.

    Source: Efron 1982; weights 1 ± step in place of half-samples: Judkins 1990; Snoek, Miletić and
    Scholte 2019 for controls within folds.
    """
    whole = as_matrix(features, "features")
    held_constant = None if controls is None else as_matrix(controls, "controls")
    m = present.shape[1]
    scores = np.zeros(present.shape)
    shifts = np.zeros((m, _REFITS))
    tested = np.zeros((m, 1))
    for fold in np.unique(folds):
        train, held = folds != fold, folds == fold
        matrix = whole if held_constant is None else residuals_of(whole, held_constant, train)
        mean, deviation = matrix[train].mean(axis=0), matrix[train].std(axis=0)
        scaled = (matrix - mean) / np.where(deviation > 0.0, deviation, 1.0)
        fitted, shown = scaled[train], scaled[held]
        if refits is not None:
            single = fitted.astype(np.float32)
            at = (refits.people[train], np.arange(len(single)))
            ones = np.ones(len(single), dtype=np.float32)
            members = csr_array((ones, at), shape=(len(refits.signs), len(single)))
        for column in range(m):
            labels, answers = present[train, column], present[held, column]
            if labels.all() or not labels.any():
                continue
            model = LogisticRegression(C=strength, max_iter=200, tol=1e-3)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(fitted, labels)
            scores[held, column] = model.decision_function(shown)
            if refits is None or answers.all() or not answers.any():
                continue
            chance = expit(model.decision_function(fitted)).astype(np.float32)
            steps = newton_steps(single, labels, chance, members, strength)
            moves = _STEP * (refits.signs.T @ steps) @ shown.T
            up, down = (_aucs(scores[held, column] + move, answers) for move in (moves, -moves))
            shifts[column] += len(answers) * (up - down) / (2.0 * _STEP)
            tested[column] += len(answers)
    return scores, shifts / np.maximum(tested, 1.0)


def residuals_of(matrix: Floats, controls: Floats, train: npt.NDArray[np.bool_]) -> Floats:
    """What a linear regression on the controls, fitted to the training samples, leaves."""
    design = np.column_stack([np.ones(len(controls)), controls])
    left = matrix - design @ np.linalg.lstsq(design[train], matrix[train], rcond=None)[0]
    # Rounding is no residual: standardised, it would tell what it was rounded from.
    return np.asarray(left * (left[train].std(axis=0) > 1e-6 * matrix[train].std(axis=0)))


def newton_steps(
    fitted: npt.NDArray[np.floating],
    labels: npt.NDArray[np.bool_],
    chance: npt.NDArray[np.floating],
    members: csr_array,
    strength: float,
) -> Singles:
    """(people, d) change of the coefficients for a unit change of the weight of each person.

    One Newton step, divided by the root of 1 - leverage: the person's share of the curvature along
    that step, since a fit follows what it was fitted to.

    Args:
        fitted: (n, d) features.
        labels: (n,) what was to be predicted.
        chance: (n,) what was predicted.
        members: (people, n) of 1 where a sample is of a person.
        strength: C of the fit.
    """
    weight = np.maximum(chance * (1.0 - chance), np.float32(1e-6))
    inner = fitted - weight @ fitted / weight.sum()  # takes the intercept out
    root = np.sqrt(weight)[:, None] * inner
    penalty = np.eye(fitted.shape[1], dtype=fitted.dtype) / fitted.dtype.type(strength)
    gradient = members @ ((labels - chance)[:, None] * inner)
    steps = gradient @ np.linalg.inv(root.T @ root + penalty)
    own = members @ np.einsum("ij,ij->i", root, members.T @ steps) ** 2
    whole = np.einsum("ij,ij->i", gradient, steps)
    leverage = own / np.where(whole > 0.0, whole, 1.0)
    return np.asarray(steps / np.sqrt(1.0 - np.minimum(leverage, _MOST_LEVERAGE))[:, None])


def _aucs(scores: Floats, positive: npt.NDArray[np.bool_]) -> Floats:
    """(R,) AUC of each row; ties are ranked in their order, which cancels in a difference."""
    n1 = int(positive.sum())
    ranks = positive[np.argsort(scores, axis=1, kind="stable")] @ np.arange(1.0, len(positive) + 1)
    return np.asarray((ranks - n1 * (n1 + 1) / 2.0) / (n1 * (len(positive) - n1)))


def probe_table(
    features: Mapping[str, npt.ArrayLike],
    attributes: pd.DataFrame,
    folds: Ints,
    *,
    people: Ints | None = None,
    strength: float = 0.01,
    covariates: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """AUC of a linear probe of every attribute, beside the same from pixels, as :data:`COLUMNS`.

    ``covariates`` (n, c) of the images, if there are any: what they alone predict, and what the
    latents do without what is linear in them (``…_partial``).

    AUC within each held-out fold, averaged. It estimates what the procedure reaches: a probe
    trained on as many other samples (people) of the same population, tried on new ones. Intervals,
    p and q, of the AUC and of the gain, have the variance of the held-out samples, summed within
    people, and that of the training samples (:func:`cross_validated`).

    Status ``separated``: no fold has samples with and without it; ``few``: fewer than 20 samples
    or people with or without it, or of too unequal weight
    (:func:`.statistics.clusters.clustered_error`); ``degenerate``: scores of the latents that tie
    or never err, whose error cannot be known. None of these is tested, nor is a gain over pixels
    of which that holds, or of equal scores. Samples whose cell is missing do not count for that
    attribute.
    """
    if not len(attributes.columns):
        return pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)
    clusters = np.arange(len(folds)) if people is None else np.asarray(people, dtype=np.int64)
    arrays = {name: np.asarray(values) for name, values in features.items()}
    parts = [
        _probed(
            {name: rows[known] for name, rows in arrays.items()} if not known.all() else arrays,
            values,
            folds[known],
            clusters[known],
            strength,
            None if covariates is None else np.asarray(covariates)[known],
        )
        for known, values in by_known_rows(attributes)
    ]
    names = [str(name) for name in attributes.columns]
    table = pd.concat(parts).set_index("attribute").loc[names].reset_index()
    table["q"] = benjamini_hochberg(table["p"].to_numpy(float))
    table["gain_q"] = benjamini_hochberg(table["gain_p"].to_numpy(float))
    table["q_partial"] = benjamini_hochberg(table["p_partial"].to_numpy(float))
    return table[list(COLUMNS)].astype(COLUMNS)


def _probed(
    features: Mapping[str, np.ndarray],
    attributes: pd.DataFrame,
    folds: Ints,
    clusters: Ints,
    strength: float,
    covariates: np.ndarray | None,
) -> pd.DataFrame:
    """The probes of attributes that are known of all these samples."""
    present, _ = binary_attributes(attributes)
    if len(np.unique(folds)) < 2:  # one person: nobody can be held out
        counts = {"n": len(present), "baseline": 0.5, "status": "few"}
        return pd.DataFrame(
            [
                dict.fromkeys(_NUMBERS, float("nan"))
                | counts
                | {"attribute": str(name), "positives": int(column.sum())}
                for name, column in zip(attributes.columns, present.T, strict=True)
            ]
        )
    refits = Refits.of(clusters)
    every = dict(features)
    if covariates is not None:
        every |= {"covariates": covariates, "partial": features["latents"]}
    probed = {
        name: cross_validated(
            values,
            present,
            folds,
            strength=strength,
            refits=None if name in _BASELINES else refits,
            controls=covariates if name == "partial" else None,
        )
        for name, values in every.items()
    }
    rows = []
    for k, name in enumerate(attributes.columns):
        column = {key: (scores[:, k], shifts[k]) for key, (scores, shifts) in probed.items()}
        rows.append({"attribute": str(name)} | _row(column, present[:, k], folds, clusters))
    return pd.DataFrame(rows)


def _row(
    probed: Mapping[str, tuple[Floats, Floats]],
    present: npt.NDArray[np.bool_],
    folds: Ints,
    clusters: Ints,
) -> dict[str, Any]:
    """One attribute from scores and shifts; NaN where nothing was estimated."""
    row: dict[str, Any] = dict.fromkeys(_NUMBERS, float("nan"))
    positives = int(present.sum())
    fewest = min(positives, len(present) - positives)
    few = min(fewest, len(np.unique(clusters))) < MIN_CASES
    separated = not testable_folds(present, folds)
    status = "constant" if fewest == 0 else "separated" if separated else "few" if few else "ok"
    row |= {"n": len(present), "positives": positives, "status": status, "baseline": 0.5}
    if status in ("constant", "separated"):
        return row
    found = {key: folded_auc(scores, present, folds) for key, (scores, _) in probed.items()}
    row |= {f"auc{_ENDS[key]}": one.auc for key, one in found.items()}
    if "pixels" in found:
        row["gain"] = found["latents"].auc - found["pixels"].auc
    if status == "few":
        return row
    errors = {
        key: probe_error(one, one.residuals, probed[key][1], clusters)
        for key, one in found.items()
        if key not in _BASELINES
    }
    partial = errors.pop("partial", (float("nan"), float("nan")))
    paired = (float("nan"), float("nan"))
    if "pixels" in found and errors["pixels"][0] > 0.0:
        residuals = found["latents"].residuals - found["pixels"].residuals
        shifts = probed["latents"][1] - probed["pixels"][1]
        paired = probe_error(found["latents"], residuals, shifts, clusters)
    if not errors["latents"][0] > 0.0:
        return row | {"status": "few" if np.isnan(errors["latents"][0]) else "degenerate"}
    for key, (error, freedom) in errors.items():
        if error > 0.0:
            low, high = logit_interval(found[key].auc, error, freedom=freedom)
            row |= {f"low{_ENDS[key]}": low, f"high{_ENDS[key]}": high}
    row["p"] = two_sided_p(found["latents"].auc - 0.5, *errors["latents"])
    if partial[0] > 0.0:
        low, high = logit_interval(found["partial"].auc, partial[0], freedom=partial[1])
        row |= {"low_partial": low, "high_partial": high}
        row["p_partial"] = two_sided_p(found["partial"].auc - 0.5, *partial)
    if paired[0] > 0.0:
        wide = float(student.ppf(0.975, paired[1])) * paired[0]
        row |= {"gain_low": row["gain"] - wide, "gain_high": row["gain"] + wide}
        row["gain_p"] = two_sided_p(row["gain"], *paired)
    return row


def probe_error(
    found: FoldedAuc, residuals: Floats, shifts: Floats, clusters: Ints
) -> tuple[float, float]:
    """Standard error by held-out and training samples, and Satterthwaite's degrees of freedom."""
    error, freedom = sampling_error(found, residuals, clusters)
    if not error > 0.0:
        return error, freedom
    return satterthwaite([(error**2, freedom), (float(np.mean(shifts**2)), len(shifts))])
