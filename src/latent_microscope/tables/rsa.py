"""Tables of representational similarity: models with annotators and with each other.

Over all images, within the folds of cross-validated networks, and between class means.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import softmax

from latent_microscope.errors import InputError
from latent_microscope.io.inputs import HumanVotes, load_with_ids
from latent_microscope.io.pages import release
from latent_microscope.similarity.comparison import require_same_images
from latent_microscope.similarity.files import ids_path, load_rdm
from latent_microscope.similarity.frames import Frame
from latent_microscope.similarity.measures import OVER_PARTS, Side, measures, side
from latent_microscope.similarity.rdms import RDM, Distances, rdm
from latent_microscope.similarity.variance import explained, rivals, semipartial_among
from latent_microscope.similarity.votes import vote_shares

FOLD_LAYER = "features (within folds)"
_HEAD = ["model", "layer", "seed", "metric", "method"]
_TEXTS = dict.fromkeys(("model", "layer", "metric", "method"), "str")
_COUNTS = ["n_images", "n_pairs"]
METHOD = "rho-a"  # of value and label_only, the headline
_NUMBERS = [
    *("value", "spearman", "partial_label", *OVER_PARTS, "cosine", "tau_a"),
    *("semipartial", "others_explain", "class_level", "cka", "self_rho_a", "human_self_rho_a"),
    "label_only",
]
COMPARISON_COLUMNS = [*_HEAD, *_NUMBERS, *_COUNTS]
CEILING = ["ceiling", "lower", "upper", "status"]
"""Columns of a table of ceilings that each comparison has, too."""
_CEILING = ["ceiling", "ceiling_lower", "ceiling_upper", "ceiling_status"]
RSA_COLUMNS = [*_HEAD, *_NUMBERS, *_CEILING, *_COUNTS]
CLASS_COLUMNS = ["model", "layer", "seed", "metric", "class_a", "class_b", "value"]
_ROWS = 500  # of features in memory at a time
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Source:
    """Files of one RDM, and whose it is."""

    model: str  # human: the annotators
    layer: str  # features or probabilities
    seed: int
    rdm: Path | None  # .npy, ids beside it; None: it is computed when needed
    features: Path  # .npy that the RDM was made of
    ids: Path  # of the features
    transform: str = "none"  # or softmax, of the features

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"{self.model}, {self.layer}, seed {self.seed}"

    def side(self, metric: str) -> Side:
        """The features and their RDM of this metric, checked to have their ids in their order."""
        rows, ids = load_with_ids(self.features, self.ids)
        names = ids.astype(str)
        if self.transform == "softmax":
            rows = softmax(np.asarray(rows, dtype=np.float64), axis=1)
        if self.rdm is None:
            try:
                return side(rows, metric, names, self.name)
            except InputError as error:
                raise InputError(f"{self.features} ({self.name}): {error}") from error
        matrix = load_rdm(self.rdm)
        if matrix.metric not in (metric, "unknown"):
            raise InputError(
                f"{self.rdm}: contains {matrix.metric} distances, not {metric}; compute it again"
            )
        if matrix.n != len(names) or (matrix.ids.astype(str) != names).any():
            raise InputError(
                f"{self.features}: its ids differ from those of its RDM; compute the RDM again"
            )
        return Side(matrix, rows, self.name)


def sources(
    rdms: Sequence[Path] | None,
    rdm_ids: Sequence[Path] | None,
    features: Sequence[Path],
    feature_ids: Sequence[Path],
    models: Sequence[str],
    layers: Sequence[str],
    seeds: Sequence[int],
    transforms: Sequence[str],
) -> list[Source]:
    """One source per RDM; all sequences have the same length, or there are no files of RDMs."""
    files: Sequence[Path | None] = rdms or [None] * len(models)
    beside = rdm_ids or []
    columns = (models, layers, seeds, files, features, feature_ids, transforms)
    if {len(part) for part in columns} != {len(models)} or len(beside) != len(rdms or []):
        raise InputError(
            f"{len(rdms or [])} RDMs, {len(beside)} tables of their ids, {len(features)} features "
            f"and {len(models)} names; give one of each, or no RDMs and no ids of RDMs"
        )
    for path, ids in zip(rdms or [], beside, strict=True):
        if ids != ids_path(path):
            raise InputError(f"{ids}: the ids of {path} must be named {ids_path(path)}")
    keys = list(zip(models, layers, seeds, strict=True))
    repeated = next((key for key in keys if keys.count(key) > 1), None)
    if repeated:
        raise InputError(f"the RDM of {repeated} is given twice; give each its own name")
    return [Source(*row) for row in zip(*columns, strict=True)]


def vote_rows(human: RDM | Distances, votes: HumanVotes) -> Ints:
    """Row of the votes of each image of the human RDM."""
    index = pd.Index(votes.ids)
    order = index.get_indexer(pd.Index(human.ids.astype(str)))
    if len(index) != human.n or (order < 0).any():
        raise InputError(
            f"the RDMs are of {human.n} images and the votes of {len(index)}, not of the same "
            "images; compute both again from one samples table"
        )
    return np.asarray(order, dtype=np.int64)


def frame_of(human: RDM | Distances, votes: HumanVotes) -> Frame:
    """What all comparisons over the images of the human RDM share."""
    order = vote_rows(human, votes)
    disputed = np.count_nonzero(votes.answers[order], axis=1) > 1
    return Frame(votes.labels[order], disputed)


def compare_sources(
    human: Source,
    models: Sequence[Source],
    votes: HumanVotes,
    metric: str,
    *,
    tau: bool = False,
    threads: int = 1,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare all models with annotators, and the first seed of each with the others.

    Memory holds tiles of the RDMs, however many images there are.

    Returns:
        Table of :data:`COMPARISON_COLUMNS`, one row per model RDM (``value`` and ``label_only``:
        rho-a), and table ``model_a``,
        ``model_b``, ``value`` (Spearman) of all ordered pairs of annotators and first seeds.
        ``self_rho_a`` is the rho-a of the RDM with itself, below 1 where it has ties; the root of
        its product with ``human_self_rho_a`` is the maximum of ``value``. ``semipartial`` is the
        signed semi-partial Spearman correlation given the RDMs of all other models (first seed of
        each), ``others_explain`` the R squared of those. NaN: not defined.
    """
    reference, *others = (source.side(metric) for source in (human, *models))
    people = reference.matrix
    require_same_images([people, *(one.matrix for one in others)])
    shared = frame_of(people, votes)
    found = measures([reference], others, shared, tau=tau, threads=threads)
    against = rivals(models)
    table = pd.DataFrame(found.values[0]).rename(columns={"rho_a": "value"})
    for key in ("model", "layer", "seed"):
        table[key] = [getattr(source, key) for source in models]
    table["metric"], table["method"] = metric, METHOD
    gram = found.gram[:-1, :-1]
    table["semipartial"] = semipartial_among(gram, against)
    predicted = [explained(gram, [1 + place for place in rest]) for rest in against]
    table["others_explain"] = np.array(predicted, float)
    table["self_rho_a"] = [found.rho_a(1 + place, 1 + place) for place in range(len(models))]
    table["human_self_rho_a"], table["label_only"] = found.rho_a(0, 0), found.rho_a(0, -1)
    table["n_images"], table["n_pairs"] = people.n, len(people)
    table = table[COMPARISON_COLUMNS].astype({**_TEXTS, "seed": "int64"})
    return table, _similarity(models, gram)


