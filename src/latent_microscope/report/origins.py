"""Where each table and figure of a page came from: its sidecar, and the seeds and data behind it.

Times and memory stay in the sidecars: the same files give the same page.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latent_microscope.errors import InputError
from latent_microscope.provenance.lineage import SEEDS, folders_of, is_artefact, read_job
from latent_microscope.provenance.sidecars import sha256_file, sidecar_path


@dataclass(frozen=True)
class Origin:
    """What is known of the job that made a file."""

    sha256: str  # of the file's content now
    step: str
    code: str  # hash of the step's code
    params: str  # as JSON
    inputs: Mapping[str, str]  # path → SHA-256 as the job read it
    seeds: tuple[str, ...]  # of this job and of all behind it
    data: tuple[str, ...]

    @property
    def seed_text(self) -> str:
        """Root seed and seeds in words."""
        parts = []
        for name, title in (("root_seed ", "root seed"), ("seed ", "seed")):
            values = [s.removeprefix(name) for s in self.seeds if s.startswith(name)]
            if values:
                parts.append(f"{title} {', '.join(sorted(values, key=lambda v: (len(v), v)))}")
        return "; ".join(parts) or "none: nothing random behind it"


@dataclass(frozen=True)
class Ground:
    """What all jobs behind some files used, each sorted."""

    seeds: tuple[str, ...]  # ``root_seed 3``, ``seed 0``
    data: tuple[str, ...]  # downloaded or generated files, and the user's with their hashes
    machines: tuple[str, ...]
    libraries: tuple[str, ...]

    @property
    def root_seeds(self) -> list[str]:
        """The root seeds."""
        return [s.removeprefix("root_seed ") for s in self.seeds if s.startswith("root_seed ")]


@dataclass
class Chains:
    """Sidecars, read once each."""

    _jobs: dict[Path, dict[str, Any]] = field(default_factory=dict)

    def origin(self, path: Path) -> Origin:
        """Of a file; an InputError if it has no sidecar or changed since."""
        job = self._job(path)
        if not job:
            raise InputError(f"{path}: its sidecar is missing; make it again with snakemake -R")
        sha256 = sha256_file(path)
        if sha256 != job["sha256"]:
            raise InputError(f"{path}: changed since its sidecar was written; make it again")
        behind = self.ground([path])
        inputs = {name: sha for files in job["inputs"].values() for name, sha in files.items()}
        params = json.dumps(job["params"], sort_keys=True, ensure_ascii=False)
        made = (sha256, job["step"], job["code"], params, dict(sorted(inputs.items())))
        return Origin(*made, behind.seeds, behind.data)

    def ground(self, paths: Iterable[Path]) -> Ground:
        """Seeds, data, machines and libraries behind some files, from sidecars alone."""
        found, todo = dict[Path, dict[str, Any]](), list(paths)
        while todo:
            if (path := todo.pop()) not in found:
                found[path] = self._job(path)
                todo += [Path(n) for files in found[path].get("inputs", {}).values() for n in files]
        seeds, libraries, machines = set(), set(), set()
        for job in filter(None, found.values()):
            params = job["params"]
            if "project" in params and not params["project"]:  # nothing is drawn without
                params = params | {"root_seed": None}
            seeds |= {f"{k} {params[k]}" for k in SEEDS if params.get(k) is not None}
            libraries |= {f"{n} {v}" for n, v in job.get("libraries", {}).items()}
            if machine := job.get("machine"):
                machines.add(
                    f"{job['device']}: {machine['processor']}, {machine['cores']} cores, "
                    f"{machine['memory_gib']:.0f} GiB, {machine['system']}, Python "
                    f"{machine['python']}"
                )
        data = {str(path) for path in found if path.parts[:1] == ("data",)}
        read = [files for job in found.values() for files in job.get("inputs", {}).values()]
        data |= {
            f"{name} (SHA-256 {sha256[:16]})"
            for files in read
            for name, sha256 in files.items()
            if not found[Path(name)] and not is_artefact(Path(name))
        }
        data |= folders_of(filter(None, found.values()))
        return Ground(*(tuple(sorted(one)) for one in (seeds, data, machines, libraries)))

    def _job(self, path: Path) -> dict[str, Any]:
        """The sidecar of a file, empty without one."""
        if path not in self._jobs:
            self._jobs[path] = read_job(path) if sidecar_path(path).is_file() else {}
        return self._jobs[path]
