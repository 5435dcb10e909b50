"""The type of a benchmark, and all suites."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

Result = Mapping[str, np.ndarray | float]
SUITES = ("extraction", "forensics", "similarity")
"""Modules of this package with ``CASES`` and ``SIZES``; a new suite is one name here."""


@dataclass(frozen=True)
class Case:
    """One way to do one task.

    Arrays of a result are compared with those of the other cases of the task; numbers are printed
    (seconds of a stage as ``seconds <stage>``).
    """

    task: str  # all cases of a task get the same input and are compared
    name: str  # whose; ratios refer to ``ours``
    setup: Callable[[int], Any]  # makes the input from n; not timed
    run: Callable[[Any], Result]  # runs once on small input before the clock starts
    largest: int = 10_000  # n above which it would take too long


def sizes(suite: str) -> tuple[int, ...]:
    """The numbers of samples that a suite runs with by default."""
    return import_module(f"benchmarks.{suite}").SIZES  # type: ignore[no-any-return]


def cases(suite: str) -> tuple[Case, ...]:
    """The cases of a suite, in the order in which they are run and printed."""
    return import_module(f"benchmarks.{suite}").CASES  # type: ignore[no-any-return]


def case(suite: str, task: str, name: str) -> Case:
    """One case by its task and name; KeyError if there is none."""
    for one in cases(suite):
        if (one.task, one.name) == (task, name):
            return one
    raise KeyError(f"no case {name!r} of {task!r} in the suite {suite!r}")
