"""Extract features of images without a workflow: one file that the other commands read."""

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from latent_microscope.commands.networks import (
    _PIXELS,
    Choice,
    find_network,
    open_network,
    own_side,
)
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
    reduce: str = "mean",
    weights: str | None = None,
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
    if reduce not in ("flatten", "mean", "cls", "max"):
        raise InputError(f"--reduce {reduce}: unknown; choose flatten, mean, cls or max")
    choice = find_network(model, weights)
    default = f"{images.resolve().stem}-{choice.name}.npz"
    path = result_path(output, default, (".npz",), force=force)
    limit_threads(threads)
    layers = layer.split(",") if layer else ["features"]
    for name in layers:
        if set(name) & set("*?"):
            raise InputError(f"--layer {name}: a glob; name the layers (--list prints them)")
        if name in ("ids", "file") and len(layers) > 1:
            raise InputError(f"--layer {name}: cannot be an array of several; extract it alone")
    if choice.settings["kind"] == "pixels":
        if layer is not None:
            raise InputError(f"--layer {layer}: pixels have no layers; remove the option")
        side, run = size or _PIXELS, None
    else:
        side, run = _prepared(images, choice, layers, reduce, size, device)
    with open_pictures(images, ids=ids) as found, scratch_folder(path) as folder:
        if not found.count:
            raise InputError(f"{images}: contains no image")
        names = leading_ids([Source("images", str(images), found.count, found.ids)])
        packed = folder / "images.npy"
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
            arrays = {"features": flat_pixels(load_npy(packed, mmap=True))}
        else:
            files = {name: folder / f"{i}.npy" for i, name in enumerate(layers)}
            run(packed, files, batch)
            single = len(layers) == 1
            arrays = {"features" if single else n: load_npy(p) for n, p in files.items()}
        save_npz(path, **arrays, ids=names.astype(str))
    what = f"{choice.name}{f', {layer}' if layer else ''}"
    widths = " + ".join(str(values.shape[1]) for values in arrays.values())
    lines = [
        f"{len(names)} images of {side} x {side} pixels, {widths} features of {what}",
        *([] if found.ids is not None else ["note: the images have no ids; rows are numbered"]),
        f"features: {path}",
    ]
    if len(arrays) == 1:
        lines += [
            f"next: {shlex.join(['latent-microscope', 'score', str(path)])}",
            f"or: {shlex.join(['latent-microscope', 'compare', str(path)])} --votes FILE",
        ]
    return Result(path, "\n".join(lines))


def _prepared(
    images: Path, choice: Choice, layers: list[str], reduce: str, size: int | None, device: str
) -> tuple[int, Callable[[Path, Mapping[str, Path], int], None]]:
    """Pixels of a side, and a function of images (.npy), a file for each layer, and the batch."""
    from latent_microscope.models.extraction import extract as extracted
    from latent_microscope.models.extraction import images_at_once
    from latent_microscope.models.layers import Reduction
    from latent_microscope.training.device import numeric_environment, pick_device

    where = pick_device(device)
    network = open_network(choice, size).to(where)
    largest = look(f"images={images}").facts["side"] if choice.side is None else 0
    side = size or own_side(network, choice, max(_SMALLEST, largest))

    def run(packed: Path, files: Mapping[str, Path], batch: int) -> None:
        with numeric_environment(where):
            extracted(
                network,
                load_npy(packed, mmap=True),
                {path: [name] for name, path in files.items()},
                reduce=Reduction(reduce),
                batch=images_at_once(batch, network, side, where),
                device=where,
            )

    return side, run
