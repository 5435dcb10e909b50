"""Annotator equivalents: the number of votes per image that predict other votes as a model does.

The headline is a proper score against held-out votes: cross-entropy. By RSA the answer depends on
how the ties count of which the RDM of a few votes is full: Spearman rewards them (too few
equivalents), rho-a punishes them (too many). Both are given, as a bracket.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize_scalar

from latent_microscope.arrays import as_numbers, whole, whole_numbers
from latent_microscope.errors import InputError
from latent_microscope.seeds import rng
from latent_microscope.similarity.behaviour import (
    cross_entropy,
    js_divergence,
    kl_divergence,
    log,
    log_softmax,
)
from latent_microscope.similarity.comparison import compare
from latent_microscope.similarity.rdms import rdm
from latent_microscope.similarity.votes import Counts, Float64, as_counts, halve_votes, vote_shares

# Range of the Dirichlet strength, in votes.
_WEAKEST, _STRONGEST = 1e-4, 1e3

Score = Callable[[Float64, Float64, np.ndarray], float]


@dataclass(frozen=True, eq=False)
class AnnotatorEquivalents:
    """The number of votes per image with the same score as a model.

    Attributes:
        votes: Interpolated m with s(m) = model score; the limit itself if censored; NaN where the
            model's score or one of the curve is not defined (RSA: a constant RDM).
        censored: "" if m was reached, ">" if the model beats the largest m, "<" if it is below 1.
        max_votes: Largest m that the other half of every image's votes allows.
        model_score: Mean score of the model against the reference halves.
        curve: One row per m: ``votes``, ``score`` (mean over repeats), ``sd``, ``strength`` (mean
            Dirichlet strength in votes; NaN without smoothing).
        draws: The answer of each repeat alone, NaN where censored.
    """

    votes: float
    censored: str
    max_votes: int
    model_score: float
    curve: pd.DataFrame
    draws: Float64

    def __str__(self) -> str:
        if self.censored:
            return f"{self.censored} {self.votes:g}"
        return f"{self.votes:.1f}"


def _expected_agreement(log_p: Float64, reference: Float64) -> float:
    """Mean share of reference votes for the most probable class, ties broken at random."""
    best = log_p == log_p.max(axis=1, keepdims=True)
    return float(np.mean((best * reference).sum(axis=1) / best.sum(axis=1)))


def _rsa(log_p: Float64, reference: Float64, method: str) -> float:
    return compare(rdm(np.exp(log_p)), rdm(reference), method)


# Name -> (function of log-probabilities, reference shares and labels; larger is better; smoothed).
SCORES: dict[str, tuple[Score, bool, bool]] = {
    "cross_entropy": (lambda p, r, _: cross_entropy(p, r), False, True),
    "kl": (lambda p, r, _: kl_divergence(p, r), False, True),
    "js": (lambda p, r, _: js_divergence(p, r), False, False),
    "accuracy": (lambda p, _, y: _expected_agreement(p, np.eye(p.shape[1])[y]), True, False),
    "agreement": (lambda p, r, _: _expected_agreement(p, r), True, False),
    "rsa": (lambda p, r, _: _rsa(p, r, "spearman"), True, False),
    "rsa_rho_a": (lambda p, r, _: _rsa(p, r, "rho-a"), True, False),
}


def nested_draws(
    counts: Counts, sizes: Sequence[int], generator: np.random.Generator
) -> list[Counts]:
    """Random draws without replacement of ascending sizes, each including the smaller ones."""
    rest = counts.copy()
    drawn = np.zeros_like(counts)
    rows = np.arange(len(counts))
    out = []
    for m in range(1, max(sizes) + 1):
        ticket = generator.integers(0, rest.sum(axis=1))
        choice = (ticket[:, None] >= np.cumsum(rest, axis=1)).sum(axis=1)
        rest[rows, choice] -= 1
        drawn[rows, choice] += 1
        if m in sizes:
            out.append(drawn.copy())
    return out


def smooth(votes: Counts, prior: Float64, strength: float) -> Float64:
    """Posterior mean of the answers under Dirichlet(strength * prior)."""
    posterior = votes + strength * prior
    return posterior / posterior.sum(axis=1, keepdims=True)


def _prior(votes: Counts, labels: np.ndarray, fit: np.ndarray, kind: str) -> Float64:
    """Base measure: uniform, or the mean answer to the image's class among the fitting images."""
    n, k = votes.shape
    if kind == "uniform":
        return np.full((n, k), 1.0 / k)
    sums = np.full((k, k), 1.0 / k)  # one vote spread evenly: no answer is impossible
    np.add.at(sums, labels[fit], votes[fit].astype(np.float64))
    sums /= sums.sum(axis=1, keepdims=True)
    return sums[labels]


