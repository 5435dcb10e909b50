"""Run one case in this process and print what it took, as one line of JSON.

``python -m benchmarks.measure SUITE TASK NAME N FOLDER THREADS``, a separate process, so that peak
memory is that of the case.
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.suites import Case, case

_WARM_UP = 200


def peak_mb() -> float:
    """Peak resident memory of this process so far, MB; macOS counts it in bytes."""
    per_mb = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mb


def measure(one: Case, n: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Time one case; the record and the arrays of its result.

    ``seconds`` of wall clock, ``cpu`` seconds of all threads, ``peak_mb``, ``before_mb`` (after
    the input and the libraries are loaded) and the numbers of the result.
    """
    one.run(one.setup(min(n, _WARM_UP)))
    data = one.setup(n)
    before, wall, cpu = peak_mb(), time.perf_counter(), time.process_time()
    result = one.run(data)
    record: dict[str, Any] = {
        "seconds": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak_mb": peak_mb(),
        "before_mb": before,
    }
    arrays = {name: value for name, value in result.items() if isinstance(value, np.ndarray)}
    record |= {name: float(value) for name, value in result.items() if name not in arrays}
    return record, arrays


def main() -> None:
    """Entry point of the subprocess."""
    suite, task, name, n, folder, threads = sys.argv[1:]
    threadpool_limits(int(threads))
    record, arrays = measure(case(suite, task, name), int(n))
    np.savez(Path(folder) / f"{task} {name} {n}.npz", **arrays)  # type: ignore[arg-type]
    print(json.dumps(record))


if __name__ == "__main__":
    main()
