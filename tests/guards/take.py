"""Take the guards of a checkout, or compare two takes.

python tests/guards/take.py CHECKOUT FOLDER [--python PYTHON] [--only GUARD]
python tests/guards/take.py --compare OLD NEW [--only GUARD]

CHECKOUT's code runs in its own Python. Of a crate and of contents there is only what CHECKOUT has
finished (make demo, the tutorial's digits study).

To see on another machine that a refactoring changed no number: check out the commit that changed
taken/ last, make its .venv, run the demo and the digits, take it; take today's checkout likewise;
compare the two folders. A change that is meant to change numbers takes the guards anew.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import contents  # type: ignore[import-not-found]
import crates  # type: ignore[import-not-found]
import plans  # type: ignore[import-not-found]
import reruns  # type: ignore[import-not-found]
import streams  # type: ignore[import-not-found]
from differences import unexplained  # type: ignore[import-not-found]
from renames import Renames  # type: ignore[import-not-found]

GUARDS: dict[str, Any] = {
    "plans": plans,
    "streams": streams,
    "contents": contents,
    "crate": crates,
    "reruns": reruns,
}


def take(checkout: Path, folder: Path, python: Path, names: list[str]) -> None:
    """Write the guards' files to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name == "crate" and not contents.is_finished(checkout, crates.STUDY):
            print(f"crate: {checkout}/results/{crates.STUDY} is not finished")
            continue
        guard = GUARDS[name]
        found = guard.take(checkout) if name == "streams" else guard.take(checkout, python)
        guard.save(found, folder / guard.FILE.name)
        print(f"{name}: {folder / guard.FILE.name}", flush=True)


def compare(old: Path, new: Path, names: list[str]) -> list[str]:
    """What is different, by renames.yaml; what cannot be compared is printed."""
    renames = Renames.read()
    lines = []
    for name in names:
        guard = GUARDS[name]
        paths = [folder / guard.FILE.name for folder in (old, new)]
        if missing := [str(path) for path in paths if not path.is_file()]:
            print(f"{name}: not compared, for there is no {', '.join(missing)}")
            continue
        before, after = (guard.load(path) for path in paths)
        if name == "contents":
            print(*contents.notes(before, after), sep="", end="")
        found = guard.differences(guard.renamed(before, renames), after)
        lines += unexplained(found, renames.exceptions, name)
    return lines


def main(arguments: list[str]) -> None:
    """Do one of the two."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path, metavar="CHECKOUT_or_OLD")
    parser.add_argument("new", type=Path, metavar="FOLDER_or_NEW")
    parser.add_argument("--compare", action="store_true", help="compare two takes")
    parser.add_argument("--python", type=Path, help="the checkout's; by default of its .venv")
    parser.add_argument("--only", choices=GUARDS, help="one guard")
    given = parser.parse_args(arguments)
    names = [given.only] if given.only else list(GUARDS)
    if given.compare:
        found = compare(given.old, given.new, names)
        print(*(found or ["no difference"]), sep="\n")
        sys.exit(1 if found else 0)
    checkout = given.old.resolve()
    python = given.python or checkout / ".venv/bin/python"
    take(checkout, given.new, python.absolute(), names)


if __name__ == "__main__":
    main(sys.argv[1:])
