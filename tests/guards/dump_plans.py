"""Dump what Snakemake plans for given commands of a checkout; a process of its own.

``python dump_plans.py REQUEST``: REQUEST is a JSON file with ``checkout``, ``folder`` (a working
folder), ``output`` and ``commands`` (name → arguments of Snakemake). Nothing of the checkout is
imported, except by its Snakefile, so that old and new layouts are read alike.
"""

import asyncio
import io
import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path, PurePath
from typing import Any

from snakemake import cli, iocontainers
from snakemake.api import SnakemakeApi
from snakemake.report import expand_labels, expand_report_argument
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

MANY = 10_000
"""Cores, so that those of this machine cap no threads."""
SIZE = 250 * 2**20
"""Bytes that every input is said to have, so that resources by size are known before a run."""
MACHINE = ("tmpdir", "_cores", "_nodes", "mem", "mem_mib", "disk", "disk_mib")
"""Resources that follow from the machine or from others."""


def main(request: Mapping[str, Any]) -> None:
    """Plan all commands, one after the other."""
    iocontainers.InputFiles._predicated_size_files = (  # type: ignore[method-assign]
        lambda files, predicate: [SIZE] * len(files)
    )
    checkout, folder = Path(request["checkout"]), Path(request["folder"])
    plans = {}
    for name, arguments in request["commands"].items():
        plans[name] = Plan(checkout, folder).of(arguments)
    Path(request["output"]).write_text(json.dumps(plans), encoding="utf-8")


class Plan:
    """One command of one checkout."""

    def __init__(self, checkout: Path, folder: Path):
        self._places = ((str(checkout), "<project>"), (str(folder), "."))
        self._checkout, self._folder = checkout, folder

    def of(self, arguments: Sequence[str]) -> dict[str, Any]:
        """The resolved config and all jobs, by their first output."""
        os.chdir(self._folder)
        profile = self._checkout / "profiles/slurm"
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            _, options = cli.parse_args(
                ["--dry-run", "--forceall", "--workflow-profile", str(profile), *arguments]
            )
            with SnakemakeApi(OutputSettings(dryrun=True, quiet={Quietness.ALL})) as api:
                try:
                    workflow = self._planned(api, options)
                    jobs = [self._job(job) for job in workflow.dag.jobs]
                    config = self._plain(workflow.globals["CONFIG"])
                except Exception as error:
                    api.print_exception(error)
                    raise SystemExit(f"{arguments}: {said.getvalue()}") from error
        keyed = {job["key"]: job for job in jobs}
        assert len(keyed) == len(jobs), "two jobs with one first output"
        return {"config": config, "jobs": dict(sorted(keyed.items()))}

    def _planned(self, api: SnakemakeApi, options: Namespace) -> Any:
        workflow = api.workflow(
            resource_settings=ResourceSettings(
                cores=MANY,
                overwrite_threads=options.set_threads,
                overwrite_resources=options.set_resources,
                default_resources=options.default_resources,
            ),
            config_settings=ConfigSettings(
                config=cli.parse_config(options.config), configfiles=options.configfile
            ),
            storage_settings=StorageSettings(),
            snakefile=self._checkout / "Snakefile",
            workdir=self._folder,
        )
        dag = workflow.dag(DAGSettings(targets=options.targets, forceall=True))
        dag.execute_workflow(
            executor="dryrun",
            execution_settings=ExecutionSettings(lock=False),
            group_settings=GroupSettings(overwrite_groups=options.groups),
        )
        return workflow._workflow

    def _job(self, job: Any) -> dict[str, Any]:
        rule = job.rule
        params = {name: self._plain(value) for name, value in job.params.items()}
        if isinstance(params.get("step"), dict):
            params["step"].pop("code")
        described = {
            "key": self._text(job.output[0]) if job.output else rule.name,
            "rule": rule.name,
            "wildcards": dict(job.wildcards_dict),
            "input": self._files(job.input),
            "output": self._files(job.output),
            "params": params,
            "resources": self._resources(job),
            "threads": job.threads,
            "retries": job.restart_times,
            "conda": PurePath(str(rule._conda_env)).name if rule._conda_env else None,
            "log": self._files(job.log),
            "group": job.group,
            # Asked of the job itself, a dry run says that everything is local.
            "local": rule.name in rule.workflow._localrules,
            "report": asyncio.run(self._reported(job)),
        }
        nameless = [files for files in (job.input, job.output, job.log) if _nameless(files)]
        assert not nameless or rule.norun or nameless == [job.log], rule.name
        return described

    def _files(self, files: Any) -> dict[str, Any]:
        """Named ones by their names; the others as a list under an empty name."""
        found: dict[str, Any] = {}
        for name, value in files.items():
            listed = isinstance(value, str)
            found[name] = self._file(value) if listed else [self._file(one) for one in value]
        if _nameless(files):
            found[""] = [self._file(one) for one in files]
        return found

    def _file(self, file: Any) -> str:
        flags = sorted(set(getattr(file, "flags", {})) - {"report"})
        text = self._text(file)
        return f"{','.join(flags)}({text})" if flags else text

    def _resources(self, job: Any) -> dict[str, Any]:
        """Those of the first attempt, and of the second where they grow."""
        first, second = (
            {
                key: value if isinstance(value, int) else str(value)
                for key, value in job.rule.expand_resources(
                    job.wildcards_dict, job.input, attempt
                ).items()
                if key not in MACHINE
            }
            for attempt in (1, 2)
        )
        return {
            key: value if second[key] == value else [value, second[key]]
            for key, value in sorted(first.items())
        }

    async def _reported(self, job: Any) -> dict[str, Any]:
        found = {}
        for file in job.output:
            report = file.flags.get("report")
            if report is not None:
                caption = job.rule.workflow.sourcecache.open(report.caption).read()
                words = [
                    await expand_report_argument(word, job.wildcards, job)
                    for word in (report.category, report.subcategory)
                ]
                found[self._text(file)] = {
                    "caption": caption,
                    "category": words[0],
                    "subcategory": words[1],
                    "labels": await expand_labels(report.labels, job.wildcards, job),
                }
        return found

    def _text(self, text: Any) -> str:
        found = str(text)
        for place, word in self._places:
            found = found.replace(place, word)
        return found.removeprefix("./")

    def _plain(self, value: Any) -> Any:
        """As JSON has it, in the order that it has."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str | PurePath):
            return self._text(value)
        if isinstance(value, Mapping):
            return {str(key): self._plain(item) for key, item in value.items()}
        if isinstance(value, set | frozenset):
            return sorted(self._plain(item) for item in value)
        if isinstance(value, Iterable):
            return [self._plain(item) for item in value]
        raise TypeError(f"{value!r} in the config or among params")


def _nameless(files: Any) -> bool:
    named = [value for _, value in files.items()]
    return len(files) != sum(1 if isinstance(value, str) else len(value) for value in named)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
