from typing import Any

import numpy as np

from latent_microscope.custom.study import pictures, positions_of
from latent_microscope.io.artefacts import writing_npy
from latent_microscope.io.inputs import load_ids
from latent_microscope.progress import track
from latent_microscope.step import In, Out, run


def main(
    *,
    source: In,
    ids: In,
    samples: In,
    images: Out,
    settings: dict[str, Any],
    size: int = 64,
    folder: Any = None,
) -> None:
    """Pack the images of a custom study into one array.

    The shorter side is resized and the centre square cut; grey images become RGB.

    source: folder, .zip or file of images.
    images: .npy uint8 (n, size, size, 3), row i = row i of samples.
    settings: ids, id and column of the section data.images.
    size: side in pixels.
    folder: state of a folder of images; a change re-runs this step.
    """
    names = load_ids(samples)
    with pictures(source, settings) as found:
        order = positions_of(found.ids, found.count, names, ids, source)
        places = np.argsort(order, kind="stable")
        with writing_npy(images, (len(names), size, size, 3), np.uint8) as packed:
            read = found.rows(order[places], size)
            for place, image in zip(
                places, track(read, "images", len(names), "images"), strict=True
            ):
                packed[place] = image


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
