"""Model recovery: are votes that a model made attributed to that model?"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.inputs import HumanVotes
from latent_microscope.seeds import rng
from latent_microscope.similarity.behaviour import one_hot, softmax
from latent_microscope.similarity.comparison import RankedRDM, compare, rank_rdm
from latent_microscope.similarity.rdms import rdm
from latent_microscope.similarity.votes import class_mean_votes, vote_shares
from latent_microscope.tables.behaviour import Classifier

Floats = npt.NDArray[np.float64]


def candidates_of(classifiers: Sequence[Classifier], votes: HumanVotes) -> list[tuple[str, Floats]]:
    """Names and probabilities of all runs of all classifiers, and of the two oracles."""
    found = [(one.name, softmax(one.logits)) for one in classifiers]
    found.append(("label", one_hot(votes.labels, len(votes.classes))))
    found.append(("class_mean", class_mean_votes(votes.counts, votes.labels)))
    return found


def recovery_table(
    candidates: Sequence[tuple[str, Floats]],
    votes: HumanVotes,
    metric: str,
    *,
    n_simulations: int,
    n_images: int,
    seed: int,
) -> pd.DataFrame:
    """Simulate votes from each model and see which model's RDM they are most like.

    Each simulated data set has as many votes an image as people gave, drawn from the first run of a
    model; it is attributed to the model whose RDM of probabilities (of any run) has the largest
    Spearman correlation with that of the simulated vote shares. Runs of a model count as the same.

    Args:
        candidates: Name of the model and probabilities, one a run.
        votes: The votes, for their numbers.
        metric: Distance of the RDMs.
        n_simulations: Data sets a model.
        n_images: Images, drawn at random and the same for all; fewer make it harder.
        seed: Root seed.

    Returns:
        One row a model and attribution: ``model``, ``attributed``, ``count``, ``share``,
        ``similarity`` (mean over data sets, best run), ``n_simulations``, ``n_images``, ``metric``.

    Raises:
        InputError: No data set or fewer than 3 images.
    """
    n = min(n_images, len(votes.labels))
    if n_simulations < 1 or n < 3:
        raise InputError(
            f"{n_simulations} simulations on {n} images; model recovery needs at least 1 and 3"
        )
    chosen = np.sort(rng(seed, "recover_models", "images").permutation(len(votes.labels))[:n])
    names = list(dict.fromkeys(name for name, _ in candidates))
    runs: list[tuple[int, RankedRDM]] = [
        (names.index(name), rank_rdm(rdm(p[chosen], metric))) for name, p in candidates
    ]
    totals = votes.counts[chosen].sum(axis=1)
    rows = []
    for maker in names:
        p = next(p for name, p in candidates if name == maker)[chosen]
        p = p / p.sum(axis=1, keepdims=True)
        scores = np.full((n_simulations, len(names)), -np.inf)
        for number in range(n_simulations):
            generator = rng(seed, "recover_models", maker, number)
            made = generator.multinomial(totals, p)
            theirs = rank_rdm(rdm(vote_shares(made), metric))
            for place, own in runs:
                value = compare(theirs, own)
                if np.isfinite(value):
                    scores[number, place] = max(scores[number, place], value)
        best = np.bincount(scores.argmax(axis=1), minlength=len(names))
        mean = np.where(np.isfinite(scores).all(axis=0), scores.mean(axis=0), np.nan)
        rows += [
            (maker, name, int(best[k]), best[k] / n_simulations, float(mean[k]))
            for k, name in enumerate(names)
        ]
    table = pd.DataFrame(rows, columns=["model", "attributed", "count", "share", "similarity"])
    table["n_simulations"], table["n_images"], table["metric"] = n_simulations, n, metric
    return table.astype({"model": "str", "attributed": "str", "metric": "str"})
