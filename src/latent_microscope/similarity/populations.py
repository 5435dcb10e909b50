"""A population of response probabilities that could have given the votes.

Images are a mixture of groups, each of its own centre. In a group the most frequent answer against
all others is one Dirichlet (beta) variable and the others among themselves are another: a Dirichlet
tree (Minka 1999) of two strengths, the same in all groups, since how sure people are and what the
unsure say need not vary alike. Without groups it is one Dirichlet. Posteriors are conjugate; the
mixture is fitted by expectation and maximisation, as that of Holmes et al. (2012). The groups come
from the votes alone: whether groups by the most frequent answer in one random half are better than
none is judged on the other half, so that noise cannot make them. Strengths come from the likelihood
of images around centres fitted to other images: around their own they would seem too strong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import gammaln, softmax

from latent_microscope.similarity.votes import Counts, Float64, halve_votes

# Range of the strength, in votes: up to 1 vote in 10,000 may tell an image from its group.
_WEAKEST, _STRONGEST = 0.02, 1e4
# Images differ if that improves the log-likelihood by so much; it makes the bias near equality
# smallest, 0.2 standard errors to either side.
_DIFFERENT = 0.6
# Rounds of expectation and maximisation, at most, and when they end: strengths change by 0.3 %.
_ROUNDS, _CHANGE = 200, 0.003
_FOLDS = 5  # an image's votes do not make the centre around which they tell the strength

Answers = Sequence[int | None]
Strengths = tuple[float, ...]
Part = tuple[npt.NDArray[np.bool_], Float64]  # images, and the centres around which they are


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
    answers: Answers
    strengths: Strengths
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


def _nodes(counts: Counts, centre: Float64, answer: int | None) -> Iterator[tuple[Counts, Float64]]:
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
    """Logarithm of Gamma(alpha + c) / Gamma(alpha) of each alpha (rows) and c from 0 to most."""
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
    answers: Answers,
    strengths: Strengths,
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
    counts: Counts, parts: Sequence[Part], answers: Answers, shares: Float64
) -> tuple[Strengths, float]:
    """Maximum-likelihood strength of each variable, and the log-likelihood of all."""
    most = int(counts.sum(axis=1).max())
    means: dict[int, list[Float64]] = {}
    images: dict[int, list[Float64]] = {}  # how many have so many votes of a class, less of all
    for rows, centres in parts:
        for centre, answer, share in zip(centres, answers, shares[rows].T, strict=True):
            for j, (votes, mean) in enumerate(_nodes(counts[rows], centre, answer)):
                means.setdefault(j, []).append(np.append(mean, 1.0))
                numbers = [np.bincount(one, share, most + 1) for one in votes.T]
                numbers.append(-np.bincount(votes.sum(axis=1), share, most + 1))
                images.setdefault(j, []).append(np.array(numbers))
    found = [_strongest(np.concatenate(means[j]), np.concatenate(images[j])) for j in means]
    return tuple(s for s, _ in found), sum(value for _, value in found)


def _strongest(means: Float64, images: Float64) -> tuple[float, float]:
    def loss(log_strength: float) -> float:
        tables = _rising(np.exp(log_strength) * means, images.shape[1] - 1)
        return -float(np.sum(images * tables))

    bounds = (np.log(_WEAKEST), np.log(_STRONGEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-2})
    return float(np.exp(found.x)), -float(found.fun)


def dirichlet_strength(counts: Counts, centre: Float64) -> float:
    """Maximum-likelihood strength s of Dirichlet(s * centre); infinite for identical images."""
    alone = np.ones((len(counts), 1))
    (strength,), value = _strengths(counts, _whole(counts, centre[None]), (None,), alone)
    same = float(np.sum(log_likelihood(counts, centre, np.inf)))
    return strength if value - same >= _DIFFERENT else np.inf


def _whole(counts: Counts, centres: Float64) -> list[Part]:
    return [(np.ones(len(counts), dtype=bool), centres)]


def _centres(counts: Counts, answers: Answers, strengths: Strengths, shares: Float64) -> Float64:
    """Mean response of each group, half a vote added as all images have it, (groups, classes).

    An image's m votes say (s + 1) / (s + m) of what as many independent votes would.
    """
    overall = counts.sum(axis=0) + 0.5
    overall /= overall.sum()
    found = []
    sure = _sure(counts, answers, shares)
    for answer, weights in zip(answers, shares.T, strict=True):
        prior = overall
        if answer is not None:
            prior = overall * (1.0 - sure) / (1.0 - overall[answer])
            prior[answer] = sure
        means = []
        for (votes, mean), s in zip(_nodes(counts, prior, answer), strengths, strict=True):
            said = 1.0 if np.isinf(s) else (s + 1.0) / (s + votes.sum(axis=1))
            sums = (weights * said) @ votes + 0.5 * mean
            means.append(sums / sums.sum())
        if answer is None:
            found.append(means[0])
        else:
            found.append(np.insert(means[1] * means[0][1], answer, means[0][0]))
    return np.array(found)


def _sure(counts: Counts, answers: Answers, shares: Float64) -> float:
    """Share of the votes for the answer of the image's group, below 1."""
    if None in answers:
        return float("nan")
    agreed = np.sum(shares * counts[:, list(answers)])
    return float((agreed + 0.5) / (np.sum(shares * counts.sum(axis=1, keepdims=True)) + 1.0))


