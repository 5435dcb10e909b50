"""Early stopping: a checkpoint that keeps the weights of the best epoch, and the end result."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from latent_microscope.training.checkpoint import Checkpoint


class BestEpoch(Checkpoint):
    """A checkpoint that also keeps the weights of the best of some epochs.

    It is shown every epoch and writes its file as rarely as any checkpoint does.

    Args:
        arguments: Those of :class:`Checkpoint`.
        choose: Numbers of epochs to choose from.
        options: Keywords of :class:`Checkpoint`.
    """

    def __init__(self, *arguments: Any, choose: Sequence[int], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._choose = tuple(choose)
        self.best: dict[str, Any] = {}

    def due(self) -> bool:
        """Always: each epoch is looked at."""
        return True

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep the weights if they are the best; write the file if it is time."""
        row = state["rows"][-1]
        epochs = int(row["epoch"]) + 1
        better = not self.best or row["test_loss"] < self.best["loss"]
        if epochs in self._choose and better:
            self.best = {
                "epochs": epochs,
                "loss": float(row["test_loss"]),
                "weights": {k: v.detach().cpu().clone() for k, v in _final(state).items()},
            }
        if super().due() or epochs == self._choose[-1]:
            super().save({**state, "best_epoch": self.best})

    def load(self) -> dict[str, Any] | None:
        """The state of an interrupted run, and with it the best epoch so far."""
        state = super().load()
        if state is not None and "rows" in state:
            self.best = state.pop("best_epoch")
        return state

    def finish(self, result: dict[str, Any]) -> None:
        """Put the result of the finished training in place of its state."""
        super().save({"result": result})

    def finished(self) -> dict[str, Any] | None:
        """The result, if this training was finished."""
        return (super().load() or {}).get("result")


def _final(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights that count: those of the running average where there is one."""
    if state["average"] is None:
        return state["model"]
    head = "module."
    return {k.removeprefix(head): v for k, v in state["average"].items() if k.startswith(head)}
