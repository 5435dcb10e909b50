"""Style of rules and code, with the tools' own words when something is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest
from snakemake_project import ROOT, call_snakemake  # type: ignore[import-not-found]

pytestmark = pytest.mark.workflow


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name(name)), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_snakemake_lint_is_clean(tmp_path: Path) -> None:
    done = call_snakemake(ROOT, "--lint", "--directory", str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert "Congratulations, your workflow is in a good condition!" in done.stdout, done.stdout


@pytest.mark.parametrize(
    "command",
    [
        "snakefmt --check --line-length 100 Snakefile workflow",
        "ruff check .",
        "ruff format --check .",
    ],
)
def test_style_is_clean(command: str) -> None:
    done = tool(*command.split())
    assert done.returncode == 0, done.stdout