def _similarity(models: Sequence[Source], gram: Floats) -> pd.DataFrame:
    """Spearman correlations of annotators and the first seed of each model and layer."""
    first: dict[str, int] = {"human": 0}
    for place, source in enumerate(models):
        first.setdefault(f"{source.model}-{source.layer}", place + 1)
    names, places = list(first), list(first.values())
    size = np.sqrt(np.diag(gram)[places])
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.clip(gram[np.ix_(places, places)] / np.outer(size, size), -1.0, 1.0)
    np.fill_diagonal(values, np.where(size > 0.0, 1.0, np.nan))
    pairs = list(itertools.product(names, repeat=2))
    table = pd.DataFrame(pairs, columns=["model_a", "model_b"], dtype="str")
    return table.assign(value=values.ravel())


def gather(comparisons: pd.DataFrame, ceiling: pd.DataFrame) -> pd.DataFrame:
    """All comparisons of one metric with its noise ceiling (one row): :data:`RSA_COLUMNS`."""
    if not len(comparisons) or len(ceiling) != 1:
        raise InputError(
            f"{len(comparisons)} comparisons and {len(ceiling)} rows of ceilings; give at least "
            "one comparison and exactly one ceiling"
        )
    found = dict(zip(_CEILING, ceiling[CEILING].iloc[0], strict=True))
    return comparisons.assign(**found)[RSA_COLUMNS].astype({"ceiling_status": "str"})


