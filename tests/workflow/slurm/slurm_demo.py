"""The whole demo through a real SLURM of this machine, and its bytes against a local run.

``make slurm-demo`` calls it. Ended in the middle it goes on when called again.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import runs  # type: ignore[import-not-found]
from slurm_cluster import Cluster, why_not  # type: ignore[import-not-found]
from slurm_project import write_profile  # type: ignore[import-not-found]
from snakemake_project import copy_project  # type: ignore[import-not-found]


def main() -> int:
    """Local run, run on the cluster, comparison; 1 when anything differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="where to work")
    parser.add_argument("--config", type=Path, help="a config file; none: the embedded demo")
    parser.add_argument("--cores", type=int, default=2, help="of the local run")
    options = parser.parse_args()
    reason = why_not()
    if reason:
        sys.exit(f"no SLURM here: {reason}")
    folder: Path = options.folder.resolve()
    config = ["--configfile", str(options.config.resolve())] if options.config else []

    local = _project(folder / "local")
    begun = time.monotonic()
    runs.start(local, ["--cores", str(options.cores), *config]).finish()
    print(f"local: {time.monotonic() - begun:.0f} s", flush=True)

    sent = _project(folder / "slurm")
    profile = write_profile(sent, slurm_status_command="squeue")
    cluster = Cluster(folder / "cluster")
    try:
        cluster.start()
        before = len(cluster.finished_jobs())
        begun = time.monotonic()
        run = runs.start(sent, ["--workflow-profile", str(profile), *config])
        run.finish()
        seconds = time.monotonic() - begun
        jobs = cluster.finished_jobs()[before:]
    finally:
        cluster.stop()
    steps = runs.steps_finished(run.output)
    waited = sum(job["StartTime"] > job["SubmitTime"] for job in jobs)
    states = sorted({job["JobState"] for job in jobs})
    print(f"SLURM: {seconds:.0f} s, {steps} steps in {len(jobs)} jobs {states}, {waited} waited")
    count, wrong = runs.differing(local, sent)
    print(f"differing hashes: {len(wrong)} of {count} artefacts")
    for name in wrong:
        print(f"  {name}")
    return 1 if wrong else 0


def _project(folder: Path) -> Path:
    return folder if folder.is_dir() else copy_project(folder).folder


if __name__ == "__main__":
    sys.exit(main())
