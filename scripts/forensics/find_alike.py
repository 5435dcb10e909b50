"""List samples without images that have the same embedding, or nearly."""

import logging

from latent_microscope.custom.alike import alike
from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_with_ids
from latent_microscope.step import In, Out, run

log = logging.getLogger("latent_microscope")


def main(
    *,
    latents: In,
    encoding: In,
    duplicates: Out,
    candidates: int = 2_000,
    look_alikes: int = 24,
) -> None:
    """List the most similar pairs.

    Args:
        latents: .npy (n, d).
        encoding: .parquet with the column id, one row a latent.
        duplicates: .parquet: i, j, id_i, id_j, verdict (copy: equal in every number; look-alike),
            similarity (cosine) and distance; detail and pixel_difference want images.
        candidates: most similar pairs to look at.
        look_alikes: most look-alikes listed.
    """
    z, ids = load_with_ids(latents, encoding)
    table = alike(z, ids, candidates=candidates, look_alikes=look_alikes)
    copies = int((table["verdict"] == "copy").sum())
    log.info("%d pairs are equal; %d look-alikes", copies, len(table) - copies)
    save_table(duplicates, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
