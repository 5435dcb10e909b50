"""Tables of one run's clusters: memberships, profile, SBS, ranked lists."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.forensics.bias import stereotypical_bias_score
from latent_microscope.forensics.clusters import (
    cluster_profile,
    creative_cluster,
    latent_clusters,
    multi_scale_clusters,
    plane_memberships,
)
from latent_microscope.forensics.rankings import ranking_table
from latent_microscope.neighbours.blocks import Neighbours

# Names of the lists of ``ranking_table`` in our tables, in their order.
_LISTS = {
    "creative_frontier": "creative",
    "stereotypes": "stereotypes",
    "grey_region": "grey",
    "generic_subset": "generic",
}


def membership_table(
    plane: npt.ArrayLike,
    latents: npt.NDArray,
    ids: npt.NDArray[np.object_],
    *,
    min_cluster_size: int,
    min_samples: int,
    scales: Sequence[int],
    cmax_rows: int,
    neighbours: Neighbours | None = None,
) -> pd.DataFrame:
    """Cluster of every sample, on the plane, in latent space and at several scales.

    HDBSCAN in latent space takes time that grows with n²: beyond ``cmax_rows`` samples its tree
    is grown from the neighbour graph.

    Args:
        plane: (n, 2) UMAP coordinates.
        latents: (n, d) latent means.
        ids: n sample ids.
        min_cluster_size: HDBSCAN on the plane.
        min_samples: HDBSCAN on the plane.
        scales: Smallest cluster sizes of the multi-scale run on the plane.
        cmax_rows: Most samples for HDBSCAN itself in latent space.
        neighbours: Nearest others among the standardised latents, where known already.

    Returns:
        Table ``id``, ``cluster`` (-1 noise), ``probability``, ``cmax``, ``scale_<size>`` ….
    """
    labels, probability = plane_memberships(
        plane, min_cluster_size=min_cluster_size, min_samples=min_samples
    )
    cmax = latent_clusters(latents, hdbscan_rows=cmax_rows, neighbours=neighbours)
    scaled = multi_scale_clusters(plane, scales=scales)
    return pd.DataFrame(
        {
            "id": pd.Series(ids, dtype="str"),
            "cluster": labels,
            "probability": probability,
            "cmax": cmax,
            **{f"scale_{size}": members for size, members in scaled.items()},
        }
    )


def profile_table(
    latents: npt.ArrayLike,
    labels: npt.NDArray[np.int64],
    scores: pd.DataFrame,
    measured: Sequence[str],
) -> pd.DataFrame:
    """Size, spread and mean scores of every cluster, the noise (-1) among them.

    Args:
        latents: (n, d) latent means.
        labels: n clusters on the plane.
        scores: n rows with a column a score.
        measured: Names of the scores, ``cls`` among them.

    Returns:
        Table ``cluster``, ``size``, ``mean_distance``, ``max_distance``, ``sd_distance`` (to the
        centroid, latent units), ``mean_<score>``, ``creative``: whether its mean CLS is the
        highest of all clusters; never so for the noise.
    """
    names = sorted(measured, key=lambda name: name != "cls")
    columns = {name: scores[name].to_numpy(dtype=np.float64) for name in names}
    # The profile leaves -1 out, so all labels move up by one.
    table = cluster_profile(latents, labels + 1, scores=columns)
    table["cluster"] -= 1
    best = creative_cluster(labels, columns["cls"])[0]
    table["creative"] = table["cluster"].to_numpy() == (-2 if best is None else best)
    return table


def sbs_table(clusters: pd.DataFrame) -> pd.DataFrame:
    """Stereotypical bias score of every partition.

    Args:
        clusters: From :func:`membership_table`.

    Returns:
        Table ``partition`` (plane, cmax, scale_<size>), ``share`` of all samples in the largest
        cluster, ``label`` of it (NA without clusters), ``n_clusters``, ``noise_share``. Samples
        that were not clustered (NA) do not count.
    """
    rows = []
    for column in [
        "cluster",
        "cmax",
        *[name for name in map(str, clusters.columns) if name.startswith("scale_")],
    ]:
        labels = clusters[column].dropna().to_numpy(dtype=np.int64)
        share, label = stereotypical_bias_score(labels)
        rows.append(
            {
                "partition": "plane" if column == "cluster" else column,
                "share": share,
                "label": pd.NA if label is None else label,
                "n_clusters": len(np.unique(labels[labels != -1])),
                "noise_share": float(np.mean(labels == -1)),
            }
        )
    return pd.DataFrame.from_records(rows).astype({"partition": "str", "label": "Int64"})


def rankings_table(scores: pd.DataFrame, lists: Mapping[str, Any]) -> pd.DataFrame:
    """The ranked lists of a run.

    Args:
        scores: One row a sample: ``id``, the scores and ``cluster``.
        lists: The section ``lists`` of a study's config, defaults filled in.

    Returns:
        Table ``list`` (creative, stereotypes, grey, generic), ``rank`` (from 0), ``index``,
        ``id``, ``uniqueness``, ``originality``, ``stability``, ``cls``, ``cluster``.
    """
    table = ranking_table(
        scores["uniqueness"],
        scores["originality"],
        scores["cls"],
        scores["cluster"],
        n_stereotypes=int(lists["stereotypes"]),
        n_frontier=int(lists["creative"]),
        n_grey=int(lists["grey"]),
        percentile=float(lists["generic_percentile"]),
    )
    parts = [table[table["list"] == name].assign(list=ours) for name, ours in _LISTS.items()]
    listed = pd.concat(parts, ignore_index=True)
    listed["rank"] -= 1
    columns = ["id", "uniqueness", "originality", "stability", "cls", "cluster"]
    chosen = scores[columns].iloc[listed["index"]].reset_index(drop=True)
    both = pd.concat([listed[["list", "rank", "index"]], chosen], axis=1)
    return both.astype({"list": "str", "rank": "int64", "index": "int64"})
