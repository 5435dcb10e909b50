"""Tables of cluster stability: over resamples, UMAP seeds and VAE seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.forensics.cluster_stability import (
    AGREEMENTS,
    ARI_VERDICTS,
    agreement,
    best_jaccard,
    capped_sizes,
    hierarchy_labels,
    jaccard_table,
    resampled_labels,
    sbs_table,
    verdict,
)
from latent_microscope.io.artefacts import join_by_id, load_table
from latent_microscope.seeds import derive, rng
from latent_microscope.statistics.summaries import stack

Ints = npt.NDArray[np.int64]

PAIRS = ("first", "second", *AGREEMENTS)
SUMMARY = {
    "crop": "str",
    "seed": "int64",
    "source": "str",
    "n_pairs": "int64",
    **{f"{name}_{end}": "float64" for name in AGREEMENTS for end in ("mean", "sd", "min")},
    "verdict": "str",
    "warning": "str",
}


@dataclass(frozen=True)
class ClusterStability:
    """What repeats say about one run's clusters; tables as of ``forensics.cluster_stability``."""

    pairs: pd.DataFrame  # first, second, then their agreement
    clusters: pd.DataFrame  # Jaccard of each cluster
    sbs: pd.DataFrame  # by smallest cluster size, or by UMAP seed


def resample_stability(
    plane: npt.ArrayLike,
    *,
    identities: npt.ArrayLike | None,
    sizes: Sequence[int],
    min_cluster_size: int,
    min_samples: int,
    resamples: int,
    resampling: str,
    share: float,
    seed: int,
) -> ClusterStability:
    """Cluster resamples of one plane (n, 2) again and compare each with the clusters of the whole.

    Resamples are of ``identities`` (n people, or None) by ``resampling``: ``subsample`` (a
    ``share`` of them) or ``bootstrap``. ``sizes`` are the smallest cluster sizes of the SBS curve,
    capped at n / 2; agreement and Jaccard are of ``min_cluster_size``.
    """
    points = np.asarray(plane, dtype=np.float64)
    curve = capped_sizes(sizes, len(points), min_cluster_size)
    whole = hierarchy_labels(points, curve, min_samples=min_samples)
    own = whole[min_cluster_size]
    generator = rng(seed, "cluster-stability")
    drawn = resampled_labels(
        points,
        curve,
        min_samples=min_samples,
        identities=identities,
        n_resamples=resamples,
        resampling=resampling,
        share=share,
        seed=seed,
    )
    draws, pairs, kept = [], [], []
    found: list[np.ndarray] = []
    baselines: list[np.ndarray] = []
    for draw, (rows, labels) in enumerate(drawn):
        draws.append((rows, labels))
        kept.append(len(rows) / len(points))
        # A repeated point would count as agreement with itself.
        once, place = np.unique(rows, return_index=True)
        here, there = own[once], labels[min_cluster_size][place]
        names = {"first": "all", "second": f"{resampling} {draw}"}
        pairs.append(names | agreement(here, there, generator))
        found.append(_padded(best_jaccard(here, there), own))
        baselines.append(_padded(best_jaccard(here, generator.permutation(there)), own))
    return ClusterStability(
        pairs=pd.DataFrame.from_records(pairs, columns=list(PAIRS)),
        clusters=jaccard_table(own, found, baselines),
        sbs=sbs_table(
            whole,
            draws,
            kept=float(np.mean(kept)) if kept else share,
            configured=min_cluster_size,
            resampling=resampling,
        ),
    )


def _padded(values: np.ndarray, labels: Ints) -> np.ndarray:
    """NaN for clusters without a point in the resample, whose largest label is then smaller."""
    out = np.full(int(labels.max()) + 1, np.nan)
    out[: len(values)] = values
    return out


def plane_stability(
    planes: Sequence[npt.ArrayLike],
    names: Sequence[str],
    *,
    min_cluster_size: int,
    min_samples: int,
    seed: int,
) -> ClusterStability:
    """Compare the clusters on planes of several UMAP seeds, the first being the run's own."""
    labels = [
        hierarchy_labels(plane, [min_cluster_size], min_samples=min_samples)[min_cluster_size]
        for plane in planes
    ]
    if len({len(part) for part in labels}) != 1:
        raise InputError("the UMAP seeds have different numbers of samples; embed them again")
    generator = rng(seed, "plane-stability")
    pairs = [
        {"first": names[i], "second": names[j]} | agreement(labels[i], labels[j], generator)
        for i, j in combinations(range(len(labels)), 2)
    ]
    own = labels[0]
    curve = []
    for part, name in zip(labels, names, strict=True):
        table = sbs_table({min_cluster_size: part}, [], kept=1.0, configured=min_cluster_size)
        curve.append(table.assign(umap=name))
    columns = ["umap", "min_cluster_size", "share", "n_clusters", "noise_share"]
    return ClusterStability(
        pairs=pd.DataFrame.from_records(pairs, columns=list(PAIRS)),
        clusters=jaccard_table(
            own,
            [best_jaccard(own, part) for part in labels[1:]],
            [best_jaccard(own, generator.permutation(part)) for part in labels[1:]],
        ),
        sbs=pd.concat(curve, ignore_index=True)[columns],
    )


