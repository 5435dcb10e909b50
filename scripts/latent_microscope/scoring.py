"""All scores of one trained model's latents in one table, and what is true of them as a whole."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_matrix
from latent_microscope.forensics.creative import creative_latent_score
from latent_microscope.forensics.density import (
    density_of_distances,
    radius_of_distances,
    tie_share,
)
from latent_microscope.forensics.detection import detect_authentic
from latent_microscope.forensics.originality import originality_of
from latent_microscope.forensics.overlaps import overlaps
from latent_microscope.forensics.pairs import counts_within, neighbour_pass, similar_counts
from latent_microscope.forensics.stability import stability, stability_report
from latent_microscope.forensics.uniqueness import VARIANTS, uniqueness
from latent_microscope.statistics import rank_correlation

# The adaptive radius is a percentile of the distance to this neighbour.
_RADIUS_NEIGHBOUR = 10

Floats = npt.NDArray[np.float64]


def score_table(
    sources: npt.ArrayLike,
    latents: npt.ArrayLike,
    ids: npt.NDArray[np.object_],
    settings: Mapping[str, Any],
    *,
    seed: int,
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Every score of every sample, and the radii that they were measured at.

    Both published variants of uniqueness and originality stand in the table; the plain columns
    repeat the one that ``settings["variant"]`` names. Originality's attractors are those at the
    published radius.

    Args:
        sources: (n, k) independent sources.
        latents: (n, d) latent means.
        ids: n sample ids; they key the draws of stability.
        settings: The section ``scores`` of a study's config, defaults filled in.
        seed: Of the stability draws.

    Returns:
        The table (one row a sample) and ``radius``, ``adaptive_radius``.

    Raises:
        InputError: If the arrays do not fit each other or a setting is out of range.
    """
    s, z = as_matrix(sources, "sources"), as_matrix(latents, "latents")
    if len(s) != len(z):
        raise InputError(f"sources has {len(s)} rows and latents {len(z)}; give the same samples")
    k, radius, variant = int(settings["k"]), float(settings["radius"]), str(settings["variant"])
    found = neighbour_pass(z, k=max(k, _RADIUS_NEIGHBOUR)).distances
    nearest = found[:, :k]
    adaptive = radius_of_distances(found[:, :_RADIUS_NEIGHBOUR])
    within = counts_within(z, found, radius)
    within_adaptive = counts_within(z, found, adaptive)
    detected, detector_score = detect_authentic(z)
    u = {name: uniqueness(s, name) for name in VARIANTS}
    o = {
        name: originality_of(z, nearest, within, name, int(settings["attractors"]))
        for name in VARIANTS
    }
    table = pd.DataFrame(
        {
            "id": pd.Series(ids, dtype="str"),
            "uniqueness": u[variant],
            **{f"uniqueness_{name}": u[name] for name in VARIANTS},
            "originality": o[variant],
            **{f"originality_{name}": o[name] for name in VARIANTS},
            "stability": stability(
                z, settings["stability_noise"], settings["stability_draws"], seed, ids=ids
            ),
            "knn_density": density_of_distances(nearest),
            "attractor_density": within / len(z),
            "attractor_density_adaptive": within_adaptive / len(z),
            "neighbors": similar_counts(s, np.arange(len(s)), float(settings["similarity"])),
            "norm": np.linalg.norm(z, axis=1),
            "cls": creative_latent_score(u[variant], o[variant], float(settings["alpha"])),
            "detector_score": np.asarray(detector_score, dtype=np.float64),
            "detected": np.asarray(detected, dtype=bool),
        }
    )
    return table, {"radius": radius, "adaptive_radius": adaptive}


def score_summary(
    scores: pd.DataFrame,
    sources: npt.ArrayLike,
    latents: npt.ArrayLike,
    restarts: pd.DataFrame,
    settings: Mapping[str, Any],
    radii: Mapping[str, float],
    *,
    seed: int,
) -> pd.DataFrame:
    """What the scores of one run say as a whole, the unflattering facts included.

    Args:
        scores: From :func:`score_table`.
        sources: (n, k) independent sources.
        latents: (n, d) latent means.
        restarts: Columns ``converged``, ``mean_abs_kurtosis``, ``chosen``: the ICA restarts.
        settings: As for :func:`score_table`.
        radii: As :func:`score_table` returns them.
        seed: As for :func:`score_table`.

    Returns:
        Table ``quantity``, ``value``.
    """
    z = as_matrix(latents, "latents")
    steady = stability_report(
        z,
        scores["stability"].to_numpy(),
        noise=settings["stability_noise"],
        n_draws=settings["stability_draws"],
        seed=seed,
        ids=scores["id"].to_numpy(dtype=object),
    )
    chosen = restarts["chosen"].to_numpy(dtype=bool)
    pairs = overlaps(z, float(settings["overlap_threshold"]), 0)
    u, o = scores["uniqueness"], scores["originality"]
    values = {
        "n": len(z),
        "dimensions": z.shape[1],
        "sources": np.shape(sources)[1],
        "spearman_uniqueness_originality": rank_correlation(u, o),
        "spearman_uniqueness_variants": rank_correlation(
            scores["uniqueness_script"], scores["uniqueness_notebook"]
        ),
        "spearman_originality_variants": rank_correlation(
            scores["originality_script"], scores["originality_notebook"]
        ),
        "spearman_uniqueness_density": rank_correlation(u, scores["knn_density"]),
        "spearman_originality_density": rank_correlation(o, scores["knn_density"]),
        "spearman_stability_norm": steady["spearman_norm"],
        "stability_reliability": steady["reliability"],
        "attractor_tie_share": tie_share(scores["attractor_density"]),
        "attractor_tie_share_adaptive": tie_share(scores["attractor_density_adaptive"]),
        **radii,
        "overlaps_total": pairs.attrs["total"],
        "detected": int(scores["detected"].sum()),
        "ica_restarts": len(restarts),
        "ica_converged": int(restarts["converged"].sum()),
        "ica_mean_abs_kurtosis": restarts.loc[chosen, "mean_abs_kurtosis"].iloc[0],
    }
    return pd.DataFrame(
        {
            "quantity": pd.Series(list(values), dtype="str"),
            "value": np.array(list(values.values()), dtype=np.float64),
        }
    )
