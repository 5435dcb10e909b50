"""SIGKILL at random moments of a run and of its trainings; then the bytes of an undisturbed run.

``make chaos`` calls it on the demo. It may be ended at any time itself: called again with the same
folder it goes on, with the undisturbed run and the kills that are done.
"""

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from snakemake_project import (  # type: ignore[import-not-found]
    PARTS,
    ROOT,
    clean_environment,
    copy_project,
)

KINDS = {".npy", ".pt", ".parquet", ".png", ".svg", ".pdf", ".csv", ".zip", ".txt"}
HIDDEN = re.compile(r"(^|/)\.")
POLL = 0.05
_PLANNED = re.compile(r"^total +(\d+)", re.MULTILINE)
_PROGRESS = re.compile(r"^(\d+) of \d+ steps", re.MULTILINE)
_STARTED = re.compile(r"^(?:local)?rule (\w+):\n(?:    .*\n)*?    jobid: (\d+)", re.MULTILINE)
_FINISHED = re.compile(r"^Finished jobid: (\d+)", re.MULTILINE)


@dataclass
class Kill:
    """One SIGKILL of everything that ran.

    Attributes:
        moment: When it was to come, seconds of the undisturbed run.
        done: Steps that were done.
        running: Rules of the steps that were at work.
        left: Half-made files that it left behind.
    """

    moment: float
    done: int
    running: list[str]
    left: int


@dataclass
class State:
    """What is done; kept in ``chaos.json``.

    Attributes:
        key: Code, config and options; another one needs another folder.
        timeline: When each step of the undisturbed run was done, seconds from its start.
        moments: When to kill, in that run's time.
        kills: Those that are done.
        trainings: Step → moments of its kills that are done.
    """

    key: str
    timeline: list[float] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)
    trainings: dict[str, list[float]] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Atomically: this program may be killed as well."""
        temporary = folder / ".chaos.json"
        temporary.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        temporary.replace(folder / "chaos.json")

    @classmethod
    def load(cls, folder: Path, key: str) -> "State":
        """The state of this folder; a new one when there is none."""
        path = folder / "chaos.json"
        if not path.is_file():
            return cls(key)
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["key"] != key:
            sys.exit(f"{folder} is of other code, config or options: remove it, or name another")
        content["kills"] = [Kill(**kill) for kill in content["kills"]]
        return cls(**content)


class Run:
    """Snakemake, or one step, at work in a folder, with all of its children in one session."""

    def __init__(self, folder: Path, command: Sequence[str], output: Path) -> None:
        self.folder, self._output, self.started = folder, output, time.monotonic()
        with output.open("w", encoding="utf-8") as handle:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=folder,
                env=clean_environment(),
                stdout=handle,
                stderr=subprocess.STDOUT,
                start_new_session=True,
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


def running(output: str) -> list[str]:
    """Rules of the steps that have started and not finished."""
    started = {job: rule for rule, job in _STARTED.findall(output)}
    finished = set(_FINISHED.findall(output))
    return sorted(rule for job, rule in started.items() if job not in finished)


def measure(folder: Path, arguments: Sequence[str]) -> list[float]:
    """Run undisturbed; when each step was done, seconds from the start."""
    run, times = start(folder, arguments), list[float]()

    def note(output: str) -> bool:
        new = steps_finished(output) - len(times)
        times.extend([time.monotonic() - run.started] * new)
        return False

    run.wait_until(note)
    run.finish()
    return times


def kill_at(folder: Path, arguments: Sequence[str], moment: float, timeline: list[float]) -> Kill:
    """Start the run (again) and kill it at a moment of the undisturbed one.

    That is: so many steps are done, and so many seconds have gone since the last of them.
    """
    total = len(timeline)
    wanted = sum(done <= moment for done in timeline)
    delay = moment - ([0.0, *timeline][wanted])
    run = start(folder, arguments)
    run.wait_until(lambda output: steps_done(output, total) >= wanted)
    if steps_done(run.output, total) >= wanted > 0 and not _PROGRESS.search(run.output):
        run.wait_until(lambda output: bool(_STARTED.search(output)))  # not just its start
    run.lives_on(delay)
    output = run.output
    run.kill()
    left = sum(1 for top in ("data", "results") for _ in (folder / top).rglob(".tmp-*"))
    return Kill(round(moment, 1), steps_done(output, total), running(output), left)


def digests(folder: Path) -> dict[str, str]:
    """Content of every artefact; logs, sidecars, checkpoints and event files are none."""
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for top in ("data", "results")
        for path in sorted((folder / top).rglob("*"))
        if path.suffix in KINDS and not HIDDEN.search(name := path.relative_to(folder).as_posix())
    }


def differing(reference: Path, disturbed: Path) -> tuple[int, list[str]]:
    """Number of artefacts, and those that are not the same in both folders."""
    one, two = digests(reference), digests(disturbed)
    return len(one), sorted(name for name in one.keys() | two if one.get(name) != two.get(name))


def training_command(sidecar: Path, out: Path, *, epochs: int | None = None) -> list[str]:
    """The command of a training as its sidecar tells, that saves a checkpoint every epoch."""
    job = json.loads(sidecar.read_text(encoding="utf-8"))
    params = job["params"] | {"checkpoint_seconds": 0, "tensorboard": None}
    if epochs:
        params["settings"] = params["settings"] | {"epochs": epochs}
    words = [f"scripts/{job['step']}.py", "--numeric-threads", str(job["numeric_threads"])]
    for name, files in job["inputs"].items():
        words += [f"--{name.replace('_', '-')}", *files]
    for name, value in params.items():
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value)
            words += [f"--{name.replace('_', '-')}", text]
    for name in ("weights", "training", "samples", "sample_epochs"):
        suffix = {"weights": ".pt", "samples": ".npy"}.get(name, ".parquet")
        if name in ("weights", "training") or job["step"] == "train_vae":
            words += [f"--{name.replace('_', '-')}", str(out / f"{name}{suffix}")]
    return words


def disturb_training(
    project: Path, command: Callable[[Path], list[str]], work: Path, kills: int, rng: random.Random
) -> tuple[list[float], int, list[str]]:
    """Kill a training and start it again; moments (seconds of work), artefacts, differing ones."""
    shutil.rmtree(work, ignore_errors=True)
    whole, broken = work / "results/whole", work / "results/broken"
    for folder in (whole, broken):
        folder.mkdir(parents=True)

    def begin(out: Path) -> Run:
        run = Run(project, command(out), work / "training.out")
        run.wait_until(lambda output: "training " in output or "precision" in output)
        return run

    run = begin(whole)
    at = time.monotonic()
    run.finish()
    seconds = time.monotonic() - at
    moments = sorted(rng.uniform(0, seconds) for _ in range(kills))
    for before, moment in zip([0.0, *moments], moments, strict=False):
        run = begin(broken)
        run.lives_on(moment - before)
        run.kill()
    begin(broken).finish()
    one, two = digests_below(whole), digests_below(broken)
    return moments, len(one), sorted(n for n in one.keys() | two if one.get(n) != two.get(n))


def digests_below(folder: Path) -> dict[str, str]:
    """Content of the artefacts right in a folder."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.suffix in KINDS
    }


