"""Human data that a command compares models with: votes, or a matrix of dissimilarities."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope import similarity
from latent_microscope.custom.dissimilarity import condensed, read_square
from latent_microscope.custom.joining import Source
from latent_microscope.custom.votes import class_codes, majority, read_votes
from latent_microscope.errors import InputError
from latent_microscope.messages import naming
from latent_microscope.similarity.observers import (
    observer_ceiling,
    observer_intervals,
    observer_scores,
)
from latent_microscope.similarity.rdms import RDM
from latent_microscope.similarity.votes import class_mean_votes, vote_shares, why_no_halves

Ids = npt.NDArray[np.object_]
Rows = npt.NDArray[np.int64]
_NONE = (float("nan"), float("nan"))


@dataclass(frozen=True)
class Human:
    """Human data about the images that are compared."""

    observers: list[RDM]  # votes: one, of their shares
    what: str  # for people
    bounds: tuple[float, float]  # of the ceiling of rho-a; NaN: none
    ceiling: float = float("nan")  # score of the true RDM against the votes
    classes: int = 0  # of the votes
    baselines: dict[str, RDM] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # what could not be computed, and why


Reader = Callable[[Rows, Ids], Human]


def open_votes(path: Path, metric: str, *, splits: int, seed: int) -> tuple[Source, Reader]:
    """The votes in a file, and a function of rows and their ids that makes the rest."""
    found = read_votes(path, {})

    def human(rows: Rows, ids: Ids) -> Human:
        counts, names = found.answers[rows], ids.astype(str)
        with naming(path):
            reference = similarity.rdm(vote_shares(counts), metric, names)
        labels = majority(counts)
        if found.true is not None:
            labels = class_codes([str(name) for name in found.true[rows]], found.classes, path)
        notes, bounds, ceiling = [], _NONE, float("nan")
        if not (why := why_no_halves(counts)):
            try:
                halves = similarity.noise_ceiling(counts, metric, "rho-a", splits, seed)
                bounds, ceiling = (halves.lower, halves.upper), halves.ceiling
                if halves.status:
                    notes.append(f"no noise ceiling: {halves.status}")
            except InputError as error:
                notes.append(f"no noise ceiling: {error}")
        else:
            notes.append(f"no noise ceiling: {why}")
        features = {}
        if len(np.unique(labels)) > 1:
            features["label"] = np.eye(len(found.classes))[labels]
            features["class_mean"] = class_mean_votes(counts, labels)
        baselines = {
            name: similarity.rdm(one.astype(np.float32), metric, names)
            for name, one in features.items()
        }
        soft = counts.dtype.kind == "f"
        what = (
            f"{'soft labels' if soft else f'{counts.sum()} votes'} in {len(found.classes)} classes"
        )
        return Human([reference], what, bounds, ceiling, len(found.classes), baselines, notes)

    return found.source(path), human


def open_dissimilarity(path: Path) -> tuple[Source, Reader]:
    """The same for dissimilarities."""
    square = read_square(path, {})

    def human(rows: Rows, ids: Ids) -> Human:
        observers = condensed(square, rows, ids)
        notes = [] if len(observers) > 1 else ["no noise ceiling: one matrix of dissimilarities"]
        what = f"dissimilarities by {len(observers)} observer{'s' * (len(observers) > 1)}"
        return Human(observers, what, observer_ceiling(observers, "rho-a"), notes=notes)

    return Source("dissimilarity", str(path), square.values.shape[1], square.ids), human


def compared(
    rdms: Mapping[str, RDM], human: Human, draws: int, *, seed: int, threads: int = 1
) -> tuple[pd.DataFrame, list[str]]:
    """One row per RDM, and what could not be computed.

    Columns: ``model``, ``rho_a``, ``low`` and ``high`` (over images, each with its votes; over
    images and observers where there are several), ``spearman``, ``ceiling`` (votes),
    ``ceiling_lower``, ``ceiling_upper``, ``n_images``, ``n_pairs``, ``n_draws``. With several
    observers all are means over them.
    """
    first = human.observers[0]
    table = pd.DataFrame({"model": pd.Series(list(rdms), dtype="str")})
    table["rho_a"] = observer_scores(rdms, human.observers, "rho-a")
    table["low"], table["high"] = _NONE
    if draws:
        drawn = observer_intervals(
            rdms, human.observers, "rho-a", n_draws=draws, seed=seed, threads=threads
        )
        table[["low", "high"]] = drawn[["low", "high"]].to_numpy()
    table["spearman"] = observer_scores(rdms, human.observers, "spearman")
    table["ceiling"] = human.ceiling
    table["ceiling_lower"], table["ceiling_upper"] = human.bounds
    judged = [np.isfinite(one.values) for one in human.observers]
    table["n_images"], table["n_pairs"] = first.n, int(np.any(judged, axis=0).sum())
    table["n_draws"] = draws
    several = ["intervals are over images and annotators"] if len(human.observers) > 1 else []
    return table, [*human.notes, *(several if draws else [])]
