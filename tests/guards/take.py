"""Take the guards of a checkout, or compare two takes.

python tests/guards/take.py CHECKOUT FOLDER [--python PYTHON] [--only GUARD]
python tests/guards/take.py --compare OLD NEW [--only GUARD]

To see on another machine that a refactoring changed no number: check out commit a749c3d, make its
.venv, run its demo and README's digits study, and take it; take today's checkout likewise; compare.
CHECKOUT may have the old layout or the new one; its code runs in its own Python.
"""

import argparse
import sys
from pathlib import Path

import plans  # type: ignore[import-not-found]
import streams  # type: ignore[import-not-found]
from differences import unexplained  # type: ignore[import-not-found]
from renames import Renames  # type: ignore[import-not-found]

GUARDS = ("plans", "streams")


def take(checkout: Path, folder: Path, python: Path, only: str | None) -> None:
    """Write the guards' files to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if only in (None, "plans"):
        plans.save(plans.take(checkout, python), folder / plans.FILE.name)
    if only in (None, "streams"):
        streams.save(streams.take(checkout), folder / streams.FILE.name)


def compare(old: Path, new: Path, only: str | None) -> list[str]:
    """What is different, by renames.yaml; empty if nothing is."""
    renames = Renames.read()
    found = []
    for name, guard in (("plans", plans), ("streams", streams)):
        if only in (None, name):
            before, after = (guard.load(folder / guard.FILE.name) for folder in (old, new))
            differing = guard.differences(guard.renamed(before, renames), after)
            found.append(unexplained(differing, renames.exceptions, name))
    return [text for text in found if text]


def main(arguments: list[str]) -> None:
    """Do one of the two."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path, metavar="CHECKOUT or OLD")
    parser.add_argument("new", type=Path, metavar="FOLDER or NEW")
    parser.add_argument("--compare", action="store_true", help="compare two takes")
    parser.add_argument("--python", type=Path, help="the checkout's; by default of its .venv")
    parser.add_argument("--only", choices=GUARDS, help="one guard")
    given = parser.parse_args(arguments)
    if given.compare:
        found = compare(given.old, given.new, given.only)
        print(*(found or ["no difference"]), sep="\n")
        sys.exit(1 if found else 0)
    python = given.python or given.old / ".venv/bin/python"
    take(given.old, given.new, python.absolute(), given.only)


if __name__ == "__main__":
    main(sys.argv[1:])
