"""Noise ceilings of a human RDM computed from votes.

The ceiling is the expected score of the true RDM, that of the response probabilities behind the
votes, against exactly these votes. The true responses are drawn from their posterior in a
population fitted to the votes (``similarity.populations``). Beside it stands what the two halves of
the votes reach, and by the Spearman-Brown formula the whole; that formula needs additive errors,
equal for all pairs, which vote noise is not: images with few votes lie far from all others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.seeds import rng
from latent_microscope.similarity.comparison import Comparable, compare, partial_compare, rank_rdm
from latent_microscope.similarity.populations import fit_population
from latent_microscope.similarity.rdms import rdm
from latent_microscope.similarity.votes import Counts, Float64, as_counts, halve_votes, vote_shares
from latent_microscope.statistics.summaries import sd

TOO_FEW = "too few images and votes"
UNANIMOUS = "nearly all images are unanimous"
"""Why a ceiling is not available."""
# Near 0 a ceiling is 0.24 standard errors too high, and where images differ in one direction only
# up to 0.5 too low.
_LARGEST_ERROR = 0.08
# Images per class (most frequent answer) that a population needs: half with so many votes each.
_FEWEST_IMAGES, _MANY_VOTES = 20, 20
# So clear a structure is no product of noise, of so many votes per image.
_CLEAR, _FEWEST_VOTES = 0.5, 4
# Of unanimous images the votes do not say how they differ.
_MOST_UNANIMOUS = 0.95


@dataclass(frozen=True)
class NoiseCeiling:
    """Noise ceiling, and what halves of the votes say of it.

    Attributes:
        lower: Mean similarity r of the RDMs of the two halves.
        upper: Square root of the Spearman-Brown value 2r/(1+r); NaN for r <= 0.
        spread: Standard deviation of r over splits (ddof 1; NaN for one split).
        upper_spread: The same of the upper value of each split.
        draws: r of each split.
        ceiling: Mean score of the true RDM over simulated truths; NaN where not available.
        ceiling_sd: Standard deviation of the score over simulated truths.
        status: "", or why the ceiling is not available.
    """

    lower: float
    upper: float
    spread: float
    upper_spread: float
    draws: Float64
    ceiling: float = float("nan")
    ceiling_sd: float = float("nan")
    status: str = ""


def root_spearman_brown(r: npt.ArrayLike) -> Float64:
    """Square root of the reliability 2r/(1+r) of the whole from the correlation r of its halves."""
    value = np.asarray(r, dtype=np.float64)
    positive = value > 0.0
    return np.where(positive, np.sqrt(2.0 * np.where(positive, value, 1.0) / (1.0 + value)), np.nan)


@dataclass(frozen=True, eq=False)
class _Comparison:
    """How two sets of features (vote shares, probabilities) are compared."""

    metric: str
    method: str
    controls: list[Comparable]
    pairs: np.ndarray | None

    def score(self, a: Float64, b: Float64) -> float:
        """Similarity of the RDMs of two sets of features."""
        x, y = (rdm(features, self.metric).values for features in (a, b))
        if self.controls:
            return partial_compare(x, y, self.controls, pairs=self.pairs)
        return compare(x, y, self.method, pairs=self.pairs)

    def of_halves(self, votes: Counts, generator: np.random.Generator) -> float:
        """Similarity of two random halves of each image's votes."""
        first, second = halve_votes(votes, generator)
        return self.score(vote_shares(first), vote_shares(second))


def _comparison(
    metric: str, method: str, controls: Sequence[Comparable], pairs: npt.ArrayLike | None
) -> _Comparison:
    if controls and method != "spearman":
        raise InputError(
            f"Controls need method spearman, not {method!r}; change the method or give no controls."
        )
    chosen = None if pairs is None else np.asarray(pairs)
    held: list[Comparable] = [rank_rdm(control, pairs=chosen) for control in controls]
    return _Comparison(metric, method, held, chosen)


