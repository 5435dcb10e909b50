"""What a run would request from a cluster: jobs, time, GPU hours, disk.

The numbers are what the rules declare for their first attempt: upper bounds, not forecasts. SLURM
ends a job that exceeds its time, and most steps need far less.
"""

import argparse
import io
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any, TypeVar

from snakemake import cli
from snakemake.api import SnakemakeApi
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    ExecutionSettings,
    GroupSettings,
    OutputSettings,
    Quietness,
    ResourceSettings,
    StorageSettings,
)

from latent_microscope.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """A job of SLURM's, or a short one that runs beside Snakemake."""

    name: str  # of its rule, or of its group
    rules: tuple[str, ...]  # one entry per step
    local: bool
    threads: int
    minutes: int  # longest time allowed
    memory: int | None  # MB; None while files that it depends on do not exist yet
    gpus: int
    disk: int  # MB that its steps leave behind


def planned_jobs(arguments: Sequence[str]) -> list[Job]:
    """The jobs that ``snakemake ARGUMENTS`` would run; :class:`InputError` if it refuses them."""
    return of_jobs(arguments, _describe)


def of_jobs(arguments: Sequence[str], describe: Callable[[Any], T]) -> list[T]:
    """What a function says of Snakemake's own jobs and groups of jobs of a dry run."""
    said = io.StringIO()  # a dry run names every job even if it is quiet
    with redirect_stdout(said), redirect_stderr(said):
        try:
            _, options = cli.parse_args(["--dry-run", *arguments])
        except SystemExit:
            sys.__stderr__.write(said.getvalue())  # type: ignore[union-attr]
            raise
        with SnakemakeApi(OutputSettings(dryrun=True, quiet={Quietness.ALL})) as api:
            try:
                return [describe(job) for job in _needed(api, options)]
            except Exception as error:
                api.print_exception(error)
    sys.stderr.write(said.getvalue())
    raise InputError("Snakemake cannot plan this run; see its message above")


def _needed(api: SnakemakeApi, options: argparse.Namespace) -> Iterable[Any]:
    """Jobs and groups of jobs of the dry run that these options ask for."""
    workflow = api.workflow(
        # Without a number of nodes a dry run assumes one machine and caps threads by its cores.
        resource_settings=ResourceSettings(
            cores=options.cores or 10_000,
            nodes=options.jobs,
            max_threads=options.max_threads,
            resources=options.resources,
            overwrite_threads=options.set_threads,
            overwrite_resources=options.set_resources,
            overwrite_resource_scopes=options.set_resource_scopes,
            default_resources=options.default_resources,
        ),
        config_settings=ConfigSettings(
            config=cli.parse_config(options.config), configfiles=options.configfile
        ),
        storage_settings=StorageSettings(),
        snakefile=options.snakefile,
        workdir=options.directory,
    )
    dag = workflow.dag(
        DAGSettings(
            targets=options.targets,
            forcetargets=options.force,
            forceall=options.forceall,
            forcerun=options.forcerun,
            until=options.until,
            omit_from=options.omit_from,
            force_incomplete=options.rerun_incomplete,
            rerun_triggers=options.rerun_triggers,
            max_checksum_file_size=options.max_checksum_file_size,
        )
    )
    dag.execute_workflow(
        executor="dryrun",
        execution_settings=ExecutionSettings(lock=False),
        group_settings=GroupSettings(
            group_components=options.group_components, overwrite_groups=options.groups
        ),
    )
    graph = workflow._workflow.dag
    needed = [job for job in graph.jobs if graph.needrun(job)]
    jobs = {id(one): one for one in (graph.get_job_group(job) or job for job in needed)}.values()
    return [job for job in jobs if job.is_group() or not job.is_norun]


def _describe(job: Any) -> Job:
    steps = list(job.jobs) if job.is_group() else [job]
    resources = job.resources
    # Before a step's inputs exist Snakemake has a placeholder for what depends on their size.
    known = all(isinstance(step.resources.get("mem_mb"), int) for step in steps)
    return Job(
        name=job.groupid if job.is_group() else job.rule.name,
        rules=tuple(sorted(step.rule.name for step in steps)),
        # In a dry run the job itself says that it is local.
        local=not job.is_group() and job.rule.name in job.rule.workflow._localrules,
        threads=job.threads,
        minutes=int(resources.get("runtime", 0)),
        memory=int(resources.get("mem_mb", 0)) if known else None,
        gpus=sum(_gpus(step) for step in steps) if job.is_group() else _gpus(job),
        disk=sum(size for s in steps if isinstance(size := s.resources.get("disk_mb", 0), int)),
    )


def _gpus(step: Any) -> int:
    """GPUs of a step, whether it asks by ``gpu`` or by ``gres``."""
    gres = step.resources.get("gres")
    return int(gres.rpartition(":")[2]) if gres else int(step.resources.get("gpu", 0))


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows as text in columns, the first one to the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    layout = "  ".join([f"{{:<{widths[0]}}}", *(f"{{:>{width}}}" for width in widths[1:])])
    return "\n".join(layout.format(*row) for row in rows)


def table(jobs: Sequence[Job]) -> str:
    """The plan as text: a line for each kind of job, then the sums."""
    local = [job for job in jobs if job.local]
    kinds: Mapping[str, list[Job]] = defaultdict(list)
    for job in jobs:
        if not job.local:
            kinds[job.name].append(job)
    heads = ["job", "jobs", "steps", "threads", "GB", "GPUs", "hours each", "GPU hours", "disk GB"]
    rows = [heads]
    for name, kind in sorted(kinds.items(), key=lambda item: (-_gpu_hours(item[1]), item[0])):
        rows.append([name, *_row(kind)])
    if local:
        rows.append(["beside Snakemake", *_row(local)])
    return "\n".join([aligned(rows), "", *_sums(jobs)])


def _row(jobs: Sequence[Job]) -> list[str]:
    memories = [job.memory for job in jobs]
    known = [memory for memory in memories if memory is not None]
    hours = max(job.minutes for job in jobs) / 60
    return [
        str(len(jobs)),
        str(sum(len(job.rules) for job in jobs)),
        str(max(job.threads for job in jobs)),
        f"{max(known) / 1000:.0f}" if len(known) == len(memories) else "by inputs",
        str(max(job.gpus for job in jobs) or "–"),
        f"{hours:.2g}",
        f"{_gpu_hours(jobs):.0f}" if _gpu_hours(jobs) else "–",
        f"{sum(job.disk for job in jobs) / 1000:.1f}",
    ]


def _gpu_hours(jobs: Sequence[Job]) -> float:
    return sum(job.gpus * job.minutes for job in jobs) / 60


def _sums(jobs: Sequence[Job]) -> list[str]:
    sent = [job for job in jobs if not job.local]
    steps = sum(len(job.rules) for job in jobs)
    processor_hours = sum(job.threads * job.minutes for job in sent) / 60
    return [
        f"{len(sent)} jobs for SLURM, {len(jobs) - len(sent)} beside Snakemake: {steps} steps.",
        f"At most {_gpu_hours(sent):.0f} GPU hours and {processor_hours:.0f} processor hours: the",
        "time limits of all first attempts (runtime in workflow/rules). Most jobs need minutes.",
        f"About {sum(job.disk for job in jobs) / 1000:.1f} GB on disk, with the downloads.",
    ]
