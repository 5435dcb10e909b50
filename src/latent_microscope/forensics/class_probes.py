"""Probes of attributes of many classes: one linear rule that names the class of a sample."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import cholesky, solve_triangular
from scipy.sparse import csr_array
from scipy.stats import norm
from sklearn.covariance import ledoit_wolf

from latent_microscope.forensics.checks import as_matrix
from latent_microscope.forensics.probes import folds_of, residuals_of
from latent_microscope.seeds import rng
from latent_microscope.statistics.auc import logit_interval
from latent_microscope.statistics.clusters import clustered_error
from latent_microscope.statistics.summaries import benjamini_hochberg

_ENDS = {"latents": "", **{n: f"_{n}" for n in ("pixels", "covariates", "partial")}}
_NUMBERS = (
    *("accuracy", "low", "high", "majority", "balanced", "balanced_low", "balanced_high"),
    *("chance", "p", "q", "accuracy_pixels", "balanced_pixels", "accuracy_covariates"),
    *("balanced_covariates", "accuracy_partial", "balanced_partial"),
)
COLUMNS = {
    "attribute": "str",
    **dict.fromkeys(("n", "classes", "tested", "tested_classes"), "int64"),
    **dict.fromkeys(_NUMBERS, "float64"),
    "status": "str",
}
_MIN_CASES = 20
_MIN_EVENTS = 5  # right answers, and errors: fewer say too little of their variance
_CELLS = 2**22  # of scores in memory at a time

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def spread_folds(classes: Ints, count: int, seed: int) -> Ints:
    """Fold per sample (n,): those of a class, at random, in as many folds as there are of them."""
    order = np.lexsort((rng(seed, "class_folds").permutation(len(classes)), classes))
    folds = np.empty(len(classes), dtype=np.int64)
    folds[order] = np.arange(len(classes)) % count
    return folds


def predicted_classes(
    features: npt.ArrayLike, classes: Ints, train: npt.NDArray[np.bool_], held: Ints
) -> tuple[Ints, Ints]:
    """Classes of the held-out rows, all classes being equally likely, and as frequent as trained.

    The class of the nearest mean in the metric of the covariance within classes, shrunk towards a
    multiple of the identity; features are standardised by the training part.

    Source: linear discriminant analysis (Fisher 1936); shrinkage: Ledoit and Wolf 2004.

    Args:
        features: (n, d).
        classes: (n,) codes.
        train: (n,) rows to learn from; only their classes are answers.
        held: Positions of the rows to classify.
    """
    matrix = as_matrix(features, "features")
    names, own = np.unique(classes[train], return_inverse=True)
    mean, deviation = matrix[train].mean(axis=0), matrix[train].std(axis=0)
    deviation = np.where(deviation > 0.0, deviation, 1.0)
    fitted = (matrix[train] - mean) / deviation
    members = csr_array((np.ones(len(own)), (own, np.arange(len(own)))))
    sizes = np.bincount(own)
    means = (members @ fitted) / sizes[:, None]
    rest = fitted - means[own]
    freedom = len(own) - len(names)
    covariance = np.eye(matrix.shape[1])
    if freedom and rest.any():
        covariance = ledoit_wolf(rest, assume_centered=True)[0] * (len(own) / freedom)
    covariance += 1e-6 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    root = cholesky(covariance, lower=True)
    means, shown = (
        solve_triangular(root, x.T, lower=True).T.astype(np.float32)
        for x in (means, (matrix[held] - mean) / deviation)
    )
    height = -0.5 * np.einsum("ij,ij->i", means, means)
    frequent = np.log(sizes / sizes.sum()).astype(np.float32)
    found = np.empty((2, len(held)), dtype=np.int64)
    step = max(1, _CELLS // len(names))
    for start in range(0, len(held), step):
        rows = slice(start, start + step)
        scores = shown[rows] @ means.T + height
        found[0, rows] = scores.argmax(axis=1)
        found[1, rows] = (scores + frequent).argmax(axis=1)
    return names[found[0]], names[found[1]]


def excess_hits(classes: Ints, answers: Ints) -> Floats:
    """(n,) deviations, of mean (hits - hits of answers that know nothing) / n, of the samples.

    The influence of each sample on the covariance of being of a class and being said to be of it,
    summed over classes; its expectation is 0 where answers and classes are independent.
    """
    _, codes = np.unique(np.concatenate([classes, answers]), return_inverse=True)
    true, said = codes[: len(classes)], codes[len(classes) :]
    p, q = (np.bincount(one, minlength=codes.max() + 1) / len(true) for one in (true, said))
    return np.asarray((true == said) - q[true] - p[said] + p @ q, dtype=np.float64)


def class_probe(
    features: Mapping[str, npt.ArrayLike],
    classes: Ints,
    *,
    people: Ints | None = None,
    count: int = 5,
    seed: int = 0,
    covariates: npt.ArrayLike | None = None,
) -> dict[str, Any]:
    """Probe of one attribute, see :func:`class_probe_table`; ``classes`` (n,) codes from 0."""
    row: dict[str, Any] = dict.fromkeys(_NUMBERS, float("nan"))
    n, clusters = len(classes), np.arange(len(classes)) if people is None else people
    row |= {"n": n, "classes": len(np.unique(classes)), "tested": 0, "tested_classes": 0}
    count = min(count, len(np.unique(clusters)))
    if row["classes"] < 2 or count < 2:
        return row | {"status": "constant" if row["classes"] < 2 else "few"}
    if people is None:
        folds = spread_folds(classes, count, seed)
    else:
        folds = folds_of(n, count, seed, people=people)
    pairs = np.unique(np.stack([classes, folds]), axis=1)[0]
    kept = (np.bincount(pairs, minlength=classes.max() + 1) > 1)[classes]
    sizes = np.bincount(classes[kept])
    row |= {"tested": int(kept.sum()), "tested_classes": int((sizes > 0).sum())}
    if row["tested_classes"] < 2:
        return row | {"status": "separated"}
    row |= {"majority": sizes.max() / kept.sum(), "chance": 1.0 / row["tested_classes"]}
    true, people_kept = classes[kept], clusters[kept]
    weight = kept.sum() / (sizes[true] * row["tested_classes"])
    hits = {}
    every = dict(features)
    if covariates is not None:
        every |= {"covariates": covariates, "partial": features["latents"]}
    for name, values in every.items():
        answers = np.empty((2, n), dtype=np.int64)
        for fold in range(count):
            held = np.flatnonzero(kept & (folds == fold))
            train = kept & (folds != fold)
            shown = as_matrix(values, name)
            if name == "partial" and covariates is not None:
                shown = residuals_of(shown, as_matrix(covariates, "covariates"), train)
            if held.size:
                answers[:, held] = predicted_classes(shown, classes, train, held)
        equal, frequent = (answers[:, kept] == true).astype(np.float64)
        hits[name] = {"accuracy": frequent, "balanced": weight * equal}
        row |= {f"{key}{_ENDS[name]}": float(one.mean()) for key, one in hits[name].items()}
    if len(np.unique(people_kept)) < _MIN_CASES:
        return row | {"status": "few"}
    row["p"] = _p_of_nothing(features["latents"], classes, kept, folds, clusters)
    # A class's mean follows its people: with two of them half of the variance is left.
    of_class = np.bincount(np.unique(np.stack([true, people_kept]), axis=1)[0])
    spare = (np.maximum(of_class, 2) / np.maximum(of_class - 1, 1))[true]
    errors = []
    for key, ends in (("accuracy", ""), ("balanced", "balanced_")):
        own = hits["latents"][key]
        residuals = own - own.mean()
        if key == "balanced":  # a mean over classes: each sample differs from its own class
            center = (np.bincount(true, own) / np.maximum(sizes, 1))[true]
            residuals = (own - center) * np.sqrt(spare)
        one = np.zeros(len(own), dtype=np.int64)
        found = clustered_error(residuals, np.full(len(own), 1.0 / len(own)), one, people_kept)
        errors.append(float(found.error[0]) * np.sqrt(1.0 + count / (count - 1.0)))
        low, high = logit_interval(row[key], errors[-1], float(found.freedom[0]))
        row |= {f"{ends}low": low, f"{ends}high": high}
    right = int(hits["latents"]["accuracy"].sum())
    if min(right, len(true) - right) < _MIN_EVENTS:
        names = ("low", "high", "balanced_low", "balanced_high")
        return row | dict.fromkeys(names, float("nan")) | {"status": "degenerate"}
    return row | {"status": "few" if np.isnan(errors).any() else "ok"}


def _p_of_nothing(
    latents: npt.ArrayLike, classes: Ints, kept: npt.NDArray[np.bool_], folds: Ints, people: Ints
) -> float:
    """One-sided p of no relation: each fold is predicted from the folds before it.

    Sums over people of excess hits then have mean 0 given all that was learnt from, so that their
    root mean square is the error of their sum. In cross-validation folds teach each other: hits
    come in pairs, and their variance is not that of samples (false alarms: twice the nominal).
    """
    total = squares = 0.0
    for fold in range(1, folds.max() + 1):
        train = kept & (folds < fold)
        held = np.flatnonzero((folds == fold) & np.isin(classes, classes[train]))
        if not held.size or len(np.unique(classes[train])) < 2:
            continue
        said, _ = predicted_classes(latents, classes, train, held)
        sums = np.bincount(
            np.unique(people[held], return_inverse=True)[1], excess_hits(classes[held], said)
        )
        # Of exchanged classes, the variance is this much more: what a person has is a part of all.
        total += sums.sum()
        squares += float(sums @ sums) * len(sums) / max(len(sums) - 1, 1)
    return float(norm.sf(total / np.sqrt(squares))) if squares > 0.0 else float("nan")


def class_probe_table(
    features: Mapping[str, npt.ArrayLike],
    attributes: pd.DataFrame,
    *,
    people: Ints | None = None,
    count: int = 5,
    seed: int = 0,
    covariates: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """One probe of all classes per attribute of three classes or more, as :data:`COLUMNS`.

    ``accuracy``: share of held-out samples whose class is named (``majority``: by a rule that
    always names the largest class). ``balanced``: mean over classes of that share, by a rule for
    which all are equally likely (``chance``: one in ``tested_classes``, the most that such a
    rule reaches where there is no relation). A class is tested if two folds have samples of it, of
    other people: ``tested`` samples of ``tested_classes``. Intervals (95 %) are for probes trained
    on as many other samples (people) and tried on new ones: the variance of held-out samples,
    summed within people, times 1 + folds / (folds - 1) for that of training (Nadeau and Bengio
    2003). ``p`` is one-sided, of no relation, ``q`` over attributes.

    Status ``separated``: fewer than two classes are tested; ``few``: fewer than 20 samples or
    people, or of too unequal weight; ``degenerate``: fewer than 5 errors or right answers; both
    without intervals.

    Args:
        features: latents, and pixels if there are any: (n, d) each.
        attributes: (n, m) texts.
        people: (n,) codes; no person is in two folds.
        count: Folds.
        seed: Of the folds.
        covariates: (n, c) of the images: what they alone say, and the latents without what is
            linear in them (``…_partial``).
    """
    rows = []
    for name in attributes.columns:
        known = attributes[name].notna().to_numpy()
        texts = attributes[name].to_numpy(dtype=object)[known].astype(str)
        codes = np.unique(texts, return_inverse=True)[1].astype(np.int64)
        own = {key: np.asarray(values)[known] for key, values in features.items()}
        theirs = None if people is None else people[known]
        held = None if covariates is None else np.asarray(covariates)[known]
        row = class_probe(own, codes, people=theirs, count=count, seed=seed, covariates=held)
        rows.append({"attribute": str(name)} | row)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["q"] = benjamini_hochberg(table["p"].to_numpy(float))
    return table.astype(COLUMNS)
