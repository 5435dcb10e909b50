"""One hostile file, one outcome: read well, or refused in one sentence that names it."""

import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from latent_microscope.errors import InputError
from latent_microscope.messages import one_line

SECONDS = 10
"""Processor time that one input may take, of a few milliseconds that it should."""
LONGEST = 2000
"""Characters of a message: it must not pour a file into a log."""
ADDRESS_SPACE = 3 * 2**30
MEMORY_MIB = 600
"""What reading small files may add to the resident memory."""


class Judge:
    """Gives one reader file after file, in a folder of its own.

    Args:
        folder: An empty folder.
        name: The file's name.
        read: Takes the file's path and the folder of outputs.
        named: Words of which a message must hold one, besides the file's name.
    """

    def __init__(
        self, folder: Path, name: str, read: Callable[[Path, Path], Any], named: Sequence[str] = ()
    ) -> None:
        self._in, self._out = folder / "in", folder / "out"
        self._in.mkdir(parents=True)
        self.path = self._in / name
        self._read, self._named = read, (name, *named)
        self.tried: set[int] = set()
        self.refused = 0

    def __call__(self, content: bytes) -> None:
        """Fail unless the outcome is one of the two."""
        if hash(content) in self.tried:
            return
        shutil.rmtree(self._out, ignore_errors=True)  # of a failure before
        self._out.mkdir()
        self.path.write_bytes(content)
        message = None
        try:
            with processor_time(SECONDS):
                self._read(self.path, self._out)
        except InputError as error:
            message = str(error)
        made = sorted(p.name for p in self._out.rglob("*"))
        shutil.rmtree(self._out)
        around = sorted(p.name for p in self._in.parent.rglob("*"))
        assert around == sorted(["in", self.path.name]), "something was written elsewhere"
        assert not Path("escaped").exists(), "code of the file was run"
        self.tried.add(hash(content))
        if message is None:
            assert not [name for name in made if name.startswith(".tmp-")], made
            return
        self.refused += 1
        assert made == [], f"{made} left behind after: {message}"
        printed = one_line(message)
        assert any(name in printed for name in self._named), printed
        assert printed.isprintable(), repr(printed)
        assert len(printed) < LONGEST, f"{len(printed)} characters: {printed}"


@contextmanager
def processor_time(seconds: float) -> Iterator[None]:
    """Raise TimeoutError after this much work, however busy the machine is."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"over {seconds} s of processor time")

    old = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, old)


@contextmanager
def little_memory() -> Iterator[None]:
    """Allocations of gigabytes fail, and what stays resident is looked at; only Linux can."""
    if sys.platform != "linux":
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_status("VmSize") + ADDRESS_SPACE, hard))
    before = _reset_peak()
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    grown = (_status("VmHWM") - before) / 2**20
    assert grown < MEMORY_MIB, f"{grown:.0f} MiB of memory for files of kilobytes"


def _reset_peak() -> int:
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmHWM")


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"/proc/self/status has no {key} on {os.uname().sysname}")