def fit_population(counts: Counts, generator: np.random.Generator) -> Population:
    """Fit a population to votes, at least 2 per image.

    One group or several by Akaike's criterion, on the half of the votes that did not make the
    groups.
    """
    n, classes = counts.shape
    alone = np.ones((n, 1))
    first, second = halve_votes(counts, generator)
    broken = 1e-3 * generator.random(first.shape)
    names, group = np.unique((first + broken).argmax(axis=1), return_inverse=True)
    answers = tuple(names.tolist())
    same = (np.inf, np.inf)
    shares = np.eye(len(names))[group]
    centres = _centres(second, answers, same, shares)
    grouped = _strengths(second, _whole(second, centres), answers, shares)[1]
    one = _centres(second, (None,), (np.inf,), alone)
    more = (len(names) - 1) * (classes - 1) + 1
    if grouped - _strengths(second, _whole(second, one), (None,), alone)[1] <= more:
        centres = _centres(counts, (None,), (np.inf,), alone)
        return Population(centres, (None,), (dirichlet_strength(counts, centres[0]),), alone)
    shares = np.eye(len(names))[(counts + broken)[:, names].argmax(axis=1)]
    centres = _centres(counts, answers, same, shares)
    strengths = _strengths(counts, _whole(counts, centres), answers, shares)[0]
    share = np.maximum(shares.mean(axis=0), 1e-12)
    fold = generator.permutation(n) % _FOLDS
    for _ in range(_ROUNDS):
        shares = _responsibilities(counts, centres, answers, strengths, share)
        share = np.maximum(shares.mean(axis=0), 1e-12)
        centres = _centres(counts, answers, strengths, shares)
        parts = [
            (fold == f, _centres(counts, answers, strengths, shares * (fold != f)[:, None]))
            for f in range(_FOLDS)
        ]
        before, (strengths, _) = strengths, _strengths(counts, parts, answers, shares)
        if np.abs(np.log(np.divide(strengths, before))).max() < _CHANGE:
            break
    # Around centres of other images the variance, proportional to 1 / (s + 1), is too large.
    excess = 1.0 + len(names) / n
    strengths = tuple((s + 1.0) * excess - 1.0 for s in strengths)
    shares = _responsibilities(counts, centres, answers, strengths, share)
    return Population(centres, answers, strengths, shares)


def _responsibilities(
    counts: Counts, centres: Float64, answers: Answers, strengths: Strengths, share: Float64
) -> Float64:
    """Posterior probability of each group per image."""
    log = _likelihoods(counts, centres, answers, strengths) + np.log(share)
    return np.asarray(softmax(log, axis=1))
