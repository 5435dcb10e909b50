"""Behaviour of a classifier beside that of people: accuracy, divergences, errors, confusions.

All of it in float64 from logits. A prediction that comes as probabilities is given as their
logarithms (log 0 = -inf is allowed), since the log-softmax of a log-probability is itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq
from scipy.special import entr, xlogy
from scipy.stats import rankdata

from latent_microscope.errors import InputError
from latent_microscope.similarity.votes import Counts, as_counts, vote_shares

Float64 = npt.NDArray[np.float64]

# Range of 1/temperature that is searched.
_SLOWEST, _FASTEST = 1e-3, 1e3


def log_softmax(logits: npt.ArrayLike, temperature: npt.ArrayLike = 1.0) -> Float64:
    """Logarithm of the softmax, float64, never clipped.

    Args:
        logits: Shape (n, classes).
        temperature: Divides the logits: one number, or one an image.

    Raises:
        InputError: NaN or +inf, a row of -inf only, or a temperature that is not positive.
    """
    z = np.asarray(logits, dtype=np.float64)
    t = np.asarray(temperature, dtype=np.float64)
    if z.ndim != 2:
        raise InputError(f"Logits have the shape (images, classes), not {z.shape}.")
    if not (t > 0.0).all():
        raise InputError("A temperature must be positive.")
    bad = np.isnan(z).any(axis=1) | ~np.isfinite(z.max(axis=1))
    if bad.any():
        raise InputError(f"Row {int(np.argmax(bad))} of the logits is not finite; mend it.")
    z = z / (t[:, None] if t.ndim else t)
    z -= z.max(axis=1, keepdims=True)
    z -= np.log(np.exp(z).sum(axis=1, keepdims=True))
    return z


def softmax(logits: npt.ArrayLike, temperature: npt.ArrayLike = 1.0) -> Float64:
    """Probabilities, float64, shape (n, classes)."""
    return np.exp(log_softmax(logits, temperature))


def _distribution(target: npt.ArrayLike, shape: tuple[int, ...]) -> Float64:
    """Vote distribution as float64, checked: rows sum to 1."""
    t = np.asarray(target, dtype=np.float64)
    if t.shape != shape:
        raise InputError(f"The vote distribution has shape {t.shape}, the predictions {shape}.")
    wrong = ~(np.abs(t.sum(axis=1) - 1.0) < 1e-6) | (t < 0.0).any(axis=1)
    if wrong.any():
        raise InputError(
            f"Row {int(np.argmax(wrong))} of the vote distribution does not sum to 1; "
            "divide the counts by their sum."
        )
    return t


def accuracy(logits: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Share of images whose largest logit (the first, if tied) is the label's."""
    return float(np.mean(np.argmax(logits, axis=1) == np.asarray(labels)))


def cross_entropy_each(
    logits: npt.ArrayLike, target: npt.ArrayLike, temperature: npt.ArrayLike = 1.0
) -> Float64:
    """Cross-entropy (nats) of each image, see :func:`cross_entropy`."""
    log_p = log_softmax(logits, temperature)
    t = _distribution(target, log_p.shape)
    # A class without votes adds nothing even where its probability is 0.
    return -np.sum(np.where(t > 0.0, t * np.where(t > 0.0, log_p, 0.0), 0.0), axis=1)


def cross_entropy(
    logits: npt.ArrayLike, target: npt.ArrayLike, temperature: npt.ArrayLike = 1.0
) -> float:
    """Mean cross-entropy (nats) of predictions to the vote distribution, -sum target log p.

    Args:
        logits: Shape (n, classes).
        target: Vote shares, same shape.
        temperature: One number, or one an image.

    Returns:
        The mean over images; infinite if a class with votes has probability exactly 0.
    """
    return float(np.mean(cross_entropy_each(logits, target, temperature)))


def kl_divergence(
    logits: npt.ArrayLike, target: npt.ArrayLike, temperature: npt.ArrayLike = 1.0
) -> float:
    """Mean Kullback-Leibler divergence KL(votes || model), nats."""
    each = cross_entropy_each(logits, target, temperature)
    return float(np.mean(each - entr(np.asarray(target, dtype=np.float64)).sum(axis=1)))


