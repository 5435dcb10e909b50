"""Dump which artefacts each edit of test_reruns.py would make again; a process of its own.

``python dump_reruns.py CHECKOUT FOLDER OUTPUT``: the checkout's own tests say what is edited where;
the tiny workflow is run in FOLDER first, a minute or two with two processors.
"""

import json
import sys
from pathlib import Path
from typing import Any

from reruns import made_again  # type: ignore[import-not-found]


def main(checkout: Path, folder: Path, output: Path) -> None:
    """Run, edit, plan, put back; one edit after the other."""
    sys.path[:0] = [str(checkout / name) for name in ("tests/workflow", "src", "scripts")]
    import snakemake_project as theirs  # type: ignore[import-not-found]
    from test_reruns import EDITS  # type: ignore[import-not-found]

    project: Any = theirs.copy_project(folder)
    done = project.snakemake(*theirs.tiny("--cores", "2"))
    assert done.returncode == 0, done.stdout
    found = {}
    for edit in EDITS:
        with theirs.edited(folder / edit.file, edit.change):
            planned = project.snakemake(*theirs.tiny("--dry-run", "--nolock"))
        assert planned.returncode == 0, planned.stdout
        found[edit.what] = made_again(planned.stdout)
    output.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
