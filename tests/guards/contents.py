"""The contents of finished results, by array, tensor and column, and in what two folders differ.

python tests/guards/contents.py FOLDER > contents.json
python tests/guards/contents.py compare OLD NEW

FOLDER is a checkout with results; OLD and NEW are two of them, or listings of them as printed or
as in tests/guards/taken. Of two folders the largest relative difference is told, too.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import store  # type: ignore[import-not-found]
from differences import ABSENT, Difference, unexplained  # type: ignore[import-not-found]
from machine import differing, machine  # type: ignore[import-not-found]
from readers import digest, read, relative_difference  # type: ignore[import-not-found]
from renames import Renames  # type: ignore[import-not-found]

FILE = store.TAKEN / "contents.json.xz"
STUDIES = {
    "demo-synthetic": (),
    "demo-faces": ("data/demo-faces",),
    "demo-alignment": ("data/demo-objects",),
    "digits": (),
}
"""The demo's and the tutorial's; with the data that are made for them."""
LEFT_OUT = {
    r"^results/(demo-)?report\.": "of whichever run came last, with hashes of code and times; "
    "compressed in the PDF. Each study's own page is compared",
    r"(^|/)\.": "checkpoints and what is on its way",
    r"\.meta\.json$": "sidecars: times and hashes of code",
    r"(^|/)logs/": "logs and event files: times",
}
"""Pattern of paths → why they are not compared. What is masked in others: readers.MASKED."""

Listing = dict[str, Any]
"""``machine``, and ``studies``: study → artefact → part → [type, digest]."""


def take(checkout: Path, python: Path) -> Listing:
    """The listing of a checkout by its own Python, whose versions are told."""
    done = subprocess.run([python, __file__, checkout], stdout=subprocess.PIPE, check=True)
    found: Listing = json.loads(done.stdout)
    return found


def listing(folder: Path) -> Listing:
    """Of every finished study of a checkout."""
    done = [name for name in STUDIES if is_finished(folder, name)]
    return {"machine": machine(), "studies": {name: of_study(folder, name) for name in done}}


def of_study(folder: Path, study: str) -> dict[str, dict[str, list[str]]]:
    """Artefact → part → [type, digest] of one study."""
    return {
        path: {part: digest(value) for part, value in read(folder / path).items()}
        for path in artefacts(folder, study)
    }


def is_finished(folder: Path, study: str) -> bool:
    """Whether all of a study was made."""
    return (folder / "results" / study / "explorer.html").is_file() and (
        folder / "results" / study / "report.html"
    ).is_file()


def artefacts(folder: Path, study: str) -> Iterator[str]:
    """Paths of a study's artefacts, from the checkout."""
    for top in (*STUDIES[study], f"results/{study}"):
        for path in sorted((folder / top).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and not any(re.search(pattern, name) for pattern in LEFT_OUT):
                yield name


def save(found: Listing, path: Path = FILE) -> None:
    """For :func:`load`."""
    store.write(path, found)


def load(path: Path = FILE) -> Listing:
    """A listing from its file, compressed or not."""
    found: Listing = store.read(path)
    return found


def renamed(found: Listing, renames: Renames) -> Listing:
    """An old listing with new names of files and columns."""
    studies = {
        study: {
            renames.path(path): {
                renames.key("columns", [Path(path).name.split(".")[0]], part): value
                for part, value in parts.items()
            }
            for path, parts in files.items()
        }
        for study, files in found["studies"].items()
    }
    return {**found, "studies": studies}


def differences(old: Listing, new: Listing) -> Iterator[Difference]:
    """Of the studies that both have."""
    for study in sorted(old["studies"].keys() & new["studies"].keys()):
        yield from study_differences(old["studies"][study], new["studies"][study])


def study_differences(
    old: Mapping[str, Any], new: Mapping[str, Any], folders: tuple[Path, Path] | None = None
) -> Iterator[Difference]:
    """By artefact and part; with both folders also how far numbers are from each other."""
    for path in sorted({**old, **new}):
        if path not in old or path not in new:
            sides = [ABSENT if path not in files else "made" for files in (old, new)]
            yield Difference("contents", path, "artefact", *sides)
            continue
        before, after = old[path], new[path]
        for part in {**before, **after}:
            was, now = (side.get(part, [ABSENT, ""]) for side in (before, after))
            if was != now:
                said = _distance(path, part, folders) if folders else ""
                yield Difference("contents", path, part, _said(was), _said(now) + said)
        if list(before) != list(after) and set(before) == set(after):
            yield Difference("contents", path, "(order)", list(before), list(after))


def _said(value: list[str]) -> str:
    kind, sha256 = value
    return f"{kind} {sha256[:8]}".strip()


def _distance(path: str, part: str, folders: tuple[Path, Path]) -> str:
    values = [read(folder / path).get(part) for folder in folders]
    distance = relative_difference(*values)
    return "" if distance is None else f", {distance:.1e} apart at most, relative"


def compare(old: Path, new: Path) -> list[str]:
    """In what two folders or listings differ, in words; what cannot be compared is printed."""
    folders = (old, new) if old.is_dir() and new.is_dir() else None
    one, two = (listing(path) if path.is_dir() else load(path) for path in (old, new))
    one = renamed(one, renames := Renames.read())
    print(*notes(one, two), sep="", end="")
    found: list[Difference] = []
    both = sorted(one["studies"].keys() & two["studies"].keys())
    for study in both:
        found += study_differences(one["studies"][study], two["studies"][study], folders)
    meant = [
        m for m in renames.exceptions if any(m.covers("contents", d.what, d.field) for d in found)
    ]
    lines: list[str] = unexplained(found, meant, "contents")
    return lines


def notes(old: Listing, new: Listing) -> Iterator[str]:
    """Why some of two listings cannot be compared, or not bit by bit; a line each."""
    if other := differing(old["machine"], new["machine"]):
        yield f"contents: numbers may differ in their last digits, for {other}\n"
    for study in sorted(old["studies"].keys() ^ new["studies"].keys()):
        yield f"contents: {study} is finished in one of them only\n"


def main(arguments: list[str]) -> None:
    """Print a listing or the differences."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="+", metavar="FOLDER, or: compare OLD NEW")
    words = parser.parse_args(arguments).words
    if words[0] == "compare" and len(words) == 3:
        found = compare(Path(words[1]), Path(words[2]))
        print(*(found or ["no difference"]), sep="\n")
        sys.exit(1 if found else 0)
    if len(words) != 1:
        parser.error("one folder, or compare and two")
    found_listing = listing(Path(words[0]))
    if not found_listing["studies"]:
        sys.exit(f"error: {words[0]}: no finished study of {', '.join(STUDIES)}")
    json.dump(found_listing, sys.stdout, indent=0, ensure_ascii=False)


if __name__ == "__main__":
    main(sys.argv[1:])
