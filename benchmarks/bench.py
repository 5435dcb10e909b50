"""Time our code against the published code and libraries; see ``make bench``.

Not a step of the workflow: timings are not reproducible, so nothing depends on them.
"""

import argparse
import os
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks import compare
from benchmarks.suites import SUITES, Case


def main() -> None:
    """Run the benchmarks, print their table and save it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", nargs="+", choices=SUITES, default=list(SUITES))
    parser.add_argument(
        "--sizes", nargs="+", type=int, help="numbers of samples; each suite has its own"
    )
    parser.add_argument("--big", type=int, help="one more size, for ours only")
    parser.add_argument("--only", nargs="+", default=[], help="names of cases")
    parser.add_argument("--task", nargs="+", default=[], help="tasks")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("results/bench"))
    options = parser.parse_args()
    load = os.getloadavg()
    conditions = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "threads": options.threads,
        "processors": os.cpu_count(),
        "load_before": load[0],
    }
    print(f"{options.threads} threads, {os.cpu_count()} processors, load {load[0]:.1f}", flush=True)
    plan = compare.planned(options.suite, options.sizes, options.big, options.only, options.task)
    with tempfile.TemporaryDirectory() as scratch:

        def measure(suite: str, one: Case, n: int) -> compare.Record:
            return compare.in_subprocess(suite, one, n, Path(scratch), options.threads)

        records = compare.run_plan(plan, measure, partial(print, flush=True))
        records = compare.compared(records, Path(scratch))
    conditions["load_after"] = os.getloadavg()[0]
    compare.save(records, options.folder, conditions)
    after = f"load {load[0]:.1f} before, {conditions['load_after']:.1f} after"
    print(f"\n{compare.table(records)}\n\n{after}")
    if max(load[0], os.getloadavg()[0]) > options.threads + 1:
        print("The machine was busy: compare processor seconds, not the clock.")


if __name__ == "__main__":
    main()
