"""Human votes beside the probabilities of models."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.explorer.columns import Column, packed
from latent_microscope.io.inputs import HumanVotes, load_votes, load_with_ids
from latent_microscope.similarity.behaviour import js_divergence_each, softmax, vote_entropy
from latent_microscope.similarity.votes import vote_shares

STEPS = 65535
"""A probability is kept to 1/65535."""


@dataclass(frozen=True)
class Opinions:
    """Human votes and the logits (n, classes) of each model."""

    human: HumanVotes
    logits: dict[str, npt.NDArray[np.float64]]

    def payload(self) -> dict[str, Any]:
        """As the page reads it."""
        return {
            "classes": self.human.classes,
            "labels": packed(self.human.labels),
            "counts": packed(self.human.counts),
            "models": [
                {"name": name, "probabilities": packed(np.rint(STEPS * shares).astype(np.int64))}
                for name, shares in ((n, softmax(rows)) for n, rows in self.logits.items())
            ],
        }

    def columns(self) -> list[Column]:
        """Disagreement among annotators, and of each model with them, as scores."""
        counts = self.human.counts
        shares = vote_shares(counts)
        right = shares[np.arange(len(counts)), self.human.labels]
        columns = [
            Column("human_entropy", "entropy of the votes (nats)", "score", vote_entropy(counts)),
            Column("human_accuracy", "votes for the label (share)", "score", right),
        ]
        for name, rows in self.logits.items():
            divergence = js_divergence_each(rows, shares)
            title = f"divergence of annotators and {name} (Jensen–Shannon, nats)"
            columns.append(Column(f"divergence: {name}", title, "score", divergence))
        return columns


def load_opinions(
    votes: Path,
    samples: Path,
    place: dict[str, int],
    names: Sequence[str],
    logits: Sequence[Path],
    logit_ids: Sequence[Path],
) -> Opinions:
    """Votes and logits (names, .npy and .parquet of ids per model) in the order of the samples."""
    human = load_votes(votes, samples)
    models = {}
    for name, path, ids_path in zip(names, logits, logit_ids, strict=True):
        rows, ids = load_with_ids(path, ids_path)
        if rows.shape[1] != len(human.classes):
            raise InputError(
                f"{path}: {rows.shape[1]} classes, and {votes} has {len(human.classes)}"
            )
        if set(ids) != set(place):
            alone = sorted(set(ids) ^ set(place))[0]
            raise InputError(f"{ids_path} and {samples}: the id {alone!r} is in only one of them")
        order = np.argsort([place[value] for value in ids], kind="stable")
        models[name] = np.asarray(rows, dtype=np.float64)[order]
    return Opinions(human, models)
