"""Tables of cluster stability: over resamples, UMAP seeds and VAE seeds."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.forensics import cluster_stability as measured
from latent_microscope.forensics.cluster_stability import AGREEMENTS, agreement, best_jaccard
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
) -> dict[str, pd.DataFrame]:
    """Cluster resamples of one UMAP (n, 2) again and compare each with the clusters of the whole.

    Resamples are of ``identities`` (n people, or None) by ``resampling``: ``subsample`` (a
    ``share`` of them) or ``bootstrap``. ``sizes`` are the smallest cluster sizes of the SBS curve,
    capped at n / 2; agreement and Jaccard are of ``min_cluster_size``.

    Returns:
        ``pairs``: first, second, then their agreement. ``clusters``: Jaccard of each. ``sbs``: by
        smallest cluster size.
    """
    points = np.asarray(plane, dtype=np.float64)
    curve = measured.capped_sizes(sizes, len(points), min_cluster_size)
    whole = measured.hierarchy_labels(points, curve, min_samples=min_samples)
    own = whole[min_cluster_size]
    generator = rng(seed, "cluster-stability")
    drawn = measured.resampled_labels(
        points,
        curve,
        min_samples=min_samples,
        identities=identities,
        n_resamples=resamples,
        resampling=resampling,
        share=share,
        seed=seed,
    )
    draws, pairs, kept, found, baselines = [], [], [], [], []
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
    sbs = measured.sbs_table(
        whole,
        draws,
        kept=float(np.mean(kept)) if kept else share,
        configured=min_cluster_size,
        resampling=resampling,
    )
    clusters = measured.jaccard_table(own, found, baselines)
    return {"pairs": pd.DataFrame(pairs, columns=list(PAIRS)), "clusters": clusters, "sbs": sbs}


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
) -> dict[str, pd.DataFrame]:
    """Compare the clusters on the UMAPs of several seeds, the first being the one that is used.

    Tables as of :func:`resample_stability`, ``sbs`` by UMAP seed.
    """
    size = min_cluster_size
    labels = [
        measured.hierarchy_labels(plane, [size], min_samples=min_samples)[size] for plane in planes
    ]
    if len({len(part) for part in labels}) != 1:
        raise InputError("the UMAP seeds have different numbers of samples; embed them again")
    generator = rng(seed, "plane-stability")
    pairs = [
        {"first": names[i], "second": names[j]} | agreement(labels[i], labels[j], generator)
        for i, j in combinations(range(len(labels)), 2)
    ]
    own, *others = labels
    found = [best_jaccard(own, part) for part in others]
    baselines = [best_jaccard(own, generator.permutation(part)) for part in others]
    curve = [
        measured.sbs_table({size: part}, [], kept=1.0, configured=size).assign(umap=name)
        for part, name in zip(labels, names, strict=True)
    ]
    columns = ["umap", "min_cluster_size", "share", "n_clusters", "noise_share"]
    return {
        "pairs": pd.DataFrame(pairs, columns=list(PAIRS)),
        "clusters": measured.jaccard_table(own, found, baselines),
        "sbs": pd.concat(curve, ignore_index=True)[columns],
    }


def run_pairs(clusters: Sequence[pd.DataFrame], seeds: Sequence[int], *, seed: int) -> pd.DataFrame:
    """Compare the clusters (``id``, ``cluster``) of VAEs of different seeds, same samples."""
    generator = rng(seed, "run-stability")
    rows = []
    for (a, first), (b, second) in combinations(zip(seeds, clusters, strict=True), 2):
        other = second[["id", "cluster"]].rename(columns={"cluster": "other"})
        names = (f"clusters of seed {a}", f"clusters of seed {b}")
        both = join_by_id(first[["id", "cluster"]], other, names=names)
        head = {"first": f"seed {a}", "second": f"seed {b}"}
        rows.append(head | agreement(both["cluster"], both["other"], generator))
    return pd.DataFrame(rows, columns=list(PAIRS))


def _summary(pairs: pd.DataFrame, crop: str, seed: int, source: str) -> dict[str, object]:
    row: dict[str, Any] = {"crop": crop, "seed": seed, "source": source, "n_pairs": len(pairs)}
    for name in AGREEMENTS:
        values = pairs[name].dropna().astype("float64")
        row[f"{name}_mean"] = values.mean()
        row[f"{name}_sd"] = values.std(ddof=1)
        row[f"{name}_min"] = values.min()
    mean = row["ari_mean"]
    row["verdict"] = measured.verdict(mean, measured.ARI_VERDICTS, "poor")
    warning = f"clusters are not stable over {source}: mean adjusted Rand {mean:.2f}"
    return row | {"warning": warning if row["verdict"] == "poor" else ""}


def stability_tables(
    *,
    resampled: Sequence[pd.DataFrame],
    umaps: Sequence[pd.DataFrame],
    clusters: Sequence[pd.DataFrame],
    crops: Sequence[str],
    seeds: Sequence[int],
    seed: int,
) -> pd.DataFrame:
    """Stability of a study's clusters over resamples, UMAP seeds and VAE seeds: :data:`SUMMARY`.

    Mean, standard deviation and least agreement of all pairs; seed -1 compares all seeds of a crop.
    ``verdict`` is of the mean ARI with noise as a label of its own (Steinley's words: excellent,
    good, moderate, poor; unknown without pairs); ``warning`` is a sentence where it is poor.
    """
    rows = []
    for k, (crop, number) in enumerate(zip(crops, seeds, strict=True)):
        rows.append(_summary(resampled[k], crop, number, "resamples"))
        rows.append(_summary(umaps[k], crop, number, "UMAP seeds"))
    for crop in dict.fromkeys(crops):
        here = [k for k, other in enumerate(crops) if other == crop]
        pairs = run_pairs([clusters[k] for k in here], [seeds[k] for k in here], seed=seed)
        rows.append(_summary(pairs, crop, -1, "VAE seeds"))
    return pd.DataFrame(rows, columns=list(SUMMARY)).astype(SUMMARY)


def _over_umaps(curve: pd.DataFrame, umaps: pd.DataFrame) -> pd.DataFrame:
    """The SBS by cluster size, with its range over UMAP seeds at the configured size."""
    used = curve["configured"]
    return curve.assign(
        umap_seeds=np.where(used, len(umaps), 0),
        umap_low=np.where(used, umaps["share"].min(), np.nan),
        umap_high=np.where(used, umaps["share"].max(), np.nan),
    )


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
    umaps_sbs: list[In],
    root_seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Tabulate the stability of the clusters.

    Args:
        sbs: .parquet of the SBS by cluster size per seed.
        resampled: .parquet of the agreement over resamples per seed.
        umaps: .parquet of the agreement over UMAP seeds per seed.
        resampled_clusters: .parquet of the clusters' Jaccard over resamples per seed.
        umaps_clusters: .parquet of the clusters' Jaccard over UMAP seeds per seed.
        clusters: .parquet of the cluster memberships per seed.
        crops: crop of each.
        seeds: seed of each.
        umaps_sbs: .parquet of the SBS by UMAP seed per seed.
        root_seed: root seed of the shuffled baselines.

    Returns:
        ``curve``: crop and seed, then as the SBS by cluster size; at the configured one
        ``umap_seeds`` and the range of the SBS over them. ``stability``: one row per crop,
        seed and source of variation (resamples, UMAP seeds, VAE seeds): agreement of labelings, its
        verdict and a warning. ``jaccard``: one row per crop, seed, cluster and source.
    """
    keys: dict[str, Sequence[object]] = {"crop": crops, "seed": seeds}
    curves = [
        _over_umaps(load_table(path), load_table(over))
        for path, over in zip(sbs, umaps_sbs, strict=True)
    ]
    curve = stack(curves, keys, "sbs")
    stability = stability_tables(
        resampled=[load_table(path) for path in resampled],
        umaps=[load_table(path) for path in umaps],
        clusters=[load_table(path) for path in clusters],
        crops=crops,
        seeds=seeds,
        seed=derive(root_seed, "tabulate_clusters"),
    )
    sources = {"resamples": resampled_clusters, "UMAP seeds": umaps_clusters}
    parts = [
        stack([load_table(path) for path in paths], keys, source).assign(source=source)
        for source, paths in sources.items()
    ]
    jaccard = pd.concat(parts, ignore_index=True)
    return {"curve": curve, "stability": stability, "jaccard": jaccard}