def js_divergence_each(
    logits: npt.ArrayLike, target: npt.ArrayLike, temperature: npt.ArrayLike = 1.0
) -> Float64:
    """Jensen-Shannon divergence (nats) of each image, see :func:`js_divergence`."""
    p = softmax(logits, temperature)
    t = _distribution(target, p.shape)
    m = 0.5 * (p + t)
    # Terms p log(p/m): m is positive wherever p or t is.
    safe = np.where(m > 0.0, m, 1.0)
    each = 0.5 * (xlogy(p, p / safe) + xlogy(t, t / safe)).sum(axis=1)
    return np.asarray(np.maximum(each, 0.0))


def js_divergence(
    logits: npt.ArrayLike, target: npt.ArrayLike, temperature: npt.ArrayLike = 1.0
) -> float:
    """Mean Jensen-Shannon divergence (nats, at most log 2); not its square root."""
    return float(np.mean(js_divergence_each(logits, target, temperature)))


def fit_temperature(logits: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Temperature that minimises the cross-entropy to the vote distribution.

    The loss is convex in 1/temperature; the root of its slope is bracketed and found.

    Args:
        logits: Finite, shape (n, classes): the images to fit on.
        target: Vote shares, same shape.

    Returns:
        The temperature, between 0.001 and 1000 (the end of the range if the best lies beyond).
    """
    z = np.asarray(logits, dtype=np.float64)
    z = z - z.max(axis=1, keepdims=True)
    t = _distribution(target, z.shape)
    if not np.isfinite(z).all():
        raise InputError("A temperature is fitted on finite logits; smooth zero probabilities.")
    wanted = float(np.sum(t * z))

    def slope(log_beta: float) -> float:
        beta = float(np.exp(log_beta))
        return float(np.sum(softmax(beta * z) * z)) - wanted

    low, high = float(np.log(_SLOWEST)), float(np.log(_FASTEST))
    if slope(low) >= 0.0:
        return 1.0 / _SLOWEST
    if slope(high) <= 0.0:
        return 1.0 / _FASTEST
    return float(np.exp(-brentq(slope, low, high, xtol=1e-10)))


def cross_fitted_temperatures(
    logits: npt.ArrayLike, target: npt.ArrayLike, folds: npt.ArrayLike
) -> Float64:
    """One temperature an image, fitted on the images of the other folds.

    Args:
        logits: Shape (n, classes).
        target: Vote shares, same shape.
        folds: Fold of each image; at least two different ones.

    Returns:
        Shape (n,), constant within a fold.
    """
    z, t, fold = np.asarray(logits), np.asarray(target), np.asarray(folds)
    names = np.unique(fold)
    if names.size < 2 or fold.shape != (z.shape[0],):
        raise InputError("Temperatures are fitted on other folds: give each of >= 2 folds images.")
    temperatures = np.empty(z.shape[0])
    for name in names:
        held_out = fold == name
        temperatures[held_out] = fit_temperature(z[~held_out], t[~held_out])
    return temperatures


def second_best_each(
    logits: npt.ArrayLike, counts: npt.ArrayLike
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Whether an image's votes name a second answer, and whether the second guess is that."""
    votes = as_counts(counts)
    second_votes = np.sort(votes, axis=1)[:, -2]
    guess = np.argsort(-np.asarray(logits, dtype=np.float64), axis=1, kind="stable")[:, 1]
    open_images = second_votes > 0
    return open_images, open_images & (votes[np.arange(len(votes)), guess] == second_votes)


def second_best_accuracy(logits: npt.ArrayLike, counts: npt.ArrayLike) -> float:
    """Share of non-unanimous images whose second guess is people's second most frequent answer.

    Where several answers share the second place of the votes, any of them counts as right.

    Args:
        logits: Shape (n, classes).
        counts: Votes, same shape.

    Returns:
        The share; NaN if every image is unanimous. Source: Peterson et al. 2019.
    """
    open_images, right = second_best_each(logits, counts)
    return float(np.mean(right[open_images])) if open_images.any() else float("nan")


def entropy_correlation(
    logits: npt.ArrayLike, counts: npt.ArrayLike, temperature: npt.ArrayLike = 1.0
) -> float:
    """Spearman correlation over images of predictive entropy and vote entropy; NaN if constant."""
    # Sums of the same terms in another order must tie.
    a = rankdata(np.round(vote_entropy(counts), 12))
    b = rankdata(entr(softmax(logits, temperature)).sum(axis=1))
    a -= a.mean()
    b -= b.mean()
    size = float(np.sqrt(np.sum(a * a) * np.sum(b * b)))
    return float(np.sum(a * b)) / size if size > 0.0 else float("nan")


def vote_entropy(counts: npt.ArrayLike) -> Float64:
    """Entropy (nats) of each image's vote shares, plug-in."""
    return entr(vote_shares(counts)).sum(axis=1)


@dataclass(frozen=True)
class ErrorConsistency:
    """Agreement of a model and a person on which images are answered rightly.

    Attributes:
        observed: Share of images on which both are right or both wrong.
        expected: The same for independent observers of the same accuracies.
        kappa: (observed - expected) / (1 - expected).
    """

    observed: float
    expected: float
    kappa: float


def _kappa(observed: float, first: float, second: float) -> ErrorConsistency:
    expected = first * second + (1.0 - first) * (1.0 - second)
    room = 1.0 - expected
    return ErrorConsistency(
        observed, expected, (observed - expected) / room if room > 0.0 else float("nan")
    )


def _right_shares(counts: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Counts, Counts]:
    votes = as_counts(counts)
    right = votes[np.arange(len(votes)), np.asarray(labels, dtype=np.int64)]
    return right, votes.sum(axis=1)


def error_consistency(
    correct: npt.ArrayLike, counts: npt.ArrayLike, labels: npt.ArrayLike
) -> ErrorConsistency:
    """Error consistency of a model with people, the observer being one random vote an image.

    Args:
        correct: Whether the model is right, one boolean an image.
        counts: Votes, shape (n, classes).
        labels: True classes.

    Returns:
        Agreement and kappa. Source: Geirhos et al. 2020, with p_i, the share of right votes, in
        place of an observer's answers.
    """
    m = np.asarray(correct, dtype=np.float64)
    right, total = _right_shares(counts, labels)
    p = right / total
    if m.shape != p.shape:
        raise InputError(f"{m.size} answers for {p.size} images; give one an image.")
    observed = float(np.mean(m * p + (1.0 - m) * (1.0 - p)))
    return _kappa(observed, float(m.mean()), float(p.mean()))


def human_error_consistency(counts: npt.ArrayLike, labels: npt.ArrayLike) -> ErrorConsistency:
    """The same between two different random votes of each image: what a person would score.

    Unbiased: pairs of votes are drawn without replacement. Images need at least 2 votes.
    """
    as_counts(counts, at_least=2)
    right, total = _right_shares(counts, labels)
    wrong = total - right
    agree = (right * (right - 1) + wrong * (wrong - 1)) / (total * (total - 1))
    p = float(np.mean(right / total))
    return _kappa(float(np.mean(agree)), p, p)


def confusion(distribution: npt.ArrayLike, labels: npt.ArrayLike) -> Float64:
    """Mean distribution of answers to the images of each class.

    Args:
        distribution: Vote shares, probabilities or one-hot answers, shape (n, classes).
        labels: True classes.

    Returns:
        Shape (classes, classes): row = true class, column = answer, rows sum to 1 (NaN for a
        class without images).
    """
    d = np.asarray(distribution, dtype=np.float64)
    y = np.asarray(labels, dtype=np.int64)
    k = d.shape[1]
    sums = np.zeros((k, k))
    np.add.at(sums, y, d)
    number = np.bincount(y, minlength=k).astype(np.float64)
    number[number == 0] = np.nan
    return sums / number[:, None]


def one_hot(classes: npt.ArrayLike, n_classes: int) -> Float64:
    """Rows with a single 1, shape (n, n_classes)."""
    return np.eye(n_classes)[np.asarray(classes, dtype=np.int64)]


def confusion_matrices(
    logits: npt.ArrayLike, counts: npt.ArrayLike, labels: npt.ArrayLike
) -> dict[str, Float64]:
    """Confusion matrices of people and a model, and their differences.

    Returns:
        ``votes``, ``probabilities`` and ``argmax`` as :func:`confusion` gives them, and model -
        votes, ``probabilities_difference`` and ``argmax_difference``.
    """
    p = softmax(logits)
    votes = confusion(vote_shares(counts), labels)
    soft = confusion(p, labels)
    hard = confusion(one_hot(p.argmax(axis=1), p.shape[1]), labels)
    return {
        "votes": votes,
        "probabilities": soft,
        "argmax": hard,
        "probabilities_difference": soft - votes,
        "argmax_difference": hard - votes,
    }


def shared_confusions(
    votes: npt.ArrayLike, model: npt.ArrayLike, names: Sequence[str], *, top: int = 10
) -> pd.DataFrame:
    """The confusions that people and the model have in common, largest first.

    Args:
        votes: Confusion matrix of people, rows sum to 1.
        model: Confusion matrix of the model.
        names: Class names.
        top: Number of rows.

    Returns:
        Columns ``true``, ``answer``, ``human``, ``model`` (shares of the true class's answers),
        ``shared`` (the smaller of both) and ``difference`` (model - human).
    """
    h, m = np.asarray(votes, dtype=np.float64), np.asarray(model, dtype=np.float64)
    rows, columns = np.nonzero(~np.eye(len(names), dtype=bool))
    table = pd.DataFrame(
        {
            "true": [names[i] for i in rows.tolist()],
            "answer": [names[j] for j in columns.tolist()],
            "human": h[rows, columns],
            "model": m[rows, columns],
            "shared": np.minimum(h, m)[rows, columns],
            "difference": (m - h)[rows, columns],
        }
    )
    return (
        table.sort_values("shared", ascending=False, kind="stable").head(top).reset_index(drop=True)
    )


def behaviour_scores(
    logits: npt.ArrayLike,
    counts: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    folds: npt.ArrayLike | None = None,
    temperatures: npt.ArrayLike | None = None,
) -> dict[str, float]:
    """All scalar scores of one model.

    Args:
        logits: Shape (n, classes).
        counts: Votes, same shape.
        labels: True classes.
        folds: Fold of each image, for temperatures fitted on the other folds.
        temperatures: One an image instead, fitted on other images before. Neither: the
            ``*_tempered`` scores are left out.

    Returns:
        accuracy, cross_entropy, kl, js, second_best_accuracy, entropy_spearman,
        error_agreement, error_agreement_expected, error_kappa; with temperatures also
        temperature (mean over images), cross_entropy_tempered, kl_tempered, js_tempered,
        entropy_spearman_tempered.
    """
    z = np.asarray(logits, dtype=np.float64)
    shares = vote_shares(counts)
    errors = error_consistency(z.argmax(axis=1) == np.asarray(labels), counts, labels)
    scores = {
        "accuracy": accuracy(z, labels),
        "cross_entropy": cross_entropy(z, shares),
        "kl": kl_divergence(z, shares),
        "js": js_divergence(z, shares),
        "second_best_accuracy": second_best_accuracy(z, counts),
        "entropy_spearman": entropy_correlation(z, counts),
        "error_agreement": errors.observed,
        "error_agreement_expected": errors.expected,
        "error_kappa": errors.kappa,
    }
    if folds is not None or temperatures is not None:
        if temperatures is not None:
            t = np.asarray(temperatures, dtype=np.float64)
        else:
            t = cross_fitted_temperatures(z, shares, np.asarray(folds))
        scores |= {
            "temperature": float(t.mean()),
            "cross_entropy_tempered": cross_entropy(z, shares, t),
            "kl_tempered": kl_divergence(z, shares, t),
            "js_tempered": js_divergence(z, shares, t),
            "entropy_spearman_tempered": entropy_correlation(z, counts, t),
        }
    return scores
