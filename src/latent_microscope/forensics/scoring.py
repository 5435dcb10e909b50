"""All scores of one model's latents in one table, and a summary of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.forensics.checks import as_matrix
from latent_microscope.forensics.density import attractors_by_order, tie_share
from latent_microscope.forensics.detection import detect_authentic
from latent_microscope.forensics.heuristics import ScoreSettings, score_all
from latent_microscope.forensics.latent_scans import LatentScan
from latent_microscope.forensics.rankings import creative_latent_score, minmax_error
from latent_microscope.forensics.sample_scores import VARIANTS, stability_report
from latent_microscope.neighbours.copies import copy_counts
from latent_microscope.seeds import derive
from latent_microscope.statistics.summaries import rank_correlation


def score_table(
    sources: npt.ArrayLike,
    latents: npt.ArrayLike,
    ids: npt.NDArray[np.object_],
    settings: Mapping[str, Any],
    *,
    seed: int,
    scan: LatentScan | None = None,
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Table of every score of every sample, and radii and overlaps of its passes.

    The plain columns repeat the variant that ``settings`` name. ``copies``: number of other samples
    with exactly the same latents; the densities, and what rests on them, count these. With sampled
    pairs of sources, ``…_error`` are the 95 % bounds of what depends on them.
    """
    variant = str(settings["variant"])
    options = ScoreSettings(
        k=settings["k"],
        radius=settings["radius"],
        n_attractors=settings["attractors"],
        similarity=settings["similarity"],
        noise=settings["stability_noise"],
        n_draws=settings["stability_draws"],
        overlap_threshold=settings["overlap_threshold"],
        max_pairs=0,
        pairs=settings["pairs"],
        sampled_rows=settings["sampled_rows"],
    )
    every = score_all(sources, latents, options, seed=seed, ids=ids, scan=scan)
    detected, detector_score = detect_authentic(latents, distances=every.neighbour_distances)
    u, o = every.uniqueness, every.originality
    table = pd.DataFrame(
        {
            "id": pd.Series(ids, dtype="str"),
            "uniqueness": u[variant],
            **{f"uniqueness_{name}": u[name] for name in VARIANTS},
            "originality": o[variant],
            **{f"originality_{name}": o[name] for name in VARIANTS},
            "stability": every.stability,
            "knn_density": every.knn_density,
            "attractor_density": every.attractor_density,
            "attractor_density_adaptive": every.attractor_density_adaptive,
            "neighbors": every.neighbors,
            "norm": np.linalg.norm(np.asarray(latents, dtype=np.float64), axis=1),
            "cls": creative_latent_score(u[variant], o[variant], float(settings["alpha"])),
            "detector_score": np.asarray(detector_score, dtype=np.float64),
            "detected": np.asarray(detected, dtype=bool),
            "copies": copy_counts(as_matrix(latents, "latents")),
        }
    )
    for name, error in every.errors.items():
        table[f"{name}_error"] = error
    if every.errors:
        alpha, error = float(settings["alpha"]), every.errors[f"uniqueness_{variant}"]
        table["cls_error"] = alpha * minmax_error(u[variant], error)
    return table, {
        "radius": every.radius,
        "adaptive_radius": every.adaptive_radius,
        "overlaps_total": every.overlaps.attrs["total"],
    }


def score_summary(
    scores: pd.DataFrame,
    sources: npt.ArrayLike,
    latents: npt.ArrayLike,
    restarts: pd.DataFrame,
    settings: Mapping[str, Any],
    facts: Mapping[str, float],
    *,
    seed: int,
) -> pd.DataFrame:
    """Table ``quantity``, ``value`` of one run: correlations, reliability, ties, radii, counts."""
    z = as_matrix(latents, "latents")
    steady = stability_report(
        z,
        scores["stability"].to_numpy(),
        settings["stability_noise"],
        settings["stability_draws"],
        seed,
        scores["id"].to_numpy(dtype=object),
    )
    chosen = restarts["chosen"].to_numpy(dtype=bool)

    def correlation(a: str, b: str) -> float:
        return rank_correlation(scores[a], scores[b])

    values = {
        "n": len(z),
        "dimensions": z.shape[1],
        "sources": np.shape(sources)[1],
        "script_variant": settings["variant"] == "script",  # or that of the notebook
        "spearman_uniqueness_originality": correlation("uniqueness", "originality"),
        "spearman_uniqueness_variants": correlation("uniqueness_script", "uniqueness_notebook"),
        "spearman_originality_variants": correlation("originality_script", "originality_notebook"),
        "spearman_uniqueness_density": correlation("uniqueness", "knn_density"),
        "spearman_originality_density": correlation("originality", "knn_density"),
        "spearman_stability_norm": steady["spearman_norm"],
        "stability_reliability": steady["reliability"],
        "attractor_tie_share": tie_share(scores["attractor_density"]),
        "attractors": int(settings["attractors"]),
        "attractors_by_order": attractors_by_order(
            scores["attractor_density"], int(settings["attractors"])
        ),
        "attractor_tie_share_adaptive": tie_share(scores["attractor_density_adaptive"]),
        **facts,
        "detected": int(scores["detected"].sum()),
        "with_copies": int((scores["copies"] > 0).sum()),
        "only_copies_near": int((scores["copies"] >= settings["k"]).sum()),
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


def run_scores(
    sources: npt.ArrayLike,
    latents: npt.ArrayLike,
    ids: npt.NDArray[np.object_],
    restarts: pd.DataFrame,
    settings: Mapping[str, Any],
    *,
    root_seed: int,
    seed: int = 0,
    scan: LatentScan | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of :func:`score_table` and :func:`score_summary` of one run of a study."""
    # The same draws as in select_candidates.
    draws = derive(root_seed, "stability", seed)
    table, facts = score_table(sources, latents, ids, settings, seed=draws, scan=scan)
    return table, score_summary(table, sources, latents, restarts, settings, facts, seed=draws)
