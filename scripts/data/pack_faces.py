"""Pack an archive of faces into one array, with attributes and identities joined by file name."""

import numpy as np
import pandas as pd

from latent_microscope.io.artefacts import save_table, writing_npy
from latent_microscope.data.faces import (
    face_id,
    first_names,
    join_attributes,
    join_identities,
    open_faces,
    packed_faces,
    parse_attributes,
    parse_identities,
)
from latent_microscope.messages import naming
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
) -> None:
    """Pack faces: shorter side to `size`, centre square, RGB; one row an image everywhere.

    Args:
        archive: .zip in Kaggle's layout of CelebA, or the extracted folder.
        images: .npy uint8 (n, size, size, 3).
        samples: .parquet, id (file name without ending), identity (-1 unknown).
        attributes: .parquet, id and one 0/1 column an attribute.
        identities: .txt, image name and number of the person on each line.
        attribute_file: list_attr_celeba.csv, if it is not in the archive.
        size: side of the packed images, in pixels.
        subset: take the first so many images by name; all if not given.
    """
    with open_faces(archive) as faces, naming(attribute_file or archive):
        if attribute_file is None:
            name, content = faces.attribute_bytes()
        else:
            name, content = attribute_file.name, attribute_file.read_bytes()
        table = join_attributes(parse_attributes(name, content), faces.names, name)
        names = first_names(faces.names, subset)
        people = (
            join_identities(parse_identities(identities), names, str(identities))
            if identities is not None
            else np.full(len(names), -1, dtype=np.int64)
        )
        with writing_npy(images, (len(names), size, size, 3), np.uint8) as packed:
            faces_read = packed_faces(faces, names, size)
            for row, image in enumerate(track(faces_read, "faces", len(names), "images")):
                packed[row] = image
    save_table(samples, pd.DataFrame({"id": [face_id(n) for n in names], "identity": people}))
    save_table(attributes, table.head(len(names)))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
