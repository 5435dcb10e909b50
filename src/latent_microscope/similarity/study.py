"""Bootstrap of all measures of all models of a study at once, from influences of the images."""

import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latent_microscope.seeds import rng
from latent_microscope.similarity.bins import Binned, binned, binned_values
from latent_microscope.similarity.class_level import class_level_draws
from latent_microscope.similarity.comparison import partial_correlation
from latent_microscope.similarity.covariances import rank_covariances
from latent_microscope.similarity.influence import (
    Influence,
    cross_covariances,
    product_mean,
    rank_covariance,
    selection,
    sign_concordance,
)
from latent_microscope.similarity.linear import Draws, linear_draws, resampling
from latent_microscope.similarity.measures import PARTS, Frame
from latent_microscope.similarity.rdms import RDM, rdm
from latent_microscope.similarity.variance import rivals, unique_among
from latent_microscope.similarity.votes import resample_votes, vote_shares

Float64 = npt.NDArray[np.float64]
_Task = tuple[Hashable, Callable[[], Influence]]
MEASURES = (
    "spearman",
    "rho_a",
    "tau_a",
    "cosine",
    "partial_label",
    *PARTS,
    "unique_variance",
    "class_level",
    "cka",
)


@dataclass(frozen=True, eq=False)
class Variables:
    """One RDM in the forms that influences are made of.

    Attributes:
        bins: By part (``whole`` and those of the frame) bins of ranks; None for a part of fewer
            than two pairs.
        values: Condensed distances.
    """

    bins: dict[str, Binned | None]
    values: npt.NDArray[np.float32]


def variables(matrix: RDM, shared: Frame) -> Variables:
    """The forms of one RDM."""
    bins: dict[str, Binned | None] = {"whole": binned_values(matrix.values)}
    for name, pairs in shared.pairs.items():
        bins[name] = binned_values(matrix.values[pairs]) if pairs.size > 1 else None
    return Variables(bins, matrix.values)


class _Study:
    """Influences of all images on the numbers that the measures are made of.

    Places: 0 people, 1..k the models, k + 1 the label.
    """

    def __init__(self, shared: Frame, n: int, *, tau: bool) -> None:
        self.n, self.tau = n, tau
        self.whole = selection(n)
        self.parts = {name: selection(n, pairs) for name, pairs in shared.pairs.items()}

    def cross(self, i: int, x: Variables, j: int, y: Variables) -> list[_Task]:
        """All of two RDMs but the covariance of their ranks over all pairs, and CKA."""
        found: list[_Task] = []
        for part, chosen in self.parts.items():
            a, b = x.bins[part], y.bins[part]
            if a is not None and b is not None:
                found.append(((part, i, j), lambda a=a, b=b, c=chosen: rank_covariance(a, b, c)))  # type: ignore[misc]
        found.append((("product", i, j), lambda: product_mean(x.values, y.values, self.n)))
        if self.tau and i != j:
            a, b = _whole(x), _whole(y)
            found.append((("sign", i, j), lambda: sign_concordance(a, b, self.whole)))
        return found


def _whole(of: Variables) -> Binned:
    bins = of.bins["whole"]
    assert bins is not None
    return bins


def _computed(tasks: Sequence[_Task], pool: ThreadPoolExecutor) -> dict[Hashable, Influence]:
    results = pool.map(lambda task: task[1](), tasks)
    return dict(zip((name for name, _ in tasks), results, strict=True))


def _correlation(draws: Draws, part: Hashable, i: int, j: int) -> Float64:
    """Ratio of a covariance to the root of its variances; NaN where one is missing or 0."""
    names = [(part, i, j), (part, i, i), (part, j, j)]
    if any(name not in draws for name in names):
        return np.full(len(next(iter(draws.values()))), np.nan)
    cross, a, b = (draws[name] for name in names)
    good = (a > 1e-12 * abs(a).max(initial=1e-300)) & (b > 1e-12)
    return np.where(good, cross / np.sqrt(np.where(good, a * b, 1.0)), np.nan)


def _gram(draws: Draws, places: Sequence[int]) -> Float64:
    """Whole-rank covariances of the RDMs at these places, shape (draws, k, k)."""
    return np.stack(
        [np.stack([draws["whole", min(i, j), max(i, j)] for j in places], axis=-1) for i in places],
        axis=-2,
    )


def _scores(
    draws: Draws, n_models: int, against: Sequence[Sequence[int]], number: int
) -> dict[str, Float64]:
    """All measures but the class-level one, each of shape (draws, models)."""
    models = range(1, n_models + 1)

    def each(function: Callable[[int], Float64]) -> Float64:
        return np.stack([function(m) for m in models], axis=1)

    size = len(next(iter(draws.values())))
    missing = np.full(size, np.nan)
    found = {
        "spearman": each(lambda m: _correlation(draws, "whole", 0, m)),
        "rho_a": each(lambda m: 12.0 * draws["whole", 0, m] / (1.0 - 1.0 / number**2)),
        "tau_a": each(lambda m: draws.get(("sign", 0, m), missing)),
        "cosine": each(lambda m: _correlation(draws, "product", 0, m)),
        "partial_label": each(lambda m: partial_correlation(_gram(draws, [0, m, n_models + 1]))),
        **{part: each(lambda m, p=part: _correlation(draws, p, 0, m)) for part in PARTS},  # type: ignore[misc]
        "unique_variance": unique_among(_gram(draws, range(n_models + 1)), against),
        "cka": each(lambda m: _correlation(draws, "cka", 0, m)),
    }
    constant = each(lambda m: draws["whole", m, m]) <= 1e-12
    return {name: np.where(constant, np.nan, values) for name, values in found.items()}


