"""Call Snakemake on the workflow, from any folder."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from latent_microscope import project
from latent_microscope.errors import InputError
from latent_microscope.io.yaml_files import load_yaml
from latent_microscope.planning.pages import COMMAND

_SAYS_CORES = {"--workflow-profile", "--profile", "--cores", "-c", "--jobs", "-j"}
DEMO_REPORT = Path("results/demo-report.html")


def arguments(
    configs: Sequence[Path], cores: int | None, profile: str | None, options: Sequence[str]
) -> list[str]:
    """Arguments of Snakemake for config files (none: the demo); ``options`` come last."""
    if find_spec("snakemake") is None:
        raise InputError(
            'Snakemake is not installed; pip install "latent-microscope[workflow]" brings it'
        )
    for config in configs:
        if not config.is_file():
            raise InputError(f"{config}: no such file; latent-microscope init FILES writes one")
        load_yaml(config)  # Snakemake itself answers bad YAML with a traceback
    # Options with any number of values come first, so that targets may follow behind `--`.
    words = ["--configfile", *map(os.path.abspath, configs)] if configs else []
    words += ["--snakefile", str(project.root() / "Snakefile")]
    if profile:
        words += ["--workflow-profile", profile]
    given = {option.partition("=")[0] for option in options}
    if cores or not (profile or given & _SAYS_CORES):
        words += ["--cores", str(cores or usable_cores())]
    return [*words, *options]


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def snakemake(words: Sequence[str]) -> int:
    """Run Snakemake; its exit status. Ctrl-C is Snakemake's to handle, SIGTERM is passed on."""
    environment = os.environ | {COMMAND: "1"}
    process = subprocess.Popen([sys.executable, "-m", "snakemake", *words], env=environment)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def demo(cores: int | None) -> int:
    """The embedded default and Snakemake's report of it; the exit status."""
    words = arguments([], cores, None, [])
    status = snakemake(words)
    if status == 0 and _older_than_results(DEMO_REPORT):
        status = snakemake([*words, "--quiet", "all", "--report", str(DEMO_REPORT)])
    return status


def _older_than_results(report: Path) -> bool:
    if not report.is_file():
        return True
    made = report.stat().st_mtime
    files = (p for folder in Path("results").glob("demo-*/") for p in folder.rglob("*"))
    return any(path.is_file() and path.stat().st_mtime > made for path in files)
