"""A population of response probabilities that could have given the votes.

Images are a mixture of groups, each of its own centre. In a group the most frequent answer against
all others is one Dirichlet (beta) variable and the others among themselves are another: a Dirichlet
tree (Minka 1999) of two strengths, the same in all groups, since how sure people are and what the
unsure say need not vary alike. Without groups it is one Dirichlet. Posteriors are conjugate; the
mixture is fitted by expectation and maximisation, as that of Holmes et al. (2012). The groups come
from the votes alone: an image is assigned by its most frequent answer in one random half, and
whether groups are better than none is judged on the other half, so that noise cannot make them.
"""

from collections.abc import Iterator
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
    """A fitted mixture of Dirichlet trees, or one Dirichlet.

    Attributes:
        centres: Mean response of each group, shape (groups, classes).
        answers: Most frequent answer of each group; (None,): one Dirichlet.
        strengths: In votes: of the answer against the others and of the others among themselves, or
            of the one Dirichlet; infinite: all images are identical.
        shares: Posterior probability of each group per image, shape (n, groups).
    """

    centres: Float64
    answers: tuple[int | None, ...]
    strengths: tuple[float, ...]
    shares: Float64

    def draw(self, counts: Counts, generator: np.random.Generator) -> Float64:
        """Responses of each image drawn from their posterior, (n, classes)."""
        bounds = self.shares.cumsum(axis=1)
        ticket = generator.random((len(counts), 1)) * bounds[:, -1:]
        group = (ticket >= bounds[:, :-1]).sum(axis=1)
        if np.isinf(self.strengths[0]):
            return self.centres[group]
        truth = np.empty(counts.shape)
        for g, (answer, centre) in enumerate(zip(self.answers, self.centres, strict=True)):
            rows = group == g
            drawn = [
                _dirichlet(votes + strength * mean, generator)
                for (votes, mean), strength in zip(
                    _nodes(counts[rows], centre, answer), self.strengths, strict=True
                )
            ]
            if answer is None:
                truth[rows] = drawn[0]
            else:
                first, others = drawn
                truth[rows] = np.insert(others * first[:, 1:], answer, first[:, 0], axis=1)
        return truth


def _dirichlet(alpha: Float64, generator: np.random.Generator) -> Float64:
    drawn = generator.standard_gamma(alpha) + np.finfo(np.float64).tiny
    return np.asarray(drawn / drawn.sum(axis=1, keepdims=True))


def _nodes(
    counts: Counts, centre: Float64, answer: int | None
) -> Iterator[tuple[Counts, Float64]]:
    """Votes and mean response of each Dirichlet variable of a group."""
    if answer is None:
        yield counts, centre
        return
    others, rest = np.delete(counts, answer, axis=1), np.delete(centre, answer)
    yield (
        np.stack([counts[:, answer], others.sum(axis=1)], axis=1),
        np.array([centre[answer], rest.sum()]),
    )
    yield others, rest / rest.sum()


def _rising(alpha: Float64, most: int) -> Float64:
    """log Gamma(alpha + c) / Gamma(alpha) of each alpha (rows) and c from 0 to most."""
    return np.asarray(gammaln(alpha[:, None] + np.arange(most + 1)) - gammaln(alpha)[:, None])


def log_likelihood(counts: Counts, centre: Float64, strength: float) -> Float64:
    """Dirichlet-multinomial log-likelihood of each image's votes, (n,).

    Without the multinomial coefficient, which does not depend on the population.
    """
    if np.isinf(strength):
        return np.asarray(counts @ np.log(centre))
    total = counts.sum(axis=1)
    tables = _rising(strength * np.append(centre, 1.0), int(total.max(initial=0)))
    value = -tables[-1][total]
    for table, votes in zip(tables, counts.T, strict=False):
        value += table[votes]
    return np.asarray(value)


def _likelihoods(
    counts: Counts,
    centres: Float64,
    answers: tuple[int | None, ...],
    strengths: tuple[float, ...],
) -> Float64:
    """Log-likelihood of each image's votes in each group, (n, groups)."""
    return np.stack(
        [
            np.sum(
                [
                    log_likelihood(votes, mean, strength)
                    for (votes, mean), strength in zip(
                        _nodes(counts, centre, answer), strengths, strict=True
                    )
                ],
                axis=0,
            )
            for centre, answer in zip(centres, answers, strict=True)
        ],
        axis=1,
    )


