"""A finished study as a Workflow Run RO-Crate: results, workflow, and provenance of each file.

One action for the run and one per job, from the sidecars. Tables, the workflow and, if requested,
figures are copied into the crate; other files are only named with their SHA-256, since some data
sets must not be redistributed.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Set
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from latent_microscope import project
from latent_microscope.data.manifest import datasets_by_path, load_manifest
from latent_microscope.errors import InputError
from latent_microscope.provenance.codehash import LIBRARY, PACKAGE, CodeHasher
from latent_microscope.provenance.lineage import is_artefact, read_job, same_code, state_of
from latent_microscope.provenance.sidecars import SUFFIX

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
SOURCES = ("Snakefile", "workflow", "scripts", "src", "config", "profiles", "envs", "notebooks")
FORMATS = {
    ".csv": "text/csv",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
"""What is copied, when it is a table or a figure."""


def export(study: str, folder: Path, root: Path = Path(), *, figures: bool = False) -> int:
    """Write the crate of a finished study below ``root/results``; returns its number of jobs.

    ``figures``: copy figures, too, some of which show images of the data set. :class:`InputError`
    if the study is not finished, the folder exists, or a file differs from its sidecar.
    """
    results = root / "results" / study
    if not (results / "checks.parquet").is_file():
        raise InputError(f"{results}: checks.parquet is missing; finish the study first")
    if folder.exists():
        raise InputError(f"{folder}: exists already; name another folder")
    jobs = _jobs(results, root)
    crate = _Crate(study, root, max(job["ended"] for job in jobs), figures)
    for job in jobs:
        crate.add_job(job)
    crate.add_run(jobs)
    temporary = folder.with_name(f".tmp-{folder.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        crate.crate.write(temporary)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return len(jobs)


def _jobs(results: Path, root: Path) -> list[dict[str, Any]]:
    """One entry per job, with the hashes of its outputs, ordered by end."""
    jobs: dict[str, dict[str, Any]] = {}
    for path in sorted(results.rglob(f"*{SUFFIX}")):
        artefact = path.with_name(path.name.removesuffix(SUFFIX))
        job = read_job(artefact)
        name = str(artefact.relative_to(root))
        if state_of(artefact, job["sha256"]) != "unchanged":
            raise InputError(f"{name}: differs from its sidecar; run latent-microscope verify")
        same = json.dumps([job[key] for key in ("step", "code", "params", "inputs", "seconds")])
        entry = jobs.setdefault(same, job | {"outputs": {}, "ended": ""})
        entry["outputs"][name] = job["sha256"]
        ended = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
        entry["ended"] = max(entry["ended"], ended)
    if not jobs:
        raise InputError(f"{results}: no sidecars, so its jobs are unknown")
    return sorted(jobs.values(), key=lambda job: (job["ended"], sorted(job["outputs"])))


class _Crate:
    """A crate that is being built; every file is described once."""

    def __init__(self, study: str, root: Path, ended: str, figures: bool):
        self._study, self._root, self._figures = study, root, figures
        self._project, self._hasher = project.of_results(root), CodeHasher()
        self._files: dict[tuple[str, str], Any] = {}
        self.crate = ROCrate()
        self.crate.name = f"Latent Microscope: {study}"
        self.crate.description = f"Tables and figures of the study {study}, and how they were made"
        self.crate.license = "https://spdx.org/licenses/MIT"
        self.crate.datePublished = datetime.fromisoformat(ended)
        self._add_sources()
        profiles = [
            self._context(url, "CreativeWork", name=name, version=url.rpartition("/")[2])
            for url, name in PROFILES.items()
        ]
        self.crate.root_dataset["conformsTo"] = profiles

    def _context(self, identifier: str, kind: str | list[str], **properties: Any) -> Any:
        return self.crate.add(
            ContextEntity(self.crate, identifier, properties={"@type": kind, **properties})
        )

    def _add_sources(self) -> None:
        tops = {name: self._project / name for name in SOURCES}
        if not tops["src"].is_dir() and self._project == project.root():  # an installed package
            tops[f"src/{PACKAGE}"] = LIBRARY
        for name, top in tops.items():
            for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
                relative = str(Path(name, path.relative_to(top)))
                if "_project" in path.parts[len(LIBRARY.parts) :]:
                    continue
                if path.is_file() and "__pycache__" not in path.parts:
                    if relative == "Snakefile":
                        self._workflow = self.crate.add_workflow(
                            path, relative, main=True, lang="snakemake", gen_cwl=False
                        )
                    else:
                        code = {"@type": ["File", "SoftwareSourceCode"], "name": path.stem}
                        properties = code if path.suffix == ".py" else {}
                        self.crate.add_file(path, relative, properties=properties)

    def file(self, name: str, sha256: str) -> Any:
        """A file of the run: copied if it is a table or a figure, else only named."""
        if (name, sha256) not in self._files:
            self._files[name, sha256] = self._describe(name, sha256)
        return self._files[name, sha256]

    def _describe(self, name: str, sha256: str) -> Any:
        path = Path(name)
        label = name if is_artefact(path) else path.name  # never a path of this machine
        properties = {"name": label, "sha256": sha256}
        here = self._root / path
        if self._copied(path) and state_of(here, sha256) == "unchanged":
            properties["encodingFormat"] = FORMATS[path.suffix]
            return self.crate.add_file(here, name, properties=properties)
        return self._context(f"#{label}-{sha256[:16]}", "CreativeWork", **properties)

    def _copied(self, path: Path) -> bool:
        kind = path.parts[-2] if len(path.parts) > 1 else ""
        # The job that writes the report of several studies reads the files of all of them.
        if path.suffix not in FORMATS or path.parts[:2] != ("results", self._study):
            return False
        return kind == "tables" or (kind == "figures" and self._figures)

    def add_job(self, job: Mapping[str, Any]) -> None:
        """One job: its inputs, outputs, script, params and machine."""
        name = job.get("script") or job["step"]
        script = project.script(name, self._project).relative_to(self._project)
        read = [item for files in job["inputs"].values() for item in sorted(files.items())]
        values = [self._value(key, value) for key, value in sorted(job["params"].items())]
        machine = sorted({"device": job.get("device"), **job.get("machine", {})}.items())
        if "plugin" in job:
            place = f"of {job['plugin']}"
        else:
            same = same_code(job, self._project, self._hasher)
            place = f"{'as' if same else 'not as'} in this crate"
        made = sorted(job["outputs"].items())
        self._action(
            self.crate.dereference(script.as_posix()),
            f"#job-{_digest(made)}",
            [*(self.file(*item) for item in read), *values],
            [self.file(*item) for item in made],
            name=f"{job['step']}: {', '.join(sorted(Path(name).name for name, _ in made))}",
            description=f"code {job['code']} ({place}), {job.get('seconds')} s, on "
            + ", ".join(f"{key} {value}" for key, value in machine),
            endTime=job["ended"],
        )

    def _action(
        self, script: Any, identifier: str, read: list[Any], made: list[Any], **properties: str
    ) -> Any:
        properties |= {"actionStatus": "http://schema.org/CompletedActionStatus"}
        return self.crate.add_action(
            script, identifier=identifier, object=read, result=made, properties=properties
        )

    def _value(self, key: str, value: Any) -> Any:
        text = json.dumps(value, sort_keys=True)
        identifier = f"#param-{_digest([key, text])}"
        known = self.crate.dereference(identifier)
        return known or self._context(identifier, "PropertyValue", name=key, value=text)

    def add_run(self, jobs: Iterable[Mapping[str, Any]]) -> None:
        """The run as a whole: from the data sets to the tables and figures."""
        made = {name for job in jobs for name in job["outputs"]}
        read = {
            (name, sha256)
            for job in jobs
            for files in job["inputs"].values()
            for name, sha256 in files.items()
            if name not in made
        }
        self._add_terms({name for name, _ in read})
        results = sorted(item for job in jobs for item in job["outputs"].items())
        shown = [item for item in results if Path(item[0]).parts[-2] in ("tables", "figures")]
        run = self._action(
            self._workflow,
            "#run",
            [self.file(*item) for item in sorted(read)],
            [self.file(*item) for item in shown],
            name=f"snakemake: {self._study}",
            endTime=max(job["ended"] for job in jobs),
        )
        self.crate.root_dataset["mentions"] = [run]

    def _add_terms(self, read: Set[str]) -> None:
        """Say under which terms the results are; the licence of the crate is that of the code."""
        known = datasets_by_path(load_manifest(self._project / project.MANIFEST))
        used = {entry.name: entry for path, entry in known.items() if path in read}
        if used:
            terms = "; ".join(f"{one.description}: {one.licence}" for one in used.values())
            self.crate.description += f". Results are under the terms of their data ({terms})"


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
