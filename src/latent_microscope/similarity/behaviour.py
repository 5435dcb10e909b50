"""Behaviour of a classifier beside that of annotators: accuracy, divergences, errors, confusions.

All of it in float64 from logits. Soft labels (rows sum to 1) do where ``counts`` are asked
for, except to what draws votes. Probabilities are passed as their logarithms (log 0 = -inf is
allowed), since the log-softmax of a log-probability is itself. Logits have the shape (n, classes),
and so have votes and targets (vote shares, rows sum to 1); a temperature divides the logits: one
number, or one per image. Divergences are in nats.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import entr, xlogy
from scipy.stats import rankdata

from latent_microscope.errors import InputError
from latent_microscope.similarity.populations import fit_population
from latent_microscope.similarity.temperature import (
    cross_fitted_temperatures,
    distribution,
    log_softmax,
    softmax,
)
from latent_microscope.similarity.votes import (
    Float64,
    as_counts,
    halve_votes,
    vote_shares,
)


def log(probabilities: Float64) -> Float64:
    """Natural logarithm; -inf of 0."""
    with np.errstate(divide="ignore"):
        return np.log(probabilities)


def accuracy(logits: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Share of images whose largest logit (the first, if tied) is the label's."""
    return float(np.mean(np.argmax(logits, axis=1) == np.asarray(labels)))


def cross_entropy_each(
    logits: npt.ArrayLike, target: npt.ArrayLike, temperature: npt.ArrayLike = 1.0
) -> Float64:
    """Cross-entropy of each image to the vote distribution, -sum target log p."""
    log_p = log_softmax(logits, temperature)
    t = distribution(target, log_p.shape)
    # A class without votes adds nothing even where its probability is 0.
    return -np.sum(np.where(t > 0.0, t * np.where(t > 0.0, log_p, 0.0), 0.0), axis=1)


def cross_entropy(
    logits: npt.ArrayLike, target: npt.ArrayLike, temperature: npt.ArrayLike = 1.0
) -> float:
    """Mean cross-entropy; infinite if a class with votes has probability exactly 0."""
    return float(np.mean(cross_entropy_each(logits, target, temperature)))


