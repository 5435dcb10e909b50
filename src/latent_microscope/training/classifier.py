"""Training of a classifier on hard labels or on distributions over classes."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from latent_microscope.errors import InputError
from latent_microscope.models.philnet import PhilNet
from latent_microscope.models.pixels import to_unit
from latent_microscope.training.checkpoint import Checkpoint
from latent_microscope.training.data import augment, shuffled
from latent_microscope.training.device import memory_format, numeric_environment
from latent_microscope.training.events import Events
from latent_microscope.training.loop import Loop
from latent_microscope.training.settings import Augmentation, Optimisation, require


@dataclass(frozen=True)
class ClassifierSettings(Optimisation):
    """Settings of :func:`train_classifier`.

    Args:
        augmentation: Random changes of the training images.
        label_smoothing: Share of the target spread over all classes.
        average: Decay of the running average of weights that is used in the end; 0 for none.
        trainable: ``all`` weights, or the ``head`` on a frozen backbone.
        monitor_every: Epochs between two looks at the monitoring images (the last epoch always).
    """

    augmentation: Augmentation = field(default=Augmentation(), metadata={"nested": Augmentation})
    label_smoothing: float = 0.0
    average: float = 0.0
    trainable: str = "all"
    monitor_every: int = 1

    def __post_init__(self) -> None:
        """Check names."""
        super().__post_init__()
        require("trainable", self.trainable, ("all", "head"))


@dataclass
class TrainedClassifier:
    """What :func:`train_classifier` gives.

    Args:
        state: State dict (of the running average where one was asked for).
        log: One row an epoch: epoch, loss, accuracy, learning_rate (means per image), test_loss,
            test_accuracy (NaN where not looked at).
    """

    state: dict[str, Tensor]
    log: pd.DataFrame


def train_classifier(
    model: PhilNet,
    images: np.ndarray,
    targets: np.ndarray,
    settings: ClassifierSettings,
    *,
    seed: int,
    device: torch.device,
    monitor: tuple[np.ndarray, np.ndarray] | None = None,
    checkpoint: Checkpoint | None = None,
    tensorboard: str | None = None,
    label: str = "classifier",
) -> TrainedClassifier:
    """Minimise cross-entropy.

    Args:
        model: Network with its initial weights.
        images: uint8 (n, H, W, C).
        targets: Integer labels (n,), or distributions over classes (n, classes).
        settings: How to train.
        seed: Derived seed of this run: order, augmentation, dropout.
        device: Where to train.
        monitor: Images and targets to look at, never to choose by.
        checkpoint: Keeps the state; a later call with the same one goes on.
        tensorboard: Folder for event files, or None.
        label: Name for messages.

    Raises:
        InputError: Images and targets that do not fit, or a loss that is not finite.
    """
    if len(images) != len(targets) or not len(images):
        raise InputError(
            f"training {label}: {len(images)} images and {len(targets)} targets; there must be "
            "one target an image"
        )
    with numeric_environment(device, deterministic=settings.deterministic):
        data = torch.from_numpy(np.ascontiguousarray(images)).to(device)
        wanted = _targets(targets).to(device)
        layout = memory_format(settings.memory_format)
        model = model.to(device).to(memory_format=layout)
        if settings.trainable == "head":
            model.requires_grad_(False)
            model.head.requires_grad_(True)
        average = (
            AveragedModel(
                model, multi_avg_fn=get_ema_multi_avg_fn(settings.average), use_buffers=True
            )
            if settings.average
            else None
        )
        final: PhilNet = average.module if average is not None else model  # type: ignore[assignment]
        loop = Loop(
            model,
            settings,
            seed,
            device,
            len(data),
            label,
            checkpoint,
            average=average,
            train_mode=lambda: _train_mode(model, settings),
        )
        events = Events(tensorboard, start=len(loop.rows))

        def batches() -> Iterator[tuple[Tensor, ...]]:
            for rows in shuffled(len(data), settings.batch, loop.generator):
                batch = augment(data, rows, settings.augmentation, loop.generator)
                yield to_unit(batch).contiguous(memory_format=layout), wanted[rows.to(device)]

        def loss(unit: Tensor, target: Tensor) -> dict[str, Tensor]:
            logits = _logits(model, unit, settings)
            value = cross_entropy(
                logits, target, reduction="sum", label_smoothing=settings.label_smoothing
            )
            return {"loss": value, "accuracy": _hits(logits.detach(), target)}

        def after_epoch(epoch: int, row: dict[str, float]) -> None:
            row["test_loss"] = row["test_accuracy"] = float("nan")
            due = (epoch + 1) % settings.monitor_every == 0 or epoch == settings.epochs - 1
            if monitor is not None and due:
                values = evaluate(final, *monitor, device=device, dtype=loop.dtype, layout=layout)
                row["test_loss"], row["test_accuracy"] = values
            events.scalars(epoch, {k: v for k, v in row.items() if k != "epoch" and v == v})

        loop.run(batches, lambda _epoch: loss, after_epoch)
        events.close()
        columns = ["epoch", "loss", "accuracy", "learning_rate", "test_loss", "test_accuracy"]
        return TrainedClassifier(
            state={k: v.cpu() for k, v in final.state_dict().items()},
            log=pd.DataFrame(loop.rows)[columns].astype({"epoch": "int64"}),
        )


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
    wanted = _targets(targets)
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


def _targets(targets: np.ndarray) -> Tensor:
    if targets.ndim == 1:
        return torch.from_numpy(np.array(targets, dtype=np.int64))
    return torch.from_numpy(np.array(targets, dtype=np.float32))


def _hits(logits: Tensor, target: Tensor) -> Tensor:
    labels = target if target.ndim == 1 else target.argmax(1)
    return (logits.argmax(1) == labels).sum()


def _logits(model: PhilNet, unit: Tensor, settings: ClassifierSettings) -> Tensor:
    if settings.trainable == "all":
        return model(unit)
    with torch.no_grad():
        features = model.features(unit)
    return model.classify(features)


def _train_mode(model: PhilNet, settings: ClassifierSettings) -> None:
    if settings.trainable == "all":
        model.train()
    else:
        model.eval()
        model.dropout.train()
