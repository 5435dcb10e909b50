"""Whether results are of today's code: that of their own jobs, and of all jobs behind these.

Published results are copies without the files that they were made from; what is known of the jobs
that made those travels with them.
"""

import json
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

from latent_microscope import project
from latent_microscope.data.manifest import datasets_by_path, load_manifest
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_json, save_json
from latent_microscope.provenance.codehash import CodeHasher
from latent_microscope.provenance.lineage import is_artefact, read_job, same_code, traces
from latent_microscope.provenance.sidecars import SUFFIX, sidecar_path

JOBS = "jobs.json"
"""File beside published results: path of a file → the job that made it."""
_KEYS = ("step", "script", "code", "declared", "assets", "functions")
_STATES = {False: "code is not today's", None: "script is not here"}
_SHOWN = 3  # reasons
Job = Mapping[str, Any]


def save_jobs(path: Path, artefacts: Iterable[Path], root: Path = Path()) -> None:
    """Write what is known of the code of all jobs behind some artefacts, as JSON."""
    made = {
        origin.path: origin.sidecar
        for artefact in traces(artefacts, root)
        for origin in artefact.walk()
        if origin.sidecar
    }
    jobs: dict[str, Job] = {}
    for behind in {_jobs_file(root / name, root) for name in made}:
        if behind:  # of published results that these were made from
            jobs |= load_json(behind)
    save_json(path, jobs | {str(name): _job(sidecar) for name, sidecar in made.items()})


def _job(sidecar: Job) -> dict[str, Any]:
    inputs = sorted({name for files in sidecar["inputs"].values() for name in files})
    known = {key: sidecar[key] for key in _KEYS if key in sidecar}
    return known | {"inputs": [name for name in inputs if is_artefact(Path(name))]}


def stale(folder: Path, root: Path = Path()) -> list[tuple[Path, str]]:
    """Artefacts below a folder that are not of today's code, each with the reason.

    Args:
        folder: Results, or published ones.
        root: Folder of the run, where the files behind them may be.
    """
    found, maker = [], project.of_results(root)
    downloads = {*datasets_by_path(load_manifest(maker / project.MANIFEST))}
    code = _Code(maker)
    behind: dict[Path | None, _Behind] = {}
    for sidecar in sorted(folder.rglob(f"*{SUFFIX}")):
        artefact = sidecar.with_name(sidecar.name.removesuffix(SUFFIX))
        jobs = _jobs_file(artefact, folder)
        if jobs not in behind:
            behind[jobs] = _Behind(load_json(jobs) if jobs else None, root, code, downloads)
        try:
            reason = behind[jobs].reason(_job(read_job(artefact)))
        except InputError as error:
            reason = str(error)
        if reason:
            found.append((artefact, reason))
    return found


def _jobs_file(artefact: Path, folder: Path) -> Path | None:
    """The file of jobs that travels with a published result: of the nearest folder that has one."""
    for parent in artefact.parents:
        if (parent / JOBS).is_file():
            return parent / JOBS
        if parent == folder:
            break
    return None


def _is_own(name: str, downloads: Set[str]) -> bool:
    """Whether a file that no job made may be the user's: neither a result nor a download."""
    return Path(name).parts[:1] == ("data",) and name not in downloads


class _Code:
    """Whether a project holds the code of jobs; each code is hashed once."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._hasher = folder, CodeHasher()
        self._known: dict[str, bool | None] = {}

    def same(self, job: Job) -> bool | None:
        """As :func:`same_code`."""
        key = json.dumps({name: job.get(name) for name in _KEYS}, sort_keys=True)
        if key not in self._known:
            self._known[key] = same_code(job, self._folder, self._hasher)
        return self._known[key]


class _Behind:
    """Jobs by the files that they made: as they travel with published results, else as here."""

    def __init__(
        self, recorded: Mapping[str, Job] | None, root: Path, code: _Code, downloads: Set[str]
    ) -> None:
        self._travelled, self._recorded = recorded is not None, dict(recorded or {})
        self._read: set[Path] = set()
        self._root, self._code, self._downloads = root, code, downloads

    def reason(self, job: Job) -> str:
        """Why a job or one behind it is not today's; empty if all are."""
        queue, seen, reasons = [job], set(), []
        for one in queue:
            state = self._code.same(one)
            if state is not True:
                reasons.append(f"{one['step']}: {_STATES[state]}")
            for name in one["inputs"]:
                if name in seen:
                    continue
                seen.add(name)
                try:
                    before = self._made(name)
                except InputError as error:
                    reasons.append(str(error))
                    continue
                if before is not None:
                    queue.append(before)
                elif not _is_own(name, self._downloads):
                    reasons.append(f"{name}: no record of the job that made it")
        distinct = sorted(set(reasons))
        more = [f"and {len(distinct) - _SHOWN} more"] if len(distinct) > _SHOWN else []
        return "; ".join([*distinct[:_SHOWN], *more])

    def _made(self, name: str) -> Job | None:
        here = self._root / name
        if self._travelled or not sidecar_path(here).is_file():
            return self._recorded.get(name)
        jobs = _jobs_file(here, self._root)
        if jobs and jobs not in self._read:  # a published result that others were made from
            self._read.add(jobs)
            self._recorded |= load_json(jobs)
        return _job(read_job(here))
