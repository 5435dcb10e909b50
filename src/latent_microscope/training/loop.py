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
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from latent_microscope.errors import InputError
from latent_microscope.messages import log
from latent_microscope.progress import progress
from latent_microscope.seeds import derive
from latent_microscope.training.checkpoint import Checkpoint
from latent_microscope.training.device import memory_format, pick_precision
from latent_microscope.training.settings import Optimisation


@dataclass(frozen=True)
class Run:
    """One run of a training."""

    seed: int  # derived; of the order, noise, augmentation and dropout
    device: torch.device
    label: str = "network"  # in messages
    checkpoint: Checkpoint | None = None  # a later run with the same one continues
    tensorboard: str | None = None  # folder for event files


def make_optimizer(model: nn.Module, settings: Optimisation) -> torch.optim.Optimizer:
    """The fused optimizer of all parameters that require a gradient."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "sgd":
        momentum: dict[str, Any] = {"momentum": 0.9, "nesterov": True}
        return torch.optim.SGD(parameters, rate, weight_decay=decay, fused=True, **momentum)
    kind = torch.optim.Adam if settings.optimizer == "adam" else torch.optim.AdamW
    return kind(parameters, rate, weight_decay=decay, fused=True)


def shuffled(n: int, batch: int, generator: torch.Generator) -> Iterable[Tensor]:
    """Row numbers of the batches of one epoch; the last batch may be smaller."""
    return torch.randperm(n, generator=generator).split(batch)


class Loop:
    """One training; subclasses define the batches, the loss and what follows an epoch.

    Making one moves the network and the uint8 images (n, H, W, C) to the device and resumes an
    interrupted run. ``decay`` is that of the running average of the weights (0: none); with
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
        decay: float = 0.0,
        sum_over_batch: bool = False,
    ) -> None:
        self.settings, self.run, self._sum = settings, run, sum_over_batch
        self.layout = memory_format(settings.memory_format)
        self.data = torch.from_numpy(np.ascontiguousarray(images)).to(run.device)
        self.model = model.to(run.device).to(memory_format=self.layout)
        self.average = None
        if decay:
            averaging = get_ema_multi_avg_fn(decay)
            self.average = AveragedModel(model, multi_avg_fn=averaging, use_buffers=True)
        self.optimizer = make_optimizer(self.model, settings)
        self.plateau, schedule = None, settings.scheduler
        if schedule.kind == "plateau":
            options: dict[str, Any] = {"patience": schedule.patience, "factor": schedule.factor}
            self.plateau = ReduceLROnPlateau(self.optimizer, **options)
        self.generator = torch.Generator().manual_seed(derive(run.seed, "batches"))
        layers = derive(run.seed, "layers")  # dropout draws from torch's global generators
        torch.default_generator.manual_seed(layers)
        if run.device.type == "cuda":
            torch.cuda.manual_seed(layers)
        self.dtype = pick_precision(settings.precision, run.device)
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
        settings, group = self.settings, self.optimizer.param_groups[0]
        totals: dict[str, Tensor] = {}
        rates = seen = 0.0
        for step, batch in enumerate(self.batches()):
            if settings.scheduler.kind == "cosine":
                time = epoch + step * settings.batch / len(self.data)
                share = settings.scheduler.share(time, settings.epochs)
                group["lr"] = settings.learning_rate * share
            for name, value in self._step(epoch, batch).items():
                value = value.detach().double()
                totals[name] = totals[name] + value if name in totals else value
            count = len(batch[0])
            rates += group["lr"] * count
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
        if self.average is not None:
            self.average.update_parameters(self.model)
        return totals

    def _parts_with_state(self) -> dict[str, Any]:
        names = ("model", "average", "optimizer", "plateau")
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
