"""The published funnel at several configurations, and over a grid of its parameters."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.forensics.authentic import authentic_cores
from latent_microscope.forensics.evaluation import mask_counts
from latent_microscope.forensics.sample_scores import stability, uniqueness
from latent_microscope.neighbours.means import similar_counts

GRID = ("variant", "uniqueness_percentile", "stability_percentile", "similarity", "max_neighbors")

Floats = npt.NDArray[np.float64]


def funnel_tables(
    sources: npt.ArrayLike,
    latents: npt.ArrayLike,
    ids: npt.NDArray[np.object_],
    authentic: npt.NDArray[np.bool_],
    settings: Mapping[str, Any],
    uniqueness_percentiles: Sequence[float],
    stability_percentiles: Sequence[float],
    *,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Candidates of every configuration of the funnel, and their counts against the truth."""
    u = uniqueness(sources, settings["variant"])
    steady = stability(
        latents, settings["stability_noise"], settings["stability_draws"], seed, ids=ids
    )
    candidates, rows = [], []
    for first, last in product(uniqueness_percentiles, stability_percentiles):
        table = authentic_cores(
            sources,
            latents,
            first,
            last,
            similarity=settings["similarity"],
            max_neighbors=settings["max_neighbors"],
            uniqueness_scores=u,
            stability_scores=steady,
        )
        table.attrs = {}
        selected = np.isin(np.arange(len(ids)), table["index"])
        configuration = dict(zip(GRID[1:3], (float(first), float(last)), strict=True))
        rows.append({**configuration, **mask_counts(selected, authentic)})
        table.insert(1, "id", ids[table["index"]])
        for place, (name, value) in enumerate(configuration.items()):
            table.insert(place, name, value)
        candidates.append(table)
    listed = pd.concat(candidates, ignore_index=True)
    dtypes = {"uniqueness_percentile": "float64", "stability_percentile": "float64", "id": "str"}
    return listed.astype({**dtypes, "index": "int64", "neighbors": "int64"}), pd.DataFrame(rows)


def search_table(
    sources: Floats,
    uniqueness: Mapping[str, Floats],
    stability: Floats,
    authentic: npt.NDArray[np.bool_],
    grid: Mapping[str, Sequence[Any]],
) -> pd.DataFrame:
    """Counts of every configuration of the funnel on one run; shared parts are computed once."""
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
    """Each run at the configuration with the best mean F1 on all other runs.

    ``f1_own``: the best F1 on that run itself; ``f1_all``: of calling everything authentic.
    """
    if len(tables) < 2 or len(tables) != len(seeds):
        raise InputError(
            f"a choice on other data needs at least two runs, not {len(tables)}; add seeds to the "
            "setting"
        )
    first = tables[0][list(GRID)]
    if any(not table[list(GRID)].equals(first) for table in tables):
        raise InputError(
            "the runs were searched over different grids; run search on all of them again"
        )
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
