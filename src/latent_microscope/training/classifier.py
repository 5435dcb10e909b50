"""Training of a classifier on hard labels or on distributions over classes."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pydantic
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from latent_microscope.errors import InputError
from latent_microscope.models.philnet import PhilNet
from latent_microscope.models.pixels import to_unit
from latent_microscope.seeds import derive
from latent_microscope.training.device import numeric_environment, sent
from latent_microscope.training.loop import Loop, Run, shuffled
from latent_microscope.training.settings import STRICT, Augmentation, Optimisation

_FILL = (125, 123, 114)  # mean colour of CIFAR-10's training images


@pydantic.dataclasses.dataclass(frozen=True, config=STRICT)
class ClassifierSettings(Optimisation):
    """Settings of :func:`train_classifier`."""

    augmentation: Augmentation = Augmentation()
    label_smoothing: float = 0.0  # share of the target spread over all classes
    lookahead: float = 0.0  # decay of averaged weights that the training goes on from; 0: none
    trainable: Literal["all", "head"] = "all"  # weights, or the head on a frozen backbone
    monitor_every: int = 1  # epochs between two evaluations (the last epoch always)


@dataclass
class TrainedClassifier:
    """What :func:`train_classifier` returns."""

    state: dict[str, Tensor]
    log: pd.DataFrame
    """One row per epoch: epoch, loss, accuracy, learning_rate (means per image), test_loss,
    test_accuracy (NaN where not evaluated), flop (floating-point operations of the epoch's training
    steps, forward and backward, as torch counts those of convolutions and matrix products; without
    the optimizer's)."""


def train_classifier(
    model: PhilNet,
    images: np.ndarray,
    targets: np.ndarray,
    settings: ClassifierSettings,
    run: Run,
    monitor: tuple[np.ndarray, np.ndarray] | None = None,
) -> TrainedClassifier:
    """Minimise cross-entropy on uint8 images (n, H, W, C), to labels (n,) or shares (n, classes).

    ``monitor`` are images and targets to evaluate on, never to choose by.
    """
    if len(images) != len(targets) or not len(images):
        raise InputError(
            f"training {run.label}: {len(images)} images and {len(targets)} targets; there must "
            "be one target per image"
        )
    with numeric_environment(run.device, deterministic=settings.deterministic):
        loop = _ClassifierLoop(model, images, targets, settings, run, monitor)
        loop.train()
        columns = ["loss", "accuracy", "learning_rate", "test_loss", "test_accuracy"]
        state = {name: value.cpu() for name, value in model.state_dict().items()}
        log = loop.log_table(columns)
        return TrainedClassifier(state, log.assign(flop=loop.flop_per_image() * len(images)))


class _ClassifierLoop(Loop):
    model: PhilNet
    settings: ClassifierSettings

    def __init__(
        self,
        model: PhilNet,
        images: np.ndarray,
        targets: np.ndarray,
        settings: ClassifierSettings,
        run: Run,
        monitor: tuple[np.ndarray, np.ndarray] | None,
    ) -> None:
        if settings.trainable == "head":
            model.requires_grad_(False)
            model.head.requires_grad_(True)
        self.targets = _as_tensor(targets).to(run.device)
        super().__init__(model, images, settings, run, lookahead=settings.lookahead)
        self.monitor = monitor

    def batches(self) -> Iterator[tuple[Tensor, ...]]:
        order = shuffled(len(self.data), self.settings.batch, self.generator)
        changes = EpochChanges(
            self.data, self.settings.augmentation, self.generator, self._mirrored()
        )
        for rows in order:
            there = sent(rows, self.run.device)
            unit = to_unit(changes.applied(there)).contiguous(memory_format=self.layout)
            yield unit, self.targets[there]

    def _mirrored(self) -> Tensor | None:
        """With alternating flips: about half of the images, and the others in the next epoch.

        Source: Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single GPU", section 3.6.
        """
        if self.settings.augmentation.flip != "alternating":
            return None
        own = torch.Generator().manual_seed(derive(self.run.seed, "mirrored"))
        first = torch.randint(0, 2, (len(self.data),), generator=own).bool()
        return first ^ bool(len(self.rows) % 2)

    def loss(self, epoch: int, *batch: Tensor) -> dict[str, Tensor]:
        unit, target = batch
        with torch.set_grad_enabled(self.settings.trainable == "all"):
            features = self.model.features(unit)
        logits = self.model.classify(features)
        smoothing = self.settings.label_smoothing
        value = cross_entropy(logits, target, reduction="sum", label_smoothing=smoothing)
        return {"loss": value, "accuracy": _hits(logits.detach(), target)}

    def flop_per_image(self) -> float:
        """Floating-point operations of a training step, per image of its batch."""
        from torch.utils.flop_counter import FlopCounterMode  # a second that few steps need

        kept, self.model = self.model, copy.deepcopy(self.model)
        unit = to_unit(self.data[:2]).contiguous(memory_format=self.layout)
        self.set_train_mode()
        with FlopCounterMode(display=False) as counter:
            self.loss(0, unit, self.targets[:2])["loss"].backward()
        self.model = kept
        return counter.get_total_flops() / len(unit)

    def after_epoch(self, epoch: int, row: dict[str, float]) -> None:
        row["test_loss"] = row["test_accuracy"] = float("nan")
        last = epoch == self.settings.epochs - 1
        if self.monitor is not None and (last or (epoch + 1) % self.settings.monitor_every == 0):
            options: dict[str, Any] = {"dtype": self.dtype, "layout": self.layout}
            values = evaluate(self.model, *self.monitor, device=self.run.device, **options)
            row["test_loss"], row["test_accuracy"] = values
        self.write_scalars(row)

    def set_train_mode(self) -> None:
        self.model.train(self.settings.trainable == "all")
        self.model.dropout.train()


@torch.no_grad()
def evaluate(
    model: PhilNet,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    device: torch.device,
    dtype: torch.dtype | None = None,
    layout: torch.memory_format = torch.contiguous_format,
    batch: int = 500,
) -> tuple[float, float]:
    """Mean cross-entropy and accuracy, without dropout or augmentation."""
    model.eval()
    wanted = _as_tensor(targets)
    loss, hits = 0.0, 0.0
    for start in range(0, len(images), batch):
        rows = slice(start, start + batch)
        unit = to_unit(torch.from_numpy(np.array(images[rows])).to(device))
        target = wanted[rows].to(device)
        with torch.autocast(device.type, dtype, enabled=dtype is not None):
            logits = model(unit.contiguous(memory_format=layout))
        exact = target.double() if target.is_floating_point() else target
        loss += float(cross_entropy(logits.double(), exact, reduction="sum"))
        hits += float(_hits(logits, target))
    return loss / len(images), hits / len(images)


def _as_tensor(targets: np.ndarray) -> Tensor:
    """Labels as int64, distributions as float32."""
    return torch.from_numpy(np.array(targets, np.int64 if targets.ndim == 1 else np.float32))


def _hits(logits: Tensor, target: Tensor) -> Tensor:
    labels = target if target.ndim == 1 else target.argmax(1)
    return (logits.argmax(1) == labels).sum()


class EpochChanges:
    """Random shifts, flips and blanks of uint8 images (n, H, W, C), drawn for a whole epoch.

    The generator is on the processor, so that any device sees the same batches; the changes are
    made where the images are. ``mirrored`` (n,) says which are flipped where that is not left to
    chance.
    """

    def __init__(
        self,
        images: Tensor,
        settings: Augmentation,
        generator: torch.Generator,
        mirrored: Tensor | None = None,
    ) -> None:
        self._images, self._settings = images, settings
        n, sizes = len(images), images.shape[1:3]

        def draw(low: int, high: int) -> Tensor:
            return sent(torch.randint(low, high, (n, 1), generator=generator), images.device)

        far = settings.crop
        self._shifts = [draw(-far, far + 1) for _ in sizes] if far else []
        chance = draw(0, 2).bool() if settings.flip and mirrored is None else None
        self._flipped = chance if mirrored is None else sent(mirrored, images.device)[:, None]
        self._centres = [draw(0, size) for size in sizes] if settings.cutout else []

    def applied(self, rows: Tensor) -> Tensor:
        """Changed images (b, H, W, C) of these rows (b,), a tensor on the images' device."""
        images, settings = self._images, self._settings
        if not self._shifts and self._flipped is None:
            batch = images[rows]
        else:
            (vertical, above), (horizontal, beside) = (
                self._sources(axis, rows) for axis in range(2)
            )
            if self._flipped is not None:
                turned = self._flipped[rows]
                horizontal = torch.where(turned, horizontal.flip(1), horizontal)
                beside = torch.where(turned, beside.flip(1), beside)
            batch = images[rows[:, None, None], vertical[:, :, None], horizontal[:, None, :]]
            if settings.padding == "zero" and settings.crop:
                batch = batch * (above[:, :, None] & beside[:, None, :])[..., None]
        if self._centres:
            down, across = (self._hole(axis, rows) for axis in range(2))
            fill = torch.tensor(_FILL, dtype=torch.uint8, device=images.device)
            batch = torch.where((down[:, :, None] & across[:, None, :])[..., None], fill, batch)
        return batch

    def _sources(self, axis: int, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Source positions (b, size) of shifted pixels, and which of them were inside."""
        size = self._images.shape[1 + axis]
        position = torch.arange(size, device=rows.device).expand(len(rows), size)
        if self._shifts:
            position = position + self._shifts[axis][rows]
        inside = (position >= 0) & (position < size)
        position = position.abs()
        return torch.where(position >= size, 2 * (size - 1) - position, position), inside

    def _hole(self, axis: int, rows: Tensor) -> Tensor:
        """Whether each position (b, size) lies in a span of ``cutout`` around a random centre."""
        side = self._settings.cutout
        position = torch.arange(self._images.shape[1 + axis], device=rows.device)
        offset = position[None, :] - self._centres[axis][rows] + side // 2
        return (offset >= 0) & (offset < side)
