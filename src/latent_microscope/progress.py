"""Progress of long work: a bar in a terminal, a line every 15 s elsewhere."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
log = logging.getLogger("latent_microscope")
_SECONDS_BETWEEN_LINES = 15.0
bars = True
"""Whether bars may be drawn; in a rule the terminal is Snakemake's."""


class Progress:
    """Counts ``total`` units (e.g. images) and reports the rate and the time left."""

    def __init__(self, label: str, total: int, unit: str) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.done = 0
        self._start = self._last = time.monotonic()
        self._bar = (
            tqdm(total=total, desc=label, unit=f" {unit}", leave=False, file=sys.stderr)
            if bars and sys.stderr.isatty()
            else None
        )

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count ``count`` more units as done."""
        self.done += count
        if self._bar is not None:
            self._bar.update(count)
            if note:
                self._bar.set_postfix_str(note)
            return
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN_LINES and self.done < self.total:
            self._last = now
            log.info(self._line(now, note))

    def close(self) -> None:
        """End the bar, or print the closing line of work that took a while."""
        if self._bar is not None:
            self._bar.close()
        elif time.monotonic() - self._start >= _SECONDS_BETWEEN_LINES:
            log.info(self._line(time.monotonic(), "done"))

    def _line(self, now: float, note: str) -> str:
        rate = self.done / max(now - self._start, 1e-9)
        left = (self.total - self.done) / rate if rate else float("inf")
        return (
            f"{self.label}: {self.done}/{self.total} {self.unit}, {rate:,.1f} per second, "
            f"{left:,.0f} s left{' · ' + note if note else ''}"
        )


@contextmanager
def progress(label: str, total: int, unit: str = "steps") -> Iterator[Progress]:
    """A :class:`Progress` that is closed at the end of the block."""
    reporter = Progress(label, total, unit)
    try:
        yield reporter
    finally:
        reporter.close()


def track(items: Iterable[T], label: str, total: int, unit: str = "steps") -> Iterator[T]:
    """Iterate while reporting progress, one unit per item."""
    with progress(label, total, unit) as reporter:
        for item in items:
            yield item
            reporter.advance()
