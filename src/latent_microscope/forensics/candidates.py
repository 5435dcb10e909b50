"""The published funnel at several configurations, and its agreement with the ground truth."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.forensics.authentic import authentic_cores
from latent_microscope.forensics.evaluation import mask_counts
from latent_microscope.forensics.stability import stability
from latent_microscope.forensics.uniqueness import uniqueness


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
    """Candidates of every configuration, and how many of them are authentic.

    Args:
        sources: (n, k) independent sources.
        latents: (n, d) latent means.
        ids: n sample ids; they key the draws of stability.
        authentic: n booleans, the truth.
        settings: The section ``scores`` of a study's config, defaults filled in.
        uniqueness_percentiles: First percentile of the funnel.
        stability_percentiles: Last percentile of the funnel.
        seed: Of the stability draws.

    Returns:
        Table of candidates (configuration, ``index``, ``id`` and scores, best first) and table of
        configurations with the counts of ``evaluation.mask_counts``.

    Raises:
        InputError: If the arrays do not fit each other or a setting is out of range.
    """
    u = uniqueness(sources, settings["variant"])
    steady = stability(
        latents, settings["stability_noise"], settings["stability_draws"], seed, ids=ids
    )
    candidates, rows = [], []
    for first in uniqueness_percentiles:
        for last in stability_percentiles:
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
            selected = np.zeros(len(ids), dtype=bool)
            selected[table["index"]] = True
            configuration = {
                "uniqueness_percentile": float(first),
                "stability_percentile": float(last),
            }
            rows.append({**configuration, **mask_counts(selected, authentic)})
            table.insert(1, "id", ids[table["index"]])
            for place, (name, value) in enumerate(configuration.items()):
                table.insert(place, name, value)
            candidates.append(table)
    listed = pd.concat(candidates, ignore_index=True)
    dtypes = {"uniqueness_percentile": "float64", "stability_percentile": "float64", "id": "str"}
    return listed.astype({**dtypes, "index": "int64", "neighbors": "int64"}), pd.DataFrame(rows)
