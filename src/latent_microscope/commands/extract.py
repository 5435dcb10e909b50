"""Extract features of images without a workflow: one file that the other commands read."""

import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np

from latent_microscope.commands.networks import find_network, open_network
from latent_microscope.commands.results import Result, result_path
from latent_microscope.custom.images import open_pictures
from latent_microscope.custom.joining import Source, leading_ids
from latent_microscope.custom.looking import look
from latent_microscope.data.images import flat_pixels
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, save_npz, writing_npy
from latent_microscope.io.scratch import scratch_folder
from latent_microscope.progress import track
from latent_microscope.step import NUMERIC_THREADS, limit_threads

IDS = ("path", "name")
_SMALLEST, _LARGEST = 8, 512  # pixels of a side, as in the workflow


def extract(
    images: Path,
    model: str,
    output: Path | None = None,
    *,
    layer: str | None = None,
    weights: Path | None = None,
    ids: str = "path",
    size: int | None = None,
    device: str = "auto",
    batch: int = 250,
    threads: int = NUMERIC_THREADS,
    force: bool = False,
) -> Result:
    """Write features and ids of images as .npz; see ``latent-microscope extract -h``."""
    if ids not in IDS:
        raise InputError(f"--ids {ids}: unknown; choose {' or '.join(IDS)}")
    for option, value in (("batch", batch), ("threads", threads)):
        if value < 1:
            raise InputError(f"--{option} {value}: give 1 or more")
    if size is not None and not _SMALLEST <= size <= _LARGEST:
        raise InputError(f"--size {size}: give {_SMALLEST} to {_LARGEST} pixels")
    network = find_network(model, weights)
    default = f"{images.resolve().stem}-{network.name}.npz"
    path = result_path(output, default, (".npz",), force=force)
    side = size or network.side
    if not size and network.resizes:  # small images are not enlarged twice
        side = max(_SMALLEST, min(side, look(f"images={images}").facts["side"]))
    limit_threads(threads)
    run: Callable[[Path, Path, int], None] | None = None
    if network.weights is not None:
        run = open_network(network, side, layer=layer, device=device)
    elif layer is not None:
        raise InputError(f"--layer {layer}: pixels have no layers; remove the option")
    with open_pictures(images, ids=ids) as found, scratch_folder(path) as folder:
        if not found.count:
            raise InputError(f"{images}: contains no image")
        names = leading_ids([Source("images", str(images), found.count, found.ids)])
        packed, features = folder / "images.npy", folder / "features.npy"
        with writing_npy(packed, (found.count, side, side, 3), np.uint8) as array:
            try:
                read = found.rows(np.arange(found.count), side)
                for row, image in enumerate(track(read, "images", found.count, "images")):
                    array[row] = image
            except InputError as error:
                unusable = list(found.unusable())
                if len(unusable) < 2:
                    raise
                named = ", ".join(unusable)
                raise InputError(
                    f"{images}: {len(unusable)} images cannot be read; remove them: {named}"
                ) from error
        if run is None:
            values = flat_pixels(load_npy(packed, mmap=True))
        else:
            run(packed, features, batch)
            values = load_npy(features)
        save_npz(path, features=values, ids=names.astype(str))
    what = f"{network.name}{f', {layer}' if layer else ''}"
    lines = [
        f"{len(values)} images of {side} x {side} pixels, {values.shape[1]} features of {what}",
        *([] if found.ids is not None else ["note: the images have no ids; rows are numbered"]),
        f"features: {path}",
        f"next: {shlex.join(['latent-microscope', 'score', str(path)])}",
        f"or: {shlex.join(['latent-microscope', 'compare', str(path)])} --votes FILE",
    ]
    return Result(path, "\n".join(lines))
