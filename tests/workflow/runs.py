"""Snakemake at work in a folder: how far it is, how to stop it the hard way, what it has made."""

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from snakemake_project import clean_environment  # type: ignore[import-not-found]

KINDS = {".npy", ".pt", ".parquet", ".png", ".svg", ".pdf", ".csv", ".zip", ".txt"}
HIDDEN = re.compile(r"(^|/)\.")
POLL = 0.05
_PLANNED = re.compile(r"^total +(\d+)", re.MULTILINE)
_PROGRESS = re.compile(r"^(\d+) of \d+ steps", re.MULTILINE)
_STARTED = re.compile(r"^(?:local)?rule (\w+):\n(?:    .*\n)*?    jobid: (\d+)", re.MULTILINE)
_FINISHED = re.compile(r"^Finished jobid: (\d+)", re.MULTILINE)


class Run:
    """Snakemake, or one step, at work in a folder, with all of its children in one session."""

    def __init__(self, folder: Path, command: Sequence[str], output: Path) -> None:
        self.folder, self._output, self.started = folder, output, time.monotonic()
        with output.open("w", encoding="utf-8") as handle:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=folder,
                env=clean_environment(folder),
                stdout=handle,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Also where the tests themselves ignore it, as a shell's background jobs do.
                preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
            )

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    def wait_until(self, condition: Callable[[str], bool]) -> bool:
        """Whether it came true before the end."""
        while True:
            ended = self._process.poll() is not None
            if condition(self.output):
                return True
            if ended:
                return False
            time.sleep(POLL)

    def lives_on(self, seconds: float) -> bool:
        """Whether it still runs after some seconds."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.poll() is None

    def finish(self) -> None:
        """Wait for a good end."""
        status = self._process.wait()
        assert status == 0, f"status {status}: {self.output[-5000:]}"

    def pause(self) -> None:
        """Stop it as it stands, for as long as one likes."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Go on."""
        os.killpg(self._process.pid, signal.SIGCONT)

    def interrupt(self) -> int:
        """Ctrl-C; the exit status."""
        os.killpg(self._process.pid, signal.SIGINT)
        return self._process.wait(300)

    def kill(self) -> None:
        """SIGKILL the whole tree at once, and whatever else of it works in the folder."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        while found := _processes_in(self.folder, self._process.pid):
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(POLL)


def _processes_in(folder: Path, session: int) -> list[int]:
    """Living processes of a session, or that work in a folder of ours."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            if fields[0] != "Z" and (
                int(fields[3]) == session or (path / "cwd").readlink() == folder
            ):
                found.append(int(path.name))
    return found


def start(folder: Path, arguments: Sequence[str]) -> Run:
    """Snakemake, as after a SIGKILL: its lock is still there and must be taken away first."""
    locks = folder / ".snakemake/locks"
    if locks.is_dir() and any(locks.iterdir()):
        unlock = ["-m", "snakemake", *arguments, "--unlock"]
        Run(folder, unlock, folder / "unlock.out").finish()
    return Run(folder, ["-m", "snakemake", *arguments], folder / "snakemake.out")


def steps_done(output: str, total: int) -> int:
    """Steps of the whole run that are done, also by runs before this one."""
    planned = _PLANNED.search(output)
    if planned is None:
        return total if "Nothing to be done" in output else 0
    return total - int(planned[1]) + steps_finished(output)


def steps_finished(output: str) -> int:
    """Steps that this run has finished."""
    progress = _PROGRESS.findall(output)
    return int(progress[-1]) if progress else 0


def has_started(output: str) -> bool:
    """Whether this run has begun with a step."""
    return _STARTED.search(output) is not None


def running(output: str) -> list[str]:
    """Rules of the steps that have started and not finished."""
    started = {job: rule for rule, job in _STARTED.findall(output)}
    finished = set(_FINISHED.findall(output))
    return sorted(rule for job, rule in started.items() if job not in finished)


def digests(folder: Path) -> dict[str, str]:
    """Content of every artefact; logs, sidecars, checkpoints and event files are none."""
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for top in ("data", "results")
        for path in sorted((folder / top).rglob("*"))
        if path.suffix in KINDS and not HIDDEN.search(name := path.relative_to(folder).as_posix())
    }


def digests_below(folder: Path) -> dict[str, str]:
    """Content of the artefacts right in a folder."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.suffix in KINDS
    }


def differing(reference: Path, disturbed: Path) -> tuple[int, list[str]]:
    """Number of artefacts, and those that are not the same in both folders."""
    one, two = digests(reference), digests(disturbed)
    return len(one), sorted(name for name in one.keys() | two if one.get(name) != two.get(name))
