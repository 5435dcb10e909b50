"""Rank correlations of numeric attributes with the scores."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata
from scipy.stats import t as student

from latent_microscope.arguments import In
from latent_microscope.forensics.bias import by_known_rows
from latent_microscope.io.artefacts import join_by_id, load_table
from latent_microscope.io.inputs import by_run, load_scores
from latent_microscope.seeds import rng
from latent_microscope.statistics.auc import two_sided_p
from latent_microscope.statistics.clusters import resampling_units
from latent_microscope.statistics.summaries import benjamini_hochberg, too_few

COLUMNS = {
    "seed": "int64",
    "attribute": "str",
    "score": "str",
    **dict.fromkeys(("spearman", "low", "high", "p", "q", "baseline"), "float64"),
    **dict.fromkeys(("partial", "partial_low", "partial_high"), "float64"),
    "samples": "int64",
    "units": "int64",
    "resampled": "str",
    "status": "str",
}
_DRAWS = 1000
Floats = npt.NDArray[np.float64]


def correlation_table(
    numbers: pd.DataFrame,
    scores: Sequence[pd.DataFrame],
    seeds: Sequence[int],
    people: npt.NDArray[np.int64] | None,
    *,
    seed: int,
    covariates: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Spearman correlations of every numeric attribute with every score: :data:`COLUMNS`.

    Intervals and p: bootstrap of people, or of samples where people are not known, on the scale of
    Fisher's z, with Student's t of as many degrees of freedom as there are units but one. Ranks are
    those of all samples. q by Benjamini-Hochberg over a seed. ``status``: why an interval is not
    available. ``partial``: the same with the ranks of all ``covariates`` held constant.
    """
    everyone = np.arange(len(numbers)) if people is None else people
    controls = pd.DataFrame(index=numbers.index) if covariates is None else covariates
    rows: list[tuple[object, ...]] = []
    for number, table in zip(seeds, scores, strict=True):
        own = table.drop(columns="id", errors="ignore").reset_index(drop=True)
        for known, some in by_known_rows(numbers.reset_index(drop=True)):
            pairs = list(product(some.columns, own.columns))
            if not pairs or not known.any():
                continue
            units = np.unique(everyone[known], return_inverse=True)[1]
            count = int(units.max()) + 1
            ranks = _ranks(some, own[known], controls[known])
            draws = rng(seed, "correlations")  # of every seed the same
            parts = _associations(ranks, (some.shape[1], own.shape[1]), units, draws)
            for (name, score), *found in zip(pairs, *parts, strict=True):
                intervals = [end for drawn in found for end in _interval(drawn, count)]
                counts = int(known.sum()), count
                rows.append((number, str(name), str(score), *intervals, *counts))
    names = [f"{head}{end}" for head in ("", "partial_") for end in ("value", "low", "high", "p")]
    table = pd.DataFrame(rows, columns=["seed", "attribute", "score", *names, "samples", "units"])
    table = table.rename(columns={"value": "spearman", "partial_value": "partial"})
    table["q"] = np.nan
    if rows:
        families = table.groupby("seed")["p"]
        table["q"] = families.transform(lambda p: benjamini_hochberg(p.to_numpy(float)))
    table["baseline"] = 0.0
    order = {str(name): place for place, name in enumerate(numbers.columns)}
    table["place"] = table["attribute"].map(order)
    table = table.sort_values(["seed", "place"], kind="stable", ignore_index=True)
    table["resampled"] = "samples" if people is None else "people"
    constant = "not available: the attribute or score is constant"
    none = np.where(table["samples"] < 3, too_few(3, "samples"), constant)
    reason = np.where(table["spearman"].isna(), none, too_few(2, "people"))
    table["status"] = np.where(table["low"].isna(), reason, "")
    return table[list(COLUMNS)].astype(COLUMNS)


def _ranks(*tables: pd.DataFrame) -> Floats:
    """(n, k) ranks, centred and of unit variance; 0 of what is constant, or of two samples."""
    values = pd.concat([table.reset_index(drop=True) for table in tables], axis=1)
    ranks = rankdata(values.to_numpy(float), axis=0)
    ranks -= (len(ranks) + 1) / 2
    spread = ranks.std(axis=0)
    return np.asarray(ranks / np.where(spread > 0.0, spread, 1.0)) * (len(ranks) > 2)


