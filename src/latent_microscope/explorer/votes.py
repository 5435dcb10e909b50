"""Human votes beside the probabilities of models."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latent_microscope.errors import InputError
from latent_microscope.explorer.columns import Column, packed
from latent_microscope.explorer.maps import load_in_order
from latent_microscope.io.inputs import load_votes
from latent_microscope.similarity.behaviour import js_divergence_each, vote_entropy
from latent_microscope.similarity.temperature import softmax
from latent_microscope.similarity.votes import vote_shares

STEPS = 65535
"""A probability is kept to 1/65535."""


def load_opinions(
    votes: Path,
    samples: Path,
    place: dict[str, int],
    names: Sequence[str],
    logits: Sequence[Path],
    logit_ids: Sequence[Path],
) -> tuple[dict[str, Any], list[Column]]:
    """Votes and probabilities as the page reads them, and disagreement as scores.

    Votes are counts, or float32 of soft labels.

    ``names``, ``logits`` (.npy) and ``logit_ids`` (.parquet of ids) have one entry per model. All
    rows are in the order of the samples.
    """
    human = load_votes(votes, samples)
    shares = vote_shares(human.answers)
    right = shares[np.arange(len(shares)), human.labels]
    entropy = vote_entropy(human.answers)
    columns = [
        Column("human_entropy", "entropy of the votes (nats)", "score", entropy),
        Column("human_accuracy", "votes for the label (share)", "score", right),
    ]
    models = []
    for name, path, ids_path in zip(names, logits, logit_ids, strict=True):
        rows, order, _ = load_in_order(path, ids_path, place, samples)
        if rows.shape[1] != len(human.classes):
            raise InputError(
                f"{path}: {rows.shape[1]} classes, and {votes} has {len(human.classes)}"
            )
        rows = np.asarray(rows, dtype=np.float64)[order]
        steps = np.rint(STEPS * softmax(rows)).astype(np.int64)
        models.append({"name": name, "probabilities": packed(steps)})
        title = f"divergence of annotators and {name} (Jensen–Shannon, nats)"
        divergence = js_divergence_each(rows, shares)
        columns.append(Column(f"divergence: {name}", title, "score", divergence))
    payload = {
        "classes": human.classes,
        "labels": packed(human.labels),
        "counts": packed(human.answers),
        "models": models,
    }
    return payload, columns
