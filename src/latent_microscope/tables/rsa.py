"""Tables of representational similarity: model against human, and model against model."""

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import softmax

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, save_npy
from latent_microscope.io.inputs import HumanVotes, load_with_ids
from latent_microscope.io.scratch import scratch_folder
from latent_microscope.similarity.comparison import (
    partial_correlation,
    require_same_images,
)
from latent_microscope.similarity.files import ids_path, load_rdm
from latent_microscope.similarity.measures import Frame, frame, measures, ready
from latent_microscope.similarity.ranks import Ranks, covariation
from latent_microscope.similarity.rdms import RDM
from latent_microscope.similarity.variance import explained, rivals, unique_among

_MEASURED = [
    "value",
    "partial_label",
    "rho_a",
    "within_class",
    "non_unanimous",
    "cosine",
    "tau_a",
    "unique_variance",
    "others_explain",
    "class_level",
    "cka",
    "self_rho_a",
    "human_self_rho_a",
]
_HEAD = ["model", "layer", "seed", "metric", "method"]
_TAIL = ["n_images", "n_pairs"]
COMPARISON_COLUMNS = [*_HEAD, *_MEASURED, "label_only", *_TAIL]
RSA_COLUMNS = [*_HEAD, *_MEASURED, "label_only", "ceiling_lower", "ceiling_upper", *_TAIL]


@dataclass(frozen=True)
class Source:
    """Files of one RDM, and whose it is.

    Attributes:
        model: Name of the model; ``human`` for people.
        layer: features or probabilities.
        seed: Number of the run.
        rdm: Its ``.npy``, ids beside it.
        features: ``.npy`` that the RDM was made of.
        ids: Table of the ids of the features.
        transform: none, or softmax (of the features).
    """

    model: str
    layer: str
    seed: int
    rdm: Path
    features: Path
    ids: Path
    transform: str = "none"

    def load(self, metric: str) -> RDM:
        """The RDM, memory-mapped.

        Raises:
            InputError: It holds another metric's distances.
        """
        matrix = load_rdm(self.rdm)
        if matrix.metric not in (metric, "unknown"):
            raise InputError(
                f"{self.rdm}: holds {matrix.metric} distances, not {metric}; compute it anew"
            )
        return matrix

    def rows(self, matrix: RDM) -> npt.NDArray:
        """The features, in the order of the RDM.

        Raises:
            InputError: They are of other images.
        """
        rows, ids = load_with_ids(self.features, self.ids)
        return transformed(rows, ids, matrix, self.transform, self.features)


def transformed(
    rows: npt.NDArray, ids: npt.NDArray, matrix: RDM, transform: str, path: Path
) -> npt.NDArray:
    """Rows as the RDM was made of them, checked to be of the same images in the same order."""
    if matrix.n != len(ids) or (matrix.ids.astype(str) != ids.astype(str)).any():
        raise InputError(f"{path}: its ids are not those of its RDM; make the RDM again")
    if transform == "softmax":
        return np.asarray(softmax(np.asarray(rows, dtype=np.float64), axis=1))
    return np.asarray(rows)


def sources(
    rdms: Sequence[Path],
    rdm_ids: Sequence[Path],
    features: Sequence[Path],
    feature_ids: Sequence[Path],
    models: Sequence[str],
    layers: Sequence[str],
    runs: Sequence[int],
    transforms: Sequence[str],
) -> list[Source]:
    """One source an RDM.

    Raises:
        InputError: As many of one as of the others are not given, a source is given twice, or ids
            are not beside their RDM.
    """
    columns = (models, layers, runs, rdms, features, feature_ids, transforms)
    if {len(part) for part in columns} != {len(rdm_ids)}:
        raise InputError(
            f"{len(rdms)} RDMs, {len(features)} features and {len(models)} names; give one of each"
        )
    for path, ids in zip(rdms, rdm_ids, strict=True):
        if ids != ids_path(path):
            raise InputError(f"{ids}: the ids of {path} must be named {ids_path(path)}")
    found = [Source(*row) for row in zip(*columns, strict=True)]
    keys = [(s.model, s.layer, s.seed) for s in found]
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InputError(f"the RDM of {twice} is given twice; give each its own name")
    return found


def frame_of(human: RDM, votes: HumanVotes) -> tuple[Frame, npt.NDArray[np.int64]]:
    """What all comparisons over the images of the human RDM share, and their votes in its order.

    Raises:
        InputError: Votes of other images.
    """
    index = pd.Index(votes.ids)
    order = index.get_indexer(pd.Index(human.ids.astype(str)))
    if len(index) != human.n or (order < 0).any():
        raise InputError(
            f"the RDMs are over {human.n} images, the votes over {len(index)}, and they are not "
            "the same; make RDMs and votes again from one samples table"
        )
    counts = votes.counts[order]
    disputed = np.count_nonzero(counts, axis=1) > 1
    return frame(votes.labels[order], disputed, human.ids), counts


