from latent_microscope.errors import InputError
from latent_microscope.forensics.latent_scans import load_scan
from latent_microscope.forensics.near_duplicates import DIFFERENCE, near_duplicates
from latent_microscope.io.artefacts import load_npy, save_table
from latent_microscope.io.inputs import load_ids, load_with_ids
from latent_microscope.step import In, Out, log, run


def main(
    *,
    latents: In,
    encoding: In,
    duplicates: Out,
    images: In | None = None,
    samples: In | None = None,
    scan: list[In] | None = None,
    candidates: int = 2_000,
    near_matches: int = 24,
    difference: float = DIFFERENCE,
) -> None:
    """List near-duplicates, and different samples that the model places together.

    duplicates: i, j, id_i, id_j, verdict (copy, near-duplicate, near match; without images
    identical latents, near-identical latents, near match), relation (what was done to one image),
    proposed_by (hash, latents), hash_bits (that differ, of 128), difference (0 to 2) and colour
    (grey levels) of the aligned images, similarity (cosine) and distance of the latents,
    pixel_difference (root mean square as they are, 0 to 1), compared (pairs of images). What needs
    images is NaN without them. difference: most that images of one photograph differ.
    """
    z, ids = load_with_ids(latents, encoding)
    if samples and list(load_ids(samples)) != list(ids):
        raise InputError(f"{samples}: its ids are not those of {encoding}; make both again")
    pixels = load_npy(images, mmap=True) if images else None
    limits = {"candidates": candidates, "near_matches": near_matches}
    found = load_scan(scan, len(z))
    table = near_duplicates(z, pixels, ids, **limits, difference=difference, scan=found)
    for verdict, count in table["verdict"].value_counts().sort_index().items():
        log.info("%d pairs: %s", count, verdict)
    save_table(duplicates, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
