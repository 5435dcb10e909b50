import numpy as np

from latent_microscope.arguments import load
from latent_microscope.data.cifar import (
    CIFAR10_CLASSES,
    CIFAR10_MD5,
    first_rows,
    open_split,
    sample_table,
    stack_images,
)
from latent_microscope.io.artefacts import save_table, writing_npy
from latent_microscope.messages import naming
from latent_microscope.progress import track
from latent_microscope.step import In, Out, run


def main(
    *,
    sources: list[In],
    images: Out,
    samples: Out,
    split: str,
    subset: int | None = None,
    size: int = 32,
    archive_md5: str | None = CIFAR10_MD5,
    reader: str | None = None,
) -> None:
    """Pack one split of CIFAR-10, or of a data set of its layout, into one array with labels.

    Ids name rows of the whole file, also in a subset.

    sources: .parquet files of the split in order, or the official .tar.gz.
    images: .npy uint8 (n, size, size, 3).
    samples: .parquet, id (test-02405), label, label_name.
    split: train or test.
    subset: how many images, the first; all if not given.
    size: side of the images, in pixels; others are refused, not resized.
    archive_md5: checksum of the .tar.gz.
    reader: module:function for another layout: takes sources and split, returns a
        latent_microscope.data.cifar.Split.
    """
    if reader:
        source = load(reader)(sources, split)
    else:
        source = open_split(sources, split, archive_md5=archive_md5)
    names = source.classes or CIFAR10_CLASSES
    with naming(", ".join(map(str, sources))):
        rows = first_rows(source.labels, subset)
        table = sample_table(split, rows, source.labels, names)
        with writing_npy(images, (len(rows), size, size, 3), np.uint8) as packed:
            read = source.images(rows, max_pixels=4 * size * size)
            read = track(read, f"{split} images", len(rows), "images")
            stack_images(read, packed, table["id"].tolist())
    save_table(samples, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
