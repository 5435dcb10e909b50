"""List near-duplicate images, and different images that the model places together."""

import logging

from latent_microscope.errors import InputError
from latent_microscope.forensics.near_duplicates import near_duplicates
from latent_microscope.io.artefacts import load_npy, save_table
from latent_microscope.io.inputs import load_ids, load_with_ids
from latent_microscope.step import In, Out, run

log = logging.getLogger("latent_microscope")


def main(
    *,
    latents: In,
    encoding: In,
    images: In,
    samples: In,
    duplicates: Out,
    candidates: int = 2_000,
    look_alikes: int = 24,
    detail: float = 0.8,
) -> None:
    """Compare the images of the most similar pairs.

    Args:
        latents: .npy (n, d) latent means.
        encoding: .parquet with the column id, one row a latent.
        images: .npy uint8 (n, H, W, 3), row i = row i of samples.
        samples: .parquet with id.
        duplicates: .parquet: i, j, id_i, id_j, verdict (copy, near-duplicate, look-alike), detail
            (correlation of fine structure at the best shift), detail_centre (without the edges),
            similarity (cosine) and distance of the latents, pixel_difference (root mean
            square, 0 to 1).
        candidates: most similar pairs to look at, by latents and by thumbnails each.
        look_alikes: most look-alikes listed.
        detail: detail correlation that shows one photograph by itself.
    """
    z, ids = load_with_ids(latents, encoding)
    if list(load_ids(samples)) != list(ids):
        raise InputError(f"{samples}: its ids are not those of {encoding}; make both again")
    table = near_duplicates(
        z,
        load_npy(images, mmap=True),
        ids,
        candidates=candidates,
        look_alikes=look_alikes,
        detail=detail,
    )
    for verdict, count in table["verdict"].value_counts().sort_index().items():
        log.info("%d pairs: %s", count, verdict)
    save_table(duplicates, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
