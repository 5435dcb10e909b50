"""Scores of every ICA restart and column order: uniqueness and CLS depend on the unmixing."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.forensics.checks import as_matrix, in_range, one_of
from latent_microscope.forensics.latent_scans import LatentScan, scan_latents, scan_settings
from latent_microscope.forensics.rankings import creative_latent_score
from latent_microscope.forensics.sample_scores import (
    VARIANTS,
    originality_of,
    row_entropy,
    stability,
    uniqueness,
)
from latent_microscope.forensics.sources import run_sources, unmix
from latent_microscope.neighbours.blocks import unit_rows
from latent_microscope.neighbours.copies import first_copies
from latent_microscope.neighbours.means import COSINE_FLOOR
from latent_microscope.seeds import derive, rng

_BLOCK = 4_096
_EXACT_ROWS, _REFERENCE_ROWS = 20_000, 2_000

Floats = npt.NDArray[np.float64]


def reference_uniqueness(
    sources: npt.ArrayLike, reference: npt.NDArray[np.int64], variant: str = "script"
) -> Floats:
    """N scores: uniqueness with the mean distance to some rows instead of to all others.

    Time grows with n, not n²; 2,000 of 10,000 rows rank as the exact score does (Spearman > 0.999).
    """
    matrix = as_matrix(sources, "sources")
    one_of(variant, "uniqueness variant", VARIANTS)
    score = row_entropy(matrix) * (1.0 + matrix.var(axis=1))
    if variant == "notebook":
        points, floor = unit_rows(matrix), COSINE_FLOOR
    else:
        points, floor = matrix, 0.0
    chosen = points[reference]
    squares = np.einsum("ij,ij->i", chosen, chosen)
    first = first_copies(matrix)
    mean = np.empty(len(matrix))
    for start in range(0, len(matrix), _BLOCK):
        block = points[start : start + _BLOCK]
        distance = block @ chosen.T
        if variant == "notebook":
            distance = 1.0 - distance
        else:
            distance = np.einsum("ij,ij->i", block, block)[:, None] + squares - 2.0 * distance
            np.sqrt(np.maximum(distance, 0.0, out=distance), out=distance)
        own = first[start : start + len(block), None]
        distance[own == first[reference]] = 0.0
        counted = distance > floor
        total = np.where(counted, distance, 0.0).sum(axis=1)
        mean[start : start + len(block)] = total / np.maximum(counted.sum(axis=1), 1)
    return (score * (mean if variant == "script" else 1.0 + mean))[first]


def _reference(n: int, count: int, seed: int) -> npt.NDArray[np.int64]:
    """At most ``count`` rows of n, ascending."""
    if n <= count:
        return np.arange(n)
    return np.sort(rng(seed, "reference-rows").choice(n, size=count, replace=False))


def run_restart_scores(
    latents: npt.ArrayLike,
    ids: npt.NDArray[np.object_],
    restarts: pd.DataFrame,
    unmixings: npt.NDArray[np.float64],
    variant: str = "script",
    reference_rows: int = 2_000,
    *,
    root_seed: int,
    seed: int = 0,
) -> pd.DataFrame:
    """Uniqueness by the sources of every ICA restart of one VAE.

    Returns:
        ``id``, ``restart_<number>`` (NaN for one that failed) and ``chosen``, the number of the
        restart that all other tables use.
    """
    matrix = as_matrix(latents, "latents")
    count = int(in_range(reference_rows, "reference_rows", 2))
    reference = _reference(len(matrix), count, derive(root_seed, "score_restarts", seed))
    table = pd.DataFrame({"id": pd.Series(ids, dtype="str")})
    for number, unmixing in zip(restarts["restart"], unmixings, strict=True):
        table[f"restart_{number}"] = np.nan
        if np.isfinite(unmixing).all():
            sources = unmix(matrix, unmixing)
            table[f"restart_{number}"] = reference_uniqueness(sources, reference, variant)
    chosen = restarts.loc[restarts["chosen"], "restart"]
    return table.assign(chosen=int(chosen.iloc[0]))


def run_column_orders(
    latents: npt.ArrayLike,
    ids: npt.NDArray[np.object_],
    sources: Mapping[str, Any],
    settings: Mapping[str, Any],
    orders: int = 1,
    *,
    root_seed: int,
    seed: int = 0,
    n_jobs: int = 1,
    scan: LatentScan | None = None,
) -> pd.DataFrame:
    """Main scores of one VAE's (n, d) latents with their columns in other, random orders.

    No score is about the order, but FastICA starts from random directions. Stability has other
    draws of noise each time. ``sources`` and ``settings``: these sections of a study's config.
    ``scan``: the pass over the latents, if it is done already; distances are the same in any order
    of columns.
    Uniqueness is :func:`reference_uniqueness` of 2,000 rows above 20,000 samples.

    Returns:
        ``id``, ``order`` (from 1), ``uniqueness``, ``originality``, ``stability``, ``cls``.
    """
    matrix = as_matrix(latents, "latents")
    count = int(in_range(orders, "orders", 1))
    if scan is None:
        scan = scan_latents(matrix, scan_settings(settings, 0))
    scan.require(matrix, k=settings["k"], radius=float(settings["radius"]))
    n, variant = len(matrix), str(settings["variant"])
    reference = _reference(n, _REFERENCE_ROWS, derive(root_seed, "score_column_orders", seed))
    noise = settings["stability_noise"], settings["stability_draws"]
    draws = derive(root_seed, "score_column_orders", seed, "stability")
    nearest, counts = scan.neighbours.distances[:, : settings["k"]], scan.counts[:, 0]
    parts = []
    for order in range(1, count + 1):
        generator = rng(derive(root_seed, "score_column_orders", seed), order)
        moved = np.ascontiguousarray(matrix[:, generator.permutation(matrix.shape[1])])
        found = run_sources(moved, sources, root_seed=root_seed, seed=seed, n_jobs=n_jobs).sources
        if n > _EXACT_ROWS:
            u = reference_uniqueness(found, reference, variant)
        else:
            u = uniqueness(found, variant)
        o = originality_of(moved, nearest, counts, variant, settings["attractors"])
        scores = {
            "uniqueness": u,
            "originality": o,
            "stability": stability(moved, *noise, derive(draws, order), ids=ids),
            "cls": creative_latent_score(u, o, float(settings["alpha"])),
        }
        parts.append(pd.DataFrame({"id": pd.Series(ids, dtype="str"), "order": order, **scores}))
    return pd.concat(parts, ignore_index=True)
