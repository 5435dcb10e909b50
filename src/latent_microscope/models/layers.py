"""What each stage of a network makes of some images, in files: memory does not grow with depth."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import writing_npy
from latent_microscope.io.scratch import scratch_folder
from latent_microscope.models.pixels import image_batches, release_pages, to_unit
from latent_microscope.models.stages import Stage
from latent_microscope.progress import progress

INPUT = "pixels"


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
    """What each stage makes of the images, in files that are gone afterwards.

    Feature maps larger than ``grid`` × ``grid`` are averaged over that many equal fields, so that
    position counts and no early layer has a hundred times the numbers of a late one; smaller ones
    and vectors are taken as they are. The pixels come first, whole.

    Args:
        chain: Stages, on ``device`` and in evaluation mode.
        images: uint8 (n, H, W, C), may be memory-mapped.
        beside: Output of the step; next to it the files are kept meanwhile.
        grid: Fields in each direction.
        batch: Images at a time.
        device: Where the network is; the CPU by default.

    Yields:
        Name and ``.npy`` (float32, one row an image) of each stage.

    Raises:
        InputError: Values that are not finite.
    """
    where = device or torch.device("cpu")
    with scratch_folder(beside) as folder:
        names = [INPUT, *(name for name, _ in chain)]
        paths = [folder / f"{i}.npy" for i in range(len(names))]
        with ExitStack() as stack, torch.inference_mode():
            files: list[np.memmap] = []
            bar = stack.enter_context(progress("layers", len(images), "images"))
            for rows, block in image_batches(images, batch):
                outputs = _outputs(chain, to_unit(block.to(where)), grid)
                if not files:
                    files = [
                        stack.enter_context(
                            writing_npy(path, (len(images), output.shape[1]), np.float32)
                        )
                        for path, output in zip(paths, outputs, strict=True)
                    ]
                for name, file, output in zip(names, files, outputs, strict=True):
                    if not bool(torch.isfinite(output).all()):
                        raise InputError(
                            f"{name}: activations are not finite; check the network's weights"
                        )
                    file[rows] = output.cpu().numpy()
                    release_pages(file)
                bar.advance(rows.stop - rows.start)
        yield list(zip(names, paths, strict=True))


def _outputs(chain: Sequence[Stage], unit: Tensor, grid: int) -> list[Tensor]:
    """(n, numbers) of the images themselves and of each stage."""
    found = [unit.flatten(1)]
    for _, function in chain:
        unit = function(unit)
        pooled = unit
        if unit.dim() == 4 and max(unit.shape[-2:]) > grid:
            pooled = adaptive_avg_pool2d(unit, grid)
        found.append(pooled.flatten(1).float())
    return found
