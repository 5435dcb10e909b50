"""How many votes per image every score of every model is worth."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import entr

from latent_microscope.io.inputs import HumanVotes
from latent_microscope.seeds import rng
from latent_microscope.similarity.behaviour import accuracy, cross_entropy, js_divergence, softmax
from latent_microscope.similarity.equivalents import (
    SCORES,
    crossing,
    default_grid,
    nested_draws,
    smoothed_by_fold,
    stratified_halves,
)
from latent_microscope.similarity.measures import Frame, Ready, frame, measures, ready
from latent_microscope.similarity.rdms import rdm
from latent_microscope.similarity.votes import as_counts, halve_votes, vote_shares
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
COLUMNS = [
    "model", "layer", "seed", "metric", "measure", "votes", "censored", "low", "high",
    "model_score", "max_votes", "n_repeats",
]  # fmt: skip


class _Repeat(NamedTuple):
    """One random split of the votes: the reference half, and draws of the other half."""

    reference: Floats
    draws: list[npt.NDArray[np.int64]]
    folds: npt.NDArray[np.int64]


def _repeats(votes: HumanVotes, grid: Sequence[int], number: int, seed: int) -> list[_Repeat]:
    repeats = []
    for repeat in range(number):
        generator = rng(seed, "annotator_equivalents", repeat)
        half, other = halve_votes(votes.counts, generator)
        folds = stratified_halves(votes.labels, generator)
        repeats.append(_Repeat(vote_shares(half), nested_draws(other, grid, generator), folds))
    return repeats


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
    answer over the repeats (a limit where censored). No row where a score is not defined.

    The curves (what m votes per image score against the reference half) are computed once and
    shared by all models. For cross-entropies and KL the m votes are smoothed, fitted on other
    images. ``threads`` changes no number.
    """
    counts = as_counts(votes.counts, at_least=2)
    limit = int(counts.sum(axis=1).min() // 2)
    grid = default_grid(limit)
    repeats = _repeats(votes, grid, n_repeats, seed)
    rows = []

    def add(
        head: tuple[str, str, int, str], measure: str, curve: Floats, scores: Sequence[float]
    ) -> None:
        """Solve for each repeat, and for their means."""
        if not np.isfinite([*scores, *curve.ravel()]).all():
            return
        solve = partial(crossing, grid, larger=measure not in SMALLER)
        mean = float(np.mean(scores))
        answer, censored = solve(curve.mean(axis=0), mean)
        single = [solve(row, score)[0] for row, score in zip(curve, scores, strict=True)]
        last = (answer, censored, min(single), max(single), mean, limit, n_repeats)
        rows.append((*head, measure, *last))

    curves = _prediction_curves(repeats, votes)
    for one in classifiers:
        predicted = _prediction_scores(one, repeats, votes, folds)
        for measure in SCORES_OF_PREDICTIONS:
            head = (one.name, "probabilities", one.seed, "")
            add(head, measure, curves[measure], predicted[measure])
    if sources:
        disputed = np.count_nonzero(votes.counts, axis=1) > 1
        shared = frame(votes.labels, disputed, votes.ids.astype(str))
        with ThreadPoolExecutor(threads) as pool:
            references, similar = _similarity_curves(repeats, votes, shared, metric, pool.map)

            def against(source: Source) -> list[dict[str, float]]:
                matrix = source.load(metric)
                model = ready(matrix, source.rows(matrix), shared)
                return [measures(half, model, shared, cka=False) for half in references]

            for source, scores in zip(sources, pool.map(against, sources), strict=True):
                for measure in RSA_SCORES:
                    head = (source.model, source.layer, source.seed, metric)
                    add(head, measure, similar[measure], [one[measure] for one in scores])
    table = pd.DataFrame(rows, columns=COLUMNS)
    texts = dict.fromkeys(("model", "layer", "metric", "measure", "censored"), "str")
    floats = dict.fromkeys(("votes", "low", "high", "model_score"), "float64")
    whole = dict.fromkeys(("seed", "max_votes", "n_repeats"), "int64")
    return table.astype({**texts, **floats, **whole})


def _entropy_rank(probabilities: Floats, reference: Floats) -> float:
    return rank_correlation(
        *(np.round(entr(x).sum(axis=1), 12) for x in (probabilities, reference))
    )


def _prediction_curves(repeats: Sequence[_Repeat], votes: HumanVotes) -> dict[str, Floats]:
    """Scores of m votes, (repeats, grid) each."""
    curves = {
        name: np.empty((len(repeats), len(repeats[0].draws))) for name in SCORES_OF_PREDICTIONS
    }
    for place in np.ndindex(len(repeats), len(repeats[0].draws)):
        one = repeats[place[0]]
        drawn = one.draws[place[1]]
        shares = vote_shares(drawn)
        smoothed, _ = smoothed_by_fold(drawn, one.reference, votes.labels, one.folds, "uniform")
        with np.errstate(divide="ignore"):
            plain, smooth = np.log(shares), np.log(smoothed)
        loss = cross_entropy(smooth, one.reference)
        curves["accuracy"][place] = SCORES["accuracy"][0](plain, one.reference, votes.labels)
        curves["cross_entropy"][place] = curves["cross_entropy_calibrated"][place] = loss
        curves["kl"][place] = loss - float(entr(one.reference).sum(axis=1).mean())
        curves["jensen_shannon"][place] = js_divergence(plain, one.reference)
        curves["entropy_spearman"][place] = _entropy_rank(shares, one.reference)
    return curves


def _prediction_scores(
    one: Classifier, repeats: Sequence[_Repeat], votes: HumanVotes, folds: npt.NDArray[np.int64]
) -> dict[str, list[float]]:
    """Scores of a classifier against each reference half."""
    temperatures = one.temperatures_for(vote_shares(votes.counts), folds)
    probabilities = softmax(one.logits)
    halves = [repeat.reference for repeat in repeats]
    losses = [cross_entropy(one.logits, half) for half in halves]
    entropies = [float(entr(half).sum(axis=1).mean()) for half in halves]
    return {
        "accuracy": [accuracy(one.logits, votes.labels)] * len(halves),
        "cross_entropy": losses,
        "cross_entropy_calibrated": [cross_entropy(one.logits, h, temperatures) for h in halves],
        "kl": [loss - entropy for loss, entropy in zip(losses, entropies, strict=True)],
        "jensen_shannon": [js_divergence(one.logits, half) for half in halves],
        "entropy_spearman": [_entropy_rank(probabilities, half) for half in halves],
    }


def _similarity_curves(
    repeats: Sequence[_Repeat], votes: HumanVotes, shared: Frame, metric: str, mapped: Callable
) -> tuple[list[Ready], dict[str, Floats]]:
    """The reference halves' RDMs, and the similarity to them of the RDMs of m votes."""
    ids = votes.ids.astype(str)

    def prepared(shares: Floats) -> Ready:
        return ready(rdm(shares, metric, ids), shares, shared)

    references = list(mapped(prepared, [one.reference for one in repeats]))

    def scored(place: tuple[int, int]) -> list[float]:
        repeat, m = place
        few = prepared(vote_shares(repeats[repeat].draws[m]))
        similar = measures(references[repeat], few, shared, cka=False)
        return [similar[name] for name in RSA_SCORES]

    places = [(i, m) for i in range(len(repeats)) for m in range(len(repeats[0].draws))]
    values = np.array(list(mapped(scored, places))).reshape(len(repeats), -1, len(RSA_SCORES))
    return references, {name: values[:, :, k] for k, name in enumerate(RSA_SCORES)}
