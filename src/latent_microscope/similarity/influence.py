"""How much each image moves a score: the bootstrap of large studies as one matrix product.

A rank correlation of two RDMs is a functional of the joint distribution of pairs of distances, and
so are its ranks. To first order a change of that distribution moves it by the mean of

    psi(x, y) = F(x) G(y) + E[G(Y) (X > x)] + E[F(X) (Y > y)]

(mid-ranks F and G; half for ties): the second and third term are the change of the ranks. An
image's influence is the sum of psi over its pairs, and a bootstrap sample with multiplicities w
scores ``value + (w - 1) @ influence``. The error is of the order 1/n (compared with ranking every
sample again by :func:`latent_microscope.tables.intervals.exact_differences`).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latent_microscope.seeds import rng
from latent_microscope.similarity.comparison import gram_products
from latent_microscope.similarity.resampling import image_weights

Float64 = npt.NDArray[np.float64]
Draws = dict[Hashable, Float64]
_DRAWS, _WEIGHTS = 1000, 1 << 24  # samples and weights of images at a time


@dataclass(frozen=True, eq=False)
class Influence:
    """A number and what each image adds to it."""

    value: float  # over all images once
    images: Float64  # change per additional copy of each image; sums to 0


def cross_covariances(x: npt.NDArray, others: Sequence[npt.NDArray]) -> list[Influence]:
    """Squared norms of the cross-covariances of features with others, as linear CKA has them.

    Frobenius norms; each set of features in its own scale (:func:`~.comparison.gram_products`).
    """
    n, found = len(x), []
    for other in others:
        each = gram_products(x, other) / n
        value = float(each.sum()) / n
        found.append(Influence(value, 2.0 * (each - value) / n))
    return found


def rank_covariance_of_images(x: npt.ArrayLike, y: npt.ArrayLike) -> Influence:
    """Covariance of the mid-ranks of two variables over images (for a Spearman correlation)."""
    n = np.asarray(x).size
    shares, codes = [], []
    for part in (x, y):
        _, code, count = np.unique(np.asarray(part), return_inverse=True, return_counts=True)
        shares.append((np.cumsum(count) - 0.5 * count) / n)
        codes.append(code)
    f, g = shares[0][codes[0]], shares[1][codes[1]]
    psi = f * g
    for code, other in ((codes[0], g), (codes[1], f)):
        part = np.bincount(code, weights=other)
        psi = psi + ((part.sum() - np.cumsum(part) + 0.5 * part) / n)[code]
    return Influence(float(np.mean(f * g)) - 0.25, (psi - psi.mean()) / n)


def linear_draws(numbers: Mapping[Hashable, Influence], n: int, n_draws: int, seed: int) -> Draws:
    """Each number in each bootstrap sample of n images, (n_draws,), the same samples for all."""
    influence = np.stack([one.images for one in numbers.values()], axis=1)
    generator = rng(seed, "bootstrap_images")
    count = -(-n_draws // min(_DRAWS, max(1, _WEIGHTS // n)))
    moved = np.concatenate(
        [
            (image_weights(n, len(some), generator) - 1.0) @ influence
            for some in np.array_split(np.empty(n_draws), count)
        ]
    )
    return {name: one.value + moved[:, place] for place, (name, one) in enumerate(numbers.items())}
