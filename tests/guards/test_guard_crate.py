"""The crate of the demo's faces names the same files and jobs as when it was taken."""

import subprocess
import sys
from pathlib import Path

import contents  # type: ignore[import-not-found]
import crates  # type: ignore[import-not-found]
import pytest
from differences import text_of, unexplained  # type: ignore[import-not-found]
from renames import Renames  # type: ignore[import-not-found]

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("Snakefile", "workflow", "scripts", "src", "config", "profiles", "envs")

pytestmark = pytest.mark.skipif(
    not contents.is_finished(ROOT, crates.STUDY),
    reason=f"results/{crates.STUDY}: not there; run make demo",
)


@pytest.fixture(scope="module")
def crate() -> crates.Crate:
    return crates.take(ROOT, Path(sys.executable))


def test_the_crate_is_as_it_was(crate: crates.Crate) -> None:
    renames = Renames.read()
    old = crates.renamed(crates.load(), renames)
    assert len(old["files"]) > 20
    found = unexplained(crates.differences(old, crate), renames.exceptions, "crate")
    assert not found, text_of(found)


def test_all_of_the_workflow_is_in_the_crate(crate: crates.Crate) -> None:
    here = [name for name in SOURCES if (ROOT / name).exists()]
    done = subprocess.run(
        ["git", "ls-files", *here], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) > 200
    assert set(done.stdout.splitlines()) <= set(crate["sources"])