def _associations(
    ranks: Floats,
    shape: tuple[int, int],
    units: npt.NDArray[np.int64],
    draws: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Correlations, and those with the last columns held constant: (pairs, 1 + draws) each.

    The first columns are ``shape[0]`` attributes and ``shape[1]`` scores; the first value of a row
    is that of all samples, the others of units drawn again.
    """
    count, total = int(units.max()) + 1, shape[0] * shape[1]
    found = np.full((2, total, 1 + _DRAWS), np.nan)
    for k in range(1 + (_DRAWS if count > 1 else 0)):
        weights = np.ones(count) if k == 0 else draws.multinomial(count, np.full(count, 1 / count))
        w = np.asarray(weights, dtype=np.float64)[units]
        mean = w @ ranks / w.sum()
        matrix = (ranks * w[:, None]).T @ ranks / w.sum() - np.outer(mean, mean)
        found[0, :, k] = _between(matrix, shape)
        held = matrix[sum(shape) :, sum(shape) :]
        if len(held):
            across = matrix[: sum(shape), sum(shape) :]
            rest = matrix[: sum(shape), : sum(shape)] - (
                across @ np.linalg.pinv(held, rcond=1e-9, hermitian=True) @ across.T
            )
            found[1, :, k] = _between(rest, shape)
    return found[0], found[1]


def _between(matrix: Floats, shape: tuple[int, int]) -> Floats:
    """Correlations of attributes and scores, flat; NaN where one has no variance (left)."""
    variances = np.diag(matrix)[: sum(shape)].copy()
    variances[variances < 1e-9] = np.nan
    scale = np.sqrt(np.outer(variances[: shape[0]], variances[shape[0] :]))
    return np.asarray((matrix[: shape[0], shape[0] : sum(shape)] / scale).ravel())


def _interval(drawn: Floats, count: int) -> tuple[float, float, float, float]:
    """Value, 95 % interval and p of no correlation, on Fisher's scale; the value comes first."""
    value, centre = float(drawn[0]), float(np.arctanh(np.clip(drawn[0], -0.999999, 0.999999)))
    again = np.arctanh(np.clip(np.nan_to_num(drawn[1:]), -0.999999, 0.999999))
    if not np.isfinite(value) or count < 2:
        return value, float("nan"), float("nan"), float("nan")
    # A bootstrap of G units falls short of the variance by G / (G - 1).
    sd = float(again.std(ddof=1)) * np.sqrt(count / (count - 1))
    wide = student.ppf(0.975, count - 1) * sd
    low, high = np.tanh(centre - wide), np.tanh(centre + wide)
    return value, float(low), float(high), two_sided_p(centre, sd, count - 1)


def tabulate_correlations(
    *,
    numbers: In,
    samples: In,
    scores: list[In],
    measured: list[str],
    seeds: list[int],
    root_seed: int = 0,
    more: list[In] | None = None,
    pixels: In | None = None,
) -> pd.DataFrame:
    """Correlate every numeric attribute with every score.

    Args:
        numbers: .parquet with id and the numeric columns.
        samples: .parquet with id, identity.
        scores: .parquet of the scores per seed.
        measured: names of the scores that are correlated.
        seeds: the seeds.
        root_seed: root seed.
        more: .parquet of each further score, seed by seed.
        pixels: .parquet of the covariates of the images, if there are any.

    Returns:
        Columns seed, attribute, score, spearman, low, high (95 %), p, q, baseline, partial,
        partial_low, partial_high (with the covariates held constant; NaN without images), samples,
        units (of the bootstrap), resampled (people or samples), status (why an interval is not
        available). Empty without numbers.
    """
    known, values = load_table(samples), load_table(numbers)
    both = join_by_id(known, values, names=(str(samples), str(numbers)))
    tables = []
    for path, further in zip(scores, by_run(more, scores), strict=True):
        table = load_scores(path, measured, further)
        tables.append(join_by_id(both[["id"]], table, names=(str(samples), str(path))))
    people = resampling_units(both["identity"])
    columns = [name for name in values.columns if name != "id"]
    covariates = None
    if pixels:
        known = join_by_id(both[["id"]], load_table(pixels), names=(str(samples), str(pixels)))
        covariates = known.drop(columns="id")
    return correlation_table(
        both[columns], tables, seeds, people, seed=root_seed, covariates=covariates
    )
