"""Copies of the project, and Snakemake in them as a user calls it."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "workflow", "scripts", "src", "config", "profiles", "envs", "notebooks")
TINY = Path(__file__).with_name("tiny.yaml")
OBJECTS = (
    "tables/alignment.csv",
    "tables/behaviour.csv",
    "figures/rsa-euclidean.png",
    "figures/confusions.png",
)
RUN_FIGURES = [
    "vae-images",
    "vae-samples",
    "traversals",
    "density",
    "overlaps",
    "components",
    "clusters",
    "cluster-control",
    "cluster-bias",
    "cmax-bias",
    "uniqueness-originality",
    "list-creative",
    "list-stereotypes",
    "list-grey",
    "subniches",
    "identities",
]
TARGETS = [
    "results/tiny-faces/checks.parquet",
    "results/tiny-faces/figures/training-whole.png",
    "results/tiny-faces/figures/vae-diagnostics-whole.png",
    *(f"results/tiny-faces/vae/whole/seed0/figures/{name}.png" for name in RUN_FIGURES),
    *(f"results/tiny-objects/{name}" for name in OBJECTS),
]
"""What the tests make of tests/workflow/tiny.yaml."""

SECRETS = {
    "KAGGLE_USERNAME": "fish-of-kaggle",
    "KAGGLE_KEY": "swordfish-of-kaggle",
    "KAGGLE_API_TOKEN": "swordfish-of-the-kaggle-api",
    "HF_TOKEN": "swordfish-of-hugging-face",
    "AWS_SECRET_ACCESS_KEY": "swordfish-of-the-cloud",
}
"""In the environment of the finished run; no file of it may hold one."""

_OURS = ("KAGGLE_", "SNAKEMAKE_", "LATENT_MICROSCOPE_")
_ROW = re.compile(r"(\w+) +(\d+)")


def call_snakemake(
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    merged: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Call Snakemake in a folder.

    Args:
        folder: Where.
        arguments: Of the command line.
        environment: Added to this process's own, cleaned.
        merged: All output in ``stdout``; else messages in ``stderr``.
    """
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=folder,
        env=clean_environment(folder) | dict(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else subprocess.PIPE,
        text=True,
        check=False,
    )


@dataclass(frozen=True)
class Project:
    """A folder with a Snakefile in it."""

    folder: Path

    def snakemake(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Call Snakemake in this folder; its whole output stands in ``stdout``."""
        return call_snakemake(self.folder, *arguments, environment=environment)

    def plan(self, *arguments: str) -> Counter[str]:
        """Jobs by rule that Snakemake would run, from a dry run."""
        return planned(self.dry_run(*arguments, "--quiet", "rules"))

    def dry_run(self, *arguments: str) -> str:
        """What a dry run says."""
        done = self.snakemake(*arguments, "--dry-run", "--nolock")
        assert done.returncode == 0, done.stdout
        return done.stdout


def copy_project(folder: Path) -> Project:
    """A copy of everything that Snakemake reads; no results, no data."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    shutil.copy2(TINY, folder / TINY.name)
    return Project(folder)


def tiny(*options: str, targets: Sequence[str] = TARGETS) -> list[str]:
    """Arguments for the tiny workflow."""
    return [*targets, "--configfile", TINY.name, *options]


def clean_environment(folder: Path | None = None) -> dict[str, str]:
    """This process's environment without what would change a run.

    With Snakemake's own output, which the tests read; and in a copy of the project with the copy's
    library, which an installed one would win over.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
    bin_folder = str(Path(sys.executable).parent)
    kept["PATH"] = os.pathsep.join([bin_folder, kept.get("PATH", "")])
    if folder is not None and (folder / "src").is_dir():
        kept["PYTHONPATH"] = str(folder / "src")
    return kept | {"LATENT_MICROSCOPE_OUTPUT": "snakemake"}


def holding(folder: Path, secrets: Mapping[str, str]) -> list[str]:
    """Files below a folder that hold one of these, in their content or their name."""
    words = [word.encode() for word in secrets.values()]
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(w in path.read_bytes() or w in str(path).encode() for w in words)
    ]


def planned(output: str) -> Counter[str]:
    """Jobs by rule in Snakemake's first table of job statistics; none if nothing is to be done."""
    _, found, rest = output.partition("Job stats:")
    if not found:
        assert "Nothing to be done" in output, output
        return Counter()
    jobs: Counter[str] = Counter()
    for line in rest.splitlines():
        row = _ROW.fullmatch(line.strip())
        if row:
            jobs[row[1]] = int(row[2])
        elif jobs and not line.strip():
            break
    assert jobs.pop("total") == jobs.total(), output
    return jobs


@contextmanager
def edited(path: Path, change: Callable[[str], str]) -> Iterator[None]:
    """A text file changed for a while; its content and its time come back.

    The identity as ``change`` touches the file.
    """
    before, times = path.read_bytes(), path.stat()
    # Bytes that are no text (a zip) survive this round trip, too.
    path.write_bytes(change(before.decode("latin-1")).encode("latin-1"))
    try:
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
