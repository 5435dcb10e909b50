"""Bootstrap of class-level RDMs: the classes' means of each sample, and their distances anew."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from latent_microscope.similarity.linear import Resampling

Float64 = npt.NDArray[np.float64]


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


def _class_means(weights: Float64, rows: npt.NDArray, labels: npt.NDArray) -> Float64:
    """Sum of the weighted rows of each class, shape (draws, classes, columns)."""
    return np.stack(
        [weights[:, labels == c] @ np.asarray(rows[labels == c], float) for c in np.unique(labels)],
        axis=1,
    )


def class_level_draws(
    human: npt.NDArray,
    renewed: Sequence[npt.NDArray],
    models: Sequence[npt.NDArray],
    labels: npt.NDArray[np.int64],
    metric: str,
    samples: Resampling,
) -> tuple[Float64, Float64 | None]:
    """Draws of the Spearman correlation of class-level RDMs, each sample's means made anew."""
    one_hot = np.eye(int(labels.max()) + 1)[labels][:, np.unique(labels)]

    def ranks(sums: Float64, weights: Float64) -> Float64:
        number = weights @ one_hot
        distances = _class_distances(sums / np.maximum(number, 1e-9)[..., None], metric)
        # Sums of the same terms in another order must tie.
        return np.asarray(rankdata(np.round(distances, 12), axis=1))

    def correlated(a: Float64, b: Float64) -> Float64:
        a, b = (x - x.mean(axis=1, keepdims=True) for x in (a, b))
        size = np.sqrt(np.sum(a * a, axis=1) * np.sum(b * b, axis=1))
        return np.where(size > 0.0, np.sum(a * b, axis=1) / np.where(size > 0.0, size, 1.0), np.nan)

    parts = np.array_split(np.arange(len(samples.weights)), max(1, len(samples.weights) // 100))
    draws = np.empty((len(samples.weights), len(models)))
    votes = np.empty_like(draws) if renewed else None
    for part in parts:
        w = samples.weights[part]
        people = ranks(_class_means(w, human, labels), w)
        again = None
        if renewed:
            some = Resampling(w, samples.choice[part], samples.sets)  # type: ignore[index]
            sums = sum(_class_means(some.mixed(r), rows, labels) for r, rows in enumerate(renewed))
            again = ranks(np.asarray(sums), w)
        for place, rows in enumerate(models):
            theirs = ranks(_class_means(w, rows, labels), w)
            draws[part, place] = correlated(people, theirs)
            if again is not None and votes is not None:
                votes[part, place] = correlated(again, theirs)
    return draws, votes
