"""Noise ceilings of a human RDM computed from votes.

The ceiling is the expected score of the true RDM, that of the response probabilities behind the
votes, against exactly these votes. It is found by indirect inference (Gourieroux, Monfort and
Renault 1993): true responses are drawn from their posterior in a population fitted to the votes
(``similarity.populations``), its strengths multiplied by a factor, and votes from them. At the
factor where halves of the simulated votes agree as those of the votes do, the simulated truth
scores what the true one does: the population only leads from halves to the truth.

Beside it stands what the two halves of the votes reach, and by the Spearman-Brown formula the
whole; that formula needs additive errors, equal for all pairs, which vote noise is not: images with
few votes lie far from all others.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from latent_microscope.arrays import whole
from latent_microscope.errors import InputError
from latent_microscope.seeds import rng
from latent_microscope.similarity.comparison import (
    Comparable,
    RankedRDM,
    as_list,
    compare,
    partial_compare,
    rank_rdm,
)
from latent_microscope.similarity.populations import fit_population
from latent_microscope.similarity.rdms import chosen_pairs, n_pairs, pairs_among, rdm
from latent_microscope.similarity.votes import (
    Counts,
    Float64,
    as_counts,
    draw_without_replacement,
    halve_votes,
    vote_shares,
)
from latent_microscope.statistics.summaries import sd

TOO_FEW = "too few images and votes"
UNANIMOUS = "nearly all images are unanimous"
UNLIKE = "halves of simulated votes do not agree as those of the votes"
UNDEFINED = "halves of the votes have no defined similarity"
"""Why a ceiling is not available."""
Rows = npt.NDArray[np.int64]
Score = Callable[[Float64, Float64], npt.ArrayLike]
"""Similarities (k,) of two sets of features, shape (n, classes) each."""
# Strengths of simulated populations: these powers of 2 times the fitted ones; how far from 0 the
# right one is expected (a standard deviation) where halves tell little.
_POWERS, _EXPECTED = np.arange(-3.0, 4.0), 1.5
_MOST_IMAGES = 1500  # of one simulation, at random
_MOST_SPLIT = 10_000  # of one split of all votes
_HALVES = 2  # splits of the votes per simulation
# Simulated halves may differ from those of the votes by so much, and by so many standard errors.
_UNLIKE, _ERRORS = 0.02, 2.0
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
    positive = np.where(value > 0.0, value, np.nan)
    return np.asarray(np.sqrt(2.0 * positive / (1.0 + positive)))


@dataclass(frozen=True, eq=False)
class _Comparison:
    """How two sets of features (vote shares, probabilities) are compared."""

    metric: str
    method: str
    controls: list[RankedRDM]
    pairs: np.ndarray | None
    n: int  # images

    def score(
        self, a: Float64, b: Float64, controls: Sequence[Comparable], pairs: np.ndarray | None
    ) -> float:
        """Similarity of the RDMs of two sets of features."""
        x, y = (rdm(features, self.metric).values for features in (a, b))
        if controls:
            return partial_compare(x, y, controls, pairs=pairs)
        return compare(x, y, self.method, pairs=pairs)

    def over(self, rows: Rows | None = None) -> Score:
        """Similarity over some images only (ascending), or over all."""
        if rows is None:
            return lambda a, b: self.score(a, b, self.controls, self.pairs)
        place = within = pairs_among(np.isin(np.arange(self.n), rows))
        chosen = None
        if self.pairs is not None:
            every = np.flatnonzero(self.pairs) if self.pairs.dtype == bool else self.pairs
            order = np.argsort(every)
            place = np.minimum(np.searchsorted(every, within, sorter=order), every.size - 1)
            place = order[place]
            chosen = np.flatnonzero(every[place] == within)
            place = place[chosen]
        held: list[Comparable] = []
        for one in self.controls:
            values = np.zeros(within.size)
            values[... if chosen is None else chosen] = one.ranks.doubled[place]
            held.append(rank_rdm(values, pairs=chosen))
        return lambda a, b: self.score(a[rows], b[rows], held, chosen)


def _comparison(
    n: int,
    metric: str,
    method: str,
    controls: Comparable | Sequence[Comparable],
    pairs: npt.ArrayLike | None,
) -> _Comparison:
    listed = as_list(controls)
    if listed and method != "spearman":
        raise InputError(
            f"Controls need method spearman, not {method!r}; change the method or give no controls."
        )
    chosen = chosen_pairs(pairs, n_pairs(n))
    held = [rank_rdm(control, pairs=chosen) for control in listed]
    return _Comparison(metric, method, held, chosen, n)


def noise_ceiling(
    counts: npt.ArrayLike,
    metric: str = "euclidean",
    method: str = "spearman",
    n_splits: int = 10,
    seed: int = 0,
    *,
    controls: Comparable | Sequence[Comparable] = (),
    pairs: npt.ArrayLike | None = None,
    n_simulated: int = 5,
) -> NoiseCeiling:
    """Noise ceiling of a human RDM: the expected score of the true RDM against these votes.

    See :func:`simulated_ceilings` for where it is not available (NaN, with a status). A constant
    true RDM scores 0.

    Args:
        counts: Votes, shape (n, classes), at least 2 per image.
        metric: Metric of the RDMs of the vote shares.
        method: Method of comparison.
        n_splits: Number of random splits; an odd vote goes to either half. Of more than 10,000
            images each takes 10,000 at random.
        seed: Root seed.
        controls: One RDM or several to partial out (method spearman), bare arrays or with ids
            0..n-1.
        pairs: Only these pairs, as in ``compare``.
        n_simulated: Number of simulated truths of each strength; 0: no ceiling, only halves.

    Returns:
        The ceilings.

    Raises:
        InputError: Too few votes, no splits, or what ``rdm`` and ``compare`` raise.
    """
    votes = as_counts(counts, at_least=2)
    n_splits, n_simulated = whole(n_splits, "n_splits", 1), whole(n_simulated, "n_simulated", 0)
    seed = whole(seed, "seed")
    comparison = _comparison(len(votes), metric, method, controls, pairs)
    draws = np.array(similar_halves(votes, comparison.over, n_splits, seed), dtype=np.float64)
    lower, uppers = float(draws.mean()), root_spearman_brown(draws)
    found = NoiseCeiling(
        lower, float(root_spearman_brown(lower)), float(sd(draws)), float(sd(uppers)), draws
    )
    if not n_simulated:
        return found
    (one,) = simulated_ceilings(votes, comparison.over, n_simulated, seed)
    status = one.status or ("" if np.isfinite(one.value) else UNDEFINED)
    return replace(found, ceiling=one.value, ceiling_sd=one.sd, status=status)


def similar_halves(
    votes: Counts,
    over: Callable[[Rows | None], Score],
    n_splits: int,
    seed: int,
    threads: int = 1,
) -> list[npt.ArrayLike]:
    """Similarities of random halves of the votes, of each split.

    Of more than 10,000 images each split takes 10,000 at random.
    """
    whole = over(None) if len(votes) <= _MOST_SPLIT else None

    def split(number: int) -> npt.ArrayLike:
        generator = rng(seed, "noise_ceiling", number)
        halves = [vote_shares(half) for half in halve_votes(votes, generator)]
        score = whole or over(_some(len(votes), _MOST_SPLIT, generator))
        return score(*halves)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(split, range(n_splits)))


def _some(n: int, most: int, generator: np.random.Generator) -> Rows | None:
    """Rows of as many of n images at random; None if there are no more."""
    return np.sort(generator.permutation(n)[:most]) if n > most else None


@dataclass(frozen=True)
class Ceiling:
    """The ceiling of one measure: its value, NaN where not available, and why it is not.

    ``sd`` is over simulated truths, ``halves`` and ``simulated_halves`` are the similarity of
    halves (an odd vote always in the second) of the votes and of the simulated ones.
    """

    value: float
    sd: float
    status: str
    halves: float
    simulated_halves: float


def simulated_ceilings(
    votes: Counts,
    over: Callable[[Rows | None], Score],
    n_simulated: int,
    seed: int,
    threads: int = 1,
) -> list[Ceiling]:
    """Ceilings of several measures, each by its own halves; NaN also where it is not defined.

    They are not available (NaN, with a status) where identical images might be taken for different
    ones: a ceiling below 0.5 or fewer than 4 votes per image, and a standard error above 0.08 of
    the share of the votes' variance that is between images (:func:`share_error`); where there are
    fewer than 20 images per class (most frequent answer), 10 with 20 votes each; where over 95 % of
    the images are unanimous; and where simulated halves differ from those of the votes by more than
    0.02 and two standard errors. Of more than 1,500 images each simulation takes 1,500 at random.

    Args:
        votes: Shape (n, classes), at least 2 per image.
        over: The measures as a function of the rows of the images to take (None: all of them).
        n_simulated: Number of simulated truths at each of seven strengths.
        seed: Root seed.
        threads: Simulations at a time.

    Returns:
        One per measure.
    """
    n = len(votes)
    population = fit_population(votes, rng(seed, "simulated_ceilings", "population"))

    def simulate(number: int) -> Float64:
        """Halves of the votes, halves of simulated votes and score of the truth, (3, k)."""
        generator = rng(seed, "simulated_ceilings", number)
        score = over(_some(n, _MOST_IMAGES, generator))
        truth = population.draw(votes, generator, 2.0 ** _POWERS[number % len(_POWERS)])
        drawn = generator.multinomial(votes.sum(axis=1), truth)
        try:
            seen = _halves(votes, score, generator)
            halves = np.nan_to_num(_halves(drawn, score, generator))
            true = np.nan_to_num(np.atleast_1d(score(truth, vote_shares(drawn))))
        except InputError:  # votes without a distance, e.g. the correlation of as many for each
            return np.full((3, 1), np.nan)
        return np.stack([seen, halves, true])

    with ThreadPoolExecutor(threads) as pool:
        ran = list(pool.map(simulate, range(len(_POWERS) * n_simulated)))
    found = np.array(np.broadcast_arrays(*ran))
    fewer = min(1.0, np.sqrt(_MOST_IMAGES / n))
    return [_ceiling(votes, one, fewer) for one in np.moveaxis(found, 2, 0)]


def _halves(votes: Counts, score: Score, generator: np.random.Generator) -> Float64:
    """Mean similarities (k,) of halves; an odd vote is in the second, so that sizes vary less."""
    found = []
    for _ in range(_HALVES):
        first = draw_without_replacement(votes, votes.sum(axis=1) // 2, generator)
        found.append(np.atleast_1d(score(vote_shares(first), vote_shares(votes - first))))
    return np.asarray(np.mean(found, axis=0))


def _ceiling(votes: Counts, simulations: Float64, fewer: float) -> Ceiling:
    """The ceiling of one measure from simulations, (7 n_simulated, 3), as ``simulate`` gives.

    Halves and scores are cubic in the power. Of some images only (``fewer``: the standard error of
    all, in those of one simulation) they are also linear in how alike halves of their votes are.
    """
    powers = np.resize(_POWERS, len(simulations))
    known = np.isfinite(simulations).all(axis=1)
    if known.sum() < len(_POWERS):
        return Ceiling(np.nan, np.nan, ceiling_status(votes, np.nan), np.nan, np.nan)
    seen, found = simulations[known, 0], simulations[known, 1:]
    terms = np.vander(powers[known], 4)
    if fewer < 1.0:
        terms = np.column_stack([terms, seen - seen.mean()])
    fits = np.linalg.lstsq(terms, found)[0]
    finest = np.linspace(_POWERS[0], _POWERS[-1], 121)
    halves, true = (np.vander(finest, 4) @ fits[:4]).T
    rest = np.sum((found - terms @ fits) ** 2, axis=0)
    errors = fewer * np.sqrt(rest / max(len(terms) - terms.shape[1], 1))
    error, target = errors[0] + 1e-3, float(seen.mean())
    best = np.argmin(((halves - target) / error) ** 2 + (finest / _EXPECTED) ** 2)
    value = float(np.clip(true[best], 0.0, 1.0))
    status = ceiling_status(votes, value)
    if not status and abs(halves[best] - target) > _UNLIKE + _ERRORS * error:
        status = UNLIKE
    shown = float("nan") if status else value
    return Ceiling(shown, float(errors[1]), status, target, float(halves[best]))


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