def kl_divergence(logits: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Mean Kullback-Leibler divergence KL(votes || model)."""
    each = cross_entropy_each(logits, target)
    return float(np.mean(each - entr(np.asarray(target, dtype=np.float64)).sum(axis=1)))


def js_divergence_each(logits: npt.ArrayLike, target: npt.ArrayLike) -> Float64:
    """Jensen-Shannon divergence of each image."""
    p = softmax(logits)
    t = distribution(target, p.shape)
    m = 0.5 * (p + t)
    # Terms p log(p/m): m is positive wherever p or t is.
    safe = np.where(m > 0.0, m, 1.0)
    each = 0.5 * (xlogy(p, p / safe) + xlogy(t, t / safe)).sum(axis=1)
    return np.asarray(np.maximum(each, 0.0))


def js_divergence(logits: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Mean Jensen-Shannon divergence (at most log 2); not its square root."""
    return float(np.mean(js_divergence_each(logits, target)))


def second_best_each(
    logits: npt.ArrayLike, counts: npt.ArrayLike
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Per image: whether its votes have a second answer, and whether the second guess is that."""
    votes = vote_shares(counts)
    second_votes = np.sort(votes, axis=1)[:, -2]
    guess = np.argsort(-np.asarray(logits, dtype=np.float64), axis=1, kind="stable")[:, 1]
    open_images = second_votes > 0
    return open_images, open_images & (votes[np.arange(len(votes)), guess] == second_votes)


def second_best_accuracy(logits: npt.ArrayLike, counts: npt.ArrayLike) -> float:
    """Share of non-unanimous images whose second guess is the second most frequent answer.

    Where several answers share the second place of the votes, any of them is correct; NaN if every
    image is unanimous. Source: Peterson et al. 2019.
    """
    open_images, right = second_best_each(logits, counts)
    return float(np.mean(right[open_images])) if open_images.any() else float("nan")


def entropy_correlation(logits: npt.ArrayLike, counts: npt.ArrayLike) -> float:
    """Spearman correlation over images of predictive entropy and vote entropy; NaN if constant."""
    # Sums of the same terms in another order must tie.
    a = rankdata(np.round(vote_entropy(counts), 12))
    b = rankdata(predictive_entropy(logits))
    a -= a.mean()
    b -= b.mean()
    size = float(np.sqrt(np.sum(a * a) * np.sum(b * b)))
    return float(np.sum(a * b)) / size if size > 0.0 else float("nan")


def predictive_entropy(logits: npt.ArrayLike) -> Float64:
    """Entropy of each image's probabilities; the same for the same ones in another order."""
    return entr(softmax(np.sort(logits))).sum(axis=1)


def vote_entropy(counts: npt.ArrayLike) -> Float64:
    """Entropy of each image's vote shares, plug-in."""
    return entr(vote_shares(counts)).sum(axis=1)


def _kappa(observed: float, first: float, second: float) -> float:
    """(observed - expected) / (1 - expected) agreement of observers of these accuracies."""
    expected = first * second + (1.0 - first) * (1.0 - second)
    room = 1.0 - expected
    return (observed - expected) / room if room > 0.0 else float("nan")


def error_consistency(
    correct: npt.ArrayLike, counts: npt.ArrayLike, labels: npt.ArrayLike
) -> float:
    """Error consistency (kappa) of a model, one bool per image, with one random vote per image.

    Source: Geirhos et al. 2020, with p_i, the share of right votes, in place of an observer's
    answers.
    """
    m = np.asarray(correct, dtype=np.float64)
    p = vote_shares(counts)[np.arange(len(np.asarray(counts))), np.asarray(labels, dtype=np.int64)]
    if m.shape != p.shape:
        raise InputError(f"{m.size} answers for {p.size} images; give one per image.")
    observed = float(np.mean(m * p + (1.0 - m) * (1.0 - p)))
    return _kappa(observed, float(m.mean()), float(p.mean()))


def human_error_consistency(counts: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Error consistency of two different random votes of each image: what an annotator scores.

    Unbiased: pairs of votes are drawn without replacement. Images need at least 2 votes.
    """
    votes = as_counts(counts, at_least=2)
    right, total = votes[np.arange(len(votes)), np.asarray(labels, np.int64)], votes.sum(axis=1)
    wrong = total - right
    agree = (right * (right - 1) + wrong * (wrong - 1)) / (total * (total - 1))
    p = float(np.mean(right / total))
    return _kappa(float(np.mean(agree)), p, p)


def confusion(distribution: npt.ArrayLike, labels: npt.ArrayLike) -> Float64:
    """Mean answers (vote shares, probabilities or one-hot) to the images of each class.

    Shape (classes, classes): row = true class, column = answer, rows sum to 1 (NaN for a class
    without images).
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


def shared_confusions(
    votes: npt.ArrayLike, model: npt.ArrayLike, names: Sequence[str], *, top: int = 10
) -> pd.DataFrame:
    """The largest confusions that annotators and the model share, from their confusion matrices.

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
    ordered = table.sort_values("shared", ascending=False, kind="stable")
    return ordered.head(top).reset_index(drop=True)


def behaviour_scores(
    logits: npt.ArrayLike,
    counts: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    folds: npt.ArrayLike | None = None,
    temperatures: npt.ArrayLike | None = None,
) -> dict[str, float]:
    """All scalar scores of one model.

    ``cross_entropy_tempered`` and ``temperature`` (mean over images) need temperatures (one per
    image, fitted on other images before) or folds, to fit them here on the other folds.
    """
    z = np.asarray(logits, dtype=np.float64)
    shares = vote_shares(counts)
    scores = {
        "accuracy": accuracy(z, labels),
        "cross_entropy": cross_entropy(z, shares),
        "kl": kl_divergence(z, shares),
        "js": js_divergence(z, shares),
        "second_best_accuracy": second_best_accuracy(z, counts),
        "entropy_spearman": entropy_correlation(z, counts),
        "error_kappa": error_consistency(z.argmax(axis=1) == np.asarray(labels), counts, labels),
    }
    if temperatures is None and folds is not None:
        temperatures = cross_fitted_temperatures(z, shares, folds)
    if temperatures is not None:
        t = np.asarray(temperatures, dtype=np.float64)
        scores["temperature"] = float(t.mean())
        scores["cross_entropy_tempered"] = cross_entropy(z, shares, t)
    return scores


def annotator_scores(counts: npt.ArrayLike, generator: np.random.Generator) -> dict[str, float]:
    """What half of each image's votes (at least 2) scores as a prediction of the other half.

    ``second_best_accuracy`` (ties of the prediction broken at random), ``entropy_spearman`` and
    ``js``. Cross-entropy and KL are infinite: half of the votes leaves out what others answer.
    """
    first, second = halve_votes(as_counts(counts, at_least=2), generator)
    broken = first + 0.5 * generator.random(first.shape)
    prediction = log(vote_shares(first))
    return {
        "second_best_accuracy": second_best_accuracy(broken, second),
        "entropy_spearman": entropy_correlation(prediction, second),
        "js": js_divergence(prediction, vote_shares(second)),
    }


def perfect_scores(counts: npt.ArrayLike, generator: np.random.Generator) -> dict[str, float]:
    """Scores of a model that knows the response probabilities behind the votes: the ceiling.

    The probabilities are drawn from their posterior in a population fitted to the votes, as for
    :func:`~latent_microscope.similarity.ceiling.noise_ceiling`. Images need at least 2 votes. Its
    cross-entropy is above the entropy of the votes, which only these votes themselves reach.
    Accuracy and error consistency are about labels, not votes: see
    :func:`human_error_consistency`. There is no second-best accuracy: in populations that are not
    Dirichlet it came out up to 0.2 too high (``calibration.ceilings``).
    """
    votes = as_counts(counts, at_least=2)
    prediction = log(fit_population(votes, generator).draw(votes, generator))
    shares = vote_shares(votes)
    return {
        "cross_entropy": cross_entropy(prediction, shares),
        "kl": kl_divergence(prediction, shares),
        "js": js_divergence(prediction, shares),
        "entropy_spearman": entropy_correlation(prediction, votes),
    }
