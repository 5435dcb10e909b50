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
from latent_microscope.statistics.clusters import (
    FEWEST,
    MIN_FREEDOM,
    clustered_error,
    resampling_units,
)
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
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def correlation_table(
    numbers: pd.DataFrame,
    scores: Sequence[pd.DataFrame],
    seeds: Sequence[int],
    people: Ints | None,
    *,
    covariates: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Spearman correlations of every numeric attribute with every score: :data:`COLUMNS`.

    Intervals and p: on the scale of Fisher's z, errors summed within people, or of samples where
    people are not known (:func:`.statistics.clusters.clustered_error`), with Student's t. Ranks are
    taken as given. q by Benjamini-Hochberg over a seed. ``status``: why an interval is not
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
            x, y, held = (_ranks(part) for part in (some, own[known], controls[known]))
            parts = [_associations(x, y, held[:, :0], units)]
            parts += [_associations(x, y, held, units) if held.size else parts[0] * np.nan]
            counts = int(known.sum()), int(units.max()) + 1
            for (name, score), *found in zip(pairs, *parts, strict=True):
                rows.append((number, str(name), str(score), *np.concatenate(found), *counts))
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
    few = too_few(FEWEST, "samples" if people is None else "people, none with most of the samples")
    reason = np.where(table["spearman"].isna(), none, few)
    table["status"] = np.where(table["low"].isna(), reason, "")
    return table[list(COLUMNS)].astype(COLUMNS)


def _ranks(table: pd.DataFrame) -> Floats:
    """(n, k) ranks, centred and of unit variance; 0 of what is constant, or of two samples."""
    ranks = rankdata(table.to_numpy(float), axis=0)
    ranks -= (len(ranks) + 1) / 2
    spread = ranks.std(axis=0)
    return np.asarray(ranks / np.where(spread > 0.0, spread, 1.0)) * (len(ranks) > 2)


def _associations(x: Floats, y: Floats, held: Floats, units: Ints) -> Floats:
    """(pairs, 4): correlations with ``held`` constant, ends of 95 % intervals, p of no correlation.

    The influence of a sample on Fisher's z has a deviation of 1 where both are normal, the least
    that is assumed.
    """
    basis, sizes, _ = np.linalg.svd(held, full_matrices=False)
    basis = basis[:, sizes > 3e-5 * sizes.max(initial=0.0)]
    x, y = (_standardised(part - basis @ (basis.T @ part)) for part in (x, y))
    n, alone = len(x), max(int(units.max()), 1)  # of units, without what is held constant
    spare = max(alone - basis.shape[1], 0)
    one, shape, found = np.zeros(n, dtype=np.int64), (1, y.shape[1]), []
    for column in x.T[:, :, None]:
        r = (column * y).mean(axis=0)
        moved = column * y - r * (column**2 + y**2) / 2.0
        moved = np.nan_to_num(moved / np.maximum(1.0 - r**2, 1e-12))
        known = clustered_error(moved, np.full(n, 1.0 / n), one, units, np.ones(shape))
        freedom = known.freedom * spare / alone
        freedom[~(freedom >= MIN_FREEDOM) | np.isnan(r)] = np.nan
        error = known.error * np.sqrt(alone / max(spare - 2, 1))  # Fisher's 1 / (n - 3)
        z = np.arctanh(np.clip(r, -0.999999, 0.999999))
        wide = student.ppf(0.975, freedom) * error
        p = 2.0 * student.sf(np.abs(z) / error, freedom)
        found.append(np.stack([r, np.tanh(z - wide), np.tanh(z + wide), p], axis=1))
    return np.concatenate(found)


def _standardised(residuals: Floats) -> Floats:
    """Of unit variance; NaN where none is left."""
    deviation = residuals.std(axis=0)
    return np.asarray(residuals / np.where(deviation > 3e-5, deviation, np.nan))


def tabulate_correlations(
    *,
    numbers: In,
    samples: In,
    scores: list[In],
    measured: list[str],
    seeds: list[int],
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
        more: .parquet of each further score, seed by seed.
        pixels: .parquet of the covariates of the images, if there are any.

    Returns:
        Columns seed, attribute, score, spearman, low, high (95 %), p, q, baseline, partial,
        partial_low, partial_high (with the covariates held constant; NaN without images), samples,
        units and resampled (how many of what is independent: people or samples), status (why an
        interval is not available). Empty without numbers.
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
    return correlation_table(both[columns], tables, seeds, people, covariates=covariates)
