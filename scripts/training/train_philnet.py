from typing import Any

import torch

from latent_microscope.io.artefacts import load_npy, load_table, save_table
from latent_microscope.models.philnet import KEYS, build_philnet
from latent_microscope.models.pixels import to_unit
from latent_microscope.models.weights import save_weights
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, run
from latent_microscope.training.checkpoint import Checkpoint
from latent_microscope.training.classifier import ClassifierSettings, train_classifier
from latent_microscope.training.device import pick_device
from latent_microscope.training.loop import Run
from latent_microscope.training.settings import parse

STEM_IMAGES = 5_000
"""Images that a whitening stem is set from."""


def main(
    *,
    images: In,
    samples: In,
    test_images: In,
    test_samples: In,
    weights: Out,
    training: Out,
    settings: dict[str, Any],
    root_seed: int = 0,
    seed: int = 0,
    device: str = "auto",
    tensorboard: str | None = None,
    checkpoint_seconds: float = 60.0,
) -> None:
    """Train PhilNet on hard labels; an interrupted run continues, to the same bytes.

    test_images: .npy uint8, for monitoring only.
    test_samples: .parquet, column label.
    training: .parquet, one row per epoch: epoch, loss, accuracy, learning_rate, test_loss,
        test_accuracy, flop.
    settings: the network and its training, as in the config of a philnet model.
    """
    where = pick_device(device)
    stream = derive(root_seed, "train_philnet", seed)
    rest = {k: v for k, v in settings.items() if k not in KEYS}
    plan = parse(ClassifierSettings, rest, "settings of PhilNet")
    inputs = [images, samples, test_images, test_samples]
    key = {"settings": settings, "seed": root_seed, "run": seed}
    checkpoint = Checkpoint(weights, inputs, key, device=where, seconds=checkpoint_seconds)
    model, pixels = build_philnet(settings, seed=derive(stream, "weights")), load_npy(images)
    model.fit_stem(to_unit(torch.from_numpy(pixels[:STEM_IMAGES])))
    result = train_classifier(
        model,
        pixels,
        load_table(samples, ["label"])["label"].to_numpy(),
        plan,
        Run(stream, where, f"PhilNet, seed {seed}", checkpoint, tensorboard),
        monitor=(load_npy(test_images), load_table(test_samples, ["label"])["label"].to_numpy()),
    )
    save_table(training, result.log)
    save_weights(weights, result.state)
    checkpoint.remove()


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
