"""A running step, and why one failed, read from its log."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

_STAMP = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ [A-Z]+ ")
_TAIL = 4000
_LINE = 300


@dataclass
class Step:
    """A job of Snakemake's; times are of the monotonic clock."""

    rule: str
    wildcards: Mapping[str, str]
    logs: Sequence[str]
    start: float = field(default_factory=time.monotonic)
    mentioned: float = field(default_factory=time.monotonic)  # when it was last printed

    @property
    def title(self) -> str:
        """``train_vae demo-faces whole 0``."""
        return " ".join([self.rule, *map(str, self.wildcards.values())])

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.start

    def progress(self) -> str:
        """The last line of its log, while it has one."""
        lines = [line for log in self.logs for line in _tail(log)]
        return _STAMP.sub("", lines[-1])[:_LINE] if lines else ""


class Failure(NamedTuple):
    """Why a step failed, in one line, and its log files that exist."""

    title: str
    message: str
    logs: Sequence[str]


def failure_of(step: Step, logs: Sequence[str], message: str | None) -> Failure:
    """The last error of the log, else its last line, else Snakemake's message."""
    named = dict.fromkeys([*step.logs, *logs])
    names = [name for name in named if Path(name).is_file()]
    lines = [line for name in names for line in _tail(name)]
    errors = [line for line in lines if " ERROR error: " in line]
    found = errors[-1].partition(" ERROR error: ")[2] if errors else (lines or [""])[-1]
    text = _STAMP.sub("", found).strip() or (message or "").strip()
    first = (text.splitlines() or ["ended without a message; see Snakemake's log"])[0]
    if message and not errors:
        first = f"{' '.join(message.split())[:_LINE]}; {first}" if first not in message else first
    return Failure(step.title, first, names)


def _tail(name: str) -> list[str]:
    try:
        with open(name, "rb") as handle:
            handle.seek(0, 2)
            handle.seek(max(handle.tell() - _TAIL, 0))
            text = handle.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]


def clock(seconds: float) -> str:
    """``7.2 s``, ``3:05 min`` or ``2:10 h``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
