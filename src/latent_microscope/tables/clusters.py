"""Tables of one VAE's clusters: memberships, SBS."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.forensics.bias import stereotypical_bias_score
from latent_microscope.forensics.clusters import (
    latent_clusters,
    multi_scale_clusters,
    plane_memberships,
)
from latent_microscope.neighbours.blocks import Neighbours


def membership_table(
    plane: npt.ArrayLike,
    latents: npt.NDArray,
    ids: npt.NDArray[np.object_],
    *,
    min_cluster_size: int,
    min_samples: int,
    scales: Sequence[int],
    neighbours: Neighbours | None = None,
) -> pd.DataFrame:
    """Cluster of every sample (-1: noise), on the UMAP, in latent space, at more scales."""
    labels, probability = plane_memberships(
        plane, min_cluster_size=min_cluster_size, min_samples=min_samples
    )
    cmax = latent_clusters(latents, neighbours=neighbours)
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
