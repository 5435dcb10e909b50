"""Noise ceilings of a human RDM computed from votes.

The two halves of the votes give a lower and, by the Spearman-Brown formula, an upper estimate of
the score of a perfect model. Vote noise does not only blur distances, it also makes them larger, so
both are estimates and not bounds: :func:`simulated_ceilings` measures the error of the upper one
in simulated data sets of which the truth is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

from latent_microscope.errors import InputError
from latent_microscope.seeds import rng
from latent_microscope.similarity.comparison import Comparable, compare, partial_compare, rank_rdm
from latent_microscope.similarity.rdms import rdm
from latent_microscope.similarity.votes import (
    Counts,
    Float64,
    as_counts,
    class_mean_votes,
    halve_votes,
    vote_shares,
)

TRUTHS = ("smoothed", "dirichlet")


@dataclass(frozen=True)
class NoiseCeiling:
    """Split-half ceilings.

    Attributes:
        lower: Mean similarity r of the RDMs of the two halves.
        upper: Square root of the Spearman-Brown value 2r/(1+r); NaN for r <= 0.
        spread: Standard deviation of r over splits (ddof 1; NaN for one split).
        upper_spread: The same of the upper value of each split.
        draws: r of each split.
    """

    lower: float
    upper: float
    spread: float
    upper_spread: float
    draws: Float64


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


def _sd(draws: Float64) -> float:
    return float(draws.std(ddof=1)) if draws.size > 1 else float("nan")


def noise_ceiling(
    counts: npt.ArrayLike,
    metric: str = "euclidean",
    method: str = "spearman",
    n_splits: int = 10,
    seed: int = 0,
    *,
    controls: Sequence[Comparable] = (),
    pairs: npt.ArrayLike | None = None,
) -> NoiseCeiling:
    """Ceilings of a human RDM from random halves of each image's votes.

    Args:
        counts: Votes, shape (n, classes), at least 2 per image.
        metric: Metric of the RDMs of the vote shares.
        method: Method of comparison.
        n_splits: Number of random splits; an odd vote goes to either half.
        seed: Root seed.
        controls: RDMs to partial out (method spearman), bare arrays or with ids 0..n-1.
        pairs: Only these pairs, as in ``compare``.

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
    return NoiseCeiling(lower, float(root_spearman_brown(lower)), _sd(draws), _sd(uppers), draws)


def dirichlet_strength(counts: Counts, prior: Float64) -> float:
    """Maximum-likelihood strength s of Dirichlet(s * prior) for multinomial votes, 1e-3 to 1e4.

    The rows of the prior sum to 1 and are positive wherever there are votes.
    """
    total = counts.sum(axis=1)

    def negative(log_strength: float) -> float:
        s = np.exp(log_strength)
        alpha = s * prior
        live = counts > 0
        terms = np.zeros(counts.shape)
        terms[live] = gammaln(alpha[live] + counts[live]) - gammaln(alpha[live])
        return float(-(terms.sum() + np.sum(gammaln(s) - gammaln(s + total))))

    bounds = (np.log(1e-3), np.log(1e4))
    found = minimize_scalar(negative, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def simulated_truth(
    counts: Counts, truth: str, generator: np.random.Generator, groups: np.ndarray
) -> Float64:
    """Response probabilities of each image that could have given such votes; groups: classes.

    ``smoothed`` is the posterior mean under a Dirichlet prior around the class's mean votes,
    strength fitted (too similar within a class); ``dirichlet`` a draw from the posterior (spread as
    in a population).
    """
    prior = class_mean_votes(counts, groups)
    # One vote among the class's, spread evenly: no response is impossible.
    prior = (prior * (1.0 - 1e-4)) + 1e-4 / prior.shape[1]
    posterior = counts + dirichlet_strength(counts, prior) * prior
    if truth == "dirichlet":
        posterior = generator.standard_gamma(posterior) + np.finfo(np.float64).tiny
    elif truth != "smoothed":
        known = ", ".join(TRUTHS)
        raise InputError(f"Generative truth {truth!r} is unknown; choose one of {known}.")
    return posterior / posterior.sum(axis=1, keepdims=True)


def simulated_ceilings(
    counts: npt.ArrayLike,
    metric: str = "euclidean",
    method: str = "spearman",
    n_draws: int = 3,
    seed: int = 0,
    *,
    truths: Sequence[str] = TRUTHS,
    labels: npt.ArrayLike | None = None,
    controls: Sequence[Comparable] = (),
    pairs: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Scores of a perfect model, and their estimates, in ``n_draws`` simulated data sets per truth.

    Each draw simulates a truth (:func:`simulated_truth`; ``labels`` None: majority votes) and from
    it as many votes per image as there are, and compares the RDM of the truth with that of the
    votes (the true ceiling) and the halves of the votes (the estimate). The other arguments are
    those of :func:`noise_ceiling`.

    One row per kind of truth: ``truth``, ``ceiling`` and ``ceiling_sd`` (true), ``split_half``,
    ``estimate`` and ``estimate_sd`` (root Spearman-Brown), ``bias`` (estimate - ceiling),
    ``n_draws``.
    """
    votes = as_counts(counts, at_least=2)
    groups = votes.argmax(axis=1) if labels is None else np.asarray(labels)
    comparison = _comparison(metric, method, controls, pairs)
    rows = []
    for truth in truths:
        true, half = np.empty((2, n_draws))
        for draw in range(n_draws):
            generator = rng(seed, "simulated_ceilings", truth, draw)
            probabilities = simulated_truth(votes, truth, generator, groups)
            new = generator.multinomial(votes.sum(axis=1), probabilities).astype(np.int64)
            true[draw] = comparison.score(probabilities, vote_shares(new))
            half[draw] = comparison.of_halves(new, generator)
        estimate = root_spearman_brown(half)
        row = {"truth": truth, "ceiling": true.mean(), "ceiling_sd": _sd(true)}
        row |= {
            "split_half": half.mean(),
            "estimate": estimate.mean(),
            "estimate_sd": _sd(estimate),
        }
        rows.append(row | {"bias": estimate.mean() - true.mean(), "n_draws": n_draws})
    return pd.DataFrame(rows)
