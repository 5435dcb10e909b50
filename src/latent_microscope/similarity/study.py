"""Bootstrap of all measures of all models of a study at once, from influences of the images."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latent_microscope.seeds import rng
from latent_microscope.similarity import influence
from latent_microscope.similarity.bins import variables
from latent_microscope.similarity.comparison import partial_correlation
from latent_microscope.similarity.covariances import BINS, Numbers, influences
from latent_microscope.similarity.frames import WHOLE, Frame, LabelRDM, Tiled
from latent_microscope.similarity.influence import Draws, Influence
from latent_microscope.similarity.measures import OVER_PARTS, PARTS
from latent_microscope.similarity.rdms import RDM, Distances, Ints
from latent_microscope.similarity.variance import rivals, semipartial_among

Float64 = npt.NDArray[np.float64]
BLOCK = 10_000  # partners of an image in a block, to the nearest number of blocks
MEASURES = (
    *("rho_a", "spearman", "tau_a", "cosine", "partial_label"),
    *OVER_PARTS,
    *("semipartial", "cka"),
)
"""Measures with an interval. The class-level one has none: means of resampled images vary more than
those of new images, so that its draws lie apart from the estimate (intervals covered 11-51 %)."""


@dataclass(frozen=True, eq=False)
class Item:
    """An RDM, the features that it was computed from, and the seed of a model."""

    model: str
    layer: str  # features or probabilities
    seed: int
    matrix: RDM | Distances
    features: npt.NDArray

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"{self.model}, {self.layer}, seed {self.seed}"


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of all models by measure, the models in columns."""

    point: dict[str, Float64]  # over all images once, from binned ranks
    draws: dict[str, Float64]  # in each bootstrap sample of images


def _influences(items: Sequence[Item], shared: Frame, *, tau: bool, threads: int) -> Numbers:
    """Influences on all numbers of the human RDM (place 0), the models and the label (last).

    Of more than 10,000 images each part of the pairs is taken on its own, from the pairs within
    blocks (:meth:`~.frames.Frame.blocks`) in which an image has about 10,000 partners on average:
    all of its pairs up to 15,000.
    """
    names = [one.name for one in items]
    matrices: list[Tiled] = [*(one.matrix for one in items), LabelRDM(shared.labels)]

    def within(places: Ints | None, *parts: str) -> Numbers:
        frame = shared if places is None else shared.among(places, *parts)
        found = variables(matrices, frame, places=places, bins=BINS, names=names, threads=threads)
        return influences(found, frame, tau=tau and WHOLE in frame.parts, threads=threads)

    if shared.n <= BLOCK:
        numbers = within(None)
    else:
        numbers = {}
        for part, pairs in shared.n_pairs.items():
            if pairs < 2:
                continue
            partners = shared.partners(part)
            count = max(1, round(2 * pairs / (int(np.count_nonzero(partners)) * BLOCK)))
            blocks = shared.blocks(part, count, rng(0, "bootstrap_blocks"), tiny=count)
            numbers |= _gathered(shared, part, [(one, within(one, part)) for one in blocks])
    votes = items[0].features
    with ThreadPoolExecutor(threads) as pool:
        crossed = pool.map(
            lambda one: influence.cross_covariances(one.features, [one.features, votes]), items
        )
        for place, (same, with_human) in enumerate(crossed):
            numbers["cka", 0, place], numbers["cka", place, place] = with_human, same
    return numbers


