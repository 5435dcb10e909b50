from typing import Any

import pandas as pd

from latent_microscope.io.artefacts import load_npy, load_table, save_npy, save_table
from latent_microscope.models.vaes import build_vae
from latent_microscope.models.weights import save_weights
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, run
from latent_microscope.training.checkpoint import Checkpoint
from latent_microscope.training.device import pick_device
from latent_microscope.training.loop import Run
from latent_microscope.training.settings import parse
from latent_microscope.training.splits import held_out_of
from latent_microscope.training.vae import VAESettings, is_blind, train_vae

NETWORK_KEYS = ("arch", "latent", "dropout", "channels")


def main(
    *,
    images: In,
    weights: Out,
    training: Out,
    samples: Out,
    sample_epochs: Out,
    settings: dict[str, Any],
    reconstructions: Out | None = None,
    images_of: In | None = None,
    root_seed: int = 0,
    seed: int = 0,
    device: str = "auto",
    tensorboard: str | None = None,
    checkpoint_seconds: float = 60.0,
) -> None:
    """Train a VAE; an interrupted run continues, to the same bytes.

    training: .parquet, one row per epoch: epoch, loss, reconstruction, kl, beta, learning_rate
        (means per image), restart (trainings discarded before this one).
    samples: .npy uint8 (k, m, H, W, 3), the same m draws from the prior at k epochs.
    sample_epochs: .parquet, the epoch of each k.
    settings: the network and its training, as in the config of a VAE; restarts: how often it may
        start again where the encoder gives different images the same latents; held_out: share of
        the images that it is not trained on, see images_of.
    images_of: samples.parquet of the images: people are held out as a whole.
    reconstructions: .npy uint8 (k + 1, m, H, W, 3), m images and their reconstructions.
    """
    where = pick_device(device)
    pixels = load_npy(images)
    stream = derive(root_seed, "train_vae", seed)
    rest = {k: v for k, v in settings.items() if k not in NETWORK_KEYS}
    restarts = int(rest.pop("restarts", 0))
    share = float(rest.pop("held_out", 0.0))
    if images_of and share:
        pixels = pixels[~held_out_of(load_table(images_of), share, root_seed)]
    plan = parse(VAESettings, rest, "settings of the VAE")
    arch = settings.get("arch", "")
    for restart in range(restarts + 1):
        attempt = derive(stream, "restart", restart) if restart else stream
        label = f"{arch} VAE, seed {seed}" + (f", restart {restart}" if restart else "")
        shape, initial = pixels.shape[1:], derive(attempt, "weights")
        model = build_vae(arch, settings, image_shape=shape, seed=initial)
        key = {"settings": settings, "seed": root_seed, "run": seed, "restart": restart}
        checkpoint = Checkpoint(
            weights,
            [images, *([images_of] if images_of else [])],
            key,
            device=where,
            seconds=checkpoint_seconds,
        )
        this_run = Run(attempt, where, label, checkpoint, tensorboard)
        result = train_vae(model, pixels, plan, this_run)
        if restart == restarts or not is_blind(model, pixels, plan.input_range, label):
            break
    save_table(training, result.log.assign(restart=restart))
    save_npy(samples, result.samples)
    save_table(sample_epochs, pd.DataFrame({"epoch": result.epochs}))
    if reconstructions is not None:
        save_npy(reconstructions, result.reconstructions)
    save_weights(weights, result.state)
    checkpoint.remove()


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
