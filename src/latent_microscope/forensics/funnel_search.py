"""The published funnel over a grid of its parameters, and what a choice on other data is worth."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.forensics.evaluation import mask_counts
from latent_microscope.neighbours.means import similar_counts

GRID = ("variant", "uniqueness_percentile", "stability_percentile", "similarity", "max_neighbors")
Floats = npt.NDArray[np.float64]


def search_table(
    sources: Floats,
    uniqueness: Mapping[str, Floats],
    stability: Floats,
    authentic: npt.NDArray[np.bool_],
    grid: Mapping[str, Sequence[Any]],
) -> pd.DataFrame:
    """Every configuration of the funnel on one run.

    The funnel is that of :func:`~latent_microscope.forensics.authentic.authentic_cores`; what its
    configurations share is computed once.

    Args:
        sources: (n, k) independent sources.
        uniqueness: n scores by variant.
        stability: n scores.
        authentic: n booleans, the truth.
        grid: ``uniqueness_percentiles``, ``stability_percentiles``, ``similarities``,
            ``max_neighbors``.

    Returns:
        One row a configuration: the columns of :data:`GRID` and those of
        ``evaluation.mask_counts``.
    """
    rows_of = np.arange(len(sources))
    neighbors = {s: similar_counts(sources, rows_of, s) for s in grid["similarities"]}
    unique = {
        (variant, p): score > np.percentile(score, p)
        for variant, score in uniqueness.items()
        for p in grid["uniqueness_percentiles"]
    }
    steady = {p: stability > np.percentile(stability, p) for p in grid["stability_percentiles"]}
    rows = []
    for (variant, first), last, similarity, most in product(
        unique, steady, neighbors, grid["max_neighbors"]
    ):
        chosen = unique[variant, first] & steady[last] & (neighbors[similarity] <= most)
        values = (variant, float(first), float(last), float(similarity), int(most))
        rows.append(dict(zip(GRID, values, strict=True)) | mask_counts(chosen, authentic))
    return pd.DataFrame.from_records(rows).astype({"variant": "str"})


def chosen_elsewhere(tables: Sequence[pd.DataFrame], seeds: Sequence[int]) -> pd.DataFrame:
    """Each run at the configuration that is best, in mean F1, on all the other runs.

    Args:
        tables: :func:`search_table` of each run, over the same grid.
        seeds: Data seed of each.

    Returns:
        One row a run: ``seed``, the configuration chosen, the counts there, ``f1_own``: the best
        F1 of any configuration on that very run, ``f1_all``: of calling everything authentic.

    Raises:
        InputError: Fewer than two runs, or different grids.
    """
    if len(tables) < 2 or len(tables) != len(seeds):
        raise InputError(
            f"a choice on other data needs two runs or more, not {len(tables)}; add seeds to the "
            "setting"
        )
    first = tables[0][list(GRID)]
    if any(not table[list(GRID)].equals(first) for table in tables):
        raise InputError("the runs were searched over different grids; search them anew")
    f1 = np.stack([table["f1"].fillna(0.0).to_numpy() for table in tables])
    rows = []
    for i, (seed, table) in enumerate(zip(seeds, tables, strict=True)):
        others = np.delete(f1, i, axis=0).mean(axis=0)
        best = int(np.argmax(others))
        share = float(table["prevalence"].iloc[0])
        rows.append(
            {
                "seed": seed,
                **table.iloc[best].to_dict(),
                "f1_own": float(f1[i].max()),
                "f1_all": 2.0 * share / (1.0 + share),
            }
        )
    return pd.DataFrame.from_records(rows).astype({"variant": "str"})
