"""Noise ceilings of a human RDM made of votes.

The two halves of the votes give a lower and, through Spearman and Brown, an upper estimate of the
score of a perfect model. Vote noise does not only blur distances, it makes them larger, so both are
estimates and no bounds: :func:`simulated_ceilings` measures the error of the second one in worlds
where the truth is known.
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
from latent_microscope.similarity.comparison import (
    Comparable,
    compare,
    partial_compare,
    rank_rdm,
)
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


def _score(
    a: Comparable,
    b: Comparable,
    method: str,
    controls: Sequence[Comparable],
    pairs: np.ndarray | None,
) -> float:
    if controls:
        return partial_compare(a, b, list(controls), pairs=pairs)
    return compare(a, b, method, pairs=pairs)


def _prepared_controls(
    controls: Sequence[Comparable], method: str, pairs: np.ndarray | None
) -> list[Comparable]:
    if controls and method != "spearman":
        raise InputError(
            f"Controls are partialled out of Spearman only, not of {method!r}; "
            "use method spearman or give no controls."
        )
    return [rank_rdm(control, pairs=pairs) for control in controls]


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
        counts: Votes, shape (n, classes), at least 2 an image.
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
    chosen = None if pairs is None else np.asarray(pairs)
    held = _prepared_controls(controls, method, chosen)
    draws = np.empty(n_splits)
    for split in range(n_splits):
        halves = halve_votes(votes, rng(seed, "noise_ceiling", split))
        first, second = (rdm(vote_shares(half), metric) for half in halves)
        draws[split] = _score(first.values, second.values, method, held, chosen)
    lower = float(draws.mean())
    many = n_splits > 1
    return NoiseCeiling(
        lower=lower,
        upper=float(root_spearman_brown(lower)),
        spread=float(draws.std(ddof=1)) if many else float("nan"),
        upper_spread=float(root_spearman_brown(draws).std(ddof=1)) if many else float("nan"),
        draws=draws,
    )


def dirichlet_strength(counts: Counts, prior: Float64) -> float:
    """Maximum-likelihood strength s of Dirichlet(s * prior) for multinomial votes.

    Args:
        counts: Votes, shape (n, classes).
        prior: Base measure of each image, rows sum to 1, positive wherever there are votes.

    Returns:
        s in votes, between 1e-3 and 1e4.
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
    """Response probabilities of each image in a world much like the one that gave the votes.

    Args:
        counts: Votes, shape (n, classes).
        truth: ``smoothed`` (posterior mean under a Dirichlet prior around the class's mean votes,
            strength fitted: too alike within a class) or ``dirichlet`` (a draw from the posterior:
            spread as a population is).
        generator: Source of the draw.
        groups: Class of each image.

    Raises:
        InputError: For an unknown truth.
    """
    prior = class_mean_votes(counts, groups)
    # One vote among the class's, spread evenly: no response is impossible.
    prior = (prior * (1.0 - 1e-4)) + 1e-4 / prior.shape[1]
    posterior = counts + dirichlet_strength(counts, prior) * prior
    if truth == "smoothed":
        return posterior / posterior.sum(axis=1, keepdims=True)
    if truth == "dirichlet":
        gamma = generator.standard_gamma(posterior) + np.finfo(np.float64).tiny
        return gamma / gamma.sum(axis=1, keepdims=True)
    raise InputError(f"Generative truth {truth!r} is unknown; choose one of {', '.join(TRUTHS)}.")


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
    """What a perfect model would score, and what the estimates would say, in simulated worlds.

    Each draw makes a truth, as many votes an image as were given from it, and compares the RDM of
    the truth with that of the votes (the true ceiling) and the halves of the votes (the estimate).

    Args:
        counts: The real votes, shape (n, classes), at least 2 an image.
        metric: Metric of the RDMs.
        method: Method of comparison.
        n_draws: Worlds of each kind.
        seed: Root seed.
        truths: Kinds of truth, see :func:`simulated_truth`.
        labels: Class of each image; its majority vote if None.
        controls: RDMs to partial out, as in :func:`noise_ceiling`.
        pairs: Only these pairs.

    Returns:
        One row a kind of truth: ``truth``, ``ceiling`` and ``ceiling_sd`` (true), ``split_half``,
        ``estimate`` and ``estimate_sd`` (root Spearman-Brown), ``bias`` (estimate - ceiling),
        ``n_draws``.
    """
    votes = as_counts(counts, at_least=2)
    groups = votes.argmax(axis=1) if labels is None else np.asarray(labels)
    chosen = None if pairs is None else np.asarray(pairs)
    held = _prepared_controls(controls, method, chosen)
    rows = []
    for truth in truths:
        true, half = np.empty(n_draws), np.empty(n_draws)
        for draw in range(n_draws):
            generator = rng(seed, "simulated_ceilings", truth, draw)
            probabilities = simulated_truth(votes, truth, generator, groups)
            new = generator.multinomial(votes.sum(axis=1), probabilities).astype(np.int64)
            ideal = rdm(probabilities, metric).values
            observed = rdm(vote_shares(new), metric).values
            true[draw] = _score(ideal, observed, method, held, chosen)
            del ideal, observed
            first, second = (rdm(vote_shares(h), metric) for h in halve_votes(new, generator))
            half[draw] = _score(first.values, second.values, method, held, chosen)
        estimate = root_spearman_brown(half)
        sd = [x.std(ddof=1) if n_draws > 1 else np.nan for x in (true, estimate)]
        rows.append(
            {
                "truth": truth,
                "ceiling": true.mean(),
                "ceiling_sd": sd[0],
                "split_half": half.mean(),
                "estimate": estimate.mean(),
                "estimate_sd": sd[1],
                "bias": estimate.mean() - true.mean(),
                "n_draws": n_draws,
            }
        )
    return pd.DataFrame(rows)
