"""profiles/slurm, and the plan of what a run asks of a cluster."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from snakemake_project import (  # type: ignore[import-not-found]
    ROOT,
    TINY,
    clean_environment,
)

pytestmark = pytest.mark.workflow

PROFILE = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())


def test_both_profiles_rerun_on_the_same_edits() -> None:
    default = yaml.safe_load((ROOT / "profiles/default/config.yaml").read_text())
    shared = set(default) & set(PROFILE) - {"resources", "__definitions__"}
    assert {"rerun-triggers", "max-checksum-file-size", "rerun-incomplete"} <= shared
    assert {key: PROFILE[key] for key in shared} == {key: default[key] for key in shared}


def plan(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "latent_microscope.cli", "plan", "--workflow-profile", "slurm"),
            *("--", "--directory", str(folder), *words),
        ],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_plan_counts_jobs_gpu_hours_and_disk(tmp_path: Path) -> None:
    done = plan(tmp_path, "--configfile", str(TINY), "--config", "run=[tiny-objects]")
    assert done.returncode == 0, done.stderr
    rows = {line.split("  ")[0]: line.split() for line in done.stdout.splitlines()}
    # One network, one VAE: a quarter of an hour each; features and latents: half an hour each.
    assert rows["train_philnet"][1:] == ["1", "1", "1", "by", "inputs", "1", "0.25", "0", "0.2"]
    assert re.search(r"\b2 GPU hours", done.stdout)
    figures = rows["figures-tiny-objects"]
    assert int(figures[1]) * 8 >= int(figures[2]) > 1
    sums = re.search(r"(\d+) jobs for SLURM, (\d+) beside Snakemake: (\d+) steps", done.stdout)
    assert sums
    sent, local, steps = map(int, sums.groups())
    assert sent + local < 0.75 * steps
    assert not list(tmp_path.glob("results/*"))


def test_a_mistake_is_named_and_no_plan_printed(tmp_path: Path) -> None:
    done = plan(tmp_path, "--config", "seeed=1")
    assert done.returncode == 1
    assert "seeed" in done.stderr
    assert done.stdout == ""
