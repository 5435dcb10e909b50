"""The loop of both trainings: steps, epochs, checkpoints, what to do when memory runs out."""

import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from latent_microscope.errors import InputError
from latent_microscope.progress import progress
from latent_microscope.seeds import derive
from latent_microscope.training.checkpoint import Checkpoint
from latent_microscope.training.device import pick_precision, seed_layers
from latent_microscope.training.settings import Optimisation

log = logging.getLogger("latent_microscope")

# Tensors of a batch → quantities summed over its images; "loss" is what is minimised.
Loss = Callable[..., dict[str, Tensor]]


def make_optimizer(model: nn.Module, settings: Optimisation) -> torch.optim.Optimizer:
    """The optimizer over all parameters that want a gradient, fused."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "adam":
        return torch.optim.Adam(parameters, rate, weight_decay=decay, fused=True)
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(parameters, rate, weight_decay=decay, fused=True)
    return torch.optim.SGD(
        parameters, rate, momentum=0.9, nesterov=True, weight_decay=decay, fused=True
    )


@dataclass
class Loop:
    """State of one training, and how to go on with it.

    Args:
        model: Network, on ``device``.
        settings: What both trainings share.
        seed: Derived seed of this run.
        device: Where it runs.
        images: Images an epoch.
        label: Name for messages.
        checkpoint: Where to keep the state, or None.
        sum_over_batch: Minimise the sum over a batch, not its mean.
        average: Running average of the weights (updated after each step), or None.
        train_mode: Puts the model into training mode.
    """

    model: nn.Module
    settings: Optimisation
    seed: int
    device: torch.device
    images: int
    label: str
    checkpoint: Checkpoint | None = None
    sum_over_batch: bool = False
    average: torch.optim.swa_utils.AveragedModel | None = None
    train_mode: Callable[[], object] | None = None
    rows: list[dict[str, float]] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
    best: float = float("inf")
    parts: int = 1

    def __post_init__(self) -> None:
        """Make optimizer, schedule and generators, then take up an interrupted run."""
        self.optimizer = make_optimizer(self.model, self.settings)
        schedule = self.settings.scheduler
        self.plateau = (
            ReduceLROnPlateau(self.optimizer, patience=schedule.patience, factor=schedule.factor)
            if schedule.kind == "plateau"
            else None
        )
        self.generator = torch.Generator().manual_seed(derive(self.seed, "batches"))
        seed_layers(derive(self.seed, "layers"), self.device)
        self.dtype = pick_precision(self.settings.precision, self.device)
        self._resume()

    def run(
        self,
        batches: Callable[[], Iterable[tuple[Tensor, ...]]],
        loss: Callable[[int], Loss],
        after_epoch: Callable[[int, dict[str, float]], None],
    ) -> None:
        """Train the epochs that are left.

        Args:
            batches: Makes an epoch's batches from ``generator``; tensors by image.
            loss: The loss of an epoch.
            after_epoch: Called with the epoch and its row of means, which it may extend.

        Raises:
            InputError: The loss or a weight is no longer finite, or one image does not fit.
        """
        start, epochs = len(self.rows), self.settings.epochs
        with progress(f"training {self.label}", (epochs - start) * self.images, "images") as bar:
            for epoch in range(start, epochs):
                row = self._epoch(epoch, batches(), loss(epoch), bar.advance)
                if self.plateau is not None:
                    self.plateau.step(row["loss"])
                self.best = min(self.best, row["loss"])
                after_epoch(epoch, row)
                self.rows.append(row)
                last = epoch == epochs - 1
                if self.checkpoint is not None and (self.checkpoint.due() or last):
                    self.checkpoint.save(self._state())
        self._require_finite_weights()

    def _epoch(
        self,
        epoch: int,
        batches: Iterable[tuple[Tensor, ...]],
        loss: Loss,
        advance: Callable[..., None],
    ) -> dict[str, float]:
        (self.train_mode or self.model.train)()
        base = self.settings.learning_rate
        schedule, batch_size = self.settings.scheduler, self.settings.batch
        totals: dict[str, Tensor] = {}
        rates = seen = 0.0
        for step, batch in enumerate(batches):
            if schedule.kind == "cosine":
                time = epoch + step * batch_size / self.images
                self.optimizer.param_groups[0]["lr"] = base * schedule.share(
                    time, self.settings.epochs
                )
            sums = self.step(batch, loss)
            for name, value in sums.items():
                value = value.detach().double()
                totals[name] = totals[name] + value if name in totals else value
            count = len(batch[0])
            rates += self.optimizer.param_groups[0]["lr"] * count
            seen += count
            advance(count, f"epoch {epoch + 1}/{self.settings.epochs}")
        row = {name: float(total) / seen for name, total in totals.items()}
        if not all(math.isfinite(v) for v in row.values()):
            raise InputError(
                f"training {self.label}: the loss is not finite in epoch {epoch}; lower "
                "learning_rate, or set precision to float32"
            )
        return {"epoch": epoch, **row, "learning_rate": rates / seen}

    def step(self, batch: tuple[Tensor, ...], loss: Loss) -> dict[str, Tensor]:
        """One step of the optimizer; a batch that does not fit into memory is halved.

        The parts' gradients are summed, so that the step stays that of the whole batch (but for
        the statistics of batch norm, which are then those of a part).
        """
        while True:
            sums = self._attempt(batch, loss)
            if sums is not None:
                return sums
            size = -(-len(batch[0]) // self.parts)
            if size <= 1:
                raise InputError(
                    f"training {self.label}: out of memory with a single image; use smaller "
                    "images or a smaller network, or set device to cpu"
                )
            self.parts *= 2
            log.warning(
                "training %s: out of GPU memory; going on with half the batch (%d images)",
                self.label,
                -(-len(batch[0]) // self.parts),
            )

    def _attempt(self, batch: tuple[Tensor, ...], loss: Loss) -> dict[str, Tensor] | None:
        scale = 1.0 if self.sum_over_batch else 1.0 / len(batch[0])
        totals: dict[str, Tensor] = {}
        self.optimizer.zero_grad(set_to_none=True)
        try:
            for part in zip(*(t.chunk(self.parts) for t in batch), strict=True):
                with torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not None):
                    sums = loss(*part)
                (sums["loss"] * scale).backward()
                for name, value in sums.items():
                    totals[name] = totals[name] + value.detach() if name in totals else value
            self.optimizer.step()
        except torch.OutOfMemoryError:
            totals = {}
        if not totals:
            self.optimizer.zero_grad(set_to_none=True)
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            return None
        if self.average is not None:
            self.average.update_parameters(self.model)
        return totals

    def _require_finite_weights(self) -> None:
        for name, tensor in self.model.state_dict().items():
            if not bool(torch.isfinite(tensor).all()):
                raise InputError(
                    f"training {self.label}: the weight {name!r} is not finite; lower learning_rate"
                )

    def _state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict() if self.average is not None else None,
            "optimizer": self.optimizer.state_dict(),
            "plateau": self.plateau.state_dict() if self.plateau is not None else None,
            "generator": self.generator.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state() if self.device.type == "cuda" else None,
            "rows": self.rows,
            "kept": self.kept,
            "best": self.best,
            "parts": self.parts,
        }

    def _resume(self) -> None:
        state = self.checkpoint.load() if self.checkpoint is not None else None
        if state is None:
            return
        self.model.load_state_dict(state["model"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.plateau is not None:
            self.plateau.load_state_dict(state["plateau"])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["torch"])
        if state["cuda"] is not None:
            torch.cuda.set_rng_state(state["cuda"])
        self.rows, self.kept = state["rows"], state["kept"]
        self.best, self.parts = state["best"], state["parts"]
        log.info("training %s: going on after epoch %d", self.label, len(self.rows))
