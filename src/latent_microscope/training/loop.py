"""The loop of both trainings: steps, epochs, checkpoints, what to do when memory runs out."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from latent_microscope.errors import InputError
from latent_microscope.messages import log
from latent_microscope.progress import progress
from latent_microscope.seeds import derive
from latent_microscope.training.checkpoint import Checkpoint
from latent_microscope.training.device import memory_format, pick_precision
from latent_microscope.training.muon import Muon
from latent_microscope.training.settings import Optimisation

_LOOKAHEAD = 5  # steps


@dataclass(frozen=True)
class Run:
    """One run of a training."""

    seed: int  # derived; of the order, noise, augmentation and dropout
    device: torch.device
    label: str = "network"  # in messages
    checkpoint: Checkpoint | None = None  # a later run with the same one continues
    tensorboard: str | None = None  # folder for event files


def make_optimizer(
    model: nn.Module, settings: Optimisation, dtype: torch.dtype | None = None
) -> torch.optim.Optimizer:
    """The fused optimizer of all parameters that require a gradient.

    ``dtype``: of the products of Muon, None: float32.
    """
    rate, decay, times = settings.learning_rate, settings.weight_decay, settings.bias_rate
    free = [p for p in model.parameters() if p.requires_grad]
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    faster = {m.bias for m in norms if m.bias.requires_grad} if times != 1.0 else set()
    turned = {p for p in free if p.ndim == 4} if settings.optimizer == "muon" else set()
    # What an epoch's learning rate is multiplied by stands in the group; the decay of a step is
    # that of the others (sgd, adamw).
    others = [p for p in free if p not in faster | turned]
    groups: list[dict[str, Any]] = [{"params": others, "times": 1.0, "filters": False}]
    if faster:
        biases = [p for p in free if p in faster]
        group = {"params": biases, "times": times, "weight_decay": decay / times}
        groups.append({**group, "lr": rate * times, "filters": False})
    if turned:
        filters = [p for p in free if p in turned]
        own = {"lr": settings.filter_rate, "momentum": settings.filter_momentum}
        times = settings.filter_rate / rate
        groups.append({"params": filters, "times": times, "filters": True, **own})
    options: dict[str, Any] = {"lr": rate, "weight_decay": decay, "fused": True}
    if settings.optimizer == "muon":
        return Muon(groups, dtype, momentum=settings.momentum, **options)
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=settings.momentum, nesterov=True, **options)
    kind = torch.optim.Adam if settings.optimizer == "adam" else torch.optim.AdamW
    return kind(groups, **options)


class Lookahead:
    """Weights that follow the trained ones every few steps, and from which these then go on.

    The part of the old value that is kept rises with the cube of the time, from 0 to ``decay``.

    Source: Zhang et al. 2019, "Lookahead optimizer: k steps forward, 1 step back".
    """

    def __init__(self, model: nn.Module, decay: float, steps: int) -> None:
        self._tensors = [t for t in model.state_dict().values() if t.is_floating_point()]
        self._slow = [t.clone() for t in self._tensors]
        self._decay, self._steps, self._seen = decay, steps, 0

    @torch.no_grad()
    def step(self) -> None:
        """To be called after each of ``steps`` steps of the optimizer."""
        self._seen += 1
        if self._seen % _LOOKAHEAD and self._seen != self._steps:
            return
        kept = self._decay * (self._seen / self._steps) ** 3
        for slow, fast in zip(self._slow, self._tensors, strict=True):
            slow.lerp_(fast, 1.0 - kept)
            fast.copy_(slow)

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"slow": self._slow, "seen": self._seen}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._seen = int(state["seen"])
        for slow, saved in zip(self._slow, state["slow"], strict=True):
            slow.copy_(saved)


def shuffled(n: int, batch: int, generator: torch.Generator) -> Iterable[Tensor]:
    """Row numbers of the batches of one epoch; the last batch may be smaller."""
    return torch.randperm(n, generator=generator).split(batch)


class Loop:
    """One training; subclasses define the batches, the loss and what follows an epoch.

    Making one moves the network and the uint8 images (n, H, W, C) to the device and resumes an
    interrupted run. ``lookahead`` is the decay of :class:`Lookahead` (0: none); with
    ``sum_over_batch`` the sum over a batch is minimised, not its mean.
    """

    model: nn.Module
    settings: Optimisation

    def __init__(
        self,
        model: nn.Module,
        images: np.ndarray,
        settings: Optimisation,
        run: Run,
        *,
        lookahead: float = 0.0,
        sum_over_batch: bool = False,
    ) -> None:
        self.settings, self.run, self._sum = settings, run, sum_over_batch
        self.layout = memory_format(settings.memory_format)
        self.data = torch.from_numpy(np.ascontiguousarray(images)).to(run.device)
        self.model = model.to(run.device).to(memory_format=self.layout)
        self.lookahead = None
        if lookahead:
            steps = settings.epochs * -(-len(images) // settings.batch)
            self.lookahead = Lookahead(self.model, lookahead, steps)
        self.dtype = pick_precision(settings.precision, run.device)
        self.optimizer = make_optimizer(self.model, settings, self.dtype)
        self.plateau, schedule = None, settings.scheduler
        if schedule.kind == "plateau":
            options: dict[str, Any] = {"patience": schedule.patience, "factor": schedule.factor}
            self.plateau = ReduceLROnPlateau(self.optimizer, **options)
        self.generator = torch.Generator().manual_seed(derive(run.seed, "batches"))
        layers = derive(run.seed, "layers")  # dropout draws from torch's global generators
        torch.default_generator.manual_seed(layers)
        if run.device.type == "cuda":
            torch.cuda.manual_seed(layers)
        self.rows: list[dict[str, float]] = []
        self.kept: dict[str, Any] = {}
        self.parts = 1  # of a batch that does not fit into memory
        self._resume()
        self.writer: Any = None  # of event files, for watching only
        if run.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            # Epochs that an interrupted run has written, and that are trained again, are hidden.
            self.writer = SummaryWriter(run.tensorboard, purge_step=len(self.rows))

    def batches(self) -> Iterable[tuple[Tensor, ...]]:
        """The batches of an epoch, drawn from ``generator``; one tensor row per image."""
        raise NotImplementedError

    def loss(self, epoch: int, *batch: Tensor) -> dict[str, Tensor]:
        """Quantities summed over the images of a batch; ``loss`` is minimised."""
        raise NotImplementedError

    def after_epoch(self, epoch: int, row: dict[str, float]) -> None:
        """Extend the epoch's row of means per image."""

    def set_train_mode(self) -> None:
        """Put the network into training mode."""
        self.model.train()

    def train(self) -> None:
        """Train the remaining epochs."""
        start, epochs = len(self.rows), self.settings.epochs
        images = (epochs - start) * len(self.data)
        with progress(f"training {self.run.label}", images, "images") as bar:
            for epoch in range(start, epochs):
                row = self._epoch(epoch, bar.advance)
                if self.plateau is not None:
                    self.plateau.step(row["loss"])
                self.after_epoch(epoch, row)
                self.rows.append(row)
                checkpoint, last = self.run.checkpoint, epoch == epochs - 1
                if checkpoint is not None and (checkpoint.due() or last):
                    checkpoint.save(self._state())
        if self.writer is not None:
            self.writer.close()
        for name, tensor in self.model.state_dict().items():
            if not bool(torch.isfinite(tensor).all()):
                raise InputError(
                    f"training {self.run.label}: the weight {name!r} is not finite; lower "
                    "learning_rate"
                )

    def write_scalars(self, row: Mapping[str, float], prefix: str = "") -> None:
        """One point in the TensorBoard curve of each number of an epoch's row; NaN is left out."""
        if self.writer is not None:
            for name, value in row.items():
                if name != "epoch" and not math.isnan(value):
                    self.writer.add_scalar(prefix + name, value, int(row["epoch"]))
            self.writer.flush()

    def log_table(self, columns: list[str]) -> pd.DataFrame:
        """One row per epoch."""
        return pd.DataFrame(self.rows)[["epoch", *columns]].astype({"epoch": "int64"})

    def _epoch(self, epoch: int, advance: Callable[..., None]) -> dict[str, float]:
        """One epoch: means per image of the loss's quantities and of the learning rate."""
        self.set_train_mode()
        settings, groups = self.settings, self.optimizer.param_groups
        totals: dict[str, Tensor] = {}
        rates = seen = 0.0
        for step, batch in enumerate(self.batches()):
            if settings.scheduler.by_step:
                time = epoch + step * settings.batch / len(self.data)
                share = settings.scheduler.share(time, settings.epochs)
                for group in groups:
                    group["lr"] = settings.learning_rate * share * group["times"]
            for name, value in self._step(epoch, batch).items():
                value = value.detach().double()
                totals[name] = totals[name] + value if name in totals else value
            count = len(batch[0])
            rates += groups[0]["lr"] * count
            seen += count
            advance(count, f"epoch {epoch + 1}/{settings.epochs}")
        row = {name: float(total) / seen for name, total in totals.items()}
        if not all(math.isfinite(v) for v in row.values()):
            raise InputError(
                f"training {self.run.label}: the loss is not finite in epoch {epoch}; lower "
                "learning_rate, or set precision to float32"
            )
        return {"epoch": epoch, **row, "learning_rate": rates / seen}

    def _step(self, epoch: int, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """One step of the optimizer; a batch that does not fit into memory is halved.

        The parts' gradients are summed, so that the step is that of the whole batch (except for
        batch norm, whose statistics are then those of a part).
        """
        while True:
            sums = self._attempt(epoch, batch)
            if sums is not None:
                return sums
            size = -(-len(batch[0]) // self.parts)
            if size <= 1:
                raise InputError(
                    f"training {self.run.label}: out of memory with a single image; use smaller "
                    "images or a smaller network, or set device to cpu"
                )
            self.parts *= 2
            log.warning(
                "training %s: out of GPU memory; continuing with half the batch (%d images)",
                self.run.label,
                -(-len(batch[0]) // self.parts),
            )

    def _attempt(self, epoch: int, batch: tuple[Tensor, ...]) -> dict[str, Tensor] | None:
        """The sums of a step, or None where memory ran out."""
        scale = 1.0 if self._sum else 1.0 / len(batch[0])
        device, autocast = self.run.device.type, self.dtype is not None
        totals: dict[str, Tensor] = {}
        self.optimizer.zero_grad(set_to_none=True)
        try:
            for part in zip(*(t.chunk(self.parts) for t in batch), strict=True):
                with torch.autocast(device, self.dtype, enabled=autocast):
                    sums = self.loss(epoch, *part)
                (sums["loss"] * scale).backward()
                for name, value in sums.items():
                    totals[name] = totals[name] + value.detach() if name in totals else value
            self.optimizer.step()
        except torch.OutOfMemoryError:
            totals = {}
        if not totals:
            self.optimizer.zero_grad(set_to_none=True)
            if device == "cuda":
                torch.cuda.empty_cache()
            return None
        if self.lookahead is not None:
            self.lookahead.step()
        return totals

    def _parts_with_state(self) -> dict[str, Any]:
        names = ("model", "lookahead", "optimizer", "plateau")
        return {name: getattr(self, name) for name in names}

    def _state(self) -> dict[str, Any]:
        parts = self._parts_with_state()
        return {
            **{n: None if part is None else part.state_dict() for n, part in parts.items()},
            "generator": self.generator.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state() if self.run.device.type == "cuda" else None,
            "rows": self.rows,
            "kept": self.kept,
            "parts": self.parts,
        }

    def _resume(self) -> None:
        state = self.run.checkpoint.load() if self.run.checkpoint is not None else None
        if state is None:
            return
        for name, part in self._parts_with_state().items():
            if part is not None:
                part.load_state_dict(state[name])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["torch"])
        if state["cuda"] is not None:
            torch.cuda.set_rng_state(state["cuda"])
        self.rows, self.kept, self.parts = state["rows"], state["kept"], state["parts"]
        log.info("training %s: continuing after epoch %d", self.run.label, len(self.rows))
