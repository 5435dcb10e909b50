"""What networks compute of many images, in batches, written as it comes: memory stays flat."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import writing_npy
from latent_microscope.io.pages import release
from latent_microscope.io.scratch import scratch_folder
from latent_microscope.messages import log
from latent_microscope.models.classifiers import build_classifier, weights_holder
from latent_microscope.models.pixels import image_batches, to_range, to_unit
from latent_microscope.models.stages import Stage
from latent_microscope.models.vaes import build_vae
from latent_microscope.models.weights import load_checked, load_weights
from latent_microscope.progress import progress

# Images in [0, 1] (n, 3, H, W) → features (n, f), and logits (n, classes) or None.
Extractor = Callable[[Tensor], tuple[Tensor, Tensor | None]]
INPUT = "pixels"
_CACHED = 400_000  # pixels at once on a CPU


def load_network(
    settings: Mapping[str, Any], image_shape: tuple[int, ...], weights: Path
) -> nn.Module:
    """A classifier or VAE with its weights, for images of (height, width, channels).

    ``settings`` hold ``kind`` (philnet, random, resnet50, efficientnet_lite, vae) and the keys of
    that network; vae: ``arch``, ``latent``, ``channels``.
    """
    state = load_weights(weights)
    if settings["kind"] == "vae":
        vae = build_vae(settings["arch"], settings, image_shape=image_shape)
        return load_checked(vae, state, weights)
    model = build_classifier(settings)
    load_checked(weights_holder(model), state, weights)
    return model


def build_extractor(
    settings: Mapping[str, Any], image_shape: tuple[int, ...], weights: Path | None
) -> tuple[Extractor, nn.Module]:
    """The function from images to features of a network, and the network.

    The function returns penultimate features and logits, or latent means; for the kind ``pixels``,
    which takes no weights, the pixels. The caller sets the network's device and mode.
    """
    kind = settings["kind"]
    if kind == "pixels":
        return lambda unit: (unit.permute(0, 2, 3, 1).flatten(1), None), nn.Identity()
    if weights is None:
        raise InputError(f"weights: the kind {kind!r} needs a weights file")
    model: Any = load_network(settings, image_shape, weights)
    if kind == "vae":
        input_range = settings.get("input_range", "unit")
        return lambda unit: (model.encode(to_range(unit, input_range))[0], None), model
    model = model.to(memory_format=torch.channels_last)

    def extract(unit: Tensor) -> tuple[Tensor, Tensor | None]:
        features = model.features(unit)
        if settings.get("flip"):  # the head is linear: this is the mean of the logits, too
            features = (features + model.features(unit.flip(3))) / 2.0
        return features, model.classify(features)

    return extract, model


def images_at_once(batch: int, network: nn.Module, height: int, device: torch.device) -> int:
    """Images in a batch of at most ``batch``: fewer large ones on a CPU, for its cache.

    One core of an AMD EPYC, EfficientNet-Lite at 224 pixels: 42 images a second by eights, 16 by
    250; PhilNet at 32 pixels and ResNet-50 at 64 are as fast by 250 as by 32. ``height`` is that of
    the images in pixels; a network that resizes them gives its ``input_size``.
    """
    side: Any = getattr(network, "input_size", height)
    return batch if device.type != "cpu" else min(batch, max(1, _CACHED // side**2))


def extract_features(
    extractor: Extractor,
    images: np.ndarray,
    features: Path,
    logits: Path | None = None,
    *,
    batch: int = 256,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Write the features (n, f) and logits (n, classes) of images (n, H, W, C), .npy float32.

    ``dtype`` is the autocast type, None for float32. A batch is halved when GPU memory runs out.
    """
    if not len(images):
        raise InputError(f"{features}: there are no images to extract features of")
    paths = [features] if logits is None else [features, logits]

    def compute(unit: Tensor) -> list[Tensor]:
        outputs = _in_halves(extractor, unit, dtype)
        if len(outputs) < len(paths):
            raise InputError(f"{logits}: this network has no logits; leave that output out")
        return outputs[: len(paths)]

    files = [(path, str(path)) for path in paths]
    _write_outputs(compute, images, files, "features", batch, device)


@contextmanager
def stage_features(
    chain: Sequence[Stage],
    images: np.ndarray,
    beside: Path,
    *,
    grid: int = 4,
    batch: int = 100,
    device: torch.device | None = None,
) -> Iterator[list[tuple[str, Path]]]:
    """Name and ``.npy`` (float32, one row per image) of each stage's output, deleted afterwards.

    Feature maps larger than ``grid`` × ``grid`` are averaged over that many equal fields, so that
    position counts and no early layer has a hundred times the numbers of a late one; smaller ones
    and vectors are taken as they are. The pixels come first, whole. The files are kept next to the
    step's output ``beside``; the stages must be on ``device`` and in evaluation mode.
    """

    def compute(unit: Tensor) -> list[Tensor]:
        outputs = [unit.flatten(1)]
        for _, function in chain:
            unit = function(unit)
            large = unit.dim() == 4 and max(unit.shape[-2:]) > grid
            outputs.append((adaptive_avg_pool2d(unit, grid) if large else unit).flatten(1))
        return [output.float().cpu() for output in outputs]

    with scratch_folder(beside) as folder:
        names = [INPUT, *(name for name, _ in chain)]
        paths = [folder / f"{i}.npy" for i in range(len(names))]
        files = list(zip(paths, names, strict=True))
        _write_outputs(compute, images, files, "layers", batch, device)
        yield list(zip(names, paths, strict=True))


@torch.inference_mode()
def _write_outputs(
    compute: Callable[[Tensor], list[Tensor]],
    images: np.ndarray,
    files: Sequence[tuple[Path, str]],
    label: str,
    batch: int,
    device: torch.device | None,
) -> None:
    """Write the outputs of ``compute``, each into its ``.npy``, named for messages."""
    arrays: list[np.memmap] = []
    with ExitStack() as stack, progress(label, len(images), "images") as bar:
        for rows, block in image_batches(images, batch):
            outputs = compute(to_unit(block.to(device or "cpu")))
            for (_, name), output in zip(files, outputs, strict=True):
                if not bool(torch.isfinite(output).all()):
                    raise InputError(
                        f"{name}: values of the images {rows.start} to {rows.stop - 1} are not "
                        "finite; check the network's weights"
                    )
            if not arrays:
                for (path, _), output in zip(files, outputs, strict=True):
                    shape = (len(images), output.shape[1])
                    arrays.append(stack.enter_context(writing_npy(path, shape, np.float32)))
            for array, output in zip(arrays, outputs, strict=True):
                array[rows] = output.numpy()
                release(array)
            bar.advance(rows.stop - rows.start)


def _in_halves(extractor: Extractor, unit: Tensor, dtype: torch.dtype | None) -> list[Tensor]:
    """Outputs of one batch on the CPU, in halves where memory runs out."""
    try:
        with torch.autocast(unit.device.type, dtype, enabled=dtype is not None):
            outputs = [o.float().cpu() for o in extractor(unit) if o is not None]
    except torch.OutOfMemoryError:
        if len(unit) == 1:
            raise
        outputs = []
    if outputs:
        return outputs
    log.warning("features: out of GPU memory; continuing with half the batch (%d)", len(unit) // 2)
    halves = [_in_halves(extractor, half, dtype) for half in unit.chunk(2)]
    return [torch.cat(pair) for pair in zip(*halves, strict=True)]
