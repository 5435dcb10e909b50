"""Settings of a training: a config's subtree as checked, typed values."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from latent_microscope.errors import InputError

T = TypeVar("T")


def require(key: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise :class:`InputError` unless ``value`` is one of ``allowed``."""
    if value not in allowed:
        raise InputError(f"{key}: {value!r} is unknown; use one of {', '.join(allowed)}")


def parse(cls: type[T], content: Mapping[str, Any], where: str) -> T:
    """Make the dataclass ``cls`` of a mapping; ``where`` names the subtree in messages.

    Fields with ``metadata={"nested": Other}`` take a mapping.
    """
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in content:
        if key not in fields:
            raise InputError(f"{where}: the key {key!r} is unknown; use {', '.join(fields)}")
    values = dict(content)
    for name, spec in fields.items():
        nested = spec.metadata.get("nested")
        if nested is not None and isinstance(values.get(name), Mapping):
            values[name] = parse(nested, values[name], f"{where}.{name}")
    try:
        return cls(**values)
    except TypeError as error:
        raise InputError(f"{where}: {str(error).partition('() ')[2] or error}") from error


@dataclass(frozen=True)
class Beta:
    """Weight of the KL term: ``constant`` at ``value``, or ``warmup``: min(maximum, epoch/over)."""

    kind: str = "constant"
    value: float = 1.0
    maximum: float = 1.0
    over: int = 1

    def at(self, epoch: int) -> float:
        """The weight in an epoch, counted from 0."""
        return self.value if self.kind == "constant" else min(self.maximum, epoch / self.over)

    def __post_init__(self) -> None:
        """Check the kind."""
        require("beta.kind", self.kind, ("constant", "warmup"))


@dataclass(frozen=True)
class Scheduler:
    """Learning rate: ``constant``, ``plateau`` (by an epoch's loss) or ``cosine`` (by step)."""

    kind: str = "constant"
    patience: int = 20  # plateau
    factor: float = 0.1  # plateau
    warmup: float = 0.0  # cosine: epochs of linear rise

    def __post_init__(self) -> None:
        """Check the kind."""
        require("scheduler.kind", self.kind, ("constant", "plateau", "cosine"))

    def share(self, time: float, epochs: int) -> float:
        """Share of the base learning rate ``time`` epochs after the start."""
        if self.kind != "cosine":
            return 1.0
        if time < self.warmup:
            return (time + 1e-2) / (self.warmup + 1e-2)
        left = max(epochs - self.warmup, 1e-9)
        return 0.5 * (1.0 + math.cos(math.pi * min((time - self.warmup) / left, 1.0)))


@dataclass(frozen=True)
class Augmentation:
    """Random changes of a training batch."""

    crop: int = 0  # largest shift, pixels; 0: none
    padding: str = "reflect"  # pixels from outside: reflect or zero
    flip: bool = False  # left and right, with probability 1/2
    cutout: int = 0  # side of a square blanked at a random place, pixels; 0: none

    def __post_init__(self) -> None:
        """Check the padding."""
        require("augmentation.padding", self.padding, ("reflect", "zero"))


@dataclass(frozen=True)
class Optimisation:
    """What both trainings share."""

    epochs: int
    batch: int
    learning_rate: float = 1e-3
    optimizer: str = "adam"  # adam, adamw or sgd (Nesterov momentum 0.9)
    weight_decay: float = 0.0  # as the optimizer defines it
    precision: str = "float32"  # float32, bfloat16 or auto
    memory_format: str = "contiguous"  # contiguous or channels_last
    deterministic: bool = True  # refuse operations without a deterministic implementation
    scheduler: Scheduler = field(default=Scheduler(), metadata={"nested": Scheduler})

    def __post_init__(self) -> None:
        """Check ranges and names."""
        require("optimizer", self.optimizer, ("adam", "adamw", "sgd"))
        require("precision", self.precision, ("float32", "bfloat16", "auto"))
        require("memory_format", self.memory_format, ("contiguous", "channels_last"))
        for key in ("epochs", "batch", "learning_rate"):
            if not getattr(self, key) > 0:
                raise InputError(f"{key}: {getattr(self, key)!r} must be above 0")
