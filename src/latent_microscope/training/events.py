"""TensorBoard event files, for watching only: an undeclared folder, never read back."""

from pathlib import Path

import numpy as np


class Events:
    """Writes scalars and images of an epoch, or nothing without a folder.

    Args:
        folder: Where the event files go; None for none.
        start: First epoch that will be written; later ones of an interrupted run are hidden.
    """

    def __init__(self, folder: str | Path | None, start: int = 0) -> None:
        self._writer = None
        if folder:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder), purge_step=start)

    def scalars(self, epoch: int, values: dict[str, float]) -> None:
        """One point in each curve."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, epoch)
            self._writer.flush()

    def images(self, epoch: int, name: str, images: np.ndarray) -> None:
        """A grid of uint8 images (m, H, W, C)."""
        if self._writer is not None:
            self._writer.add_images(name, images, epoch, dataformats="NHWC")

    def close(self) -> None:
        """End the file."""
        if self._writer is not None:
            self._writer.close()
