import numpy as np

from latent_microscope.data.images import flat_pixels
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table, save_table, writing_npy
from latent_microscope.step import In, Out, run

_BATCH = 1024


def main(*, images: In, samples: In, features: Out, ids: Out) -> None:
    """Take the pixels of images as features.

    features: .npy float32 (n, H·W·3), values in [0, 1].
    """
    pixels = load_npy(images, mmap=True)
    table = load_table(samples, ["id"]).astype({"id": "str"})
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or len(pixels) != len(table):
        raise InputError(
            f"{images}: {pixels.dtype} of shape {pixels.shape}; expected uint8 of shape "
            f"({len(table)}, height, width, channels) for the ids of {samples}"
        )
    n = len(pixels)
    with writing_npy(features, (n, pixels[0].size), np.float32) as out:
        for start in range(0, n, _BATCH):
            out[start : start + _BATCH] = flat_pixels(pixels[start : start + _BATCH])
    save_table(ids, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