def _strengths(
    counts: Counts, centres: Float64, answers: tuple[int | None, ...], shares: Float64
) -> tuple[tuple[float, ...], float]:
    """Maximum-likelihood strength of each variable, and the log-likelihood of all."""
    most = int(counts.sum(axis=1).max())
    groups = [_nodes(counts, c, a) for c, a in zip(centres, answers, strict=True)]
    strengths, value = [], 0.0
    for variables in zip(*groups, strict=True):
        means, weights = [], []  # how many images of a group have so many votes of a class
        for (votes, mean), share in zip(variables, shares.T, strict=True):
            means.append(np.append(mean, 1.0))
            for column, sign in ((votes.T, 1.0), (votes.sum(axis=1)[None], -1.0)):
                weights += [sign * np.bincount(one, share, most + 1) for one in column]
        best, found = _strongest(np.concatenate(means), np.array(weights))
        strengths.append(best)
        value += found
    return tuple(strengths), value


def _strongest(means: Float64, weights: Float64) -> tuple[float, float]:
    most = weights.shape[1] - 1

    def loss(log_strength: float) -> float:
        return -float(np.sum(weights * _rising(np.exp(log_strength) * means, most)))

    bounds = (np.log(_WEAKEST), np.log(_STRONGEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-2})
    return float(np.exp(found.x)), -float(found.fun)


def dirichlet_strength(counts: Counts, centre: Float64) -> float:
    """Maximum-likelihood strength s of Dirichlet(s * centre); infinite for identical images."""
    (strength,), value = _strengths(counts, centre[None], (None,), np.ones((len(counts), 1)))
    same = float(np.sum(log_likelihood(counts, centre, np.inf)))
    return strength if value - same >= _DIFFERENT else np.inf


def _mean(weights: Float64, counts: Counts, overall: Float64) -> Float64:
    """Mean votes, half a vote added as all images have it."""
    sums = weights @ counts + 0.5 * overall / overall.sum()
    return np.asarray(sums / sums.sum())


def _centre(
    weights: Float64, counts: Counts, answer: int | None, strengths: tuple[float, ...]
) -> Float64:
    """Mean response of a group whose images have these weights.

    An image's m votes say (s + 1) / (s + m) of what as many independent votes would.
    """
    overall = counts.sum(axis=0) + 0.5
    means = []
    for (votes, prior), s in zip(_nodes(counts, overall, answer), strengths, strict=True):
        share = np.ones(len(votes)) if np.isinf(s) else (s + 1.0) / (s + votes.sum(axis=1))
        means.append(_mean(weights * share, votes, prior))
    if answer is None:
        return means[0]
    return np.insert(means[1] * means[0][1], answer, means[0][0])


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
    answers: tuple[int | None, ...] = tuple(names.tolist())
    shares = np.eye(len(names))[group]
    strengths: tuple[float, ...] = (np.inf, np.inf)
    centres = _centres(second, answers, strengths, shares)
    strengths, grouped = _strengths(second, centres, answers, shares)
    one = _centres(second, (None,), (np.inf,), alone)
    more = (len(names) - 1) * (classes - 1) + 1
    if grouped - _strengths(second, one, (None,), alone)[1] <= more:
        centres = _centres(counts, (None,), (np.inf,), alone)
        return Population(centres, (None,), (dirichlet_strength(counts, centres[0]),), alone)
    share = shares.mean(axis=0)
    for _ in range(_ROUNDS):
        shares = _responsibilities(counts, centres, answers, strengths, share)
        share = np.maximum(shares.mean(axis=0), 1e-12)
        centres = _centres(counts, answers, strengths, shares)
        strengths, _ = _strengths(counts, centres, answers, shares)
    # Around fitted centres the variance, proportional to 1 / (s + 1), is too small: ddof.
    spare = max(1.0 - len(names) / n, 0.1)
    strengths = tuple(max((s + 1.0) * spare - 1.0, _WEAKEST) for s in strengths)
    shares = _responsibilities(counts, centres, answers, strengths, share)
    return Population(centres, answers, strengths, shares)


def _centres(
    counts: Counts,
    answers: tuple[int | None, ...],
    strengths: tuple[float, ...],
    shares: Float64,
) -> Float64:
    return np.array(
        [_centre(w, counts, a, strengths) for w, a in zip(shares.T, answers, strict=True)]
    )


def _responsibilities(
    counts: Counts,
    centres: Float64,
    answers: tuple[int | None, ...],
    strengths: tuple[float, ...],
    share: Float64,
) -> Float64:
    """Posterior probability of each group per image."""
    log = _likelihoods(counts, centres, answers, strengths) + np.log(share)
    return np.asarray(softmax(log, axis=1))
