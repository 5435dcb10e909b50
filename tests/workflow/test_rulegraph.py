"""The rules of the embedded default and their edges, compared with a committed text.

To renew it: snakemake --directory "$(mktemp -d)" --rulegraph mermaid-js > tests/workflow/rulegraph.mmd
"""

from pathlib import Path

import pytest
from snakemake_project import ROOT, call_snakemake  # type: ignore[import-not-found]

pytestmark = pytest.mark.workflow

GOLDEN = Path(__file__).with_name("rulegraph.mmd")


def test_rule_graph_is_the_committed_one(tmp_path: Path) -> None:
    done = call_snakemake(
        ROOT, "--directory", str(tmp_path), "--rulegraph", "mermaid-js", merged=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == GOLDEN.read_text(encoding="utf-8"), (__doc__ or "").splitlines()[-1]
