"""Encode images with a trained VAE and decode what shows its latent space."""

from typing import Any

import numpy as np

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table, save_npy, save_table
from latent_microscope.models.base import load_checked
from latent_microscope.models.latents import (
    decode_grid,
    encode,
    interpolation_codes,
    reconstruction_pairs,
    traversal_codes,
    variation_codes,
)
from latent_microscope.models.vaes import build_vae
from latent_microscope.models.weights import load_weights
from latent_microscope.seeds import rng
from latent_microscope.step import In, Out, run
from latent_microscope.training.device import numeric_environment, pick_device


def main(
    *,
    images: In,
    samples: In,
    weights: In,
    latents: Out,
    logvar: Out,
    encoding: Out,
    dimensions: Out,
    reconstructions: Out,
    traversal: Out,
    interpolation: Out,
    variations: Out,
    settings: dict[str, Any],
    shown: int = 16,
    rows: int = 10,
    columns: int = 9,
    variation_noise: float = 0.5,
    batch: int = 250,
    seed: int = 0,
    run: int = 0,
    device: str = "auto",
) -> None:
    """Write latents, their per-image and per-dimension tables, and image grids.

    Args:
        images: .npy uint8 (n, H, W, 3).
        samples: .parquet, column id, row i = image i.
        weights: .pt state dict.
        latents: .npy float32 (n, d), posterior means.
        logvar: .npy float32 (n, d), posterior log variances.
        encoding: .parquet: id, reconstruction_error, kl (nats).
        dimensions: .parquet: dimension, kl (mean, nats), mean_variance, active.
        reconstructions: .npy uint8 (2, m, H, W, 3), originals and reconstructions.
        traversal: .npy uint8 (r, c, H, W, 3), dimensions of largest KL from −3 to 3 sd.
        interpolation: .npy uint8 (r, c, H, W, 3), strips between pairs of images.
        variations: .npy uint8 (r, c, H, W, 3), an image's code, then the code plus noise.
        settings: the network (arch, latent, dropout, channels), input_range, reconstruction.
        shown: m, images in reconstructions.
        rows: r of the grids.
        columns: c of the grids.
        variation_noise: standard deviation of the noise of variations, latent units.
        batch: images at a time.
        seed: root seed.
        run: number of the VAE's run.
        device: auto, cpu or cuda.
    """
    pixels = load_npy(images, mmap=True)
    ids = load_table(samples, ["id"])
    if len(ids) != len(pixels):
        raise InputError(
            f"{samples}: {len(ids)} rows for the {len(pixels)} images of {images}; both must come "
            "from the same step"
        )
    where = pick_device(device)
    shape = (pixels.shape[1], pixels.shape[2], pixels.shape[3])
    model = build_vae(settings["arch"], settings, image_shape=shape)
    load_checked(model, load_weights(weights), weights)
    model = model.to(where)
    with numeric_environment(where):
        table, by_dimension = encode(
            model,
            pixels,
            latents,
            logvar,
            batch=batch,
            device=where,
            input_range=settings.get("input_range", "unit"),
            reconstruction=settings.get("reconstruction", "mse"),
        )
        codes = load_npy(latents, mmap=True)
        first = np.array(pixels[:shown])
        save_npy(reconstructions, reconstruction_pairs(model, first, codes[:shown]))
        path = traversal_codes(codes, by_dimension, rows=rows, steps=columns)
        save_npy(traversal, decode_grid(model, path))
        random = rng(seed, "encode_latents", run)
        strips = interpolation_codes(codes, rows=rows, steps=columns, rng=random)
        save_npy(interpolation, decode_grid(model, strips))
        varied = variation_codes(
            codes, rows=rows, columns=columns, noise=variation_noise, rng=random
        )
        save_npy(variations, decode_grid(model, varied))
    table.insert(0, "id", ids["id"])
    save_table(encoding, table)
    save_table(dimensions, by_dimension)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
