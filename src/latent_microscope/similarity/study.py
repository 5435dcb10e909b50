"""Bootstrap of all measures of all models of a study at once, from influences of the images."""

import itertools
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from latent_microscope.seeds import rng
from latent_microscope.similarity import influence
from latent_microscope.similarity.comparison import partial_correlation
from latent_microscope.similarity.covariances import rank_covariances
from latent_microscope.similarity.influence import Draws, Influence, Resampling
from latent_microscope.similarity.measures import PARTS, Frame
from latent_microscope.similarity.ranks import Binned, binned, binned_values
from latent_microscope.similarity.rdms import RDM, rdm
from latent_microscope.similarity.variance import rivals, unique_among
from latent_microscope.similarity.votes import resample_votes, vote_shares

Float64 = npt.NDArray[np.float64]
Numbers = dict[Hashable, Influence]
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
class Item:
    """An RDM, the features that it was computed from, and the run of a model."""

    model: str
    layer: str  # features or probabilities
    seed: int  # number of the run
    matrix: RDM
    features: npt.NDArray


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of all models by measure, the models in columns."""

    point: dict[str, Float64]  # over all images once, from binned ranks
    draws: dict[str, Float64]  # in each bootstrap sample of images
    mixed: dict[str, Float64]  # in each sample of images and votes, centred like draws; or empty
    shifts: dict[str, Float64]  # mean change when the votes are drawn again; or empty


@dataclass(frozen=True, eq=False)
class _Variables:
    """One RDM in the forms that influences are computed from."""

    whole: Binned  # ranks over all pairs
    parts: dict[str, Binned | None]  # among the pairs of each part; None: fewer than two pairs
    values: npt.NDArray[np.float32]  # condensed distances


def _variables(matrix: RDM, shared: Frame) -> _Variables:
    parts = {
        name: binned_values(matrix.values[pairs]) if pairs.size > 1 else None
        for name, pairs in shared.pairs.items()
    }
    return _Variables(binned_values(matrix.values), parts, matrix.values)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """The pairs of images that the measures are taken over."""

    whole: influence.Selection
    parts: dict[str, influence.Selection]
    tau: bool

    def tasks(self, i: int, x: _Variables, j: int, y: _Variables) -> Iterable[_Task]:
        """All numbers of two RDMs but the covariance of their ranks over all pairs, and CKA.

        Places: 0 the human RDM, 1..k the models, k + 1 the label.
        """
        for part, chosen in self.parts.items():
            a, b = x.parts[part], y.parts[part]
            if a is not None and b is not None:
                yield (part, i, j), partial(influence.rank_covariance, a, b, chosen)
        yield ("product", i, j), partial(influence.product_mean, x.values, y.values, self.whole.n)
        if self.tau and i != j:
            yield ("sign", i, j), partial(influence.sign_concordance, x.whole, y.whole, self.whole)


def _computed(tasks: Iterable[_Task], pool: ThreadPoolExecutor) -> Numbers:
    names, functions = zip(*tasks, strict=True)
    return dict(zip(names, pool.map(lambda function: function(), functions), strict=True))


def _influences(
    items: Sequence[Item], shared: Frame, shares: Sequence[Float64], *, tau: bool, threads: int
) -> tuple[Numbers, list[Numbers]]:
    """Influences on all numbers of the human RDM and the models, and on those with renewed votes.

    ``shares`` are the vote shares of each renewal; its numbers are those that depend on votes.
    """
    human, k = items[0].matrix, len(items) - 1
    parts = {name: influence.selection(human.n, pairs) for name, pairs in shared.pairs.items()}
    pairs = _Pairs(influence.selection(human.n), parts, tau)
    features = [one.features for one in items]
    with ThreadPoolExecutor(threads) as pool:
        variables = list(pool.map(lambda one: _variables(one.matrix, shared), items))
        tasks: list[_Task] = []
        for place, one in enumerate(variables):
            tasks += pairs.tasks(0, variables[0], place, one)
            tasks += pairs.tasks(place, one, place, one) if place else []
        numbers = _computed(tasks, pool)
        renewed, ranks = [], []
        for rows in shares:
            new = _variables(rdm(rows, human.metric, human.ids), shared)
            tasks = [*pairs.tasks(0, new, 0, new)]
            for place in range(1, k + 1):
                tasks += pairs.tasks(0, new, place, variables[place])
            renewed.append(_computed(tasks, pool))
            ranks.append(new.whole)
        others = [features[0], *shares]
        crossed = list(
            pool.map(lambda rows: influence.cross_covariances(rows, [rows, *others]), features)
        )
        binned_ranks = [one.whole for one in variables]
        whole = rank_covariances(
            [*binned_ranks, binned(shared.label.ranks), *ranks], threads=threads
        )
    for i, j in itertools.combinations_with_replacement(range(k + 2), 2):
        numbers["whole", i, j] = whole(i, j)
    for place, (same, with_human, *_) in enumerate(crossed):
        numbers["cka", 0, place], numbers["cka", place, place] = with_human, same
    for replicate, new_numbers in enumerate(renewed):
        at, rows = k + 2 + replicate, shares[replicate]
        new_numbers["cka", 0, 0] = influence.cross_covariances(rows, [rows])[0]
        new_numbers["whole", 0, 0] = whole(at, at)
        for place in range(1, k + 1):
            new_numbers["cka", 0, place] = crossed[place][2 + replicate]
        new_numbers |= {("whole", 0, place): whole(place, at) for place in range(1, k + 2)}
    return numbers, renewed


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
    draws: Draws, n_models: int, against: Sequence[Sequence[int]], n_pairs: int
) -> dict[str, Float64]:
    """All measures but the class-level one, each of shape (draws, models)."""
    models = range(1, n_models + 1)
    missing = np.full(len(next(iter(draws.values()))), np.nan)

    def each(function: Callable[[int], Float64]) -> Float64:
        return np.stack([function(m) for m in models], axis=1)

    def correlations(part: str) -> Float64:
        return each(lambda m: _correlation(draws, part, 0, m))

    scores = {
        "spearman": correlations("whole"),
        "rho_a": each(lambda m: 12.0 * draws["whole", 0, m] / (1.0 - 1.0 / n_pairs**2)),
        "tau_a": each(lambda m: draws.get(("sign", 0, m), missing)),
        "cosine": correlations("product"),
        "partial_label": each(lambda m: partial_correlation(_gram(draws, [0, m, n_models + 1]))),
        **{part: correlations(part) for part in PARTS},
        "unique_variance": unique_among(_gram(draws, range(n_models + 1)), against),
        "cka": correlations("cka"),
    }
    constant = each(lambda m: draws["whole", m, m]) <= 1e-12
    return {name: np.where(constant, np.nan, values) for name, values in scores.items()}


def bootstrap_scores(
    human: Item,
    models: Sequence[Item],
    shared: Frame,
    counts: npt.NDArray[np.int64],
    *,
    n_draws: int,
    vote_resamples: int,
    seed: int,
    tau: bool = False,
    threads: int = 1,
) -> Scores:
    """Bootstrap scores of all models for each of :data:`MEASURES`, ranks to first order.

    The samples have the same images for all models and measures. All votes are drawn again
    ``vote_resamples`` times, mixed image by image (0: images only). Threads change no number.
    """
    n, k, n_pairs, metric = human.matrix.n, len(models), len(human.matrix), human.matrix.metric
    samples = influence.resampling(n, n_draws, vote_resamples, seed)
    shares = [
        vote_shares(resample_votes(counts, rng(seed, "bootstrap_votes", replicate)))
        for replicate in range(vote_resamples)
    ]
    numbers, renewed = _influences([human, *models], shared, shares, tau=tau, threads=threads)
    against = rivals(models)

    def scores(draws: Draws) -> dict[str, Float64]:
        return _scores(draws, k, against, n_pairs)

    def point_scores(values: Mapping[Hashable, Influence]) -> dict[str, Float64]:
        single = scores({name: np.array([one.value]) for name, one in values.items()})
        return {name: value[0] for name, value in single.items()}

    images, both = influence.linear_draws(numbers, renewed, samples)
    point, draws = point_scores(numbers), scores(images)
    mixed = scores(both) if renewed else {}
    new_points = [point_scores({**numbers, **part}) for part in renewed]
    shifts = {
        name: np.mean([one[name] - value for one in new_points], axis=0)
        for name, value in point.items()
        if new_points
    }
    draws["class_level"], new_draws = _class_level_draws(
        [human.features, *shares], [one.features for one in models], shared.labels, metric, samples
    )
    if new_draws is not None:
        mixed["class_level"] = new_draws
    return Scores(point, draws, mixed, shifts)


def _class_distances(means: Float64, metric: str) -> Float64:
    """Distances of class means, shape (draws, pairs), up to a monotone change."""
    if metric == "correlation":
        means = means - means.mean(axis=-1, keepdims=True)
    products = means @ means.swapaxes(-1, -2)
    squares = np.einsum("...ii->...i", products)
    if metric == "euclidean":
        distances = squares[..., :, None] + squares[..., None, :] - 2.0 * products
    else:
        scale = np.sqrt(np.maximum(squares, 1e-300))
        distances = 1.0 - products / (scale[..., :, None] * scale[..., None, :])
    i, j = np.triu_indices(means.shape[-2], 1)
    return distances[..., i, j]


def _class_sums(weights: Float64, rows: npt.NDArray, labels: npt.NDArray) -> Float64:
    """Sum of the weighted rows of each class, shape (draws, classes, columns)."""
    return np.stack(
        [weights[:, labels == c] @ np.asarray(rows[labels == c], float) for c in np.unique(labels)],
        axis=1,
    )


def _row_correlations(a: Float64, b: Float64) -> Float64:
    """Pearson correlation of each row of a with that of b; NaN if one is constant."""
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (a, b))
    size = np.sqrt(np.sum(a * a, axis=1) * np.sum(b * b, axis=1))
    return np.where(size > 0.0, np.sum(a * b, axis=1) / np.where(size > 0.0, size, 1.0), np.nan)


def _class_level_draws(
    votes: Sequence[npt.NDArray],
    models: Sequence[npt.NDArray],
    labels: npt.NDArray[np.int64],
    metric: str,
    samples: Resampling,
) -> tuple[Float64, Float64 | None]:
    """Draws of the Spearman correlation of class-level RDMs, from the class means of each sample.

    ``votes`` are the vote shares, first the original ones and then those of each renewal.
    """
    one_hot = np.eye(int(labels.max()) + 1)[labels][:, np.unique(labels)]

    def ranks(sums: Float64, weights: Float64) -> Float64:
        number = weights @ one_hot
        distances = _class_distances(sums / np.maximum(number, 1e-9)[..., None], metric)
        # Sums of the same terms in another order must tie.
        return np.asarray(rankdata(np.round(distances, 12), axis=1))

    n_draws = len(samples.weights)
    draws = np.empty((n_draws, len(models)))
    new_draws = np.empty_like(draws) if len(votes) > 1 else None
    for part in np.array_split(np.arange(n_draws), max(1, n_draws // 100)):
        w = samples.weights[part]
        human, new = ranks(_class_sums(w, votes[0], labels), w), None
        if samples.choice is not None and len(votes) > 1:
            some = Resampling(w, samples.choice[part])
            renewed = enumerate(votes[1:])
            sums = sum(_class_sums(some.mixed(r), rows, labels) for r, rows in renewed)
            new = ranks(np.asarray(sums), w)
        for place, rows in enumerate(models):
            model = ranks(_class_sums(w, rows, labels), w)
            draws[part, place] = _row_correlations(human, model)
            if new is not None and new_draws is not None:
                new_draws[part, place] = _row_correlations(new, model)
    return draws, new_draws
