"""The results of a finished study, joined by id in the order of its samples, for other tools."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.explorer.columns import Column
from latent_microscope.explorer.maps import Layout, Source, arrange
from latent_microscope.explorer.study import Files, load_columns
from latent_microscope.forensics.sources import standardise
from latent_microscope.io.artefacts import load_npy
from latent_microscope.planning import explorer, scores
from latent_microscope.planning.study import Answer, Study
from latent_microscope.planning.targets import checks_of
from latent_microscope.provenance.lineage import read_job

BLOCK = 10_000
"""Samples that are read and written in one go."""
_NEIGHBOURS = 15


def finished(name: str, root: Path = Path()) -> Study:
    """A finished study below ``root/results``, with the settings that its report recorded.

    Raises:
        InputError: It is not finished.
    """
    page = root / "results" / name / "report.html"
    for needed in (root / checks_of(Study(name, {})), page):
        if not needed.is_file():
            raise InputError(f"{needed}: missing: the study is not finished; run it first")
    told = read_job(page)["params"].get("studies", {})
    if name not in told:
        raise InputError(f"{page}: its sidecar does not describe the study {name}; run it again")
    return Study(name, told[name]["settings"])


@dataclass(frozen=True)
class Samples:
    """The n samples of a study, every array in their order."""

    study: Study
    ids: list[str]
    columns: dict[str, Column]  # by a name without "/"
    space: str  # what the vectors are
    layout: Layout  # vectors, map, neighbours
    distances: npt.NDArray[np.float32]  # (n, k) of the neighbours, in standard deviations
    images: np.ndarray | None  # uint8 (n, H, W, C), memory-mapped


def load_samples(study: Study, root: Path = Path()) -> Samples:
    """What the study's explorer shows, of its first space.

    Raises:
        InputError: It has no vectors of samples, or a file is missing.
    """
    if not study.is_of(*explorer.EXPLORED) or not explorer.spaces(study, study.first_run):
        raise InputError(f"the study {study.name} has no vectors of samples to export")

    def files(answer: Answer) -> list[Path]:
        found = answer(study, study.first_run)
        return [root / path for path in ([found] if isinstance(found, str) else found)]

    def file(answer: Answer) -> Path | None:
        return next(iter(files(answer)), None)

    space, parts = next(iter(explorer.spaces(study, study.first_run).items()))
    plane, neighbours = (root / part if part else None for part in parts[2:])
    method = explorer.map_method(study, study.first_run)
    source = Source(space, root / parts[0], root / parts[1], plane, neighbours, method)
    samples = file(explorer.samples)
    assert samples
    artefacts = Files(
        samples,
        [source],
        scores=files(explorer.scores),
        first=scores.main(study, study.first_run),
        clusters=file(explorer.clusters),
        attributes=file(explorer.attributes),
        votes=file(explorer.votes),
        logits=files(explorer.logits),
        logit_ids=files(explorer.logit_ids),
        models=explorer.model_names(study, study.first_run),
    )
    place, columns, _ = load_columns(artefacts)
    layout = arrange(source, place, _NEIGHBOURS, samples)
    pictures = file(explorer.images)
    images = None if pictures is None else load_npy(pictures, mmap=True)
    named = dict(_named(columns))
    return Samples(study, list(place), named, space, layout, _distances(layout), images)


def _named(columns: list[Column]) -> Iterator[tuple[str, Column]]:
    """Columns by names that are unique and without ``/``, which HDF5 takes for a group."""
    taken: set[str] = set()
    for column in columns:
        name = column.name.removeprefix("attribute: ").replace("/", "_")
        while name in taken:
            name += "_"
        taken.add(name)
        yield name, column


def _distances(layout: Layout) -> npt.NDArray[np.float32]:
    scaled = standardise(np.asarray(layout.space, dtype=np.float64))
    found = np.empty(layout.neighbours.shape, dtype=np.float32)
    for start in range(0, len(scaled), BLOCK):
        rows = slice(start, start + BLOCK)
        for rank, near in enumerate(layout.neighbours[rows].T):
            found[rows, rank] = np.linalg.norm(scaled[rows] - scaled[near], axis=1)
    return found