def _key(arguments: Sequence[str], options: argparse.Namespace) -> str:
    """Of everything that a run is made of."""
    digest = hashlib.sha256(json.dumps([list(arguments), options.seed]).encode())
    for part in PARTS:
        top = ROOT / part
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def main() -> int:
    """Run undisturbed, run disturbed, compare; 1 when anything differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--folder", type=Path, required=True, help="where to work; may be gone on with"
    )
    parser.add_argument("--config", type=Path, help="a config file; none: the embedded demo")
    parser.add_argument("--targets", nargs="*", default=[], help="what to make; none: everything")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument(
        "--training-kills", type=int, default=5, help="of one training of each kind"
    )
    parser.add_argument("--epochs", type=int, help="of those trainings; none: as in the config")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()

    folder: Path = options.folder.resolve()
    arguments = [*options.targets, "--cores", str(options.cores)]
    if options.config:
        arguments += ["--configfile", str(options.config.resolve())]
    state = State.load(folder, _key(arguments, options))
    reference, disturbed = folder / "undisturbed", folder / "disturbed"
    if not state.timeline:
        shutil.rmtree(folder, ignore_errors=True)
        state.timeline = measure(copy_project(reference).folder, arguments)
        state.save(folder)
    total, seconds = len(state.timeline), state.timeline[-1]
    print(f"undisturbed: {total} steps in {seconds:.0f} s", flush=True)

    rng = random.Random(options.seed)
    state.moments = sorted(rng.uniform(0, seconds) for _ in range(options.kills))
    if not disturbed.is_dir():
        copy_project(disturbed)
    print(f"{'kill':>4}  {'moment':>8}  {'steps done':>10}  {'half-made':>9}  at work")
    for number, moment in enumerate(state.moments):
        if number >= len(state.kills):
            state.kills.append(kill_at(disturbed, arguments, moment, state.timeline))
            state.save(folder)
        kill = state.kills[number]
        at_work = ", ".join(kill.running) or "Snakemake alone"
        columns = f"{number + 1:>4}  {kill.moment:>6.1f} s  {kill.done:>5} / {total:<3}"
        print(f"{columns}  {kill.left:>8}   {at_work}", flush=True)
    start(disturbed, arguments).finish()
    count, wrong = differing(reference, disturbed)
    trained = 0
    for step in ("train_vae", "train_philnet"):
        sidecars = [p for p in sorted(reference.rglob("weights.pt.meta.json"))
                    if json.loads(p.read_text())["step"] == step]  # fmt: skip
        if sidecars and options.training_kills:
            moments, artefacts, other = disturb_training(
                reference,
                partial(training_command, sidecars[0], epochs=options.epochs),
                folder / step,
                options.training_kills,
                random.Random(f"{options.seed} {step}"),
            )
            trained += len(moments)
            count, wrong = count + artefacts, wrong + [f"{step}/{name}" for name in other]
            print(f"{step}: killed after {', '.join(f'{m:.1f}' for m in moments)} s", flush=True)
    left = [str(p) for p in disturbed.rglob(".tmp-*")]
    print(f"{len(state.kills)} kills of the run, {trained} of trainings")
    print(f"half-made files at the end: {len(left)}")
    print(f"differing hashes: {len(wrong)} of {count} artefacts")
    for name in [*wrong, *left]:
        print(f"  {name}")
    return 1 if wrong or left else 0


if __name__ == "__main__":
    sys.exit(main())
