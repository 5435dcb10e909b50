from latent_microscope.errors import InputError
from latent_microscope.forensics.near_duplicates import near_duplicates
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
    candidates: int = 2_000,
    near_matches: int = 24,
    detail: float = 0.8,
) -> None:
    """List near-duplicates, and different samples that the model places together.

    duplicates: i, j, id_i, id_j, verdict (copy, near-duplicate, near match), detail (correlation of
    fine structure at the best shift), detail_centre (without the edges), similarity (cosine) and
    distance of the latents, pixel_difference (root mean square, 0 to 1). Without images only equal
    latents are copies, and what needs images is NaN. detail: correlation that shows one photograph
    by itself.
    """
    z, ids = load_with_ids(latents, encoding)
    if samples and list(load_ids(samples)) != list(ids):
        raise InputError(f"{samples}: its ids are not those of {encoding}; make both again")
    pixels = load_npy(images, mmap=True) if images else None
    limits = {"candidates": candidates, "near_matches": near_matches}
    table = near_duplicates(z, pixels, ids, **limits, detail=detail)
    for verdict, count in table["verdict"].value_counts().sort_index().items():
        log.info("%d pairs: %s", count, verdict)
    save_table(duplicates, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