def run_pairs(clusters: Sequence[pd.DataFrame], runs: Sequence[int], *, seed: int) -> pd.DataFrame:
    """Compare the clusters (``id``, ``cluster``) of VAEs of different seeds, same samples."""
    generator = rng(seed, "run-stability")
    rows = []
    for (a, first), (b, second) in combinations(zip(runs, clusters, strict=True), 2):
        other = second[["id", "cluster"]].rename(columns={"cluster": "other"})
        names = (f"clusters of seed {a}", f"clusters of seed {b}")
        both = join_by_id(first[["id", "cluster"]], other, names=names)
        head = {"first": f"seed {a}", "second": f"seed {b}"}
        rows.append(head | agreement(both["cluster"], both["other"], generator))
    return pd.DataFrame.from_records(rows, columns=list(PAIRS))


def stability_summary(pairs: pd.DataFrame, *, view: str, run: int, source: str) -> pd.DataFrame:
    """One row (:data:`SUMMARY`): mean, standard deviation and least agreement of all pairs.

    ``verdict`` is of the mean ARI with noise as a label of its own (Steinley's words: excellent,
    good, moderate, poor; unknown without pairs); ``warning`` is a sentence where it is poor.
    """
    row: dict[str, object] = {"crop": view, "seed": run, "source": source, "n_pairs": len(pairs)}
    for name in AGREEMENTS:
        values = pairs[name].dropna()
        row[f"{name}_mean"] = values.mean() if len(values) else np.nan
        row[f"{name}_sd"] = values.std(ddof=1) if len(values) > 1 else np.nan
        row[f"{name}_min"] = values.min() if len(values) else np.nan
    mean = float(pairs["ari"].mean()) if len(pairs) else float("nan")
    row["verdict"] = verdict(mean, ARI_VERDICTS, "poor")
    warning = f"clusters are not stable over {source}: mean adjusted Rand {mean:.2f}"
    row["warning"] = warning if row["verdict"] == "poor" else ""
    return pd.DataFrame.from_records([row], columns=list(SUMMARY)).astype(SUMMARY)


def stability_tables(
    *,
    resampled: Sequence[pd.DataFrame],
    planes: Sequence[pd.DataFrame],
    clusters: Sequence[pd.DataFrame],
    views: Sequence[str],
    runs: Sequence[int],
    seed: int,
) -> pd.DataFrame:
    """Stability of a study's clusters over resamples, UMAP seeds and VAE seeds: :data:`SUMMARY`.

    Run -1 compares all runs of a view.
    """
    parts = []
    for k, (view, run) in enumerate(zip(views, runs, strict=True)):
        parts.append(stability_summary(resampled[k], view=view, run=run, source="resamples"))
        parts.append(stability_summary(planes[k], view=view, run=run, source="UMAP seeds"))
    for view in dict.fromkeys(views):
        here = [k for k, other in enumerate(views) if other == view]
        pairs = run_pairs([clusters[k] for k in here], [runs[k] for k in here], seed=seed)
        parts.append(stability_summary(pairs, view=view, run=-1, source="VAE seeds"))
    return pd.concat(parts, ignore_index=True)


def tabulate_clusters(
    *,
    sbs: list[In],
    resampled: list[In],
    umaps: list[In],
    resampled_clusters: list[In],
    umaps_clusters: list[In],
    clusters: list[In],
    crops: list[str],
    seeds: list[int],
    root_seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Tabulate the stability of the clusters.

    Args:
        sbs: .parquet of the SBS by cluster size per run.
        resampled: .parquet of the agreement over resamples per run.
        umaps: .parquet of the agreement over UMAP seeds per run.
        resampled_clusters: .parquet of the clusters' Jaccard over resamples per run.
        umaps_clusters: .parquet of the clusters' Jaccard over UMAP seeds per run.
        clusters: .parquet of the cluster memberships per run.
        crops: crop of each.
        seeds: seed of each.
        root_seed: root seed of the shuffled baselines.

    Returns:
        ``curve``: view and run, then as the SBS by cluster size. ``stability``: one row per view,
        run and source of variation (resamples, UMAP seeds, VAE seeds): agreement of labelings, its
        verdict and a warning. ``jaccard``: one row per view, run, cluster and source.
    """
    keys: dict[str, Sequence[object]] = {"crop": crops, "seed": seeds}
    curve = stack([load_table(path) for path in sbs], keys, "sbs")
    stability = stability_tables(
        resampled=[load_table(path) for path in resampled],
        planes=[load_table(path) for path in umaps],
        clusters=[load_table(path) for path in clusters],
        views=crops,
        runs=seeds,
        seed=derive(root_seed, "tabulate_clusters"),
    )
    sources = {"resamples": resampled_clusters, "UMAP seeds": umaps_clusters}
    parts = [
        stack([load_table(path) for path in paths], keys, source).assign(source=source)
        for source, paths in sources.items()
    ]
    jaccard = pd.concat(parts, ignore_index=True)
    return {"curve": curve, "stability": stability, "jaccard": jaccard}
