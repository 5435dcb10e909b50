"""A synthetic alignment study for the tests of its steps."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from step_helpers import load  # type: ignore[import-not-found]

import compute_rdm
from latent_microscope.io.artefacts import save_npy, save_table

CLASSES = ["cat", "dog", "ship"]
N = 48


@dataclass
class Study:
    """Paths of a synthetic study, and its numbers in the order of the samples."""

    folder: Path
    labels: np.ndarray
    votes: np.ndarray
    logits: np.ndarray

    def __getitem__(self, name: str) -> Path:
        return self.folder / name

    @property
    def people(self) -> dict[str, Any]:
        return {"votes": self["votes.parquet"], "samples": self["samples.parquet"]}

    @property
    def shares(self) -> np.ndarray:
        return self.votes / self.votes.sum(axis=1, keepdims=True)

    def rdm(self, name: str, features: np.ndarray, ids: list[str] | None = None) -> Path:
        """An RDM made by the step."""
        save_npy(self[f"{name}.npy"], features)
        names = ids or load(self["samples.parquet"])["id"].tolist()
        save_table(self[f"{name}.parquet"], pd.DataFrame({"id": names}))
        path = self[f"rdms/{name}-features-seed0.npy"]
        compute_rdm.main(
            features=self[f"{name}.npy"],
            ids=self[f"{name}.parquet"],
            rdm=path,
            rdm_ids=path.with_suffix(".ids.parquet"),
        )
        return path


def made_study(folder: Path) -> Study:
    """A study of 48 images in three classes with 20 votes each, and the logits of a net."""
    rng = np.random.default_rng(0)
    labels = np.arange(N) % 3
    votes = np.zeros((N, 3), dtype=np.int64)
    for i, label in enumerate(labels):
        p = rng.dirichlet([0.3, 0.3, 0.3]) * 0.5 if i % 4 else np.zeros(3)
        p[label] += 1 - p.sum()
        votes[i] = rng.multinomial(20, p)
    ids = [f"test-{i:05d}" for i in range(N)]
    samples = pd.DataFrame({"id": ids, "label": labels})
    samples["label_name"] = np.array(CLASSES)[labels]
    logits = (2 * np.eye(3)[labels] + rng.normal(0, 1.2, (N, 3))).astype(np.float32)
    made = Study(folder, labels, votes, logits)
    save_table(made["samples.parquet"], samples)
    # Votes in another order: the join is by id.
    table = pd.DataFrame(votes, columns=CLASSES).assign(id=ids)
    save_table(made["votes.parquet"], table.iloc[rng.permutation(N)])
    save_npy(made["logits.npy"], logits)
    return made


def inputs_of(study: Study, **models: Path) -> dict[str, Any]:
    """Arguments of the comparison: people, the given RDMs and the label."""
    human = study.rdm("human", study.shares)
    label = study.rdm("label", np.eye(3)[study.labels])
    paths = {"human": human, **models, "label": label}
    files = [
        study[f"{path.name.removesuffix('-features-seed0.npy')}.npy"] for path in paths.values()
    ]
    return {
        "rdms": list(paths.values()),
        "rdm_ids": [path.with_suffix(".ids.parquet") for path in paths.values()],
        "features": files,
        "feature_ids": [path.with_suffix(".parquet") for path in files],
        "models": list(paths),
        "layers": ["features"] * len(paths),
        "seeds": [0] * len(paths),
        "transforms": ["none"] * len(paths),
        **study.people,
        "metric": "euclidean",
        "tau": True,
    }
