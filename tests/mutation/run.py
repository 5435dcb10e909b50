"""Do the tests notice mistakes? `make mutation`: 300 mutants of the inference modules, each tested.

``modules.toml`` says which modules and which tests, ``mutants.py`` what a mutant is. Each module is
drawn from in proportion to its sites. A mutant lives in a scratch copy of the files, never in the
tree; it is killed when a test fails or takes too long. Results are kept in results/mutation, so
that a run that was ended goes on. There a killed mutant stays killed; one that survived is tried
again when its tests change. Ends with 1 unless the lower end of the 95 % interval (Wilson) of the
killed share is at least 90 %. ``judged.toml`` says why some survivors are no gap: those that mean
the same as the original do not count, all others do.
"""

import argparse
import difflib
import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.mutation import mutants

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PACKAGE = Path("src/latent_microscope")
WANTED = 0.90
NORMAL = 1.959964
MEMORY = 12 << 30
# Imported once; each mutant is tested in a process forked from this one.
WARM = (
    *("hypothesis", "numba", "pandas", "scipy.ndimage", "scipy.optimize", "scipy.stats", "hdbscan"),
    *("sklearn.cluster", "sklearn.decomposition", "sklearn.linear_model", "sklearn.metrics"),
    *("sklearn.mixture", "sklearn.neighbors", "pydantic", "pyarrow.parquet", "PIL.Image", "yaml"),
    *("rsatoolbox", "matplotlib.pyplot"),
)


@dataclass(frozen=True)
class Plan:
    """What is drawn from and tested."""

    modules: dict[str, list[str]]  # module: test files
    waiting: list[str]
    sizes: list[str]
    skipped: list[str]


@dataclass(frozen=True)
class Result:
    """What became of a mutant."""

    key: str
    module: str
    tests: str  # fingerprint of the test files
    operator: str
    line: int
    outcome: str  # killed, survived, timed out
    by: str  # the test that failed
    seconds: float
    diff: str


Drawn = tuple[str, str, Result]  # module, its changed text, what is to be filled in


