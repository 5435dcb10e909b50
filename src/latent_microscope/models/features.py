"""Features and logits of many images, in batches, written as they come: memory stays flat."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import writing_npy
from latent_microscope.models.pixels import image_batches, release_pages, to_unit
from latent_microscope.progress import progress

log = logging.getLogger("latent_microscope")

# Images in [0, 1] (n, 3, H, W) → features (n, f), and logits (n, classes) or None.
Extractor = Callable[[Tensor], tuple[Tensor, Tensor | None]]

_CACHED = 400_000  # pixels at once on a processor


def images_at_once(batch: int, network: nn.Module, height: int, device: torch.device) -> int:
    """Images in a batch: fewer of large ones on a processor, whose cache their maps overflow.

    One core of an AMD EPYC, EfficientNet-Lite at 224 pixels: 42 images a second by eights, 16 by
    250; PhilNet at 32 pixels and ResNet-50 at 64 are as fast by 250 as by 32.

    Args:
        batch: Images at the most.
        network: One that resizes its images says to what, as ``input_size``.
        height: Pixels of the images.
        device: Where the network is.
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
    """Write the features (and logits) of images, row i of the files = image i.

    Args:
        extractor: The network.
        images: uint8 (n, H, W, C), may be memory-mapped.
        features: .npy float32 (n, f) to write.
        logits: .npy float32 (n, classes) to write, or None.
        batch: Images at a time; halved when a GPU's memory runs out.
        device: Where the network is; the CPU by default.
        dtype: Autocast type, or None for float32.

    Raises:
        InputError: No images, a network without logits, or a result that is not finite.
    """
    if not len(images):
        raise InputError(f"{features}: there are no images to extract features of")
    where = device or torch.device("cpu")
    with ExitStack() as stack, torch.inference_mode():
        files: list[np.memmap] = []
        bar = stack.enter_context(progress("features", len(images), "images"))
        for rows, block in image_batches(images, batch):
            outputs = _extract(extractor, to_unit(block.to(where)), dtype)
            if logits is not None and len(outputs) < 2:
                raise InputError(f"{logits}: this network has no logits; leave that output out")
            for path, output in zip([features, logits], outputs, strict=False):
                if path is None:
                    continue
                if not bool(torch.isfinite(output).all()):
                    raise InputError(
                        f"{path}: values of the rows {rows.start} to {rows.stop - 1} are not "
                        "finite; check the weights"
                    )
            wanted = [o for p, o in zip([features, logits], outputs, strict=False) if p]
            if not files:
                paths = [p for p in (features, logits) if p is not None]
                for path, output in zip(paths, wanted, strict=True):
                    shape = (len(images), output.shape[1])
                    files.append(stack.enter_context(writing_npy(path, shape, np.float32)))
            for file, output in zip(files, wanted, strict=True):
                file[rows] = output.numpy()
                release_pages(file)
            bar.advance(rows.stop - rows.start)


def _extract(extractor: Extractor, unit: Tensor, dtype: torch.dtype | None) -> list[Tensor]:
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
    log.warning("features: out of GPU memory; going on with half of the batch (%d)", len(unit) // 2)
    halves = [_extract(extractor, half, dtype) for half in unit.chunk(2)]
    return [torch.cat(pair) for pair in zip(*halves, strict=True)]
