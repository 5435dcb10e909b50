"""A small synthetic run with latents, scores and clusters, for tests of the scoring steps."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import cluster_samples
import compute_sources
import score_samples
from latent_microscope.io.artefacts import save_npy, save_table

N, D = 90, 6
SETTINGS: dict[str, Any] = {
    "variant": "script",
    "alpha": 0.3,
    "k": 7,
    "radius": 0.01,
    "attractors": 5,
    "similarity": 0.6,
    "max_neighbors": 7,
    "stability_noise": 0.05,
    "stability_draws": 4,
    "signature_low": 0.01,
    "signature_high": 0.5,
    "overlap_threshold": 0.8,
    "overlap_pairs": 20,
    "pairs": "exact",
    "sampled_rows": 50,
}
SCORE_COLUMNS = [
    "id",
    "uniqueness",
    "uniqueness_script",
    "uniqueness_notebook",
    "originality",
    "originality_script",
    "originality_notebook",
    "stability",
    "knn_density",
    "attractor_density",
    "attractor_density_adaptive",
    "neighbors",
    "norm",
    "cls",
    "detector_score",
    "detected",
    "copies",
]


@dataclass
class Run:
    """Paths of one synthetic run."""

    folder: Path

    def __getitem__(self, name: str) -> Path:
        return self.folder / name


def latents(seed: int = 0) -> np.ndarray:
    """Three clouds of 30 and a few duplicates."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 3, (3, D))
    z = centres[np.arange(N) % 3] + rng.laplace(0, 0.4, (N, D))
    z[5] = z[2]
    return z.astype(np.float32)


def made_run(folder: Path) -> Run:
    """Latents, ids, sources, scores, clusters on a synthetic plane, attributes, identities."""
    made = Run(folder)
    rng = np.random.default_rng(1)
    ids = [f"{i:06d}" for i in range(N)]
    save_npy(made["latents.npy"], latents())
    save_table(made["encoding.parquet"], pd.DataFrame({"id": ids, "kl": rng.random(N)}))
    plane = np.stack([np.arange(N) % 3 * 20.0, np.zeros(N)], axis=1) + rng.normal(0, 1, (N, 2))
    save_npy(made["umap.npy"], plane.astype(np.float32))
    authentic = np.arange(N) < N // 2
    save_table(
        made["samples.parquet"],
        pd.DataFrame({"id": ids, "authentic": authentic, "identity": np.arange(N) % 25 - 1}),
    )
    attributes = pd.DataFrame({"id": ids, "Bald": np.zeros(N, np.uint8)})
    attributes["Smiling"] = (rng.random(N) < 0.2 + 0.6 * (np.arange(N) % 3 == 0)).astype(np.uint8)
    attributes["Young"] = (rng.random(N) < 0.5).astype(np.uint8)
    # In another order: the join is by id.
    save_table(made["attributes.parquet"], attributes.iloc[::-1])
    compute_sources.main(
        latents=made["latents.npy"],
        sources=made["sources.npy"],
        restarts=made["sources.parquet"],
        unmixings=made["unmixings.npy"],
        n_restarts=2,
        root_seed=3,
    )
    score_samples.main(
        **scoring(made),
        scores=made["scores.parquet"],
        summary=made["summary.parquet"],
        settings=SETTINGS,
        root_seed=3,
    )
    cluster_samples.main(
        umap=made["umap.npy"],
        latents=made["latents.npy"],
        encoding=made["encoding.parquet"],
        clusters=made["clusters.parquet"],
        min_cluster_size=10,
        min_samples=3,
        scales=[5, 20],
    )
    return made


def scoring(run: Run) -> dict[str, Any]:
    return {
        "latents": run["latents.npy"],
        "sources": run["sources.npy"],
        "encoding": run["encoding.parquet"],
        "restarts": run["sources.parquet"],
    }