def _gathered(shared: Frame, part: str, blocks: Sequence[tuple[Ints, Numbers]]) -> Numbers:
    """Influences over a part of the pairs, from those over its pairs within each block.

    An image's influence is the sum over its pairs: that of a block stands for all of its pairs.
    """
    partners, scales, pairs = shared.partners(part), np.zeros(shared.n), []
    for places, _ in blocks:
        here = shared.among(places, part).partners(part)
        pairs.append(int(here.sum()) // 2)
        scales[places] = pairs[-1] * partners[places] / np.maximum(here, 1)
    scales /= shared.n_pairs[part]
    numbers: Numbers = {}
    for name in blocks[0][1]:
        values, images = [found[name].value for _, found in blocks], np.zeros(shared.n)
        for places, found in blocks:
            images[places] = scales[places] * found[name].images
        numbers[name] = Influence(float(np.average(values, weights=pairs)), images)
    return numbers


def _correlation(draws: Draws, part: Hashable, i: int, j: int) -> Float64:
    """Ratio of a covariance to the root of its variances; NaN where one is missing or 0."""
    names = [(part, i, j), (part, i, i), (part, j, j)]
    if any(name not in draws for name in names):
        return np.full(len(next(iter(draws.values()))), np.nan)
    cross, a, b = (draws[name] for name in names)
    good = np.logical_and(*(one > 1e-12 * abs(one).max(initial=1e-300) for one in (a, b)))
    return np.where(good, cross / np.sqrt(np.where(good, a * b, 1.0)), np.nan)


def _gram(draws: Draws, places: Sequence[int]) -> Float64:
    """Whole-rank covariances of the RDMs at these places, shape (draws, k, k)."""
    return np.stack(
        [np.stack([draws["whole", min(i, j), max(i, j)] for j in places], axis=-1) for i in places],
        axis=-2,
    )


def _scores(
    draws: Draws, n_models: int, against: Sequence[Sequence[int]], n_pairs: Mapping[str, int]
) -> dict[str, Float64]:
    """All measures, each of shape (draws, models); ``n_pairs``: of each part and of ``whole``."""
    models = range(1, n_models + 1)
    missing = np.full(len(next(iter(draws.values()))), np.nan)

    def each(function: Callable[[int], Float64]) -> Float64:
        return np.stack([function(m) for m in models], axis=1)

    def correlations(part: str) -> Float64:
        return each(lambda m: _correlation(draws, part, 0, m))

    def rho_a(part: str) -> Float64:
        scale = 12.0 / (1.0 - 1.0 / max(n_pairs[part], 2) ** 2)
        return scale * each(lambda m: draws.get((part, 0, m), missing))

    scores = {
        "rho_a": rho_a("whole"),
        "spearman": correlations("whole"),
        "tau_a": each(lambda m: draws.get(("sign", 0, m), missing)),
        "cosine": correlations("product"),
        "partial_label": each(lambda m: partial_correlation(_gram(draws, [0, m, n_models + 1]))),
        **{part: correlations(part) for part in PARTS},
        **{f"{part}_rho_a": rho_a(part) for part in PARTS},
        "semipartial": semipartial_among(_gram(draws, range(n_models + 1)), against),
        "cka": correlations("cka"),
    }
    constant = each(lambda m: draws["whole", m, m]) <= 1e-12
    return {name: np.where(constant, np.nan, values) for name, values in scores.items()}


def bootstrap_scores(
    human: Item,
    models: Sequence[Item],
    shared: Frame,
    *,
    n_draws: int,
    seed: int,
    tau: bool = False,
    threads: int = 1,
) -> Scores:
    """Bootstrap scores of all models for each of :data:`MEASURES`, ranks to first order.

    The samples have the same images for all models and measures. Votes are nested in images:
    samples of images with the votes that they have are samples of both, and votes drawn again on
    top would count their noise twice. Threads change no number.
    """
    numbers = _influences([human, *models], shared, tau=tau, threads=threads)
    against = rivals(models)
    n_pairs = shared.n_pairs

    def scores(draws: Draws) -> dict[str, Float64]:
        return _scores(draws, len(models), against, n_pairs)

    point = scores({name: np.array([one.value]) for name, one in numbers.items()})
    draws = scores(influence.linear_draws(numbers, human.matrix.n, n_draws, seed))
    return Scores({name: value[0] for name, value in point.items()}, draws)
