"""Commands whose plans are guarded, for any checkout, and the files that they ask for."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import store  # type: ignore[import-not-found]
import yaml

NO_STUDIES = {"config.yaml", "datasets.yaml"}
SUBSET = ("faces", "alignment")
TOGETHER = (*SUBSET, "synthetic")
TARGETS = ("publish_all", "run_notebooks", "download")
"""Targets beside the default one."""
FILES = ("digits.npz", "digits.csv", "z.npz", "t.csv", "votes.csv", "square.npy")
IMAGES = ("faces/x00.png", "faces/x01.png")
TIME = 1_700_000_000
"""Of files and folders, for a plan holds the times of a folder of images."""


def commands(checkout: Path) -> dict[str, list[str]]:
    """Name → arguments of Snakemake: every config at every size, the tests' own, other targets."""
    return dict(_commands(checkout.resolve()))


def _commands(checkout: Path) -> Iterator[tuple[str, list[str]]]:
    config = checkout / "config"
    yield "default", []
    for target in TARGETS:
        yield f"default-{target}", [target]
    files = sorted(path for path in config.glob("*.yaml") if path.name not in NO_STUDIES)
    assert files, f"{config}: no configs of studies"
    for file in files:
        for size in sorted(_sizes(file)) or ["workstation"]:
            yield f"{file.stem}-{size}", ["--configfile", str(file), "--config", f"size={size}"]
        if file.stem in SUBSET:
            yield f"{file.stem}-subset", ["--configfile", str(file), "--config", "subset=200"]
    for extra in sorted((config / "with").glob("*.yaml")):
        pair = [str(config / "alignment.yaml"), str(extra)]
        yield f"alignment-{extra.stem}", ["--configfile", *pair, "--config", "size=quick"]
    names = ",".join(path.stem for path in files if path.stem in TOGETHER)
    yield "together", ["--configfile", *map(str, files), "--config", f"run=[{names}]"]
    yield "tiny", ["--configfile", str(checkout / "tests/workflow/tiny.yaml")]
    for file in sorted(_own_studies(checkout).glob("*.yaml")):
        yield f"own-{file.stem}", ["--configfile", str(file)]


def _sizes(file: Path) -> set[str]:
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {size for study in content["studies"].values() for size in study.get("sizes", {})}


def _own_studies(checkout: Path) -> Path:
    """Configs of one's own: the checkout's, where its keys have other names by now."""
    theirs = checkout / "tests/guards/studies"
    return theirs if theirs.is_dir() else store.TAKEN / "studies"


def write_files(folder: Path) -> None:
    """The files of one's own that the commands name; a plan looks at no content."""
    for name in (*FILES, *IMAGES):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
        os.utime(path, (TIME, TIME))
