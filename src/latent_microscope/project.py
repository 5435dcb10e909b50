"""The workflow's own files: rules, scripts, default config, profiles, notebook.

In a clone they are beside ``src``; an installed package holds a copy. Rules and sidecars name them
relative to :func:`root`, so that the same workflow installed elsewhere reruns nothing.
"""

from pathlib import Path

from latent_microscope.errors import InputError

MANIFEST = "config/datasets.yaml"
_INSTALLED = Path(__file__).resolve().with_name("_project")
_CLONE = Path(__file__).resolve().parents[2]


def root() -> Path:
    """The folder that holds Snakefile, workflow, scripts, config and profiles."""
    for folder in (_INSTALLED, _CLONE):
        if (folder / "workflow" / "Snakefile").is_file():
            return folder
    raise InputError(
        f"{_INSTALLED}: the workflow's files are missing; install the package again (pip install .)"
    )


def asset(path: str | Path) -> Path:
    """A file of the project; :class:`InputError` if it does not exist."""
    found = root() / path
    if not found.exists():
        raise InputError(f"{found}: missing; install the package again")
    return found


def of_results(folder: Path) -> Path:
    """The project that made a folder with results: that folder if it is a clone, else ours."""
    ours = (folder / "Snakefile").is_file() and (folder / "scripts").is_dir()
    return folder if ours and (folder / MANIFEST).is_file() else root()


def script(name: str, project: Path | None = None) -> Path:
    """The script of a step, by its name; :class:`InputError` if there is none."""
    found = sorted(((project or root()) / "scripts").glob(f"*/{name}.py"))
    if len(found) != 1:
        raise InputError(f"scripts: {len(found)} scripts are named {name}.py; expected one")
    return found[0]


def label(path: Path) -> str:
    """A path as sidecars name it: relative to the working folder or the project, if below it."""
    places = (p for p in (Path.cwd(), root()) if path.is_relative_to(p))
    return next((str(path.relative_to(place)) for place in places), str(path))