def noise_ceiling(
    counts: npt.ArrayLike,
    metric: str = "euclidean",
    method: str = "spearman",
    n_splits: int = 10,
    seed: int = 0,
    *,
    controls: Sequence[Comparable] = (),
    pairs: npt.ArrayLike | None = None,
    n_simulated: int = 5,
) -> NoiseCeiling:
    """Noise ceiling of a human RDM: the expected score of the true RDM against these votes.

    It is not available (NaN, with a status) where identical images might be taken for different
    ones: a ceiling below 0.5 or fewer than 4 votes per image, and a standard error above 0.08 of
    the share of the votes' variance that is between images (:func:`share_error`); where there are
    fewer than 20 images per class (most frequent answer), 10 with 20 votes each; and where over
    95 % of the images are unanimous. A constant true RDM scores 0.

    Args:
        counts: Votes, shape (n, classes), at least 2 per image.
        metric: Metric of the RDMs of the vote shares.
        method: Method of comparison.
        n_splits: Number of random splits; an odd vote goes to either half.
        seed: Root seed.
        controls: RDMs to partial out (method spearman), bare arrays or with ids 0..n-1.
        pairs: Only these pairs, as in ``compare``.
        n_simulated: Number of simulated truths; 0: no ceiling, only halves.

    Returns:
        The ceilings.

    Raises:
        InputError: Too few votes, no splits, or what ``rdm`` and ``compare`` raise.
    """
    votes = as_counts(counts, at_least=2)
    if n_splits < 1:
        raise InputError(f"n_splits is {n_splits}; a noise ceiling needs at least 1 split.")
    comparison = _comparison(metric, method, controls, pairs)
    draws = np.array(
        [comparison.of_halves(votes, rng(seed, "noise_ceiling", i)) for i in range(n_splits)]
    )
    lower, uppers = float(draws.mean()), root_spearman_brown(draws)
    found = NoiseCeiling(
        lower, float(root_spearman_brown(lower)), float(sd(draws)), float(sd(uppers)), draws
    )
    if not n_simulated:
        return found
    scores = np.array(
        [
            comparison.score(
                simulated_truth(votes, rng(seed, "simulated_ceilings", i)), vote_shares(votes)
            )
            for i in range(n_simulated)
        ]
    )
    scores = np.nan_to_num(scores)
    status = ceiling_status(votes, float(scores.mean()))
    value = float("nan") if status else float(scores.mean())
    return replace(found, ceiling=value, ceiling_sd=float(sd(scores)), status=status)


def simulated_truth(counts: Counts, generator: np.random.Generator) -> Float64:
    """Response probabilities of each image that could have given these votes, (n, classes)."""
    return fit_population(counts, generator).draw(counts, generator)


def share_error(counts: Counts) -> float:
    """Standard error of the share of the variance of vote shares that is between images.

    From the number of images and votes alone, for images that do not differ: sqrt(2 / (d N)) with N
    the sum of (m - 1) / m over images of m votes and d the dimensions of the vote noise, (tr S)^2 /
    tr(S^2) of its covariance S.
    """
    total = counts.sum(axis=1)
    p = counts.sum(axis=0) / total.sum()
    noise = np.diag(p) - np.outer(p, p)
    square = float(np.sum(noise**2))
    if square == 0.0:
        return float("inf")
    dimensions = float(np.trace(noise)) ** 2 / square
    return float(np.sqrt(2.0 / (dimensions * np.sum((total - 1) / total))))


def ceiling_status(counts: Counts, ceiling: float) -> str:
    """Empty if a ceiling of these votes is available, else why not."""
    if (counts.max(axis=1) == counts.sum(axis=1)).mean() > _MOST_UNANIMOUS:
        return UNANIMOUS
    votes = counts.sum(axis=1).mean()
    fewest = _FEWEST_IMAGES / 2 if votes >= _MANY_VOTES else _FEWEST_IMAGES
    small = len(counts) < fewest * len(np.unique(counts.argmax(axis=1)))
    weak = (ceiling <= _CLEAR or votes < _FEWEST_VOTES) and share_error(counts) > _LARGEST_ERROR
    return TOO_FEW if small or weak else ""
