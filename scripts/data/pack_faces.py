import numpy as np
import pandas as pd

from latent_microscope.arguments import load
from latent_microscope.data.faces import read_celeba
from latent_microscope.io.artefacts import save_table, writing_npy
from latent_microscope.progress import track
from latent_microscope.step import In, Out, run


def main(
    *,
    archive: In,
    images: Out,
    samples: Out,
    attributes: Out,
    identities: In | None = None,
    attribute_file: In | None = None,
    size: int = 64,
    subset: int | None = None,
    reader: str | None = None,
) -> None:
    """Pack an archive of faces into one array, with attributes and identities joined by file name.

    The shorter side becomes `size`; the centre square is kept, in RGB.

    archive: .zip in Kaggle's layout of CelebA, or the extracted folder.
    images: .npy uint8 (n, size, size, 3).
    samples: .parquet, id (file name without ending), identity (-1 unknown).
    identities: .txt, image name and number of the person on each line.
    attribute_file: list_attr_celeba.csv, if it is not in the archive.
    size: side of the packed images, in pixels.
    subset: take the first so many images by name; all if not given.
    reader: module:function for another layout, called as read_celeba is.
    """
    read = load(reader) if reader else read_celeba
    more = {"attribute_file": attribute_file} if attribute_file else {}
    with read(archive, identities, size=size, subset=subset, **more) as faces:
        with writing_npy(images, (len(faces.ids), size, size, 3), np.uint8) as packed:
            for row, image in enumerate(track(faces.images, "faces", len(faces.ids), "images")):
                packed[row] = image
        save_table(samples, pd.DataFrame({"id": faces.ids, "identity": faces.people}))
        save_table(attributes, faces.attributes)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
