"""Tables of one VAE's clusters: memberships, profile, SBS, ranked lists."""

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

_LISTS = {  # name in ``ranking_table`` → in our tables, in their order
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
    """Cluster of every sample (-1: noise), on the UMAP ``plane``, in latent space, at more scales.

    HDBSCAN in latent space takes time that grows with n²: beyond ``cmax_rows`` samples its tree
    is grown from the graph of nearest neighbours among the standardised latents.
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
    """Size, spread (to the centroid) and mean scores of every cluster, the noise (-1) among them.

    ``creative``: whether its mean CLS is the highest of all clusters; never so for the noise.
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
    """Stereotypical bias score of every partition of :func:`membership_table`.

    That is the share of all samples in the largest cluster, whose ``label`` is NA without clusters.
    Samples that were not clustered (NA) do not count.
    """
    scales = [name for name in map(str, clusters.columns) if name.startswith("scale_")]
    rows = []
    for column in ["cluster", "cmax", *scales]:
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
    """The ranked lists of a VAE (ranks from 0), by the section ``lists`` of a study's config."""
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
