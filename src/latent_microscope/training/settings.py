"""Settings of a training: a config's subtree as checked, typed values."""

import math
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict, PositiveFloat, PositiveInt, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from latent_microscope.errors import InputError

T = TypeVar("T")
STRICT = ConfigDict(extra="forbid")


def parse(cls: type[T], content: Mapping[str, Any], where: str) -> T:
    """Make the dataclass ``cls`` of a mapping; ``where`` names the subtree in messages."""
    try:
        return TypeAdapter(cls).validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise InputError(f"{where}: {key}: {first['input']!r}: {first['msg']}") from None


@dataclass(frozen=True, config=STRICT)
class Beta:
    """Weight of the KL term: ``constant`` at ``value``, or ``warmup``: min(maximum, epoch/over)."""

    kind: Literal["constant", "warmup"] = "constant"
    value: float = 1.0
    maximum: float = 1.0
    over: float = 1.0

    def at(self, epoch: int) -> float:
        """The weight in an epoch, counted from 0."""
        return self.value if self.kind == "constant" else min(self.maximum, epoch / self.over)


@dataclass(frozen=True, config=STRICT)
class Scheduler:
    """Learning rate: ``constant``, ``plateau`` (by an epoch's loss), or to 0 by step."""

    kind: Literal["constant", "plateau", "cosine", "linear"] = "constant"
    patience: int = 20  # plateau
    factor: float = 0.1  # plateau
    warmup: float = 0.0  # cosine, linear: epochs of linear rise

    @property
    def by_step(self) -> bool:
        """Whether it changes within an epoch."""
        return self.kind in ("cosine", "linear")

    def share(self, time: float, epochs: int) -> float:
        """Share of the base learning rate ``time`` epochs after the start."""
        if not self.by_step:
            return 1.0
        if time < self.warmup:
            return (time + 1e-2) / (self.warmup + 1e-2)
        done = min((time - self.warmup) / max(epochs - self.warmup, 1e-9), 1.0)
        return 1.0 - done if self.kind == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))


@dataclass(frozen=True, config=STRICT)
class Augmentation:
    """Random changes of a training batch."""

    crop: int = 0  # largest shift, pixels; 0: none
    padding: Literal["reflect", "zero"] = "reflect"  # pixels from outside
    # left and right, with probability 1/2; alternating: every other epoch, half of them in each
    flip: bool | Literal["alternating"] = False
    cutout: int = 0  # side of a square blanked at a random place, pixels; 0: none


@dataclass(frozen=True, config=STRICT)
class Optimisation:
    """What both trainings share."""

    epochs: PositiveInt
    batch: PositiveInt
    learning_rate: PositiveFloat = 1e-3
    optimizer: Literal["adam", "adamw", "sgd", "muon"] = "adam"  # sgd: Nesterov momentum
    momentum: float = 0.9  # sgd; muon: of all but filters
    filter_rate: PositiveFloat = 0.24  # muon: learning rate of the filters of convolutions
    filter_momentum: float = 0.6  # muon
    bias_rate: float = 1.0  # learning rate of the biases of batch norms, in base learning rates
    weight_decay: float = 0.0  # as the optimizer defines it
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    memory_format: Literal["contiguous", "channels_last"] = "contiguous"
    deterministic: bool = True  # refuse operations without a deterministic implementation
    scheduler: Scheduler = Scheduler()
