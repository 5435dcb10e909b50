from typing import Any

import numpy as np

from latent_microscope.io.artefacts import load_npy, load_table, save_npy, save_table
from latent_microscope.io.inputs import load_images
from latent_microscope.models.latents import (
    decode_grid,
    encode,
    interpolation_codes,
    traversal_codes,
    variation_codes,
)
from latent_microscope.models.vaes import build_vae
from latent_microscope.models.weights import load_checked, load_weights
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
    root_seed: int = 0,
    seed: int = 0,
    device: str = "auto",
) -> None:
    """Encode images with a trained VAE and decode grids that show its latent space.

    reconstructions: .npy uint8 (2, m, H, W, 3), originals and reconstructions.
    traversal: .npy uint8 (r, c, H, W, 3), dimensions of largest KL from −3 to 3 sd.
    interpolation: .npy uint8 (r, c, H, W, 3), strips between pairs of images.
    variations: .npy uint8 (r, c, H, W, 3), an image's code, then the code plus noise.
    settings: the network (arch, latent, dropout, channels), input_range, reconstruction.
    shown: m, images in reconstructions.
    rows: r of the grids.
    columns: c of the grids.
    variation_noise: standard deviation of the noise of variations, latent units.
    """
    table = load_table(samples, ["id"])
    pixels = load_images(images, samples, len(table))
    where = pick_device(device)
    model = build_vae(settings["arch"], settings, image_shape=pixels.shape[1:])
    model = load_checked(model, load_weights(weights), weights).to(where)
    options = {key: settings[key] for key in ("input_range", "reconstruction") if key in settings}
    size, random = {"rows": rows, "columns": columns}, rng(root_seed, "encode_latents", seed)
    strips = {"rows": rows, "steps": columns}
    with numeric_environment(where):
        by_image, by_dimension = encode(model, pixels, latents, logvar, batch=batch, **options)
        codes = load_npy(latents, mmap=True)
        decoded = decode_grid(model, codes[None, :shown])[0]
        save_npy(reconstructions, np.stack([np.array(pixels[:shown]), decoded]))
        for path, grid in (
            (traversal, traversal_codes(codes, by_dimension, **strips)),
            (interpolation, interpolation_codes(codes, rng=random, **strips)),
            (variations, variation_codes(codes, noise=variation_noise, rng=random, **size)),
        ):
            save_npy(path, decode_grid(model, grid))
    by_image.insert(0, "id", table["id"])
    save_table(encoding, by_image)
    save_table(dimensions, by_dimension)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
