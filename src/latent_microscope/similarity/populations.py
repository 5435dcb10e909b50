"""A population of response probabilities that could have given the votes.

Images are a mixture of components, each Dirichlet(strength * centre): groups of one centre each, in
every group some images surer than others, by a grid of strengths (a Dirichlet-multinomial mixture,
Holmes et al. 2012). The groups come from the votes alone: an image is assigned by its most frequent
answer in one random half, and whether groups are better than none is judged on the other half, so
that noise cannot make them.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from latent_microscope.similarity.votes import Counts, Float64, halve_votes

# In votes, of a component.
_STRENGTHS = np.geomspace(0.3, 300.0, 7)
# Images differ if that improves the log-likelihood by so much; it makes the bias near equality
# smallest, 0.2 standard errors to either side.
_DIFFERENT = 0.6
_ROUNDS, _STEPS = 15, 6  # of expectation and maximisation: of centres, of weights in each


@dataclass(frozen=True, eq=False)
class Population:
    """A fitted mixture of Dirichlet populations.

    Attributes:
        centres: Mean response of each component, shape (components, classes).
        strengths: Of each, in votes, (components,); infinite: all images are identical.
        shares: Posterior probability of each component per image, shape (n, components).
    """

    centres: Float64
    strengths: Float64
    shares: Float64

    def draw(self, counts: Counts, generator: np.random.Generator, factor: float = 1.0) -> Float64:
        """Responses of each image drawn from their posterior, (n, classes).

        ``factor`` multiplies all strengths: above 1, images of a component are more alike.
        """
        bounds = self.shares.cumsum(axis=1)
        ticket = generator.random((len(counts), 1)) * bounds[:, -1:]
        chosen = (ticket >= bounds[:, :-1]).sum(axis=1)
        if np.isinf(self.strengths[0]):
            return self.centres[chosen]
        alpha = counts + factor * (self.strengths[:, None] * self.centres)[chosen]
        drawn = generator.standard_gamma(alpha) + np.finfo(np.float64).tiny
        return np.asarray(drawn / drawn.sum(axis=1, keepdims=True))


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


def _best(counts: Counts, centres: Float64, shares: Float64) -> float:
    """Log-likelihood of given groups at the best of the strengths."""
    return max(float(np.sum(shares * log_likelihood(counts, centres, s))) for s in _STRENGTHS)


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
    gain = _best(second, centres, shares) - _best(second, one, alone)
    if gain > (len(names) - 1) * (classes - 1):
        return _mixture(counts, centres)
    centre = _centres(alone.T, counts)
    same = float(np.sum(log_likelihood(counts, centre, np.inf)))
    if _best(counts, centre, alone) - same < _DIFFERENT:
        return Population(centre, np.array([np.inf]), alone)
    return _mixture(counts, centre)


def _mixture(counts: Counts, centres: Float64) -> Population:
    """Centres and weights of groups by expectation and maximisation, from these centres.

    Several groups have one more, of images whose centre is no answer at all.
    """
    groups, classes = centres.shape
    if groups > 1:
        centres = np.vstack([centres, np.full(classes, 1.0 / classes)])
    weights = np.full((len(centres), len(_STRENGTHS)), 1.0)
    # An image's votes say (s + 1) / (s + m) of what as many independent votes would.
    worth = (_STRENGTHS + 1.0) / (_STRENGTHS + counts.sum(axis=1, keepdims=True))
    for _ in range(_ROUNDS):
        log = np.stack([log_likelihood(counts, centres, s) for s in _STRENGTHS], axis=2)
        likelihood = np.exp(log - log.max(axis=(1, 2), keepdims=True))
        for _ in range(_STEPS):
            shares = likelihood * weights
            shares /= shares.sum(axis=(1, 2), keepdims=True)
            weights = shares.mean(axis=0)
        means = _centres(np.einsum("ngs,ns->gn", shares, worth), counts)
        centres = np.vstack([means[:groups], centres[groups:]])
    return Population(
        np.repeat(centres, len(_STRENGTHS), axis=0),
        np.tile(_STRENGTHS, len(centres)),
        shares.reshape(len(counts), -1),
    )
