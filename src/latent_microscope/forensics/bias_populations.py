"""Made-up populations of known bias, to try the tests and intervals of the bias index on."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from latent_microscope.forensics.checks import one_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PEOPLE = ("single", "celeba", "few")
# People with 1, 2, … images among the first 10,000 of CelebA (5,429 people).
_CELEBA_SIZES = np.array([2575, 1683, 763, 304, 77, 22, 3, 2]) / 5429
_FEW_PEOPLE = 0.1


def people_codes(n: int, people: str, generator: np.random.Generator) -> Ints:
    """Who is on each of n images.

    Args:
        n: Images.
        people: ``single``: all different; ``celeba``: as many images a person as in CelebA's first
            10,000; ``few``: n / 10 people whose number of images falls as 1 / rank, so that ten
            of them hold about half of all images.
        generator: Draws the numbers.

    Returns:
        n codes, ascending from 0.
    """
    one_of(people, "people", PEOPLE)
    if people == "single":
        return np.arange(n)
    if people == "celeba":
        sizes = generator.choice(np.arange(1, 9), p=_CELEBA_SIZES, size=n)
    else:
        weights = 1.0 / np.arange(1, max(2, round(_FEW_PEOPLE * n)) + 1)
        sizes = np.maximum(1, np.round(n * weights / weights.sum()).astype(np.int64))
        sizes = np.concatenate([sizes, np.ones(n, dtype=np.int64)])
    return np.repeat(np.arange(len(sizes)), sizes)[:n]


def correlated(
    codes: Ints,
    columns: int,
    within: float,
    generator: np.random.Generator,
    *,
    between: float = 0.0,
) -> npt.NDArray[np.float32]:
    """Standard normal values that are alike within a person and between columns.

    Args:
        codes: n people.
        columns: Number of columns.
        within: Correlation of two images of one person.
        between: Correlation of two columns.
        generator: Draws them.

    Returns:
        (n, columns), each standard normal.
    """

    def draw(rows: int) -> npt.NDArray[np.float32]:
        own = generator.standard_normal((rows, columns), dtype=np.float32)
        if not between:
            return own
        common = generator.standard_normal((rows, 1), dtype=np.float32)
        return np.float32(np.sqrt(between)) * common + np.float32(np.sqrt(1 - between)) * own

    values = draw(len(codes))
    if not within:
        return values
    shared = draw(int(codes.max()) + 1)[codes]
    return np.float32(np.sqrt(within)) * shared + np.float32(np.sqrt(1 - within)) * values


def draw_groups(
    codes: Ints, shares: Sequence[float], within: float, generator: np.random.Generator
) -> Ints:
    """Clusters that share people: a person's images tend to lie in the same one.

    Args:
        codes: n people.
        shares: Share of each cluster, together at most 1; the rest is noise (-1).
        within: Correlation of two images of one person on the normal scale.
        generator: Draws them.

    Returns:
        n labels.
    """
    edges = ndtri(np.minimum(np.cumsum(shares), 1.0))
    labels = np.searchsorted(edges, correlated(codes, 1, within, generator)[:, 0])
    return np.where(labels < len(shares), labels, -1)


def draw_attributes(
    codes: Ints,
    probability: npt.ArrayLike,
    within: float,
    generator: np.random.Generator,
    *,
    between: float = 0.0,
) -> npt.NDArray[np.bool_]:
    """Attributes of exactly these probabilities, alike within a person.

    Args:
        codes: n people.
        probability: (m,) or (n, m) probability of each attribute.
        within: Correlation of two images of one person on the normal scale.
        between: Correlation of two attributes on it.
        generator: Draws them.

    Returns:
        (n, m) booleans.
    """
    limit = np.atleast_2d(ndtri(np.asarray(probability, dtype=np.float64)))
    return correlated(codes, limit.shape[1], within, generator, between=between) < limit


def with_odds(probability: npt.ArrayLike, odds_ratio: npt.ArrayLike) -> Floats:
    """The probability whose odds are ``odds_ratio`` times those of ``probability``."""
    p = np.asarray(probability, dtype=np.float64)
    odds = np.asarray(odds_ratio, dtype=np.float64) * p / (1.0 - p)
    return np.asarray(odds / (1.0 + odds))
