from typing import Any

import numpy as np

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_npy, save_table
from latent_microscope.io.inputs import load_images, load_votes
from latent_microscope.models.philnet import KEYS
from latent_microscope.models.weights import load_weights, save_weights
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, run
from latent_microscope.training.device import pick_device
from latent_microscope.training.folds import Stage, fine_tune_folds, fold_settings


def main(
    *,
    images: In,
    samples: In,
    votes: In,
    start: In,
    features: Out,
    feature_ids: Out,
    logits: Out,
    calibrated: Out,
    folds: Out,
    members: Out,
    provenance: Out,
    training: Out,
    weights: Out,
    settings: dict[str, Any],
    root_seed: int = 0,
    seed: int = 0,
    device: str = "auto",
    tensorboard: str | None = None,
    checkpoint_seconds: float = 60.0,
) -> None:
    """Fine-tune a PhilNet per fold of the labelled images; an interrupted run continues.

    start: .pt state dict of the network that every fold starts from.
    features: .npy float32 (n, width), penultimate, each image by its own fold's network.
    folds: .parquet: id, fold, temperature.
    provenance: .parquet, one row per fold: sizes, overlap, SHA-256 of ids, targets and weights,
        epochs, temperature.
    training: .parquet, one row per fold and epoch: losses in nats, flop.
    weights: .pt state dict, names led by fold0. and so on.
    settings: the network and its training, as in the config of a cross_validated model.
    """
    plan = fold_settings({k: v for k, v in settings.items() if k not in KEYS})
    human = load_votes(votes, samples)
    silent = np.flatnonzero(human.answers.sum(axis=1) == 0)
    if silent.size:
        raise InputError(
            f"{votes}: the image {human.ids[silent[0]]!r} has no votes; leave it out of the study "
            "or give its counts"
        )
    pixels = load_images(images, samples, len(human.ids), mmap=False)
    # Not by similarity.votes and .behaviour: an edit of a measure would cost this training.
    shares = human.answers / human.answers.sum(axis=1, keepdims=True)
    targets = shares if plan.targets == "votes" else np.eye(len(human.classes))[human.labels]
    stage = Stage(
        network=settings,
        weights=load_weights(start),
        weights_path=start,
        inputs=[images, samples, votes, start],
        output=features,
        seed=derive(root_seed, "train_folds", seed),
        device=pick_device(device),
        checkpoint_key={"settings": settings, "seed": root_seed, "run": seed},
        checkpoint_seconds=checkpoint_seconds,
        tensorboard=tensorboard,
        label=f"PhilNet on {plan.targets}, seed {seed}",
    )
    result = fine_tune_folds(pixels, human.ids, human.labels, targets, shares, plan, stage)
    save_npy(logits, result.logits)
    save_npy(calibrated, result.calibrated)
    save_table(feature_ids, result.images[["id"]])
    save_table(folds, result.images)
    save_table(members, result.members)
    save_table(provenance, result.provenance)
    save_table(training, result.training)
    save_weights(weights, result.weights)
    save_npy(features, result.features)
    stage.checkpoint(0, plan.choose).remove()


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
