"""Time our code against the published code and libraries; see ``make bench``.

Not a step of the workflow: timings are not reproducible, so nothing depends on them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from benchmarks.suites import SUITES, Case, cases, sizes

Record = dict[str, Any]
OURS = "ours"
_CASE = ["suite", "task", "name"]
_SHOWN = {
    "task": ("task", "{}"),
    "name": ("by", "{}"),
    "n": ("n", "{:,}"),
    "seconds": ("s", "{:.2f}"),
    "cpu": ("CPU s", "{:.2f}"),
    "peak_mb": ("peak MB", "{:.0f}"),
    "more_mb": ("+MB", "{:.0f}"),
    "ratio": ("× ours", "{:.1f}"),
    "cpu_ratio": ("× ours, CPU", "{:.1f}"),
    "growth": ("n^", "{:.2f}"),
    "agreement": ("agreement", "{}"),
}
"""Column of the results → its heading and format."""
_COLUMNS = [*_CASE, "n", "seconds", "cpu", "peak_mb", "before_mb", *list(_SHOWN)[-4:]]


def in_subprocess(suite: str, one: Case, n: int, folder: Path, threads: int) -> Record:
    """Measure one case in a separate process; CalledProcessError if it fails."""
    words = map(str, (suite, one.task, one.name, n, folder, threads))
    variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.measure", *words],
        cwd=Path(__file__).parents[1],
        env=os.environ | dict.fromkeys(variables, str(threads)),
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
        for one in cases(suite):
            if (names and one.name not in names) or (tasks and one.task not in tasks):
                continue
            chosen = dict.fromkeys(sizes(suite) if wanted is None else wanted)
            if big is not None and one.name == OURS:
                chosen[big] = None
            plan += [(suite, one, n) for n in chosen if n <= one.largest]
    return plan


def run_plan(plan: Iterable[tuple[str, Case, int]], folder: Path, threads: int) -> list[Record]:
    """Records of all measurements; one that fails is named and left out."""
    records = []
    for suite, one, n in plan:
        head = f"{one.task}, {one.name}, n = {n}:"
        try:
            record = in_subprocess(suite, one, n, folder, threads)
        except subprocess.CalledProcessError as error:
            print(f"{head} failed ({error.returncode})", flush=True)
            continue
        used = f"{record['cpu']:.2f} s of processors), {record['peak_mb']:.0f} MB"
        print(f"{head} {record['seconds']:.2f} s ({used}", flush=True)
        records.append(record)
    return records


def compared(records: Sequence[Record], folder: Path) -> pd.DataFrame:
    """The records with ``ratio`` (seconds by ours), ``cpu_ratio``, ``growth`` and ``agreement``.

    Growth is the exponent of n in processor seconds, between the smallest and the largest n;
    agreement a text, from the arrays in the folder.
    """
    table = pd.DataFrame(records)
    keys = ["suite", "task", "n"]
    ours = table[table["name"] == OURS].set_index(keys)
    beside = ours.reindex(pd.MultiIndex.from_frame(table[keys]))
    for name, measure in (("ratio", "seconds"), ("cpu_ratio", "cpu")):
        table[name] = table[measure].to_numpy() / beside[measure].to_numpy()
    by_size = table.sort_values("n").groupby(_CASE)[["n", "cpu"]]
    rise = np.log(by_size.transform("last") / by_size.transform("first"))
    table["growth"] = rise["cpu"] / rise["n"]
    table["agreement"] = [
        agreement(*(folder / f"{task} {by} {n}.npz" for by in (name, OURS)))
        for task, name, n in table[["task", "name", "n"]].itertuples(index=False)
    ]
    return table


def agreement(other: Path, ours: Path) -> str:
    """Largest relative difference of the arrays of two results, or adjusted Rand of labels."""
    if other == ours or not (other.exists() and ours.exists()):
        return ""
    texts, numbers = [], []
    with np.load(other, allow_pickle=False) as a, np.load(ours, allow_pickle=False) as b:
        for name in sorted(set(a) & set(b)):
            if name == "labels":
                texts.append(f"adjusted Rand {adjusted_rand_score(a[name], b[name]):.4f}")
            elif a[name].shape != b[name].shape:
                texts.append(f"{name}: {len(a[name])} against {len(b[name])}")
            elif a[name].size:
                scale = np.maximum(np.abs(b[name]), np.finfo(np.float64).tiny)
                numbers.append(float(np.max(np.abs(a[name] - b[name]) / scale)))
    return "; ".join([*texts, *([f"within {max(numbers):.0e}"] if numbers else [])])


def text(table: pd.DataFrame) -> str:
    """The results as text, and a line of further numbers for each case that has some."""
    shown = table.assign(more_mb=table["peak_mb"] - table["before_mb"])
    formats = {name: form.format for name, (_, form) in _SHOWN.items()}
    heads = [head for head, _ in _SHOWN.values()]
    lines = [
        shown.to_string(
            index=False, na_rep="", columns=list(_SHOWN), header=heads, formatters=formats
        )
    ]
    for row in table.to_dict("records"):
        facts = [f"{k} {v:.4g}" for k, v in row.items() if k not in _COLUMNS and pd.notna(v)]
        if facts:
            lines.append(f"{row['task']}, {row['name']}, n = {row['n']:,}: {'; '.join(facts)}")
    return "\n".join(lines)


def save(table: pd.DataFrame, folder: Path, conditions: Record) -> None:
    """Write ``bench.csv`` and ``bench.json`` (with the conditions of the run and all numbers)."""
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "bench.csv", columns=_COLUMNS, index=False)
    records = json.loads(table.to_json(orient="records", double_precision=15))
    content = {"conditions": conditions, "records": records}
    (folder / "bench.json").write_text(json.dumps(content, indent=1) + "\n")


def main() -> None:
    """Run the benchmarks, print their table and save it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", nargs="+", choices=SUITES, default=SUITES)
    parser.add_argument(
        "--sizes", nargs="+", type=int, help="numbers of samples; each suite has its own"
    )
    parser.add_argument("--big", type=int, help="one more size, for ours only")
    parser.add_argument("--only", nargs="+", default=[], help="names of cases")
    parser.add_argument("--task", nargs="+", default=[], help="tasks")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("results/bench"))
    options = parser.parse_args()
    before = os.getloadavg()[0]
    date = datetime.now(UTC).isoformat(timespec="seconds")
    print(f"{options.threads} threads, {os.cpu_count()} processors, load {before:.1f}", flush=True)
    plan = planned(options.suite, options.sizes, options.big, options.only, options.task)
    with tempfile.TemporaryDirectory() as scratch:
        records = run_plan(plan, Path(scratch), options.threads)
        results = compared(records, Path(scratch))
    after = os.getloadavg()[0]
    conditions = {
        "date": date,
        "threads": options.threads,
        "processors": os.cpu_count(),
        "load_before": before,
        "load_after": after,
    }
    save(results, options.folder, conditions)
    print(f"\n{text(results)}\n\nload {before:.1f} before, {after:.1f} after")
    if max(before, after) > options.threads + 1:
        print("The machine was busy: compare processor seconds, not the clock.")


if __name__ == "__main__":
    main()
