"""SIGKILL at random moments of a run and of its trainings; then the bytes of an undisturbed run.

``make chaos`` calls it on the demo. It may be ended at any time itself: called again with the same
folder it goes on, with the undisturbed run and the kills that are done.
"""

import argparse
import hashlib
import json
import random
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from runs import (  # type: ignore[import-not-found]
    Run,
    differing,
    digests_below,
    has_started,
    running,
    start,
    steps_done,
    steps_finished,
)
from snakemake_project import PARTS, ROOT, copy_project  # type: ignore[import-not-found]

from latent_microscope.project import script

CONFIG = "chaos.yaml"


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
    """

    key: str
    timeline: list[float] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)

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
    if steps_done(run.output, total) >= wanted > 0 and not steps_finished(run.output):
        run.wait_until(has_started)  # not just its start
    run.lives_on(delay)
    output = run.output
    run.kill()
    left = sum(1 for top in ("data", "results") for _ in (folder / top).rglob(".tmp-*"))
    return Kill(round(moment, 1), steps_done(output, total), running(output), left)


def training_command(sidecar: Path, out: Path, *, epochs: int | None = None) -> list[str]:
    """The command of a training as its sidecar tells, that saves a checkpoint every epoch."""
    job = json.loads(sidecar.read_text(encoding="utf-8"))
    params = job["params"] | {"checkpoint_seconds": 0, "tensorboard": None}
    if epochs:
        params["settings"] = params["settings"] | {"epochs": epochs}
    words = [str(script(job["step"])), "--numeric-threads", str(job["numeric_threads"])]
    for name, files in job["inputs"].items():
        words += [f"--{name.replace('_', '-')}", *files] if files else []
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


def _copy(folder: Path, config: Path | None) -> None:
    """The project as it is now, with the config: both may be edited while this runs."""
    copy_project(folder)
    if config:
        shutil.copy2(config, folder / CONFIG)


def _key(arguments: Sequence[str], options: argparse.Namespace) -> str:
    """Of everything that a run is made of."""
    digest = hashlib.sha256(json.dumps([list(arguments), options.seed]).encode())
    if options.config:
        digest.update(options.config.read_bytes())
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
        arguments += ["--configfile", CONFIG]
    state = State.load(folder, _key(arguments, options))
    reference, disturbed = folder / "undisturbed", folder / "disturbed"
    if not state.timeline:
        shutil.rmtree(folder, ignore_errors=True)
        for copy in (reference, disturbed):
            _copy(copy, options.config)
        state.timeline = measure(reference, arguments)
        state.save(folder)
    total, seconds = len(state.timeline), state.timeline[-1]
    print(f"undisturbed: {total} steps in {seconds:.0f} s", flush=True)

    rng = random.Random(options.seed)
    state.moments = sorted(rng.uniform(0, seconds) for _ in range(options.kills))
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
