"""Bootstrap intervals of the behaviour of classifiers, over images and over votes."""

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import entr

from latent_microscope.io.inputs import HumanVotes
from latent_microscope.seeds import rng
from latent_microscope.similarity.behaviour import (
    cross_entropy_each,
    js_divergence_each,
    second_best_each,
    softmax,
    vote_entropy,
)
from latent_microscope.similarity.bootstrap import score_table
from latent_microscope.similarity.influence import (
    Draws,
    Influence,
    linear_draws,
    rank_covariance_of_images,
    resampling,
)
from latent_microscope.similarity.votes import class_mean_votes, resample_votes, vote_shares
from latent_microscope.tables.behaviour import NO_RUN, Classifier, temperatures_of

Floats = npt.NDArray[np.float64]
MEASURES = (
    "accuracy",
    "cross_entropy",
    "cross_entropy_calibrated",
    "jensen_shannon",
    "kl",
    "second_best_accuracy",
    "entropy_spearman",
    "error_consistency",
)
COLUMNS = [
    "model", "seed", "measure", "value", "low", "high", "sd",
    "low_votes", "high_votes", "sd_votes", "vote_shift", "n_draws",
]  # fmt: skip


def behaviour_intervals(
    classifiers: Sequence[Classifier],
    votes: HumanVotes,
    folds: npt.NDArray[np.int64],
    *,
    n_draws: int,
    vote_sets: int,
    seed: int,
    level: float = 0.95,
) -> pd.DataFrame:
    """Intervals of all scores of all classifiers, and of the mean votes of the true class.

    The samples of images are the same for all, and those of the similarity measures. Temperatures
    stay as fitted. Means are resampled exactly, the ranks of entropies follow to first order.

    Args:
        classifiers: The models' runs.
        votes: The votes.
        folds: Fold of each image, of the temperatures.
        n_draws: Number of samples; below 2: no intervals, an empty table.
        vote_sets: Times that all votes are drawn again; mixed image by image.
        seed: Root seed.
        level: Coverage.

    Returns:
        Table of :data:`COLUMNS`; ``value`` and ``vote_shift`` as for the similarity measures.
    """
    shares = vote_shares(votes.counts)
    with np.errstate(divide="ignore"):
        oracle = np.log(class_mean_votes(votes.counts, votes.labels))
    rows: list[tuple[str, int, Floats, Floats | None]] = [
        (
            one.name,
            one.run,
            one.logits,
            temperatures_of(one, shares, folds),
        )
        for one in classifiers
    ]
    rows.append(("class_mean", NO_RUN, oracle, None))
    if n_draws < 2:
        return _typed(pd.DataFrame(columns=COLUMNS))
    samples = resampling(len(shares), n_draws, vote_sets, seed)
    again = [
        resample_votes(votes.counts, rng(seed, "bootstrap_votes", number))
        for number in range(vote_sets)
    ]
    tables = []
    for name, run, logits, temperatures in rows:
        numbers = _numbers(logits, temperatures, votes.counts, votes.labels)
        renewed = [_numbers(logits, temperatures, new, votes.labels) for new in again]
        images, both = linear_draws(numbers, renewed, samples)
        point = _scores({key: np.array([one.value]) for key, one in numbers.items()})[0]
        mixed = _scores(both) if renewed else None
        table = score_table(MEASURES, point, _scores(images), mixed, level)
        if renewed:
            new_points = [
                _scores({key: np.array([one.value]) for key, one in part.items()})[0]
                for part in renewed
            ]
            table["vote_shift"] = np.mean(new_points, axis=0) - point
        table = table.rename(columns={"model": "measure", "score": "value"})
        tables.append(table.assign(model=name, seed=run, n_draws=n_draws))
    return _typed(pd.concat(tables, ignore_index=True).reindex(columns=COLUMNS))


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    floats = dict.fromkeys(COLUMNS[3:-1], "float64")
    texts = {"model": "str", "measure": "str"}
    return table.astype({**floats, **texts, "seed": "int64", "n_draws": "int64"})


def _numbers(
    logits: Floats,
    temperatures: Floats | None,
    counts: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
) -> dict[Hashable, Influence]:
    """The means and covariances over images that the scores are made of."""
    shares = vote_shares(counts)
    right = (logits.argmax(axis=1) == labels).astype(np.float64)
    theirs = shares[np.arange(len(labels)), labels]
    entropy = np.round(vote_entropy(counts), 12)
    own = entr(softmax(logits)).sum(axis=1)
    open_images, second = second_best_each(logits, counts)
    losses = cross_entropy_each(logits, shares)
    means: dict[Hashable, Floats] = {
        "accuracy": right,
        "cross_entropy": losses,
        "jensen_shannon": js_divergence_each(logits, shares),
        "kl": losses - vote_entropy(counts),
        "people_right": theirs,
        "agreement": right * theirs + (1.0 - right) * (1.0 - theirs),
        "open": open_images.astype(np.float64),
        "second": second.astype(np.float64),
    }
    if temperatures is not None:
        means["cross_entropy_calibrated"] = cross_entropy_each(logits, shares, temperatures)
    n = len(labels)
    with np.errstate(invalid="ignore"):
        found: dict[Hashable, Influence] = {
            name: Influence(float(np.mean(x)), (x - np.mean(x)) / n) for name, x in means.items()
        }
    for name, x, y in (("hm", entropy, own), ("hh", entropy, entropy), ("mm", own, own)):
        found[name] = rank_covariance_of_images(x, y)
    return found


def _scores(draws: Draws) -> Floats:
    """Scores in the order of :data:`MEASURES`, shape (draws, measures)."""
    missing = np.full(len(draws["accuracy"]), np.nan)
    expected = draws["accuracy"] * draws["people_right"]
    expected = expected + (1.0 - draws["accuracy"]) * (1.0 - draws["people_right"])
    with np.errstate(invalid="ignore", divide="ignore"):
        derived: Draws = {
            "second_best_accuracy": draws["second"] / draws["open"],
            "entropy_spearman": draws["hm"] / np.sqrt(draws["hh"] * draws["mm"]),
            "error_consistency": (draws["agreement"] - expected) / (1.0 - expected),
        }
    found: Draws = {**draws, **derived}
    return np.stack([found.get(name, missing) for name in MEASURES], axis=1)
