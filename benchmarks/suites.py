"""What a benchmark is, and the suites there are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

Result = Mapping[str, np.ndarray | float]

# Suite → module with ``CASES``; a new suite is one line here.
SUITES = {
    "forensics": "benchmarks.forensics",
    "similarity": "benchmarks.similarity",
}


@dataclass(frozen=True)
class Case:
    """One way to do one task.

    Attributes:
        task: What is done; all cases of a task get the same input and are compared.
        name: Who does it; ``ours`` is what ratios refer to.
        setup: Makes the input from n; not timed.
        run: Does it; once on little input before the clock starts (imports, compilation). Arrays
            of the result are compared with those of the other cases of the task; numbers are
            printed (seconds of a stage as ``seconds <stage>``).
        largest: n beyond which it is not run: it would take too long.
    """

    task: str
    name: str
    setup: Callable[[int], Any]
    run: Callable[[Any], Result]
    largest: int = 10_000


def sizes(suite: str) -> tuple[int, ...]:
    """The numbers of samples that a suite is run at unless others are asked for."""
    found: tuple[int, ...] = import_module(SUITES[suite]).SIZES
    return found


def cases(suite: str) -> tuple[Case, ...]:
    """The cases of a suite, in the order in which they are run and printed."""
    found: tuple[Case, ...] = import_module(SUITES[suite]).CASES
    return found


def case(suite: str, task: str, name: str) -> Case:
    """One case by its task and name.

    Raises:
        KeyError: There is none.
    """
    for one in cases(suite):
        if (one.task, one.name) == (task, name):
            return one
    raise KeyError(f"no case {name!r} of {task!r} in the suite {suite!r}")
