"""Every measure of how alike two RDMs are, each RDM ranked once.

A model against people, half of the votes against the other half, a simulated truth against its
votes: all of them are two :class:`Ready` sources and one :class:`Frame`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.similarity.cka import linear_cka
from latent_microscope.similarity.comparison import (
    RankedRDM,
    compare,
    partial_correlation,
    rank_gram,
    rank_rdm,
    require_same_images,
    rho_a,
    spearman,
)
from latent_microscope.similarity.pairs import pairs_among, pairs_within
from latent_microscope.similarity.rdms import RDM, class_rdm, rdm

PARTS = ("within_class", "non_unanimous")
"""Measures over some of the pairs."""
MEASURES = (
    "spearman",
    "rho_a",
    "tau_a",
    "cosine",
    "partial_label",
    *PARTS,
    "class_level",
    "cka",
)


@dataclass(frozen=True, eq=False)
class Frame:
    """What all comparisons over the same images share.

    Attributes:
        labels: True class of each image, in the order of the RDMs.
        label: The RDM of the one-hot true label, ranked.
        pairs: Positions of the pairs of each of :data:`PARTS`.
    """

    labels: npt.NDArray[np.int64]
    label: RankedRDM
    pairs: dict[str, npt.NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Ready:
    """An RDM with its ranks, and the features that it is made of.

    Attributes:
        matrix: The RDM.
        ranked: Its ranks over all pairs.
        parts: Its ranks among the pairs of each part; None for a part of fewer than two pairs.
        classes: RDM of the mean features of each class; None if it is not defined.
        features: Rows of the images.
    """

    matrix: RDM
    ranked: RankedRDM
    parts: dict[str, RankedRDM | None]
    classes: RDM | None
    features: npt.NDArray


def frame(
    labels: npt.NDArray[np.int64], disputed: npt.NDArray[np.bool_], ids: np.ndarray | None = None
) -> Frame:
    """The frame of some images.

    Args:
        labels: True classes, 0..k-1.
        disputed: Whether the votes on the image disagree.
        ids: Image ids of the RDMs to come; 0..n-1 if None.
    """
    size = int(labels.max()) + 1
    label = rank_rdm(rdm(np.eye(size)[labels], "euclidean", ids))
    return Frame(
        labels, label, dict(zip(PARTS, (pairs_within(labels), pairs_among(disputed)), strict=True))
    )


def ready(matrix: RDM, features: npt.NDArray, shared: Frame) -> Ready:
    """Rank an RDM, whole and among the pairs of each part.

    Args:
        matrix: The RDM.
        features: What it is made of, in the order of its ids.
        shared: Of the same images.
    """
    require_same_images([matrix, shared.label])
    parts = {
        name: rank_rdm(matrix, pairs=pairs) if pairs.size > 1 else None
        for name, pairs in shared.pairs.items()
    }
    try:
        classes = class_rdm(features, shared.labels, matrix.metric)
    except InputError:  # constant class means have no correlation distance
        classes = None
    return Ready(matrix, rank_rdm(matrix), parts, classes, features)


def measures(
    a: Ready, b: Ready, shared: Frame, *, tau: bool = False, cka: bool = True
) -> dict[str, float]:
    """All measures of two sources.

    Args:
        a: One, people as a rule.
        b: The other.
        shared: Of their images.
        tau: Whether tau-a is wanted: it takes as long as all the rest (NaN if not).
        cka: Whether CKA is wanted (NaN if not).

    Returns:
        A number for each of :data:`MEASURES`: ``spearman``, ``rho_a``, ``tau_a`` and ``cosine``
        over all pairs, ``partial_label`` (Spearman, label RDM held constant), ``within_class`` and
        ``non_unanimous`` (Spearman among pairs of one class, and of images whose votes disagree),
        ``class_level`` (Spearman of the RDMs of the classes' mean features) and ``cka`` (linear,
        of the features). NaN where it is not defined.
    """
    gram = rank_gram([a.ranked.ranks, b.ranked.ranks, shared.label.ranks])
    found = {
        "spearman": float(partial_correlation(gram[:2, :2])),
        "rho_a": rho_a(a.ranked.ranks, b.ranked.ranks),
        "tau_a": compare(a.ranked, b.ranked, "tau-a") if tau else float("nan"),
        "cosine": compare(a.matrix, b.matrix, "cosine"),
        "partial_label": float(partial_correlation(gram)),
    }
    for name in PARTS:
        x, y = a.parts[name], b.parts[name]
        found[name] = float("nan") if x is None or y is None else spearman(x.ranks, y.ranks)
    if a.classes is None or b.classes is None:
        found["class_level"] = float("nan")
    else:
        found["class_level"] = compare(a.classes, b.classes)
    found["cka"] = linear_cka(a.features, b.features) if cka else float("nan")
    return found
