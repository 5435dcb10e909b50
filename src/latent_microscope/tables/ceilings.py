"""What votes can tell: noise ceilings of every measure, and recovery of the model behind votes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.inputs import HumanVotes
from latent_microscope.seeds import rng
from latent_microscope.similarity.behaviour import one_hot
from latent_microscope.similarity.ceiling import (
    Rows,
    Score,
    root_spearman_brown,
    similar_halves,
    simulated_ceilings,
)
from latent_microscope.similarity.comparison import RankedRDM, compare, rank_rdm
from latent_microscope.similarity.frames import Frame
from latent_microscope.similarity.measures import MEASURES, measures, side
from latent_microscope.similarity.rdms import class_rdm, rdm
from latent_microscope.similarity.temperature import softmax
from latent_microscope.similarity.votes import (
    SOFT,
    class_mean_votes,
    vote_shares,
    why_no_halves,
)
from latent_microscope.statistics.summaries import sd
from latent_microscope.tables.behaviour import Classifier

Floats = npt.NDArray[np.float64]


def noise_ceilings(
    votes: HumanVotes,
    metric: str,
    *,
    n_splits: int,
    n_simulated_datasets: int,
    seed: int,
    tau: bool = False,
    threads: int = 1,
) -> pd.DataFrame:
    """Ceilings of all measures of the similarity to human judgements, one row per measure.

    ``ceiling`` and ``ceiling_sd`` are the score of the true RDM against these votes, over truths
    simulated from them (``similarity.ceiling.simulated_ceilings``, ``n_simulated_datasets`` of each
    strength); NaN where not available, with a ``status``, as is all of votes that cannot be halved
    (soft labels). The halves of the votes say less:
    ``lower`` is the mean r of the halves, ``upper`` the root of its Spearman-Brown value. Spreads
    are standard deviations. Tau-a is of 256
    classes of rank. NaN where not defined.
    """
    table = pd.DataFrame({"measure": pd.Series(MEASURES, dtype="str")})
    status = why_no_halves(votes.answers)
    table[["ceiling", "ceiling_sd"]], table["status"] = (
        np.nan,
        pd.Series(status, table.index, "str"),
    )
    if status:
        table[["lower", "upper", "spread", "upper_spread"]] = np.nan
        return table.assign(n_splits=0, n_simulated_datasets=0)
    disputed = np.count_nonzero(votes.answers, axis=1) > 1

    def over(rows: Rows | None) -> Score:
        some = np.arange(len(votes.labels)) if rows is None else rows
        shared = Frame(votes.labels[some], disputed[some])

        def score(a: Floats, b: Floats) -> list[float]:
            x, y = (side(one[some], metric) for one in (a, b))
            ((values,),) = measures([x], [y], shared, tau=tau, sort_pairs=0).values
            if rows is not None:  # means of classes are surer the more images there are
                values["class_level"] = class_level(a, b)
            return [values[name] for name in MEASURES]

        return score

    def class_level(a: Floats, b: Floats) -> float:
        try:
            x, y = (class_rdm(one, votes.labels, metric) for one in (a, b))
            return compare(x, y)
        except InputError:  # constant class means have no correlation distance
            return float("nan")

    halves = np.array(similar_halves(votes.answers, over, n_splits, seed, threads))
    if n_simulated_datasets:
        found = simulated_ceilings(votes.answers, over, n_simulated_datasets, seed, threads)
        table["ceiling"] = [one.value for one in found]
        table["ceiling_sd"] = [one.sd for one in found]
        table["status"] = pd.Series([one.status for one in found], dtype="str")
    table["lower"] = halves.mean(axis=0)
    table["upper"] = root_spearman_brown(halves.mean(axis=0))
    table["spread"] = sd(halves)
    table["upper_spread"] = sd(root_spearman_brown(halves))
    table["n_splits"], table["n_simulated_datasets"] = n_splits, n_simulated_datasets
    return table


def candidates_of(classifiers: Sequence[Classifier], votes: HumanVotes) -> list[tuple[str, Floats]]:
    """Names and probabilities of all seeds of all classifiers, and of the two oracles."""
    return [
        *((one.name, softmax(one.logits)) for one in classifiers),
        ("label", one_hot(votes.labels, len(votes.classes))),
        ("class_mean", class_mean_votes(votes.answers, votes.labels)),
    ]


def recovery_table(
    candidates: Sequence[tuple[str, Floats]],
    votes: HumanVotes,
    metric: str,
    *,
    n_simulations: int,
    n_images: int,
    seed: int,
) -> pd.DataFrame:
    """Simulate votes from each model and count which model's RDM they are most similar to.

    Each simulated data set has as many votes per image as the annotators gave, drawn from the first
    seed of a model; it is attributed to the model whose RDM of probabilities (of any seed) has the
    largest Spearman correlation with that of the simulated vote shares. Seeds of a model count as
    one. All data sets have the same ``n_images`` images, drawn at random. Where the number of votes
    is not known there is one row per model, without counts, with a ``status``.
    """
    n = min(n_images, len(votes.labels))
    if n_simulations < 1 or n < 3:
        raise InputError(
            f"{n_simulations} simulations on {n} images; model recovery needs at least 1 and 3"
        )
    chosen = np.sort(rng(seed, "recover_models", "images").permutation(len(votes.labels))[:n])
    names = list(dict.fromkeys(name for name, _ in candidates))
    columns = ["model", "attributed", "count", "share", "similarity"]
    texts = dict.fromkeys(("model", "attributed", "metric", "status"), "str")
    if why_no_halves(votes.answers) == SOFT:
        none = pd.DataFrame({"model": names, "attributed": names}, columns=columns)
        none = none.assign(n_simulations=0, n_images=n, metric=metric, status=SOFT)
        return none.astype({"count": "Int64", "share": "float64", "similarity": "float64"} | texts)
    ranked: list[tuple[int, RankedRDM]] = [
        (names.index(name), rank_rdm(rdm(p[chosen], metric))) for name, p in candidates
    ]
    totals = votes.answers[chosen].sum(axis=1)
    rows = []
    for maker in names:
        p = next(p for name, p in candidates if name == maker)[chosen]
        p = p / p.sum(axis=1, keepdims=True)
        scores = np.full((n_simulations, len(names)), -np.inf)
        for number in range(n_simulations):
            generator = rng(seed, "recover_models", maker, number)
            simulated = rank_rdm(rdm(vote_shares(generator.multinomial(totals, p)), metric))
            for place, model in ranked:
                value = compare(simulated, model)
                if np.isfinite(value):
                    scores[number, place] = max(scores[number, place], value)
        best = np.bincount(scores.argmax(axis=1), minlength=len(names))
        mean = np.where(np.isfinite(scores).all(axis=0), scores.mean(axis=0), np.nan)
        rows += [
            (maker, name, int(best[k]), best[k] / n_simulations, float(mean[k]))
            for k, name in enumerate(names)
        ]
    table = pd.DataFrame(rows, columns=columns)
    table["n_simulations"], table["n_images"], table["metric"] = n_simulations, n, metric
    return table.assign(status="").astype(texts)
