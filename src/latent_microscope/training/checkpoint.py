"""Checkpoints: all that an interrupted training needs to end with the same bytes."""

import io
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from latent_microscope.io.artefacts import remove_leftovers, save_bytes
from latent_microscope.messages import log
from latent_microscope.step import checkpoint_path
from latent_microscope.training.device import device_facts


class Checkpoint:
    """One undeclared file beside the artefact in the making.

    Its name holds a hash of the code, the settings (seeds included), the inputs' content and
    :func:`.device.device_facts`: any other training starts from scratch. It is replaced at most
    every ``seconds``.
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
        precision = str(settings.get("settings", {}).get("precision", "float32"))
        key = {"settings": dict(settings), **device_facts(device, precision)}
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
            log.warning(
                "%s: unreadable (%s); starting from scratch", self.path, type(error).__name__
            )
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


class BestEpoch(Checkpoint):
    """A checkpoint that also keeps the weights of the best of the epochs ``choose``.

    It sees every epoch and writes its file no more often than any checkpoint.
    """

    def __init__(self, *arguments: Any, choose: Sequence[int], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._choose = tuple(choose)
        self.best: dict[str, Any] = {}

    def due(self) -> bool:
        """Always: each epoch is compared with the best."""
        return True

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep the weights if they are the best; write the file if it is time."""
        row = state["rows"][-1]
        epochs = int(row["epoch"]) + 1
        better = not self.best or row["test_loss"] < self.best["loss"]
        if epochs in self._choose and better:
            weights = {k: v.detach().cpu().clone() for k, v in state["model"].items()}
            self.best = {"epochs": epochs, "loss": float(row["test_loss"]), "weights": weights}
        if super().due() or epochs == self._choose[-1]:
            super().save({**state, "best_epoch": self.best})

    def load(self) -> dict[str, Any] | None:
        """The state of an interrupted run; sets the best epoch so far."""
        state = super().load()
        if state is not None and "rows" in state:
            self.best = state.pop("best_epoch")
        return state

    def finish(self, result: dict[str, Any]) -> None:
        """Replace the state by the result of the finished training."""
        super().save({"result": result})

    def finished(self) -> dict[str, Any] | None:
        """The result, if this training was finished."""
        return (super().load() or {}).get("result")
