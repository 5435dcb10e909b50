"""Where the workflow's own files are: rules, scripts, default config, profiles, notebook.

In a clone they lie beside ``src``; an installed package holds a copy. Rules and sidecars name them
relative to :func:`root`, so that the same workflow installed elsewhere makes nothing again.
"""

from collections.abc import Sequence
from pathlib import Path

from latent_microscope.errors import InputError

_INSTALLED = Path(__file__).resolve().with_name("_project")
_CLONE = Path(__file__).resolve().parents[2]


def root() -> Path:
    """The folder that holds Snakefile, workflow, scripts, config and profiles.

    Raises:
        InputError: The package was installed without them.
    """
    for folder in (_INSTALLED, _CLONE):
        if (folder / "workflow" / "Snakefile").is_file():
            return folder
    raise InputError(
        f"{_INSTALLED}: the workflow's files are missing; install the package again (pip install .)"
    )


def asset(path: str | Path) -> Path:
    """A file of the project.

    Raises:
        InputError: It is not there.
    """
    found = root() / path
    if not found.exists():
        raise InputError(f"{found}: missing; install the package again")
    return found


def of_results(folder: Path) -> Path:
    """The project that a folder with results belongs to: itself if it is a clone, else ours."""
    return folder if (folder / "Snakefile").is_file() and (folder / "scripts").is_dir() else root()


def script(name: str, project: Path | None = None) -> Path:
    """The script of a step, by its name.

    Raises:
        InputError: No step is called so.
    """
    found = sorted(((project or root()) / "scripts").glob(f"*/{name}.py"))
    if len(found) != 1:
        raise InputError(f"scripts: {len(found)} scripts are called {name}.py; expected one")
    return found[0]


def profile_file(name: str) -> str:
    """A file that a profile names, such as ``slurm/partitions.yaml``: here first, then ours."""
    own = Path("profiles") / name
    return str(own if own.is_file() else asset(own))


def label(path: Path) -> str:
    """A path as sidecars name it: relative to the working folder or to the project, else whole."""
    places: Sequence[Path] = (Path.cwd(), root())
    return next((str(path.relative_to(p)) for p in places if path.is_relative_to(p)), str(path))