def read_plan(path: Path = HERE / "modules.toml") -> Plan:
    """The modules and their tests."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    modules = {
        name: [f"tests/unit/test_{test}.py" for test in tests]
        for name, tests in table["modules"].items()
    }
    return Plan(modules, table["waiting"], table["sizes"], table["skipped"])


def source_of(module: str) -> str:
    """Text of a module."""
    return (ROOT / PACKAGE / module).read_text(encoding="utf-8")


def wilson(count: int, total: int) -> tuple[float, float]:
    """95 % interval of a share."""
    if not total:
        return 0.0, 1.0
    share, square = count / total, NORMAL**2
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = NORMAL * ((share * (1 - share) + square / (4 * total)) / total) ** 0.5
    half /= 1 + square / total
    return middle - half, middle + half


def copy_tree(target: Path) -> None:
    """The files that git knows or would take in."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def start(tree: Path, tests: Sequence[str], plan: Plan, limit: int) -> int:
    """Fork a process that runs tests in a copy of the tree and ends with pytest's exit code.

    ``limit``: seconds of computing, and a twentieth of the seconds on the clock.
    """
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.chdir(tree)
        log = os.open("mutation.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.alarm(20 * limit)
        for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
            del sys.modules[name]
        own = str(ROOT)
        sys.path[:] = [
            str(tree / "src"),
            *(path for path in sys.path if path != own and not path.startswith(f"{own}/src")),
        ]
        os.environ["PYTHONPATH"] = str(tree / "src")
        sys.dont_write_bytecode = True
        known = [one for one in plan.skipped if one.partition("::")[0] in tests]
        command = ["-x", "-q", "--no-header", "--tb=no", "-n0", "-p", "no:cacheprovider"]
        command += ["--hypothesis-seed=0", *tests, *(f"--deselect={one}" for one in known)]
        code = int(pytest.main(command))
        found = sys.modules.get("latent_microscope")
        if found is not None and not str(found.__file__).startswith(str(tree)):
            code = 4
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        code = 70
    os._exit(code)


def outcome_of(status: int, log: Path) -> tuple[str, str]:
    """Outcome and first failing test of a process that has ended."""
    output = log.read_text(encoding="utf-8", errors="replace")
    code = os.waitstatus_to_exitcode(status)
    if -code in (signal.SIGXCPU, signal.SIGALRM, signal.SIGKILL):
        return "timed out", ""
    if code == 0:
        return "survived", ""
    if code not in (1, 2) and code >= 0:
        raise RuntimeError(f"pytest ended with {code}:\n{output[-3000:]}")
    failed = [line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return "killed", failed[0].split(" - ")[0] if failed else "crash"


def draw(plan: Plan, count: int, seed: int, only: Sequence[str]) -> list[Drawn]:
    """Modules, changed modules and results to be filled in."""
    names = [name for name in plan.modules if name not in plan.waiting]
    sources = {name: source_of(name) for name in names}
    found = {name: mutants.sites(source, plan.sizes) for name, source in sources.items()}
    numbers = mutants.shares([len(found[name][0]) for name in names], count)
    left_out: Counter[str] = Counter()
    for _, reasons in found.values():
        left_out.update(reasons)
    every = sum(len(each) for places, _ in found.values() for each in places)
    print(
        f"{len(names)} modules, {sum(len(places) for places, _ in found.values())} sites, "
        f"{every} mutants; left out {sum(left_out.values())} mutants ("
        + ", ".join(f"{why} {number}" for why, number in left_out.items() if number)
        + f"); waiting: {', '.join(plan.waiting) or 'none'}"
    )
    drawn = []
    for name, number in zip(names, numbers, strict=True):
        if only and name not in only:
            continue
        tests = mutants.fingerprint(
            *((ROOT / test).read_text(encoding="utf-8") for test in plan.modules[name])
        )
        source = sources[name]
        for mutant, code in mutants.drawn(source, name, number, seed, plan.sizes):
            lines = difflib.unified_diff(
                source.splitlines(), code.splitlines(), name, name, lineterm="", n=1
            )
            key = mutants.fingerprint(name, code)
            drawn.append(
                (
                    name,
                    code,
                    Result(
                        *(key, name, tests, mutant.operator.partition("/")[2], mutant.line),
                        *("", "", 0.0, "\n".join(lines)),
                    ),
                )
            )
    return drawn


def kept_results(path: Path) -> dict[str, Result]:
    """Results of former runs, the last of each mutant; a line cut off by a kill is left out."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            one = Result(**json.loads(line))
        except (json.JSONDecodeError, TypeError):
            continue
        found[one.key] = one
    return found


def judgement(one: Result, judged: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """``why`` a survivor is no gap, and whether it means the same (``equal``)."""
    changed = [line[1:].strip() for line in one.diff.splitlines() if line[:1] == "+"]
    for entry in judged:
        if entry["module"] == one.module and entry["mutant"] in changed:
            return {"equal": False} | entry
    return {"equal": False, "why": "not judged"}


def share_of(results: Sequence[Result]) -> tuple[str, float]:
    """The killed share in words, and the lower end of its interval."""
    dead = sum(one.outcome != "survived" for one in results)
    low, high = wilson(dead, len(results))
    share = dead / max(len(results), 1)
    return f"{dead} of {len(results)}: {share:.1%} (95 % interval {low:.1%} to {high:.1%})", low


def report(results: Sequence[Result], judged: Sequence[dict[str, Any]]) -> tuple[str, float]:
    """The table, the survivors, and the lower end of the killed share of those that differ."""
    alive = {one.key: judgement(one, judged) for one in results if one.outcome == "survived"}
    equal = {key for key, known in alive.items() if known["equal"]}
    names = list(dict.fromkeys(one.module for one in results))
    head = ("mutants", "killed", "timed out", "survived", "equal")
    lines = ["", f"{'module':<34}" + "".join(f"{word:>11}" for word in head)]
    for name in [*names, "all"]:
        mine = [one for one in results if name in (one.module, "all")]
        counts = Counter("equal" if one.key in equal else one.outcome for one in mine)
        row = (len(mine), *(counts[word] for word in head[1:]))
        lines.append(f"{name:<34}" + "".join(f"{number:>11}" for number in row))
    text, low = share_of([one for one in results if one.key not in equal])
    lines += ["", f"killed or timed out, of all mutants: {share_of(results)[0]}"]
    lines += [f"without the {len(equal)} that mean the same: {text}"]
    for one in sorted(results, key=lambda one: one.key in equal):
        if one.key in alive:
            word = "equal: " if one.key in equal else ""
            lines += ["", f"{one.module}:{one.line} {one.operator}: {word}{alive[one.key]['why']}"]
            lines += [line for line in one.diff.splitlines()[3:] if line[:1] in "+-"]
    return "\n".join(lines), low


def test_all(
    open_ones: Sequence[Drawn], plan: Plan, jobs: int, known: dict[str, Result], kept_in: Path
) -> None:
    """Test each module without a mutant, then all mutants; keep each result at once."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # before the libraries are there
    for name in WARM:
        importlib.import_module(name)
    limits: dict[str, int] = {}
    names = list(dict.fromkeys(name for name, _, _ in open_ones))
    queue: list[tuple[str, Drawn | None]] = [(name, None) for name in names[:jobs]]
    for place, name in enumerate(names):
        queue += [(name, None) for name in names[jobs + place : jobs + place + 1]]
        queue += [(name, one) for one in open_ones if one[0] == name]
    queue.reverse()
    running: dict[int, tuple[str, Drawn | None, Path]] = {}
    with tempfile.TemporaryDirectory(prefix="mutation-") as scratch, kept_in.open("a") as file:
        trees = [Path(scratch) / str(job) for job in range(jobs)]
        for tree in trees:
            copy_tree(tree)
        try:
            while queue or running:
                # Mutants wait for the time of their module's tests.
                while queue and trees and (queue[-1][1] is None or queue[-1][0] in limits):
                    name, one = queue.pop()
                    tree = trees.pop()
                    if one is not None:
                        shutil.copy2(tree / PACKAGE / name, tree / "original.py")
                        (tree / PACKAGE / name).write_text(one[1], encoding="utf-8")
                    pid = start(tree, plan.modules[name], plan, limits[name] if one else 900)
                    running[pid] = name, one, tree
                pid, status, usage = os.wait4(-1, 0)
                if pid not in running:
                    continue
                name, one, tree = running.pop(pid)
                seconds = usage.ru_utime + usage.ru_stime
                outcome, by = outcome_of(status, tree / "mutation.log")
                if one is not None:
                    (tree / "original.py").replace(tree / PACKAGE / name)
                trees.append(tree)
                if one is None:
                    if outcome != "survived":
                        raise RuntimeError(f"the tests of {name} fail without a mutant: {by}")
                    limits[name] = int(10.0 + 4.0 * seconds)
                    print(f"{name}: its tests take {seconds:.1f} s", flush=True)
                    continue
                filled = {"outcome": outcome, "by": by, "seconds": round(seconds, 1)}
                found = Result(**asdict(one[2]) | filled)
                known[found.key] = found
                file.write(json.dumps(asdict(found)) + "\n")
                file.flush()
                print(
                    f"{outcome:<10}{seconds:5.1f} s  {name}:{found.line} {found.operator} {by}",
                    flush=True,
                )
        finally:
            for pid in running:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def main() -> int:
    parser = argparse.ArgumentParser(description="Test mutants of the inference modules.")
    parser.add_argument("--number", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--fresh", action="store_true", help="forget former results")
    parser.add_argument("--only", nargs="*", default=[], help="modules, e.g. statistics/auc.py")
    parser.add_argument("--list", action="store_true", help="only say what would be tested")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    plan = read_plan()
    drawn = draw(plan, arguments.number, arguments.seed, arguments.only)
    folder = ROOT / "results/mutation"
    folder.mkdir(parents=True, exist_ok=True)
    kept_in = folder / "results.jsonl"
    if arguments.fresh:
        kept_in.unlink(missing_ok=True)
    known = kept_results(kept_in)
    keys = [result.key for _, _, result in drawn]
    open_ones = [
        one
        for one in drawn
        if (old := known.get(one[2].key)) is None
        or (old.outcome == "survived" and old.tests != one[2].tests)
    ]
    print(f"{len(drawn)} mutants drawn with seed {arguments.seed}, {len(open_ones)} to test")
    if arguments.list:
        print("\n\n".join(result.diff for _, _, result in drawn))
        return 0
    if open_ones:
        test_all(open_ones, plan, arguments.jobs, known, kept_in)
    judged = tomllib.loads((HERE / "judged.toml").read_text(encoding="utf-8"))["judged"]
    text, low = report([known[key] for key in keys], judged)
    print(text)
    (folder / "report.txt").write_text(text.lstrip() + "\n", encoding="utf-8")
    return 0 if low >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
