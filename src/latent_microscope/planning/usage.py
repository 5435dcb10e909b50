"""What finished steps used of what their rules request: memory and time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latent_microscope.io.artefacts import load_json
from latent_microscope.planning.plan import aligned, of_jobs
from latent_microscope.provenance.sidecars import sidecar_path

_MB = 2**20 / 10**6


@dataclass(frozen=True)
class Usage:
    """A finished step."""

    rule: str
    artefact: str
    memory: int  # MB, requested by a first try
    used_memory: float  # MB, the process's largest resident size
    minutes: int
    used_minutes: float


def used(arguments: Sequence[str]) -> list[Usage]:
    """Every step of ``snakemake ARGUMENTS`` that has run here, from the sidecars of its files."""
    found = of_jobs(["--forceall", *arguments], _usages)
    return [usage for usages in found for usage in usages]


def _usages(job: Any) -> list[Usage]:
    return [usage for step in (job.jobs if job.is_group() else [job]) if (usage := _usage(step))]


def _usage(step: Any) -> Usage | None:
    memory = step.resources.get("mem_mb")
    for artefact in map(Path, step.output):
        if isinstance(memory, int) and sidecar_path(artefact).is_file():
            job = load_json(sidecar_path(artefact))
            return Usage(
                rule=step.rule.name,
                artefact=str(artefact),
                memory=memory,
                used_memory=job["peak_memory_mib"] * _MB,
                minutes=int(step.resources["runtime"]),
                used_minutes=job["seconds"] / 60,
            )
    return None


def table(usages: Sequence[Usage]) -> str:
    """For each rule the step that came nearest to its request of memory, and of time."""
    rules: dict[str, list[Usage]] = defaultdict(list)
    for usage in usages:
        rules[usage.rule].append(usage)
    rows = [["rule", "steps", "GB asked", "used", "share", "minutes asked", "used", "share"]]
    for rule, of_rule in sorted(rules.items()):
        most = max(of_rule, key=lambda usage: usage.used_memory / usage.memory)
        longest = max(of_rule, key=lambda usage: usage.used_minutes / usage.minutes)
        rows.append(
            [
                rule,
                str(len(of_rule)),
                f"{most.memory / 1000:.1f}",
                f"{most.used_memory / 1000:.2f}",
                f"{most.used_memory / most.memory:.0%}",
                str(longest.minutes),
                f"{longest.used_minutes:.1f}",
                f"{longest.used_minutes / longest.minutes:.0%}",
            ]
        )
    return aligned(rows)
