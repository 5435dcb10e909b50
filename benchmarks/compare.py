"""Run suites, one process per measurement; compare, print and save the results."""

import csv
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.suites import Case, cases, sizes

Record = dict[str, Any]
OURS = "ours"
_CASE = ("suite", "task", "name")
_MEASURES = ("seconds", "cpu", "peak_mb", "before_mb")
_COLUMNS = (*_CASE, "n", *_MEASURES, "ratio", "cpu_ratio", "growth", "agreement")


def in_subprocess(suite: str, one: Case, n: int, folder: Path, threads: int) -> Record:
    """Measure one case in a separate process; CalledProcessError if it fails."""
    library = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, [library, os.environ.get("PYTHONPATH")]))
    variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    done = subprocess.run(
        [
            sys.executable,
            *("-m", "benchmarks.measure"),
            *(suite, one.task, one.name, str(n), str(folder), str(threads)),
        ],
        env=os.environ | dict.fromkeys(variables, str(threads)) | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    record: Record = json.loads(done.stdout.splitlines()[-1])
    return {"suite": suite, "task": one.task, "name": one.name, "n": n, **record}


def planned(
    suites: Sequence[str],
    wanted: Sequence[int] | None,
    big: int | None,
    names: Sequence[str] = (),
    tasks: Sequence[str] = (),
) -> list[tuple[str, Case, int]]:
    """Measurements to make: all cases at all sizes that they can take (None: those of each suite).

    ``big`` is one more size, for ours only; ``names`` and ``tasks`` restrict the cases.
    """
    plan = []
    for suite in suites:
        chosen = sizes(suite) if wanted is None else wanted
        for one in cases(suite):
            if (names and one.name not in names) or (tasks and one.task not in tasks):
                continue
            plan += [(suite, one, n) for n in chosen if n <= one.largest]
            if big is not None and one.name == OURS and big <= one.largest and big not in chosen:
                plan.append((suite, one, big))
    return plan


def run_plan(
    plan: Iterable[tuple[str, Case, int]],
    measure: Callable[[str, Case, int], Record],
    say: Callable[[str], None] = print,
) -> list[Record]:
    """Records of all measurements; one that fails is named and left out."""
    records = []
    for suite, one, n in plan:
        try:
            record = measure(suite, one, n)
        except subprocess.CalledProcessError as error:
            say(f"{one.task}, {one.name}, n = {n}: failed ({error.returncode})")
            continue
        say(
            f"{one.task}, {one.name}, n = {n}: {record['seconds']:.2f} s "
            f"({record['cpu']:.2f} s of processors), {record['peak_mb']:.0f} MB"
        )
        records.append(record)
    return records


def compared(records: Sequence[Record], folder: Path) -> list[Record]:
    """Records with ``ratio`` (seconds by ours), ``cpu_ratio``, ``growth`` and ``agreement``.

    Growth is the exponent of n in processor seconds, between the smallest and the largest n;
    agreement a text, from the arrays in the folder.
    """
    by_key = {(r["suite"], r["task"], r["name"], r["n"]): r for r in records}
    out = []
    for record in records:
        ours = by_key.get((record["suite"], record["task"], OURS, record["n"]))
        same = [r for r in records if all(r[key] == record[key] for key in _CASE)]
        first, last = min(same, key=lambda r: r["n"]), max(same, key=lambda r: r["n"])
        more: Record = {"ratio": None, "cpu_ratio": None, "growth": None, "agreement": ""}
        if ours is not None:
            more["ratio"] = record["seconds"] / max(ours["seconds"], 1e-9)
            more["cpu_ratio"] = record["cpu"] / max(ours["cpu"], 1e-9)
        if last["n"] > first["n"]:
            rise = math.log(max(last["cpu"], 1e-9) / max(first["cpu"], 1e-9))
            more["growth"] = rise / math.log(last["n"] / first["n"])
        if ours is not None and record["name"] != OURS:
            more["agreement"] = agreement(
                folder / f"{record['task']} {record['name']} {record['n']}.npz",
                folder / f"{record['task']} {OURS} {record['n']}.npz",
            )
        out.append(record | more)
    return out


def agreement(other: Path, ours: Path) -> str:
    """Largest relative difference of the arrays of two results, or adjusted Rand of labels."""
    import numpy as np
    from sklearn.metrics import adjusted_rand_score

    if not (other.exists() and ours.exists()):
        return ""
    texts = []
    with np.load(other, allow_pickle=False) as a, np.load(ours, allow_pickle=False) as b:
        numbers = []
        for name in sorted(set(a) & set(b)):
            if name == "labels":
                texts.append(f"adjusted Rand {adjusted_rand_score(a[name], b[name]):.4f}")
            elif a[name].shape != b[name].shape:
                texts.append(f"{name}: {len(a[name])} against {len(b[name])}")
            elif a[name].size:
                scale = np.maximum(np.abs(b[name]), np.finfo(np.float64).tiny)
                numbers.append(float(np.max(np.abs(a[name] - b[name]) / scale)))
        if numbers:
            texts.append(f"within {max(numbers):.0e}")
    return "; ".join(texts)


def table(records: Sequence[Mapping[str, Any]]) -> str:
    """The records as a text table."""
    head = ["task", "by", "n", "s", "CPU s", "peak MB", "+MB"]
    head += ["× ours", "× ours, CPU", "n^", "agreement"]
    rows = [head]
    for r in records:
        rows.append(
            [
                *(str(r["task"]), str(r["name"]), f"{r['n']:,}"),
                *(f"{r['seconds']:.2f}", f"{r['cpu']:.2f}", f"{r['peak_mb']:.0f}"),
                f"{r['peak_mb'] - r['before_mb']:.0f}",
                *("" if r[key] is None else f"{r[key]:.1f}" for key in ("ratio", "cpu_ratio")),
                "" if r["growth"] is None else f"{r['growth']:.2f}",
                str(r["agreement"]),
            ]
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if 1 < i < len(head) - 1 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    for r in records:
        facts = [f"{name} {value:.4g}" for name, value in r.items() if name not in _COLUMNS]
        if facts:
            lines.append(f"{r['task']}, {r['name']}, n = {r['n']:,}: {'; '.join(facts)}")
    return "\n".join(lines)


def save(records: Sequence[Record], folder: Path, conditions: Mapping[str, Any]) -> None:
    """Write ``bench.csv`` and ``bench.json`` (with the conditions of the run and all numbers)."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "bench.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(records)
    content = {"conditions": dict(conditions), "records": list(records)}
    (folder / "bench.json").write_text(json.dumps(content, indent=1) + "\n")
