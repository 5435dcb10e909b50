"""The rules of the embedded default and what they wait for, compared with docs/rulegraph.md.

Renew it with: python tests/workflow/test_rulegraph.py
"""

import re
from graphlib import TopologicalSorter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from snakemake_project import ROOT, call_snakemake  # type: ignore[import-not-found]

pytestmark = pytest.mark.workflow

PAGE = ROOT / "docs/rulegraph.md"
COLLECTORS = {"all", "check_results", "write_report"}
"""Rules that wait for nearly everything."""
HEAD = """# Rules of the embedded default

Made by `python tests/workflow/test_rulegraph.py`. An arrow leads from a rule to one that waits for
it; what a longer way says already is left out, as are the rules that wait for nearly everything:
`check_results`, `write_report` and `all`.

```mermaid
flowchart LR
"""


def edges() -> set[tuple[str, str]]:
    """From rule to rule, as Snakemake draws them."""
    with TemporaryDirectory() as empty:
        options = ("--directory", empty, "--rulegraph", "mermaid-js")
        done = call_snakemake(ROOT, *options, merged=False)
    assert done.returncode == 0, done.stderr
    names = dict(re.findall(r"^\t(id\d+)\[(\w+)\]$", done.stdout, re.MULTILINE))
    found = re.findall(r"^\t(id\d+) --> (id\d+)$", done.stdout, re.MULTILINE)
    return {(names[start], names[end]) for start, end in found}


def reduced(graph: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Without the edges that a longer way implies."""
    before: dict[str, set[str]] = {}
    for start, end in graph:
        before.setdefault(end, set()).add(start)
    far: dict[str, set[str]] = {}  # what a rule waits for through others
    for name in TopologicalSorter(before).static_order():
        direct = before.get(name, set())
        far[name] = set().union(*(far[one] | before.get(one, set()) for one in direct))
    return {(start, end) for start, end in graph if start not in far[end]}


def page() -> str:
    shown = {edge for edge in edges() if not COLLECTORS & set(edge)}
    lines = [f"    {start} --> {end}\n" for start, end in sorted(reduced(shown))]
    assert len(lines) > 100
    return HEAD + "".join(lines) + "```\n"


def test_a_longer_way_hides_the_short_one() -> None:
    assert reduced({("a", "b"), ("b", "c"), ("a", "c"), ("a", "d")}) == {
        *(("a", "b"), ("b", "c"), ("a", "d"))
    }


def test_the_page_shows_the_rules_as_they_are() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), __doc__


if __name__ == "__main__":
    Path(PAGE).write_text(page(), encoding="utf-8")
