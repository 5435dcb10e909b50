"""Where each table and figure of a page came from: its sidecar, and the seeds and data behind it.

Times and memory stay in the sidecars: the same files give the same page.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latent_microscope.errors import InputError
from latent_microscope.provenance.lineage import SEEDS, read_job
from latent_microscope.provenance.sidecars import sha256_file, sidecar_path


@dataclass(frozen=True)
class Origin:
    """What is known of the job that made a file."""

    sha256: str  # of the file's content now
    step: str
    code: str  # hash of the step's code
    params: str  # as JSON
    inputs: Mapping[str, str]  # path → SHA-256 as the job read it
    seeds: tuple[str, ...]  # ``root_seed 3``, ``seed 0``: of this job and of all behind it
    data: tuple[str, ...]  # downloaded or generated data behind it

    @property
    def seed_text(self) -> str:
        """Root seed and seeds in words."""
        roots, seeds = (
            [s.removeprefix(name) for s in self.seeds if s.startswith(name)]
            for name in ("root_seed ", "seed ")
        )
        parts = [f"root seed {', '.join(roots)}"] if roots else []
        parts += [f"seed {', '.join(sorted(seeds, key=_as_number))}"] if seeds else []
        return "; ".join(parts) or "none: nothing random behind it"


def _as_number(text: str) -> tuple[int, str]:
    return (int(text), "") if text.isdecimal() else (0, text)


@dataclass
class Chains:
    """Sidecars, read once each."""

    _jobs: dict[Path, dict[str, Any] | None] = field(default_factory=dict)
    _behind: dict[Path, tuple[frozenset[str], frozenset[str]]] = field(default_factory=dict)

    def origin(self, path: Path) -> Origin:
        """Of a file; an InputError if it has no sidecar or changed since."""
        job = self._job(path)
        if job is None:
            raise InputError(f"{path}: its sidecar is missing; make it again with snakemake -R")
        sha256 = sha256_file(path)
        if sha256 != job["sha256"]:
            raise InputError(f"{path}: changed since its sidecar was written; make it again")
        seeds, data = self.behind(path)
        inputs = {name: sha for files in job["inputs"].values() for name, sha in files.items()}
        params = json.dumps(job["params"], sort_keys=True, ensure_ascii=False)
        made = (sha256, job["step"], job["code"], params, dict(sorted(inputs.items())))
        return Origin(*made, tuple(sorted(seeds)), tuple(sorted(data)))

    def behind(self, path: Path) -> tuple[frozenset[str], frozenset[str]]:
        """Seeds and data sets behind a file, from sidecars alone."""
        if path not in self._behind:
            self._behind[path] = frozenset(), frozenset()  # a file that was made from itself
            job = self._job(path) or {"params": {}, "inputs": {}}
            seeds = {f"{k} {job['params'][k]}" for k in SEEDS if job["params"].get(k) is not None}
            data = {str(path)} if path.parts[:1] == ("data",) else set()
            for files in job["inputs"].values():
                for name in files:
                    more_seeds, more_data = self.behind(Path(name))
                    seeds |= more_seeds
                    data |= more_data
            self._behind[path] = frozenset(seeds), frozenset(data)
        return self._behind[path]

    def machines(self, paths: Iterable[Path]) -> tuple[list[str], list[str]]:
        """Machines and libraries of the jobs that made these files and all files behind them."""
        seen, todo = set(), list(paths)
        while todo:
            if (path := todo.pop()) not in seen:
                seen.add(path)
                inputs = (self._job(path) or {"inputs": {}})["inputs"]
                todo += [Path(name) for files in inputs.values() for name in files]
        machines, libraries = set(), set()
        for job in filter(None, map(self._job, seen)):
            libraries |= {f"{n} {v}" for n, v in job.get("libraries", {}).items()}
            if machine := job.get("machine"):
                machines.add(
                    f"{job['device']}: {machine['processor']}, {machine['cores']} cores, "
                    f"{machine['memory_gib']:.0f} GiB, {machine['system']}, Python "
                    f"{machine['python']}"
                )
        return sorted(machines), sorted(libraries)

    def _job(self, path: Path) -> dict[str, Any] | None:
        if path not in self._jobs:
            self._jobs[path] = read_job(path) if sidecar_path(path).is_file() else None
        return self._jobs[path]
