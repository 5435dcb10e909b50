"""Noise ceilings of every measure: halves of the votes, and simulated worlds of known truth."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.io.inputs import HumanVotes
from latent_microscope.seeds import rng
from latent_microscope.similarity.ceiling import TRUTHS, root_spearman_brown, simulated_truth
from latent_microscope.similarity.influence import selection, sign_concordance
from latent_microscope.similarity.measures import MEASURES, Ready, frame, measures, ready
from latent_microscope.similarity.ranks import binned
from latent_microscope.similarity.rdms import rdm
from latent_microscope.similarity.votes import halve_votes, vote_shares

Float64 = npt.NDArray[np.float64]


def noise_ceilings(
    votes: HumanVotes,
    metric: str,
    *,
    n_splits: int,
    n_worlds: int,
    seed: int,
    tau: bool = False,
    threads: int = 1,
) -> pd.DataFrame:
    """Ceilings of all measures of the similarity to people.

    The halves of the votes estimate the ceiling (Spearman-Brown). Vote noise biases distances, so
    in simulated worlds (``similarity.ceiling.simulated_truth``) the same estimate is put beside
    what the truth itself scores against votes drawn from it.

    Args:
        votes: Votes and classes.
        metric: Distance of the RDMs.
        n_splits: Random halvings of the votes.
        n_worlds: Worlds of each kind of truth; 0: none.
        seed: Root seed.
        tau: Whether tau-a is wanted (from 256 bins of rank).
        threads: Splits at the same time; changes no number.

    Returns:
        One row a measure: ``measure``, ``lower`` (mean r of the halves), ``upper`` (root of its
        Spearman-Brown value), ``spread`` and ``upper_spread`` (standard deviations over splits),
        ``n_splits``; for each kind of truth ``truth_<kind>`` (true ceiling) and its ``_sd``,
        ``estimate_<kind>`` (upper in that world); ``n_worlds``. NaN where not defined.
    """
    disputed = np.count_nonzero(votes.counts, axis=1) > 1
    shared = frame(votes.labels, disputed)
    chosen = selection(len(votes.labels))

    def prepared(features: Float64) -> Ready:
        return ready(rdm(features, metric), features, shared)

    def compared(a: Ready, b: Ready) -> list[float]:
        found = measures(a, b, shared)
        if tau:
            x, y = (binned(one.ranked.ranks) for one in (a, b))
            found["tau_a"] = sign_concordance(x, y, chosen).value
        return [found[name] for name in MEASURES]

    def halves(counts: npt.NDArray[np.int64], generator: np.random.Generator) -> list[float]:
        a, b = (prepared(vote_shares(half)) for half in halve_votes(counts, generator))
        return compared(a, b)

    def split(number: int) -> list[float]:
        return halves(votes.counts, rng(seed, "noise_ceiling", number))

    def world(kind: str, number: int) -> tuple[list[float], list[float]]:
        generator = rng(seed, "simulated_ceilings", kind, number)
        truth = simulated_truth(votes.counts, kind, generator, votes.labels)
        new = generator.multinomial(votes.counts.sum(axis=1), truth).astype(np.int64)
        return compared(prepared(truth), prepared(vote_shares(new))), halves(new, generator)

    with ThreadPoolExecutor(threads) as pool:
        draws = np.array(list(pool.map(split, range(n_splits))))
        worlds = {
            kind: list(pool.map(lambda number, kind=kind: world(kind, number), range(n_worlds)))
            for kind in TRUTHS
        }
    return _table(draws, worlds, n_worlds)


def _table(
    draws: Float64, worlds: dict[str, list[tuple[list[float], list[float]]]], n_worlds: int
) -> pd.DataFrame:
    table = pd.DataFrame({"measure": pd.Series(MEASURES, dtype="str")})
    table["lower"] = draws.mean(axis=0)
    table["upper"] = root_spearman_brown(draws.mean(axis=0))
    table["spread"] = _sd(draws)
    table["upper_spread"] = _sd(root_spearman_brown(draws))
    table["n_splits"] = len(draws)
    for kind in TRUTHS:
        if n_worlds:
            true, half = (np.array(part) for part in zip(*worlds[kind], strict=True))
            table[f"truth_{kind}"] = true.mean(axis=0)
            table[f"truth_{kind}_sd"] = _sd(true)
            table[f"estimate_{kind}"] = root_spearman_brown(half).mean(axis=0)
        else:
            for name in (f"truth_{kind}", f"truth_{kind}_sd", f"estimate_{kind}"):
                table[name] = np.nan
    table["n_worlds"] = n_worlds
    return table


def _sd(draws: Float64) -> Float64:
    if len(draws) < 2:
        return np.full(draws.shape[1], np.nan)
    return np.asarray(draws.std(axis=0, ddof=1))