def fit_strength(votes: Counts, prior: Float64, reference: Float64) -> float:
    """Dirichlet strength that minimises the cross-entropy of smoothed votes to the reference."""
    live = reference > 0.0
    total = votes.sum(axis=1)

    def loss(log_strength: float) -> float:
        s = np.exp(log_strength)
        p = (votes + s * prior) / (total + s)[:, None]
        return float(-np.sum(reference[live] * np.log(p[live])))

    bounds = (np.log(_WEAKEST), np.log(_STRONGEST))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def smoothed_by_fold(
    votes: Counts, reference: Float64, labels: np.ndarray, folds: np.ndarray, prior: str
) -> tuple[Float64, float]:
    """Votes of each fold smoothed with the strength fitted on the other folds; mean strength."""
    smoothed = np.empty(votes.shape)
    strengths = []
    for fold in np.unique(folds):
        here, fit = folds == fold, folds != fold
        base = _prior(votes, labels, fit, prior)
        strength = fit_strength(votes[fit], base[fit], reference[fit])
        smoothed[here] = smooth(votes[here], base[here], strength)
        strengths.append(strength)
    return smoothed, float(np.mean(strengths))


def stratified_halves(labels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Two folds with as many images of each class, at random."""
    order = generator.permutation(labels.size)
    order = order[np.argsort(labels[order], kind="stable")]
    folds = np.empty(labels.size, dtype=np.int64)
    folds[order] = np.arange(labels.size) % 2
    return folds


def crossing(
    votes: Sequence[int], scores: Float64, target: float, *, larger: bool
) -> tuple[float, str]:
    """Number of votes where the scores first reach the target, and its censoring ("", ">", "<").

    Linear between the points of the curve, which is made monotone first (its best value so far).
    NaN where the target or a score is.
    """
    sign = 1.0 if larger else -1.0
    curve = np.maximum.accumulate(sign * np.asarray(scores, dtype=np.float64))
    goal = sign * target
    if np.isnan(goal) or np.isnan(curve).any():
        return float("nan"), ""
    if goal < curve[0]:
        return float(votes[0]), "<"
    if goal > curve[-1]:
        return float(votes[-1]), ">"
    upper = int(np.argmax(curve >= goal))
    if upper == 0:
        return float(votes[0]), ""
    low, high = curve[upper - 1], curve[upper]
    share = (goal - low) / (high - low)
    return float(votes[upper - 1] + share * (votes[upper] - votes[upper - 1])), ""


def _log_probabilities(predictions: npt.ArrayLike, kind: str, shape: tuple[int, ...]) -> Float64:
    """Predictions as logarithms of probabilities, checked to be of the given kind."""
    x = as_numbers(predictions, "predictions", np.float64)
    if x.shape != shape:
        raise InputError(f"The predictions have shape {x.shape}, the votes {shape}.")
    normal = bool((x >= 0.0).all() and (np.abs(x.sum(axis=1) - 1.0) < 1e-4).all())
    if kind == "probabilities" and normal:
        return log_softmax(log(x))
    if kind == "logits" and not normal:
        return log_softmax(x)
    other = {"logits": "probabilities", "probabilities": "logits"}.get(kind)
    if other is None:
        raise InputError(f"Kind {kind!r} is unknown; choose logits or probabilities.")
    raise InputError(f"The predictions look like {other}; pass kind={other!r}.")


def default_grid(max_votes: int) -> list[int]:
    """1, 2, 3, 4, 6, 8, 12, 16, 32, 64 as far as votes go, and the largest."""
    return sorted({m for m in (1, 2, 3, 4, 6, 8, 12, 16, 32, 64) if m < max_votes} | {max_votes})


def annotator_equivalents(
    score: str | Score,
    counts: npt.ArrayLike,
    predictions: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    kind: str = "logits",
    larger_is_better: bool = True,
    smoothed: bool = False,
    prior: str = "uniform",
    grid: Sequence[int] | None = None,
    n_repeats: int = 5,
    seed: int = 0,
) -> AnnotatorEquivalents:
    """Number of votes per image whose score against other votes equals the model's.

    Each repeat fixes a random reference half R of every image's votes. s(m) is the score, against
    R, of m votes drawn without replacement from the other half; the model is scored against the
    same R. Scores are averaged over repeats and s(m) = model score is solved by interpolation.

    Args:
        score: ``cross_entropy`` or ``kl`` (smoothed, fitted on other images), ``js``, ``accuracy``
            (most frequent answer against ``labels``), ``agreement`` (against a random vote of
            R), ``rsa`` (Spearman of Euclidean RDMs), ``rsa_rho_a`` (rho-a of these), or a function
            of (log-probabilities, shares of R, labels).
        counts: Votes, shape (n, classes), at least 2 per image.
        predictions: Shape (n, classes).
        labels: True class of each image, 0..classes-1: for ``accuracy``, for folds balanced by
            class and for ``prior="class"``.
        kind: ``logits`` or ``probabilities``, what ``predictions`` are.
        larger_is_better: Of a score given as a function.
        smoothed: Whether votes are smoothed for a score given as a function.
        prior: Base measure of the smoothing: ``uniform``, or ``class`` (mean answer to the true
            class among the fitting images, which adds knowledge of the label to the votes).
        grid: Ascending numbers of votes; by default those of :func:`default_grid`.
        n_repeats: Number of reference halves.
        seed: Root seed.

    Returns:
        The answer, its curve and how it is censored; as text e.g. ``7.3`` or ``> 23``.

    Raises:
        InputError: Unknown score, kind or prior; shapes that differ; a grid out of range.
    """
    votes = as_counts(counts, at_least=2)
    y = whole_numbers(labels, "labels")
    if y.shape != (len(votes),):
        raise InputError(f"There are {y.size} labels for {len(votes)} images; give one per image.")
    if y.min() < 0 or y.max() >= votes.shape[1]:
        raise InputError(
            f"labels must lie between 0 and {votes.shape[1] - 1}, not {y.min()} and {y.max()}."
        )
    if callable(score):
        function, larger, smoothing = score, larger_is_better, smoothed
    elif isinstance(score, str) and score in SCORES:
        function, larger, smoothing = SCORES[score]
    else:
        raise InputError(f"Score {score!r} is unknown; choose one of {', '.join(SCORES)}.")
    if prior not in ("uniform", "class"):
        raise InputError(f"Prior {prior!r} is unknown; choose uniform or class.")
    max_votes = int(votes.sum(axis=1).min() // 2)
    n_repeats, seed = whole(n_repeats, "n_repeats", 1), whole(seed, "seed")
    steps = default_grid(max_votes) if grid is None else np.ravel(grid).tolist()
    sizes = [whole(one, "a number of votes in grid") for one in steps]
    if not sizes or sizes != sorted(set(sizes)) or sizes[0] < 1 or sizes[-1] > max_votes:
        raise InputError(f"The grid {sizes} must ascend between 1 and {max_votes} votes.")
    model = _log_probabilities(predictions, kind, votes.shape)
    curve, strengths = np.full((2, n_repeats, len(sizes)), np.nan)
    scores = np.empty(n_repeats)
    for repeat in range(n_repeats):
        generator = rng(seed, "annotator_equivalents", repeat)
        reference_votes, other = halve_votes(votes, generator)
        reference = vote_shares(reference_votes)
        folds = stratified_halves(y, generator)
        scores[repeat] = function(model, reference, y)
        for place, drawn in enumerate(nested_draws(other, sizes, generator)):
            if smoothing:
                p, strengths[repeat, place] = smoothed_by_fold(drawn, reference, y, folds, prior)
            else:
                p = vote_shares(drawn)
            curve[repeat, place] = function(log(p), reference, y)
    mean, model_score = curve.mean(axis=0), float(scores.mean())
    answer, censored = crossing(sizes, mean, model_score, larger=larger)
    alone = [crossing(sizes, c, s, larger=larger) for c, s in zip(curve, scores, strict=True)]
    table = pd.DataFrame({"votes": sizes, "score": mean})
    table["sd"] = curve.std(axis=0, ddof=1) if n_repeats > 1 else np.nan
    table["strength"] = strengths.mean(axis=0)
    draws = np.array([np.nan if mark else m for m, mark in alone])
    return AnnotatorEquivalents(answer, censored, max_votes, model_score, table, draws)
