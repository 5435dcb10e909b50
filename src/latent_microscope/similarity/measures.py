"""Every measure of the similarity of two RDMs, each RDM ranked once.

A model and the human votes, one half of the votes and the other, a simulated truth and its votes:
each comparison takes two :class:`Ready` sources and one :class:`Frame`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.similarity import comparison
from latent_microscope.similarity.rdms import RDM, class_rdm, pairs_among, pairs_within, rdm

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


@dataclass(frozen=True, eq=False)
class Frame:
    """What all comparisons over the same images share."""

    labels: npt.NDArray[np.int64]  # true class of each image, in the order of the RDMs
    label: comparison.RankedRDM  # the RDM of the one-hot true label
    pairs: dict[str, npt.NDArray[np.int64]]  # positions of the pairs of each of PARTS


@dataclass(frozen=True, eq=False)
class Ready:
    """An RDM with its ranks, and the features that it was computed from."""

    matrix: RDM
    ranked: comparison.RankedRDM  # over all pairs
    parts: dict[str, comparison.RankedRDM | None]  # of each part; None: fewer than two pairs
    classes: RDM | None  # of the mean features of each class; None if not defined
    features: npt.NDArray


def frame(
    labels: npt.NDArray[np.int64], disputed: npt.NDArray[np.bool_], ids: np.ndarray | None = None
) -> Frame:
    """The frame of images with these labels (0..k-1); disputed: whether its votes disagree."""
    one_hot = np.eye(int(labels.max()) + 1)[labels]
    pairs = dict(zip(PARTS, (pairs_within(labels), pairs_among(disputed)), strict=True))
    return Frame(labels, comparison.rank_rdm(rdm(one_hot, "euclidean", ids)), pairs)


def ready(matrix: RDM, features: npt.NDArray, shared: Frame) -> Ready:
    """Rank an RDM, whole and among the pairs of each part; features in the order of its ids."""
    comparison.require_same_images([matrix, shared.label])
    parts = {
        name: comparison.rank_rdm(matrix, pairs=pairs) if pairs.size > 1 else None
        for name, pairs in shared.pairs.items()
    }
    try:
        classes = class_rdm(features, shared.labels, matrix.metric)
    except InputError:  # constant class means have no correlation distance
        classes = None
    return Ready(matrix, comparison.rank_rdm(matrix), parts, classes, features)


def measures(
    a: Ready, b: Ready, shared: Frame, *, tau: bool = False, cka: bool = True
) -> dict[str, float]:
    """All :data:`MEASURES` of two sources; NaN where not defined, or not asked for.

    ``rho_a``, ``spearman``, ``tau_a`` (takes as long as all the rest) and ``cosine`` over all
    pairs, ``partial_label`` (Spearman, label RDM held constant; no rho-a, since that of an RDM with
    itself is below 1), ``within_class`` and ``non_unanimous`` (Spearman among pairs of one class,
    and of images whose votes disagree), the same with ``_rho_a``,
    ``class_level`` (Spearman of the RDMs of the classes' mean features) and ``cka`` (linear, of the
    features).
    """
    gram = comparison.rank_gram([a.ranked.ranks, b.ranked.ranks, shared.label.ranks])
    found = dict.fromkeys(MEASURES, float("nan"))
    found["spearman"] = float(comparison.partial_correlation(gram[:2, :2]))
    found["rho_a"] = comparison.rho_a(a.ranked.ranks, b.ranked.ranks)
    if tau:
        found["tau_a"] = comparison.compare(a.ranked, b.ranked, "tau-a")
    found["cosine"] = comparison.compare(a.matrix, b.matrix, "cosine")
    found["partial_label"] = float(comparison.partial_correlation(gram))
    for name in PARTS:
        x, y = a.parts[name], b.parts[name]
        if x is not None and y is not None:
            found[name] = comparison.spearman(x.ranks, y.ranks)
            found[f"{name}_rho_a"] = comparison.rho_a(x.ranks, y.ranks)
    if a.classes is not None and b.classes is not None:
        found["class_level"] = comparison.compare(a.classes, b.classes)
    if cka:
        found["cka"] = comparison.linear_cka(a.features, b.features)
    return found
