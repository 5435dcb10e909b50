"""profiles/slurm: which steps travel together, what a run asks for, and the plan that says so."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake_project import (  # type: ignore[import-not-found]
    ROOT,
    TINY,
    call_snakemake,
    clean_environment,
)

pytestmark = pytest.mark.workflow

PROFILE = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
CONFIGS = ["config", "alignment", "detection", "faces", "simulations", "synthetic"]


def arguments(config: str) -> list[str]:
    return [] if config == "config" else ["--configfile", str(ROOT / f"config/{config}.yaml")]


@pytest.fixture(scope="module", params=CONFIGS)
def graph(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The jobs of a config as Snakemake's own JSON: nodes with rules, edges by job id."""
    folder = tmp_path_factory.mktemp("graph")
    done = call_snakemake(
        ROOT, *arguments(request.param), "--directory", str(folder), "--d3dag", merged=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout[done.stdout.index("{") :])


def ancestors(graph: Any) -> Iterator[tuple[str, set[str]]]:
    """The rule of each job, with the rules of all jobs that it waits for."""
    rules = {node["id"]: node["value"]["rule"] for node in graph["nodes"]}
    needs: dict[int, set[int]] = {job: set() for job in rules}
    for link in graph["edges"]:
        needs[link["v"]].add(link["u"])
    found: dict[int, set[int]] = {}

    def collect(job: int) -> set[int]:
        if job not in found:
            found[job] = needs[job].union(*(collect(other) for other in needs[job]))
        return found[job]

    for job, rule in rules.items():
        yield rule, {rules[other] for other in collect(job)}


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Rule → its group, as Snakemake itself reads them."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("dump_rules.py"), ROOT / "Snakefile"],
        cwd=tmp_path_factory.mktemp("rules"),
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {rule["name"]: rule["group"] for rule in json.loads(done.stdout) if rule["group"]}


def test_no_step_of_a_group_waits_for_another_one_of_it(graph: Any, groups: dict[str, str]) -> None:
    """Else two of its jobs could wait for each other, and memory by inputs would be forgotten."""
    assert len(groups) > 50
    wrong = [
        f"{rule} waits for {other} of {groups[rule]}"
        for rule, waits_for in ancestors(graph)
        for other in waits_for
        if rule in groups and groups.get(other) == groups[rule]
    ]
    assert sorted(set(wrong)) == []


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
    # One network, one VAE: 8 hours at most each; features and latents: 2 hours each.
    assert rows["train_philnet"][1:] == ["1", "1", "2", "by", "inputs", "1", "8", "8", "0.2"]
    assert "At most 20 GPU hours" in done.stdout
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