@dataclass(frozen=True, eq=False)
class Item:
    """An RDM and whose it is.

    Attributes:
        model: Name of the model.
        layer: features or probabilities.
        seed: Number of the run.
        matrix: The RDM.
        features: What it was made of.
    """

    model: str
    layer: str
    seed: int
    matrix: RDM
    features: npt.NDArray


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of all models by measure, the models in columns.

    Attributes:
        point: Over all images once, from binned ranks.
        draws: In each bootstrap sample of images.
        mixed: In each sample of images and votes, centred like ``draws``; empty without votes.
        shifts: Mean change when the votes are drawn again; empty without votes.
    """

    point: dict[str, Float64]
    draws: dict[str, Float64]
    mixed: dict[str, Float64]
    shifts: dict[str, Float64]


def bootstrap_scores(
    human: Item,
    models: Sequence[Item],
    shared: Frame,
    counts: npt.NDArray[np.int64],
    *,
    n_draws: int,
    vote_sets: int,
    seed: int,
    tau: bool = False,
    threads: int = 1,
) -> Scores:
    """Bootstrap scores of all models, ranks following each sample to first order.

    Args:
        human: Of the vote shares.
        models: All models.
        shared: Frame of the images.
        counts: Their votes.
        n_draws: Number of samples, the same images for all models and measures.
        vote_sets: Times that all votes are drawn again; mixed image by image. 0: images only.
        seed: Root seed.
        tau: Whether tau-a is wanted.
        threads: Covariances at the same time; changes no number.

    Returns:
        The scores, for each of :data:`MEASURES`.
    """
    people, k = human.matrix, len(models)
    n, number, metric = people.n, len(people), people.metric
    study = _Study(shared, n, tau=tau)
    samples = resampling(n, n_draws, vote_sets, seed)
    rows = [
        vote_shares(resample_votes(counts, rng(seed, "bootstrap_votes", replicate)))
        for replicate in range(vote_sets)
    ]
    features = [human.features, *(one.features for one in models)]
    with ThreadPoolExecutor(threads) as pool:
        those = list(pool.map(lambda one: variables(one.matrix, shared), [human, *models]))
        tasks: list[_Task] = []
        for place, one in enumerate(those):
            tasks += study.cross(0, those[0], place, one)
            tasks += study.cross(place, one, place, one) if place else []
        numbers = _computed(tasks, pool)
        renewed, ranks = [], []
        for new in rows:
            again = variables(rdm(new, metric, people.ids), shared)
            tasks = study.cross(0, again, 0, again)
            for place in range(1, k + 1):
                tasks += study.cross(0, again, place, those[place])
            renewed.append(_computed(tasks, pool))
            ranks.append(_whole(again))
        crossed = list(pool.map(lambda f: cross_covariances(f, [f, features[0], *rows]), features))
        whole = rank_covariances(
            [*map(_whole, those), binned(shared.label.ranks), *ranks], threads=threads
        )
    for i, j in itertools.combinations_with_replacement(range(k + 2), 2):
        numbers["whole", i, j] = whole(i, j)
    for place, (own, people_too, *_) in enumerate(crossed):
        numbers["cka", 0, place], numbers["cka", place, place] = people_too, own
    for replicate, part in enumerate(renewed):
        at = k + 2 + replicate
        part["cka", 0, 0] = cross_covariances(rows[replicate], [rows[replicate]])[0]
        part |= {("cka", 0, place): crossed[place][2 + replicate] for place in range(1, k + 1)}
        part["whole", 0, 0] = whole(at, at)
        part |= {("whole", 0, place): whole(place, at) for place in range(1, k + 2)}
    images, both = linear_draws(numbers, renewed, samples)
    against = rivals(models)
    point = _scores(_single(numbers), k, against, number)
    draws = _scores(images, k, against, number)
    mixed = _scores(both, k, against, number) if renewed else {}
    again_scores = [_scores(_single({**numbers, **part}), k, against, number) for part in renewed]
    shifts = {
        name: np.mean([one[name][0] - value[0] for one in again_scores], axis=0)
        for name, value in point.items()
        if again_scores
    }
    draws["class_level"], new_draws = class_level_draws(
        human.features, rows, [one.features for one in models], shared.labels, metric, samples
    )
    if new_draws is not None:
        mixed["class_level"] = new_draws
    return Scores({name: value[0] for name, value in point.items()}, draws, mixed, shifts)


def _single(numbers: Mapping[Hashable, Influence]) -> Draws:
    return {name: np.array([one.value]) for name, one in numbers.items()}
