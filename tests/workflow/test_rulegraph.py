"""The rules of the embedded default and their edges, compared with the committed rulegraph.mmd.

Renew it, and the picture of it in docs, with: python tests/workflow/test_rulegraph.py
"""

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from snakemake_project import ROOT, call_snakemake  # type: ignore[import-not-found]

sys.path.insert(0, str(ROOT / "scripts"))  # also when this file is run as a script
from latent_microscope.planning.rule_graph import picture

pytestmark = pytest.mark.workflow

GOLDEN = Path(__file__).with_name("rulegraph.mmd")
PICTURE = ROOT / "docs/rulegraph.svg"


def rule_graph() -> str:
    """Mermaid's text with rules by name and edges sorted; Snakemake's own order changes."""
    with TemporaryDirectory() as empty:
        options = ("--directory", empty, "--rulegraph", "mermaid-js")
        done = call_snakemake(ROOT, *options, merged=False)
    assert done.returncode == 0, done.stderr
    names = dict(re.findall(r"^\t(id\d+)\[(\w+)\]$", done.stdout, re.MULTILINE))
    edges = re.findall(r"^\t(id\d+) --> (id\d+)$", done.stdout, re.MULTILINE)
    lines = sorted(f"    {names[start]} --> {names[end]}\n" for start, end in edges)
    return "flowchart TB\n" + "".join(lines)


def test_rule_graph_is_the_committed_one() -> None:
    assert rule_graph() == GOLDEN.read_text(encoding="utf-8"), __doc__


def test_the_picture_is_that_of_the_committed_graph() -> None:
    graph = GOLDEN.read_text(encoding="utf-8")
    assert picture(graph) == PICTURE.read_text(encoding="utf-8"), __doc__


if __name__ == "__main__":
    GOLDEN.write_text(rule_graph(), encoding="utf-8")
    PICTURE.write_text(picture(GOLDEN.read_text(encoding="utf-8")), encoding="utf-8")
