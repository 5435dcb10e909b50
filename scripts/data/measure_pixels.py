from typing import Any

import pandas as pd

from latent_microscope.custom.image_files import file_covariates
from latent_microscope.forensics.pixels import pixel_covariates
from latent_microscope.io.artefacts import load_table, save_table
from latent_microscope.io.inputs import load_ids, load_images
from latent_microscope.step import In, Out, log, run


def main(
    *,
    images: In,
    samples: In,
    pixels: Out,
    source: In | None = None,
    ids: In | None = None,
    settings: dict[str, Any] | None = None,
    folders: bool = True,
    folder: Any = None,
) -> None:
    """Measure light, colour, blur and background of the images, and size and folder of their files.

    images: .npy uint8 (n, H, W, C), row i = row i of samples.
    pixels: id and one column per covariate that is not the same in all images.
    source: folder, .zip or file of the images of a custom study.
    ids: table of all ids of a custom study.
    settings: ids, id and column of the section data.images.
    folders: whether the names of folders are kept.
    folder: state of a folder of images; a change re-runs this step.
    """
    names = load_ids(samples)
    table = pixel_covariates(load_images(images, samples, len(names)))
    if source and ids:
        known = load_table(samples)
        files = file_covariates(source, settings or {}, known, ids, folders=folders)
        table = pd.concat([table, files], axis=1)
    constant = [str(name) for name in table if table[name].nunique() < 2]
    if constant:
        log.info("the same in all images, left out: %s", ", ".join(constant))
    table.insert(0, "id", pd.Series(names, dtype="str"))
    save_table(pixels, table.drop(columns=constant))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
