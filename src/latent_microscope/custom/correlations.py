"""Rank correlations of numeric attributes with the scores."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata
from scipy.stats import t as student

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import join_by_id, load_table
from latent_microscope.io.inputs import by_run, load_scores
from latent_microscope.seeds import rng
from latent_microscope.statistics.auc import two_sided_p
from latent_microscope.statistics.summaries import benjamini_hochberg, rank_correlation, too_few
from latent_microscope.tables.bias import resampling_units

COLUMNS = {
    "seed": "int64",
    "attribute": "str",
    "score": "str",
    **dict.fromkeys(("spearman", "low", "high", "p", "q", "baseline"), "float64"),
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
) -> pd.DataFrame:
    """Spearman correlations of every numeric attribute with every score: :data:`COLUMNS`.

    Intervals and p: bootstrap of people, or of samples where people are not known, on the scale of
    Fisher's z, with Student's t of as many degrees of freedom as there are units but one. Ranks are
    those of all samples. q by Benjamini-Hochberg over a seed. ``status``: why an interval is not
    available.
    """
    n = len(numbers)
    units = np.arange(n) if people is None else np.unique(people, return_inverse=True)[1]
    count = int(units.max()) + 1
    draws = rng(seed, "correlations").multinomial(count, np.full(count, 1 / count), size=_DRAWS)
    weights = draws.astype(np.float64)
    rows = []
    for number, table in zip(seeds, scores, strict=True):
        for name, score in product(numbers.columns, table.columns.drop("id", errors="ignore")):
            x, y = numbers[name].to_numpy(float), table[score].to_numpy(float)
            known = ~np.isnan(x)
            value = rank_correlation(x[known], y[known])
            interval = _interval(value, x[known], y[known], units[known], weights)
            rows.append((number, str(name), str(score), value, *interval, int(known.sum())))
    table = pd.DataFrame(rows, columns=[*list(COLUMNS)[:7], "samples"])
    table["q"] = np.nan
    if rows:
        families = table.groupby("seed")["p"]
        table["q"] = families.transform(lambda p: benjamini_hochberg(p.to_numpy(float)))
    table["baseline"], table["units"] = 0.0, count
    table["resampled"] = "samples" if people is None else "people"
    constant = "not available: the attribute or score is constant"
    none = np.where(table["samples"] < 3, too_few(3, "samples"), constant)
    reason = np.where(table["spearman"].isna(), none, too_few(2, "people"))
    table["status"] = np.where(table["low"].isna(), reason, "")
    return table[list(COLUMNS)].astype(COLUMNS)


def _interval(
    value: float, x: Floats, y: Floats, units: npt.NDArray[np.int64], weights: Floats
) -> tuple[float, float, float]:
    """95 % interval and p of no correlation, on Fisher's scale."""
    count = weights.shape[1]
    if not np.isfinite(value) or count < 2:
        return float("nan"), float("nan"), float("nan")
    a, b = (rankdata(one) - (len(one) + 1) / 2 for one in (x, y))
    parts = (np.ones(len(a)), a, b, a * a, b * b, a * b)
    sums = weights @ np.stack(
        [np.bincount(units, weights=part, minlength=count) for part in parts], axis=1
    )
    n, sa, sb, saa, sbb, sab = sums.T
    spread = np.sqrt(np.maximum((saa - sa * sa / n) * (sbb - sb * sb / n), 1e-300))
    drawn = np.arctanh(np.clip((sab - sa * sb / n) / spread, -0.999999, 0.999999))
    # A bootstrap of G units falls short of the variance by G / (G - 1).
    centre = np.arctanh(np.clip(value, -0.999999, 0.999999))
    sd = float(drawn.std(ddof=1)) * np.sqrt(count / (count - 1))
    wide = student.ppf(0.975, count - 1) * sd
    low, high = np.tanh(centre - wide), np.tanh(centre + wide)
    return float(low), float(high), two_sided_p(float(centre), sd, count - 1)


def tabulate_correlations(
    *,
    numbers: In,
    samples: In,
    scores: list[In],
    measured: list[str],
    seeds: list[int],
    root_seed: int = 0,
    more: list[In] | None = None,
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

    Returns:
        Columns seed, attribute, score, spearman, low, high (95 %), p, q, baseline, samples, units
        (of the bootstrap), resampled (people or samples), status (why an interval is not
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
    return correlation_table(both[columns], tables, seeds, people, seed=root_seed)
