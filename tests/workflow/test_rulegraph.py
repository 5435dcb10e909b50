"""The rules of the embedded default and their edges, compared with the committed rulegraph.mmd.

Renew it with: python tests/workflow/test_rulegraph.py
"""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from snakemake_project import ROOT, call_snakemake  # type: ignore[import-not-found]

pytestmark = pytest.mark.workflow

GOLDEN = Path(__file__).with_name("rulegraph.mmd")


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


if __name__ == "__main__":
    GOLDEN.write_text(rule_graph(), encoding="utf-8")
