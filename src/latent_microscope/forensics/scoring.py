"""All scores of one trained model's latents in one table, and what is true of them as a whole."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.forensics.checks import as_matrix
from latent_microscope.forensics.cls import creative_latent_score
from latent_microscope.forensics.density import tie_share
from latent_microscope.forensics.detection import NEIGHBOURS, detect_authentic
from latent_microscope.forensics.heuristics import score_all
from latent_microscope.forensics.stability import stability_report
from latent_microscope.forensics.uniqueness import VARIANTS
from latent_microscope.seeds import derive
from latent_microscope.statistics.summaries import rank_correlation


def score_table(
    sources: npt.ArrayLike,
    latents: npt.ArrayLike,
    ids: npt.NDArray[np.object_],
    settings: Mapping[str, Any],
    *,
    seed: int,
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Every score of every sample, and what the passes over pairs found beside.

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
        The table (one row a sample) and ``radius``, ``adaptive_radius``, ``overlaps_total``,
        ``neighbours_recall`` (1 where neighbours are exact).

    Raises:
        InputError: If the arrays do not fit each other or a setting is out of range.
    """
    variant = str(settings["variant"])
    every = score_all(
        sources,
        latents,
        k=int(settings["k"]),
        radius=float(settings["radius"]),
        n_attractors=int(settings["attractors"]),
        similarity=float(settings["similarity"]),
        noise=settings["stability_noise"],
        n_draws=settings["stability_draws"],
        overlap_threshold=float(settings["overlap_threshold"]),
        max_pairs=0,
        neighbors=str(settings["neighbors"]),
        listed=max(NEIGHBOURS),
        seed=seed,
        ids=ids,
    )
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
        }
    )
    return table, {
        "radius": every.radius,
        "adaptive_radius": every.adaptive_radius,
        "overlaps_total": every.overlaps.attrs["total"],
        "neighbours_recall": every.recall,
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
    """What the scores of one run say as a whole, the unflattering facts included.

    Args:
        scores: From :func:`score_table`.
        sources: (n, k) independent sources.
        latents: (n, d) latent means.
        restarts: Columns ``converged``, ``mean_abs_kurtosis``, ``chosen``: the ICA restarts.
        settings: As for :func:`score_table`.
        facts: As :func:`score_table` returns them.
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
        **facts,
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


def run_scores(
    sources: npt.ArrayLike,
    latents: npt.ArrayLike,
    ids: npt.NDArray[np.object_],
    restarts: pd.DataFrame,
    settings: Mapping[str, Any],
    *,
    seed: int,
    run: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The scores of one run of a study, and what is true of them as a whole.

    Args:
        sources: (n, k) independent sources.
        latents: (n, d) latent means.
        ids: n sample ids.
        restarts: The ICA restarts, from :class:`SourceFit`.
        settings: Section ``scores`` of a study's config.
        seed: Root seed.
        run: Number of the run.

    Returns:
        Tables of :func:`score_table` and :func:`score_summary`.

    Raises:
        InputError: As these.
    """
    # The same draws as in select_candidates.
    draws = derive(seed, "stability", run)
    table, facts = score_table(sources, latents, ids, settings, seed=draws)
    return table, score_summary(table, sources, latents, restarts, settings, facts, seed=draws)
