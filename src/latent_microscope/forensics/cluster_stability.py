"""Stability of clusters over resamples and UMAP seeds, and the SBS by cluster size."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student_t
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from latent_microscope.forensics.bias import stereotypical_bias_score
from latent_microscope.forensics.checks import (
    as_labels,
    as_matrix,
    identity_codes,
    in_range,
    one_of,
)
from latent_microscope.forensics.clusters import multi_scale_clusters
from latent_microscope.seeds import rng

RESAMPLINGS = ("subsample", "bootstrap")
# Hennig 2007 (fpc::clusterboot): mean Jaccard below 0.6 is no cluster to trust, from 0.75 a valid,
# from 0.85 a highly stable one; a resample with at most 0.5 dissolves it, from 0.75 recovers it.
JACCARD_VERDICTS = ((0.85, "highly stable"), (0.75, "stable"), (0.6, "doubtful"))
DISSOLVED, RECOVERED = 0.5, 0.75
# Steinley 2004: ARI above 0.9 excellent, above 0.8 good, above 0.65 moderate, else poor recovery.
ARI_VERDICTS = ((0.9, "excellent"), (0.8, "good"), (0.65, "moderate"))
AGREEMENTS = ("ari", "ami", "ari_clustered", "ami_clustered", "clustered_both", "baseline_ari")
JACCARD = {
    **dict.fromkeys(("cluster", "size"), "int64"),
    **dict.fromkeys(("jaccard", "jaccard_sd", "recovered", "dissolved", "baseline"), "float64"),
    **{"n": "int64", "verdict": "str"},
}

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def hierarchy_labels(
    plane: npt.ArrayLike, sizes: Sequence[int], *, min_samples: int = 10
) -> dict[int, Ints]:
    """HDBSCAN labels by smallest cluster size."""
    return multi_scale_clusters(plane, scales=sizes, min_samples=min_samples)


def resampled_rows(
    codes: Ints, generator: np.random.Generator, *, resampling: str, share: float
) -> Ints:
    """Ascending rows of one resample of whole identities; a bootstrap repeats rows."""
    groups = int(codes.max()) + 1
    if resampling == "bootstrap":
        weights = np.bincount(generator.integers(0, groups, size=groups), minlength=groups)
    else:
        kept = generator.permutation(groups)[: max(1, round(share * groups))]
        weights = np.bincount(kept, minlength=groups)
    return np.repeat(np.arange(len(codes)), weights[codes])


def resampled_labels(
    plane: npt.ArrayLike,
    sizes: Sequence[int],
    *,
    min_samples: int = 10,
    identities: npt.ArrayLike | None = None,
    n_resamples: int = 100,
    resampling: str = "subsample",
    share: float = 0.8,
    seed: int = 0,
) -> Iterator[tuple[Ints, dict[int, Ints]]]:
    """Rows and labels by size (at full n) of every resample of the plane.

    The default is without replacement: HDBSCAN takes repeated points for clusters. Cluster size and
    core neighbours shrink with the share of a subsample.
    """
    points = as_matrix(plane, "plane", min_rows=1)
    one_of(resampling, "resampling", RESAMPLINGS)
    in_range(share, "resample share", 0.0, 1.0)
    n = len(points)
    codes = identity_codes(np.arange(n) if identities is None else identities, n)
    part = share if resampling == "subsample" else 1.0
    scaled = {int(size): max(2, round(part * size)) for size in sizes}
    for draw in range(n_resamples):
        generator = rng(seed, "cluster-resample", draw)
        rows = resampled_rows(codes, generator, resampling=resampling, share=share)
        found = hierarchy_labels(
            points[rows],
            sorted(set(scaled.values())),
            min_samples=max(1, round(part * min_samples)),
        )
        yield rows, {size: found[smaller] for size, smaller in scaled.items()}


def capped_sizes(sizes: Sequence[int], n: int, configured: int) -> list[int]:
    """Smallest cluster sizes, at most n / 2 and at least 2, with the configured one, rising."""
    return sorted({max(2, min(int(size), n // 2)) for size in sizes} | {int(configured)})


def sbs_table(
    labels: dict[int, Ints],
    draws: Sequence[tuple[Ints, dict[int, Ints]]],
    *,
    kept: float,
    configured: int,
    resampling: str = "subsample",
) -> pd.DataFrame:
    """Stereotypical bias score by smallest cluster size, with a 95 % interval.

    ``draws``: rows and labels by size of each resample. Every cluster's share has the standard
    deviation of the share of its best match in the resamples, times √(kept / (1 - kept)), the
    delete-d jackknife's factor (Shao and Wu 1989). The interval goes from the largest of the
    clusters' lower bounds, simultaneous by Bonferroni, since the largest cluster is the one that
    chance has favoured, to the largest upper bound: any of them may be the largest truly. It is
    never narrower than the range of the resamples, and not available without a cluster.
    """
    factor = np.sqrt(kept / (1.0 - kept)) if resampling == "subsample" and kept < 1.0 else 1.0
    rows = []
    for size, found in labels.items():
        n_clusters = int(found.max(initial=-1)) + 1
        shares = np.array([stereotypical_bias_score(draw[size])[0] for _, draw in draws])
        counts = np.array([draw[size].max(initial=-1) + 1 for _, draw in draws], dtype=np.float64)
        low, middle, high = _quantiles(shares)
        few, _, many = _quantiles(counts)
        ends = (np.nan, np.nan)
        if n_clusters and len(draws) > 1:
            own = np.bincount(found[found >= 0], minlength=n_clusters) / len(found)
            matched = np.array(
                [matched_shares(found[rows], draw[size], n_clusters) for rows, draw in draws]
            )
            error = factor * matched.std(axis=0, ddof=1)
            tails = student_t.ppf([1.0 - 0.025 / n_clusters, 0.975], len(draws) - 1)
            ends = (
                float(np.clip(min(low, (own - tails[0] * error).max()), 0.0, 1.0)),
                float(np.clip(max(high, (own + tails[1] * error).max()), 0.0, 1.0)),
            )
        rows.append(
            {
                "min_cluster_size": size,
                "configured": size == configured,
                "share": stereotypical_bias_score(found)[0],
                "low": ends[0],
                "high": ends[1],
                "resample_median": middle,
                "resample_low": low,
                "resample_high": high,
                "n_clusters": n_clusters,
                "n_clusters_low": few,
                "n_clusters_high": many,
                "noise_share": float(np.mean(found == -1)),
                "n_resamples": len(draws),
            }
        )
    return pd.DataFrame.from_records(rows)


def _quantiles(values: Floats) -> tuple[float, float, float]:
    """2.5 %, 50 % and 97.5 %; NaN without values."""
    if not len(values):
        return np.nan, np.nan, np.nan
    low, middle, high = np.quantile(values, [0.025, 0.5, 0.975])
    return float(low), float(middle), float(high)


def agreement(
    first: npt.ArrayLike, second: npt.ArrayLike, generator: np.random.Generator
) -> dict[str, float]:
    """Agreement of two labelings of the same points; ``*_clustered``: points clustered in both."""
    a = as_labels(first, "labels")
    b = as_labels(second, "labels", len(a))
    both = (a != -1) & (b != -1)
    inner = (a[both], b[both])
    known = max((len(np.unique(part)) for part in inner), default=0) > 1
    return {
        "ari": float(adjusted_rand_score(a, b)),
        "ami": float(adjusted_mutual_info_score(a, b)),
        "ari_clustered": float(adjusted_rand_score(*inner)) if known else np.nan,
        "ami_clustered": float(adjusted_mutual_info_score(*inner)) if known else np.nan,
        "clustered_both": float(both.mean()),
        "baseline_ari": float(adjusted_rand_score(a, generator.permutation(b))),
    }


def best_jaccard(reference: npt.ArrayLike, labels: npt.ArrayLike) -> Floats:
    """Jaccard index of each reference cluster with its best match; NaN without points.

    Source: Hennig 2007, Computational Statistics and Data Analysis 52.
    """
    index, sizes, _ = _jaccard(reference, labels)
    return np.where(sizes > 0.0, index.max(axis=1, initial=0.0), np.nan)


def matched_shares(reference: npt.ArrayLike, labels: npt.ArrayLike, clusters: int = 0) -> Floats:
    """Share of the points in the best match (by Jaccard) of each reference cluster; 0: no match.

    ``clusters``: number of reference clusters, of which a resample may have lost the last ones.
    """
    index, _, others = _jaccard(reference, labels, clusters)
    if not len(others):
        return np.zeros(len(index))
    share = others[index.argmax(axis=1)] / np.size(labels)
    return np.where(index.max(axis=1) > 0.0, share, 0.0)


def _jaccard(
    reference: npt.ArrayLike, labels: npt.ArrayLike, clusters: int = 0
) -> tuple[Floats, Floats, Floats]:
    """Jaccard index of every two clusters (the first's at least so many), and both sides' sizes."""
    a = as_labels(reference, "reference")
    b = as_labels(labels, "labels", len(a))
    rows, columns = max(int(a.max()) + 1, clusters), int(b.max()) + 1
    common = np.zeros((rows + 1, columns + 1))
    np.add.at(common, (a, b), 1.0)  # noise is the last row and column
    sizes, others = common[:rows].sum(axis=1), common[:, :columns].sum(axis=0)
    shared = common[:rows, :columns]
    union = sizes[:, None] + others[None, :] - shared
    index = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0.0)
    return index, sizes, others


def jaccard_table(
    labels: npt.ArrayLike, found: Sequence[Floats], baselines: Sequence[Floats]
) -> pd.DataFrame:
    """Stability of every cluster over resamples or UMAP seeds."""
    values = as_labels(labels, "labels")
    rows = []
    for cluster in range(int(values.max()) + 1):
        index = np.array([draw[cluster] for draw in found])
        index = index[~np.isnan(index)]
        chance = np.array([draw[cluster] for draw in baselines])
        mean = float(index.mean()) if len(index) else np.nan
        rows.append(
            {
                "cluster": cluster,
                "size": int(np.sum(values == cluster)),
                "jaccard": mean,
                "jaccard_sd": float(index.std(ddof=1)) if len(index) > 1 else np.nan,
                "recovered": float(np.mean(index >= RECOVERED)) if len(index) else np.nan,
                "dissolved": float(np.mean(index <= DISSOLVED)) if len(index) else np.nan,
                "baseline": float(np.nanmean(chance)) if len(index) else np.nan,
                "n": len(index),
                "verdict": verdict(mean, JACCARD_VERDICTS, "unstable"),
            }
        )
    return pd.DataFrame.from_records(rows, columns=list(JACCARD)).astype(JACCARD)


def verdict(value: float, limits: Sequence[tuple[float, str]], otherwise: str) -> str:
    """The first word whose limit the value reaches; ``unknown`` for NaN."""
    if np.isnan(value):
        return "unknown"
    return next((word for limit, word in limits if value >= limit), otherwise)
