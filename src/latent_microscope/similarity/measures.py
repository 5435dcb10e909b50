"""Every measure of the similarity of RDMs, all together.

A model and the human votes, one half of the votes and the other, a simulated truth and its votes:
each comparison takes a :class:`Represented` for each side and one :class:`~.frames.Frame`.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.similarity import comparison
from latent_microscope.similarity.bins import SIGNS, concordance, grams, variables
from latent_microscope.similarity.frames import WHOLE, Frame, LabelRDM
from latent_microscope.similarity.rdms import RDM, Distances, class_rdm, rdm

PARTS = ("within_class", "non_unanimous")
"""Parts of the pairs; by their names Spearman among them, by ``<name>_rho_a`` rho-a."""
OVER_PARTS = tuple(name for part in PARTS for name in (f"{part}_rho_a", part))
MEASURES = (
    *("rho_a", "spearman", "tau_a", "cosine", "partial_label"),
    *OVER_PARTS,
    *("class_level", "cka"),
)
HEADLINE = "rho_a"
"""Spearman with average ranks rewards predicted ties: an RDM of k equal classes alone reaches
√(3w(1−w)) (w: share of pairs within a class), whatever people think; rho-a does not (Nili et al.
2014; Schütt et al. 2023)."""


_MOST_SORTED = 1 << 27  # pairs of 16,000 images


class Represented(Protocol):
    """An RDM, and the features that it was computed from."""

    @property
    def matrix(self) -> RDM | Distances:
        """The RDM."""

    @property
    def features(self) -> npt.NDArray:
        """Features of shape (n, d), in the order of its ids."""

    @property
    def name(self) -> str:
        """What errors call it; "": nothing."""


@dataclass(frozen=True, eq=False)
class Side:
    """One side of a comparison."""

    matrix: RDM | Distances
    features: npt.NDArray
    name: str = ""


def side(
    features: npt.NDArray, metric: str, ids: npt.ArrayLike | None = None, name: str = ""
) -> Side:
    """Features, whose RDM is computed when it is needed."""
    return Side(Distances(features, metric, ids, keep=False), features, name)


@dataclass(frozen=True, eq=False)
class Measured:
    """All measures of some references and some models.

    Attributes:
        values: Of each reference and model, by the names of :data:`MEASURES`.
        gram: Sums of products of mid-ranks less 1/2, of the references, the models, the label RDM.
        n_pairs: Number of pairs.
    """

    values: list[list[dict[str, float]]]
    gram: npt.NDArray[np.float64]
    n_pairs: int

    def rho_a(self, i: int, j: int) -> float:
        """rho-a of two of the RDMs in ``gram``."""
        return _rho_a(self.gram[i, j], self.n_pairs)


def _rho_a(product: float, pairs: int) -> float:
    """rho-a from the sum of products of mid-ranks."""
    return comparison.ratio(12.0 * float(product), pairs - 1.0 / max(pairs, 1))


def _ranked(one: Represented) -> comparison.RankedRDM:
    matrix = one.matrix
    return comparison.rank_rdm(
        matrix if isinstance(matrix, RDM) else rdm(one.features, matrix.metric, matrix.ids)
    )


def _classes(one: Represented, labels: npt.NDArray[np.int64]) -> RDM | None:
    try:
        return class_rdm(one.features, labels, one.matrix.metric)
    except InputError:  # constant class means have no correlation distance
        return None


def measures(
    references: Sequence[Represented],
    models: Sequence[Represented],
    shared: Frame,
    *,
    tau: bool = False,
    cka: bool = True,
    sort_pairs: int = _MOST_SORTED,
    threads: int = 1,
) -> Measured:
    """All :data:`MEASURES` of every model with every reference; NaN: not defined, not asked for.

    ``rho_a``, ``spearman``, ``tau_a`` and ``cosine`` over all pairs, ``partial_label`` (Spearman,
    label RDM held constant; no rho-a, since that of an RDM with itself is below 1),
    ``within_class`` and ``non_unanimous`` (Spearman among pairs of one class, and of images whose
    votes disagree), the same with ``_rho_a``, ``class_level`` (Spearman of the RDMs of the classes'
    mean features) and ``cka`` (linear, of the features).

    Ranks are those of :mod:`~latent_microscope.similarity.bins`: exact up to some 360 images,
    within 3e-5 up to 2,000 (2e-5 at worst in tests: values that are all equal but within a few
    classes), within 5e-6 above, and exact among up to 16,000 pairs of a part. tau-a is exact up to
    ``sort_pairs`` pairs, which takes longer than all the rest and 24 bytes per pair, above from 256
    classes of rank (within 4e-3). Memory: tiles of all RDMs, 9 MB each, 28 MB of at most 4,096
    images. Threads change no number.
    """
    sides = [*references, *models]
    if any(one.matrix.n != shared.labels.size for one in sides):
        raise InputError(f"an RDM is not of the {shared.labels.size} images that are compared")
    matrices = [*(one.matrix for one in sides), LabelRDM(shared.labels)]
    names = [one.name for one in sides]
    found = variables(matrices, shared, names=names, threads=threads)
    pairs = shared.n_pairs
    places = range(len(references), len(sides))
    sorts = tau and pairs[WHOLE] <= sort_pairs
    both = [(r, m) for r in range(len(references)) for m in places if tau and not sorts]
    joint = {pair: np.zeros((SIGNS, SIGNS), dtype=np.int64) for pair in both}
    gram = grams(found, shared, joint=joint, threads=threads)
    ranked = [_ranked(one) for one in references] if sorts else []
    classes = [_classes(one, shared.labels) for one in sides]

    def compared(r: int, m: int) -> dict[str, float]:
        values = dict.fromkeys(MEASURES, float("nan"))
        values["rho_a"] = _rho_a(gram[WHOLE][r, m], pairs[WHOLE])
        values["spearman"] = _spearman(gram[WHOLE], r, m)
        if sorts:
            values["tau_a"] = comparison.compare(ranked[r], _ranked(sides[m]), "tau-a")
        elif tau:
            values["tau_a"] = concordance(joint[r, m])
        product = gram["values"]
        size = np.sqrt(product[r, r]) * np.sqrt(product[m, m])
        values["cosine"] = comparison.ratio(float(product[r, m]), float(size))
        with_label = gram[WHOLE][np.ix_([r, m, -1], [r, m, -1])]
        values["partial_label"] = float(comparison.partial_correlation(with_label))
        for part in PARTS:
            if pairs[part] > 1:
                values[part] = _spearman(gram[part], r, m)
                values[f"{part}_rho_a"] = _rho_a(gram[part][r, m], pairs[part])
        x, y = classes[r], classes[m]
        if x is not None and y is not None:
            values["class_level"] = comparison.compare(x, y)
        if cka:
            values["cka"] = comparison.linear_cka(sides[r].features, sides[m].features)
        return values

    with ThreadPoolExecutor(threads) as pool:
        values = [
            list(pool.map(lambda m, r=r: compared(r, m), places)) for r in range(len(references))
        ]
    return Measured(values, gram[WHOLE], pairs[WHOLE])


def _spearman(gram: npt.NDArray[np.float64], i: int, j: int) -> float:
    size = np.sqrt(gram[i, i]) * np.sqrt(gram[j, j])
    return comparison.ratio(float(gram[i, j]), float(size))
