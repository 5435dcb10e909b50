"""A population of response probabilities that could have given the votes.

Images are a mixture of groups, each Dirichlet(strength * centre) around its own centre, with one
strength for all: a Dirichlet-multinomial mixture (Holmes et al. 2012). The groups come from the
votes alone: an image is assigned by its most frequent answer in one random half, and whether
groups are better than none is judged on the other half, so that noise cannot make them.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import gammaln, softmax

from latent_microscope.similarity.votes import Counts, Float64, halve_votes

# Range of the strength, in votes: up to 1 vote in 10,000 may tell an image from its group.
_WEAKEST, _STRONGEST = 0.02, 1e4
# Images differ if that improves the log-likelihood by so much; it makes the bias near equality
# smallest, 0.2 standard errors to either side.
_DIFFERENT = 0.6
_ROUNDS = 8  # of expectation and maximisation


@dataclass(frozen=True, eq=False)
class Population:
    """A fitted mixture of Dirichlet populations.

    Attributes:
        centres: Mean response of each group, shape (groups, classes).
        strength: Of all groups, in votes; infinite: all images are identical.
        shares: Posterior probability of each group per image, shape (n, groups).
    """

    centres: Float64
    strength: float
    shares: Float64

    def draw(self, counts: Counts, generator: np.random.Generator) -> Float64:
        """Responses of each image drawn from their posterior, (n, classes)."""
        bounds = self.shares.cumsum(axis=1)
        ticket = generator.random((len(counts), 1)) * bounds[:, -1:]
        centre = self.centres[(ticket >= bounds[:, :-1]).sum(axis=1)]
        if np.isinf(self.strength):
            return centre
        drawn = generator.standard_gamma(counts + self.strength * centre)
        drawn += np.finfo(np.float64).tiny
        return drawn / drawn.sum(axis=1, keepdims=True)


def log_likelihood(counts: Counts, centres: Float64, strength: float) -> Float64:
    """Dirichlet-multinomial log-likelihood of each image's votes in each group, (n, groups).

    Without the multinomial coefficient, which does not depend on the population.
    """
    if np.isinf(strength):
        return np.asarray(counts @ np.log(centres).T)
    value = np.repeat(
        (gammaln(strength) - gammaln(strength + counts.sum(axis=1)))[:, None], len(centres), 1
    )
    numbers = np.arange(counts.max() + 1)[:, None]
    for k, alpha in enumerate(strength * centres.T):
        value += (gammaln(alpha + numbers) - gammaln(alpha))[counts[:, k]]
    return value


def _strength(counts: Counts, centres: Float64, shares: Float64) -> tuple[float, float]:
    """Maximum-likelihood strength, and its log-likelihood."""

    def loss(log_strength: float) -> float:
        return -float(np.sum(shares * log_likelihood(counts, centres, np.exp(log_strength))))

    bounds = (np.log(_WEAKEST), np.log(_STRONGEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-2})
    return float(np.exp(found.x)), -float(found.fun)


def dirichlet_strength(counts: Counts, centre: Float64) -> float:
    """Maximum-likelihood strength s of Dirichlet(s * centre); infinite for identical images."""
    shares = np.ones((len(counts), 1))
    strength, value = _strength(counts, centre[None], shares)
    same = float(np.sum(log_likelihood(counts, centre[None], np.inf)))
    return strength if value - same >= _DIFFERENT else np.inf


def _centres(weights: Float64, counts: Counts) -> Float64:
    """Mean votes of each group (weights: groups, n), one vote added as all images have it."""
    overall = counts.sum(axis=0) + 0.5
    sums = weights @ counts + 0.5 * overall / overall.sum()
    return np.asarray(sums / sums.sum(axis=1, keepdims=True))


def fit_population(counts: Counts, generator: np.random.Generator) -> Population:
    """Fit a population to votes, at least 2 per image.

    One group or several by Akaike's criterion, on the half of the votes that did not make the
    groups.
    """
    n, classes = counts.shape
    alone = np.ones((n, 1))
    first, second = halve_votes(counts, generator)
    answer = (first + 1e-3 * generator.random(first.shape)).argmax(axis=1)
    names, group = np.unique(answer, return_inverse=True)
    shares = np.eye(len(names))[group]
    centres, one = _centres(shares.T, second), _centres(alone.T, second)
    strength, grouped = _strength(second, centres, shares)
    more = (len(names) - 1) * (classes - 1)
    if grouped - _strength(second, one, alone)[1] <= more:
        centre = _centres(alone.T, counts)
        return Population(centre, dirichlet_strength(counts, centre[0]), alone)
    total = counts.sum(axis=1, keepdims=True)
    share = shares.mean(axis=0)
    for _ in range(_ROUNDS):
        shares = _responsibilities(counts, centres, strength, share)
        share = np.maximum(shares.mean(axis=0), 1e-12)
        # An image's votes say (s + 1) / (s + m) of what as many independent votes would.
        centres = _centres((shares * (strength + 1.0) / (strength + total)).T, counts)
        strength, _ = _strength(counts, centres, shares)
    # Around fitted centres the variance, proportional to 1 / (s + 1), is too small: ddof.
    spare = max(1.0 - len(names) / n, 0.1)
    strength = max((strength + 1.0) * spare - 1.0, _WEAKEST)
    return Population(centres, strength, _responsibilities(counts, centres, strength, share))


def _responsibilities(counts: Counts, centres: Float64, strength: float, share: Float64) -> Float64:
    """Posterior probability of each group per image."""
    log = log_likelihood(counts, centres, strength) + np.log(share)
    return np.asarray(softmax(log, axis=1))