def compare_sources(
    human: Source,
    models: Sequence[Source],
    votes: HumanVotes,
    metric: str,
    beside: Path,
    *,
    tau: bool = False,
    threads: int = 1,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All models against people, and the first run of each against the others.

    Each RDM is ranked once. The ranks wait on the disk (4 bytes a pair), so that memory holds two
    of them a thread however many models there are.

    Args:
        human: Of the vote distributions.
        models: All models, the label among them.
        votes: The votes and classes of the same images, in any order.
        metric: Distance of the RDMs.
        beside: Output of the step; next to it the ranks are kept meanwhile.
        tau: Whether to compute tau-a.
        threads: Models at the same time; changes no number.

    Returns:
        Table of :data:`COMPARISON_COLUMNS`, one row a model RDM, and table ``model_a``,
        ``model_b``, ``value`` (Spearman) of all ordered pairs of people and first runs.
        ``self_rho_a`` is the rho-a of the RDM with itself, below 1 where it has ties; the root of
        its product with ``human_self_rho_a`` is the most that ``rho_a`` can be.
        ``unique_variance`` is the share of the variance of the human ranks that this RDM explains
        and no RDM of another model does (first run of each), ``others_explain`` what those
        explain. NaN where a value is not defined.

    Raises:
        InputError: The RDMs are over different ids, or not over those of the votes.
    """
    people = human.load(metric)
    shared, _ = frame_of(people, votes)
    reference = ready(people, human.rows(people), shared)
    with scratch_folder(beside) as folder:

        def measured(place: int) -> tuple[dict[str, float], Ranks]:
            source = models[place]
            matrix = source.load(metric)
            require_same_images([people, matrix])
            theirs = ready(matrix, source.rows(matrix), shared)
            found = measures(reference, theirs, shared, tau=tau)
            return found, _on_disk(theirs.ranked.ranks, folder / f"{place}.npy")

        with ThreadPoolExecutor(threads) as pool:
            results = list(pool.map(measured, range(len(models))))
            ranks = [reference.ranked.ranks, *(own for _, own in results)]
            gram = _gram(ranks, pool.map)
        label_only = float(
            partial_correlation(_label_gram(reference.ranked.ranks, shared.label.ranks))
        )
        against = rivals(models)
        unique = unique_among(gram, against)
        others = [explained(gram, [1 + place for place in rest]) for rest in against]
        n, pairs = people.n, float(len(people))
        people_variation = reference.ranked.ranks.variation
        rows = []
        for source, (found, own), share, rest in zip(models, results, unique, others, strict=True):
            value = found.pop("spearman")
            rows.append(
                {
                    "model": source.model,
                    "layer": source.layer,
                    "seed": source.seed,
                    "metric": metric,
                    "method": "spearman",
                    "value": value,
                    **found,
                    "unique_variance": share,
                    "others_explain": float(rest),
                    "self_rho_a": 3.0 * own.variation / (pairs**3 - pairs),
                    "human_self_rho_a": 3.0 * people_variation / (pairs**3 - pairs),
                    "label_only": label_only,
                    "n_images": n,
                    "n_pairs": len(people),
                }
            )
        del ranks, results
    table = pd.DataFrame(rows)[COMPARISON_COLUMNS]
    texts = dict.fromkeys(("model", "layer", "metric", "method"), "str")
    return table.astype({**texts, "seed": "int64"}), _similarity(models, gram)


def _on_disk(ranks: Ranks, path: Path) -> Ranks:
    """The same, memory-mapped."""
    save_npy(path, ranks.doubled)
    return Ranks(np.asarray(load_npy(path, mmap=True)), ranks.variation, ranks.tied_pairs)


def _label_gram(human: Ranks, label: Ranks) -> npt.NDArray[np.float64]:
    cross = covariation(human.doubled, label.doubled)
    return np.array([[human.variation, cross], [cross, label.variation]])


def _gram(ranks: Sequence[Ranks], mapped: Callable) -> npt.NDArray[np.float64]:
    """Centred sums of products of all doubled ranks."""
    size = len(ranks)
    gram = np.diag([own.variation for own in ranks])
    pairs = list(itertools.combinations(range(size), 2))
    sums = mapped(lambda ij: covariation(ranks[ij[0]].doubled, ranks[ij[1]].doubled), pairs)
    for (i, j), value in zip(pairs, sums, strict=True):
        gram[i, j] = gram[j, i] = value
    return gram


def _similarity(models: Sequence[Source], gram: npt.NDArray[np.float64]) -> pd.DataFrame:
    """Spearman correlations of people and the first run of each model and layer."""
    first: dict[str, int] = {"human": 0}
    for place, source in enumerate(models):
        first.setdefault(f"{source.model}-{source.layer}", place + 1)
    names, places = list(first), list(first.values())
    size = np.sqrt(np.diag(gram)[places])
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.clip(gram[np.ix_(places, places)] / np.outer(size, size), -1.0, 1.0)
    np.fill_diagonal(values, np.where(size > 0.0, 1.0, np.nan))
    pairs = list(itertools.product(range(len(names)), repeat=2))
    table = pd.DataFrame(
        {
            "model_a": [names[i] for i, _ in pairs],
            "model_b": [names[j] for _, j in pairs],
            "value": [values[i, j] for i, j in pairs],
        }
    )
    return table.astype({"model_a": "str", "model_b": "str"})


def gather(comparisons: pd.DataFrame, ceiling: pd.DataFrame) -> pd.DataFrame:
    """All comparisons of one metric with the noise ceiling beside each.

    Args:
        comparisons: One row or more a model RDM.
        ceiling: One row: ``lower``, ``upper``.

    Returns:
        Table with :data:`RSA_COLUMNS`.

    Raises:
        InputError: No comparison, or a ceiling that is not one row.
    """
    if not len(comparisons) or len(ceiling) != 1:
        raise InputError(
            f"{len(comparisons)} comparisons and {len(ceiling)} rows of ceilings; at least one "
            "comparison and exactly one ceiling are needed"
        )
    table = comparisons.copy()
    table["ceiling_lower"] = float(ceiling["lower"].iloc[0])
    table["ceiling_upper"] = float(ceiling["upper"].iloc[0])
    return table[RSA_COLUMNS]
