"""Checkpoints: all that an interrupted training needs to end with the same bytes."""

import io
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from latent_microscope.io.artefacts import remove_leftovers, save_bytes
from latent_microscope.step import checkpoint_path

log = logging.getLogger("latent_microscope")


class Checkpoint:
    """One undeclared file beside the artefact in the making.

    Its name holds a hash of the code, the settings, the inputs' content, the device and the number
    of threads, so that any other training starts anew.

    Args:
        output: The artefact in the making.
        inputs: Files whose content the training depends on.
        settings: JSON-like settings that it depends on, seeds included.
        device: Where it runs.
        seconds: Least time between two saves.
    """

    def __init__(
        self,
        output: Path,
        inputs: Sequence[Path],
        settings: Mapping[str, Any],
        *,
        device: torch.device,
        seconds: float = 60.0,
    ) -> None:
        key = {
            "settings": dict(settings),
            "device": device.type,
            "threads": torch.get_num_threads(),
        }
        self.path = checkpoint_path(output, inputs, key)
        self._output, self._seconds = output, seconds
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether the last save is long enough ago."""
        return time.monotonic() - self._last >= self._seconds

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the file, atomically."""
        buffer = io.BytesIO()
        torch.save(dict(state), buffer)
        remove_leftovers(self.path)
        save_bytes(self.path, buffer)
        self._last = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """The state of an interrupted run of exactly this training, or None."""
        if not self.path.is_file():
            return None
        try:
            return torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many kinds for a broken file
            log.warning("%s: unreadable (%s); starting anew", self.path, type(error).__name__)
            return None

    def remove(self) -> None:
        """Delete this and older checkpoints of the same artefact, once it is written."""
        folder = self.path.parent
        if not folder.is_dir():
            return
        for pattern in (f"{self._output.stem}-*.ckpt", f".tmp-*-{self._output.stem}-*.ckpt"):
            for path in folder.glob(pattern):
                path.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()