def compare_within_folds(
    features: npt.ArrayLike, folds: npt.ArrayLike, votes: HumanVotes, metric: str = "euclidean"
) -> pd.DataFrame:
    """Compare features, row i = image i of the votes, within folds: pairs share one network.

    One row per fold: ``fold``, ``method`` and the numbers of the table of all comparisons.
    ``semipartial`` and ``others_explain`` are NaN: other models are not part of it.
    """
    rows, fold = np.asarray(features), np.asarray(folds)
    if not len(rows) == fold.size == len(votes.ids):
        raise InputError(
            f"{len(rows)} rows of features, {fold.size} folds and {len(votes.ids)} images; give "
            "one of each per image"
        )
    shares = vote_shares(votes.answers)
    disputed = np.count_nonzero(votes.answers, axis=1) > 1
    table = []
    for name in np.unique(fold):
        inside = np.flatnonzero(fold == name)
        n = inside.size
        if n < 3:
            raise InputError(f"fold {name} has {n} images; RSA within it needs at least 3")
        ids = votes.ids[inside].astype(str)
        human, model = (side(x[inside], metric, ids) for x in (shares, rows))
        shared = Frame(votes.labels[inside], disputed[inside])
        found = measures([human], [model], shared)
        values = found.values[0][0]
        table.append(
            {
                **values,
                "fold": int(name),
                "method": METHOD,
                "value": values["rho_a"],
                "semipartial": float("nan"),
                "others_explain": float("nan"),
                "self_rho_a": found.rho_a(1, 1),
                "human_self_rho_a": found.rho_a(0, 0),
                "label_only": found.rho_a(0, -1),
                "n_images": n,
                "n_pairs": found.n_pairs,
            }
        )
    return pd.DataFrame(table)[["fold", "method", *_NUMBERS, *_COUNTS]]


def average_folds(
    comparisons: Sequence[pd.DataFrame], heads: Sequence[tuple[str, int]], metric: str
) -> pd.DataFrame:
    """Means over folds, weighted by their pairs, of each model and seed: COMPARISON_COLUMNS.

    ``layer`` is :data:`FOLD_LAYER`, ``n_images`` and ``n_pairs`` are sums over folds. A value that
    is undefined in a fold is averaged over the others.
    """
    rows = []
    for (model, seed), table in zip(heads, comparisons, strict=True):
        row = [model, FOLD_LAYER, seed, metric, str(table["method"].iloc[0])]
        for name in _NUMBERS:
            values = table[name].to_numpy(dtype=np.float64)
            weight = np.where(np.isnan(values), 0.0, table["n_pairs"].to_numpy(dtype=np.float64))
            row.append(float(np.nansum(weight * values)) / weight.sum() if weight.any() else np.nan)
        rows.append([*row, *(int(table[name].sum()) for name in _COUNTS)])
    return pd.DataFrame(rows, columns=COMPARISON_COLUMNS).astype({**_TEXTS, "seed": "int64"})


def class_means(features: npt.NDArray, labels: Ints, transform: str = "none") -> Floats:
    """Mean features of classes 0..k-1, (k, f), in blocks; transform: none, or softmax per row."""
    sizes = np.bincount(labels)
    if not sizes.all():
        raise InputError(f"class {int(np.argmin(sizes))} has no images, so it has no mean features")
    sums = np.zeros((len(sizes), features.shape[1]))
    for start in range(0, len(labels), _ROWS):
        rows = slice(start, start + _ROWS)
        block = np.asarray(features[rows], dtype=np.float64)
        if transform == "softmax":
            block = softmax(block, axis=1)
        member = np.eye(len(sizes))[labels[rows]]
        sums += member.T @ block
        release(features)
    return sums / sizes[:, None]


def class_distances(means: Floats, names: Sequence[str], metric: str) -> pd.DataFrame:
    """Distances between class means: ``class_a``, ``class_b``, ``value``, each pair once.

    NaN where the metric is not defined for these means (correlation of constant ones).
    """
    try:
        values = rdm(means, metric, list(names)).values.astype(np.float64)
    except InputError:
        values = np.full(len(names) * (len(names) - 1) // 2, np.nan)
    pairs = list(itertools.combinations(names, 2))
    return pd.DataFrame(pairs, columns=["class_a", "class_b"], dtype="str").assign(value=values)
