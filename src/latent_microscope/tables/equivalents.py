"""How many votes per image every score of every model is worth."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import entr

from latent_microscope.io.inputs import HumanVotes
from latent_microscope.seeds import rng
from latent_microscope.similarity.behaviour import accuracy, cross_entropy, js_divergence
from latent_microscope.similarity.comparison import require_same_images
from latent_microscope.similarity.equivalents import (
    SCORES,
    crossing,
    default_grid,
    nested_draws,
    smoothed_by_fold,
    stratified_halves,
)
from latent_microscope.similarity.frames import Frame
from latent_microscope.similarity.measures import measures, side
from latent_microscope.similarity.temperature import softmax
from latent_microscope.similarity.votes import as_counts, halve_votes, vote_shares, why_no_halves
from latent_microscope.statistics.summaries import rank_correlation
from latent_microscope.tables.behaviour import SMALLER, Classifier
from latent_microscope.tables.rsa import Source

Floats = npt.NDArray[np.float64]
RSA_SCORES = (
    "spearman", "rho_a", "cosine", "partial_label", "within_class", "non_unanimous", "class_level",
)  # fmt: skip
SCORES_OF_PREDICTIONS = (
    "accuracy", "cross_entropy", "cross_entropy_calibrated", "jensen_shannon", "kl",
    "entropy_spearman",
)  # fmt: skip
_LOSSES = ("cross_entropy", "cross_entropy_calibrated")
COLUMNS = [
    "model", "layer", "seed", "metric", "measure", "votes", "censored", "low", "high",
    "model_score", "max_votes", "n_repeats",
]  # fmt: skip
_Repeat = tuple[Floats, list[npt.NDArray[np.int64]], npt.NDArray[np.int64]]
"""One split of the votes: shares of the reference half, draws of the other half, folds."""


def equivalents_table(
    classifiers: Sequence[Classifier],
    sources: Sequence[Source],
    votes: HumanVotes,
    metric: str,
    folds: npt.NDArray[np.int64],
    *,
    n_repeats: int,
    seed: int,
    threads: int = 1,
) -> pd.DataFrame:
    """Annotator equivalents of all scores of all models, see ``similarity.equivalents``.

    ``votes`` solves "m votes score like the model"; ``censored`` is ">" if the model beats the
    largest m, "<" if it is below one vote; ``low`` and ``high`` are the smallest and the largest
    answer over the repeats (a limit where censored). No row where a score is not defined, or where
    votes cannot be halved (soft labels).

    The curves (what m votes per image score against the reference half) are computed once and
    shared by all models. For cross-entropies and KL the m votes are smoothed, fitted on other
    images. ``threads`` changes no number.
    """
    if why_no_halves(votes.answers):
        return _typed([])
    counts = as_counts(votes.answers, at_least=2)
    limit = int(counts.sum(axis=1).min() // 2)
    grid = default_grid(limit)
    repeats: list[_Repeat] = []
    for repeat in range(n_repeats):
        generator = rng(seed, "annotator_equivalents", repeat)
        half, other = halve_votes(votes.answers, generator)
        folds_of_half = stratified_halves(votes.labels, generator)
        draws = nested_draws(other, grid, generator)
        repeats.append((vote_shares(half), draws, folds_of_half))
    rows = []

    def add(
        head: tuple[str, str, int, str],
        curves: Mapping[str, Floats],
        scored: Sequence[Mapping[str, float]],
    ) -> None:
        """Solve for each repeat, and for their means."""
        for measure, curve in curves.items():
            scores = [one[measure] for one in scored]
            if not np.isfinite([*scores, *curve.ravel()]).all():
                continue
            solve = partial(crossing, grid, larger=measure not in SMALLER)
            mean = float(np.mean(scores))
            answer, censored = solve(curve.mean(axis=0), mean)
            single = [solve(row, score)[0] for row, score in zip(curve, scores, strict=True)]
            last = (answer, censored, min(single), max(single), mean, limit, n_repeats)
            rows.append((*head, measure, *last))

    curves = _prediction_curves(repeats, votes)
    for one in classifiers:
        scores = _prediction_scores(one, repeats, votes, folds)
        add((one.name, "probabilities", one.seed, ""), curves, scores)
    if sources:
        disputed = np.count_nonzero(votes.answers, axis=1) > 1
        shared = Frame(votes.labels, disputed)
        ids, models = votes.ids.astype(str), [source.side(metric) for source in sources]
        references = [side(half, metric, ids) for half, *_ in repeats]
        require_same_images([one.matrix for one in (references[0], *models)])
        drawn = [side(vote_shares(one), metric, ids) for _, draws, _ in repeats for one in draws]
        found = measures(references, [*drawn, *models], shared, cka=False, threads=threads).values
        size = len(grid)
        own = [row[place * size : (place + 1) * size] for place, row in enumerate(found)]
        similar = {
            name: np.array([[one[name] for one in row] for row in own]) for name in RSA_SCORES
        }
        for place, source in enumerate(sources, len(drawn)):
            head = (source.model, source.layer, source.seed, metric)
            add(head, similar, [row[place] for row in found])
    return _typed(rows)


def _typed(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=COLUMNS)
    texts = dict.fromkeys(("model", "layer", "metric", "measure", "censored"), "str")
    floats = dict.fromkeys(("votes", "low", "high", "model_score"), "float64")
    whole = dict.fromkeys(("seed", "max_votes", "n_repeats"), "int64")
    return table.astype({**texts, **floats, **whole})


def _against(half: Floats, logits: Floats, shares: Floats, **known: float) -> dict[str, float]:
    """All scores of predictions against a reference half, beside those that are known."""
    entropies = [np.round(entr(x).sum(axis=1), 12) for x in (shares, half)]
    return {
        **known,
        "kl": known["cross_entropy"] - float(entr(half).sum(axis=1).mean()),
        "jensen_shannon": js_divergence(logits, half),
        "entropy_spearman": rank_correlation(*entropies),
    }


def _prediction_curves(repeats: Sequence[_Repeat], votes: HumanVotes) -> dict[str, Floats]:
    """Scores of m votes, (repeats, grid) each."""
    scores = []
    for half, draws, folds in repeats:
        for drawn in draws:
            shares = vote_shares(drawn)
            smoothed, _ = smoothed_by_fold(drawn, half, votes.labels, folds, "uniform")
            with np.errstate(divide="ignore"):
                plain, smooth = np.log(shares), np.log(smoothed)
            losses = dict.fromkeys(_LOSSES, cross_entropy(smooth, half))
            right = SCORES["accuracy"][0](plain, half, votes.labels)
            scores.append(_against(half, plain, shares, accuracy=right, **losses))
    return {
        name: np.array([one[name] for one in scores]).reshape(len(repeats), -1)
        for name in SCORES_OF_PREDICTIONS
    }


def _prediction_scores(
    one: Classifier, repeats: Sequence[_Repeat], votes: HumanVotes, folds: npt.NDArray[np.int64]
) -> list[dict[str, float]]:
    """Scores of a classifier against each reference half."""
    temperatures = one.temperatures_for(vote_shares(votes.answers), folds)
    shares, right = softmax(one.logits), accuracy(one.logits, votes.labels)
    scores = []
    for half, *_ in repeats:
        losses = (cross_entropy(one.logits, half, by) for by in (1.0, temperatures))
        known = dict(zip(_LOSSES, losses, strict=True))
        scores.append(_against(half, one.logits, shares, accuracy=right, **known))
    return scores
