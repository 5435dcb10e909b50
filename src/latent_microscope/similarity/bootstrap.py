"""Bootstrap of RDM comparisons over images, and over images and votes."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.seeds import rng
from latent_microscope.similarity.comparison import (
    RANK_METHODS,
    Comparable,
    compare,
    partial_compare,
    rank_rdm,
    require_same_images,
)
from latent_microscope.similarity.rdms import RDM, rdm
from latent_microscope.similarity.resampling import (
    image_weights,
    rank_bins,
    reranked_sums,
    scores_from_sums,
    sums_of_products,
)
from latent_microscope.similarity.variance import unique_variance
from latent_microscope.similarity.votes import Counts, as_counts, resample_votes, vote_shares
from latent_microscope.statistics.summaries import (
    benjamini_hochberg,
    bootstrap_p_value,
    holm,
    percentile_interval,
)

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

METHODS = ("spearman", "pearson", "rho-a", "cosine")
_FEW_IMAGES = 1000
_CORRECTIONS: dict[str, Callable[[npt.ArrayLike], Float64]] = {
    "holm": holm,
    "bh": benjamini_hochberg,
}


@dataclass(frozen=True, eq=False)
class BootstrapResult:
    """Scores of all models of a study, their intervals and their paired differences.

    Attributes:
        scores: One row a model: ``model``, ``score``, ``low``, ``high``, ``sd`` (images); with
            votes also ``low_votes``, ``high_votes``, ``sd_votes`` (images and votes) and
            ``vote_shift``, the mean change of the score when votes are drawn again.
        differences: One row a pair of models: ``model_a``, ``model_b``, ``difference`` (a - b),
            ``low``, ``high``, ``p``, ``p_adjusted``; with votes also ``low_votes``, ``high_votes``,
            ``p_votes``, ``p_votes_adjusted``.
        draws: Scores in each bootstrap sample of images, shape (n_draws, models).
        vote_draws: The same over images and votes, before re-centring; None without counts.
    """

    scores: pd.DataFrame
    differences: pd.DataFrame
    draws: Float64
    vote_draws: Float64 | None


@dataclass(frozen=True, eq=False)
class _Study:
    """The inputs of one bootstrap, checked."""

    names: list[str]
    models: list[RDM]
    reference: RDM
    controls: list[RDM]
    pairs: np.ndarray | None
    method: str
    unique: bool
    counts: Counts | None

    def scores(self, sums: Float64) -> Float64:
        return scores_from_sums(
            sums,
            len(self.models),
            self.method,
            controls=len(self.controls),
            unique=self.unique,
        )

    def chosen(self, matrix: RDM) -> np.ndarray:
        return matrix.values if self.pairs is None else matrix.values[self.pairs]

    def new_reference(self, seed: int, draw: int) -> RDM:
        """The reference from votes drawn again."""
        assert self.counts is not None
        votes = resample_votes(self.counts, rng(seed, "bootstrap_votes", draw))
        return rdm(vote_shares(votes), self.reference.metric, self.reference.ids)


def _point_scores(study: _Study) -> Float64:
    """Scores of the study itself, by the exact functions."""
    ranked: list[Comparable] = [*study.models]
    reference: Comparable = study.reference
    held: list[Comparable] = [*study.controls]
    if study.method in RANK_METHODS:
        reference = rank_rdm(reference, pairs=study.pairs)
        held = [rank_rdm(c, pairs=study.pairs) for c in held]
    if study.unique:
        named = dict(zip(study.names, ranked, strict=True))
        shares = unique_variance(named, reference, controls=held, pairs=study.pairs)
        return np.array(list(shares.values()))
    if held:
        return np.array([partial_compare(m, reference, held, pairs=study.pairs) for m in ranked])
    return np.array([compare(m, reference, study.method, pairs=study.pairs) for m in ranked])


def _value_variable(study: _Study, matrix: RDM) -> Float32:
    """Values as a full-length float32 variable of size 1 at most, 0 at pairs left out."""
    part = study.chosen(matrix).astype(np.float32)
    if study.method == "pearson":
        part -= np.float32(part.mean(dtype=np.float64))
    size = float(np.abs(part).max())
    part /= np.float32(size if size > 0.0 else 1.0)
    if study.pairs is None:
        return part
    full = np.zeros(len(matrix), dtype=np.float32)
    full[study.pairs] = part
    return full


def _value_draws(
    study: _Study, weights: npt.NDArray[np.int64], n_vote_draws: int, seed: int
) -> tuple[Float64, Float64 | None]:
    """Draws of pearson or cosine: all at once, by matrix products."""
    one = np.ones(len(study.reference), dtype=np.float32)
    if study.pairs is not None:
        one[:] = 0.0
        one[study.pairs] = 1.0
    matrices = [study.reference, *study.models]
    variables = [one, *(_value_variable(study, matrix) for matrix in matrices)]
    k = len(variables)
    with_reference = [(0, 1), *((1, q) for q in range(1, k))]
    needed = [(0, 0), *((0, q) for q in range(2, k)), *((q, q) for q in range(2, k))]
    sums = sums_of_products(variables, weights, needed=needed + with_reference)
    draws = study.scores(sums)
    if study.counts is None:
        return draws, None
    for replicate, part in enumerate(np.array_split(np.arange(len(weights)), n_vote_draws)):
        variables[1] = _value_variable(study, study.new_reference(seed, replicate))
        renewed = sums_of_products(variables, weights[part], needed=with_reference)
        sums[part] = np.where(np.isnan(renewed), sums[part], renewed)
    return draws, study.scores(sums)


def _rank_draws(
    study: _Study,
    weights: npt.NDArray[np.int64],
    n_vote_draws: int,
    seed: int,
    threads: int,
) -> tuple[Float64, Float64 | None]:
    """Draws of a rank method: each sample ranked anew."""
    renewing = study.counts is not None
    # Variables: the reference, its renewed version (if any), models, controls.
    matrices = [study.reference, *[study.reference] * renewing, *study.models, *study.controls]
    k, n_models = len(matrices), len(study.models)
    bins = np.empty((k, len(study.reference)), dtype=np.uint16)
    n_bins = 0
    for place, matrix in enumerate(matrices):
        bins[place], n_bins = rank_bins(matrix, study.pairs)
    taking_part = np.empty(0, dtype=bool)
    if study.pairs is not None:
        taking_part = np.zeros(bins.shape[1], dtype=bool)
        taking_part[study.pairs] = True
    first_model = 1 + renewing
    model = np.zeros(k, dtype=bool)
    model[first_model : first_model + n_models] = not study.unique
    needed = np.triu(~(model[:, None] & model[None, :]), 1)
    sums = np.empty((len(weights), k + 1, k + 1))

    def one(draw: int) -> None:
        sums[draw] = reranked_sums(bins, n_bins, taking_part, weights[draw], needed)

    replicates = n_vote_draws if renewing else 1
    with ThreadPoolExecutor(threads) as pool:
        for replicate, part in enumerate(np.array_split(np.arange(len(weights)), replicates)):
            if renewing:
                bins[1], _ = rank_bins(study.new_reference(seed, replicate), study.pairs)
            list(pool.map(one, part.tolist()))
    if not renewing:
        return study.scores(sums), None
    old = [0, 1, *range(3, k + 1)]
    new = [0, 2, *range(3, k + 1)]
    return study.scores(sums[:, old][:, :, old]), study.scores(sums[:, new][:, :, new])


def _mean(draws: Float64) -> Float64:
    """Mean over the draws in which the score is defined; NaN if there is none."""
    known = ~np.isnan(draws)
    number = known.sum(axis=0)
    total = np.where(known, draws, 0.0).sum(axis=0)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _sd(draws: Float64) -> Float64:
    """Standard deviation (ddof 1) over the draws in which the score is defined."""
    number = (~np.isnan(draws)).sum(axis=0)
    squares = _mean((draws - _mean(draws)) ** 2) * number
    return np.where(number > 1, np.sqrt(squares / np.maximum(number - 1, 1)), np.nan)


def score_table(
    names: Sequence[str], point: Float64, draws: Float64, votes: Float64 | None, level: float
) -> pd.DataFrame:
    """Intervals of each score; see :attr:`BootstrapResult.scores`."""
    low, high = percentile_interval(draws, level)
    table = pd.DataFrame({"model": list(names), "score": point, "low": low, "high": high})
    table["sd"] = _sd(draws)
    if votes is not None:
        shift = _mean(votes - draws)
        low, high = percentile_interval(votes - shift, level)
        table["low_votes"], table["high_votes"] = low, high
        table["sd_votes"] = _sd(votes)
        table["vote_shift"] = shift
    return table


def difference_table(
    names: Sequence[str],
    point: Float64,
    draws: Float64,
    votes: Float64 | None,
    level: float,
    correction: str,
) -> pd.DataFrame:
    """Paired differences of all scores; see :attr:`BootstrapResult.differences`."""
    pairs = list(itertools.combinations(range(len(names)), 2))
    columns = ["model_a", "model_b", "difference", "low", "high", "p", "p_adjusted"]
    if not pairs:
        return pd.DataFrame(columns=columns)
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    adjust = _CORRECTIONS[correction]
    difference = draws[:, a] - draws[:, b]
    low, high = percentile_interval(difference, level)
    p = bootstrap_p_value(difference)
    table = pd.DataFrame(
        {
            "model_a": [names[i] for i in a.tolist()],
            "model_b": [names[i] for i in b.tolist()],
            "difference": point[a] - point[b],
            "low": low,
            "high": high,
            "p": p,
            "p_adjusted": adjust(p),
        }
    )
    if votes is not None:
        other = votes[:, a] - votes[:, b]
        other = other - _mean(other - difference)
        table["low_votes"], table["high_votes"] = percentile_interval(other, level)
        p = bootstrap_p_value(other)
        table["p_votes"], table["p_votes_adjusted"] = p, adjust(p)
    return table


def _study(
    rdms: Mapping[str, RDM] | Sequence[RDM],
    reference: RDM,
    counts: npt.ArrayLike | None,
    method: str,
    controls: Sequence[RDM],
    pairs: npt.ArrayLike | None,
    unique: bool,
) -> _Study:
    named = dict(rdms) if isinstance(rdms, Mapping) else {str(i): r for i, r in enumerate(rdms)}
    if not named:
        raise InputError("There is no model to compare; give at least one RDM.")
    if method not in METHODS:
        raise InputError(
            f"Method {method!r} cannot be bootstrapped; choose one of {', '.join(METHODS)}."
        )
    if (controls or unique) and method != "spearman":
        raise InputError(f"Controls and unique variance take method spearman, not {method!r}.")
    require_same_images([*named.values(), reference, *controls])
    votes = None if counts is None else as_counts(counts)
    if votes is not None and len(votes) != reference.n:
        raise InputError(
            f"There are votes on {len(votes)} images and {reference.n} in the reference RDM; "
            "give one row of votes for each of its ids, in their order."
        )
    chosen = None if pairs is None else np.asarray(pairs)
    if chosen is not None and chosen.dtype == bool:
        chosen = np.flatnonzero(chosen)
    return _Study(
        list(named), list(named.values()), reference, list(controls), chosen, method, unique, votes
    )


def bootstrap_compare(
    rdms: Mapping[str, RDM] | Sequence[RDM],
    reference: RDM,
    counts: npt.ArrayLike | None = None,
    n_draws: int = 1000,
    seed: int = 0,
    *,
    method: str = "spearman",
    controls: Sequence[RDM] = (),
    pairs: npt.ArrayLike | None = None,
    unique: bool = False,
    n_vote_draws: int | None = None,
    level: float = 0.95,
    correction: str = "holm",
    threads: int = 1,
) -> BootstrapResult:
    """Intervals and paired differences of the scores of all models of a study.

    Images are drawn with replacement, the same for all models; pairs of an image with its own copy
    are dropped. Each sample is ranked anew: exactly up to 362 images, from 4096 bins of rank above
    (on 600 CIFAR-10H images and six models no draw of a score changed by more than 1e-5).

    With ``counts`` a second set of scores also draws each image's votes again and makes the
    reference anew; the copies of an image share its new votes. Votes drawn again carry their noise
    twice, which lowers most scores, so these draws are re-centred by the mean change
    (``vote_shift``) before percentiles are taken.

    Args:
        rdms: RDMs of the models, by name (a sequence gets the names "0", "1", ...).
        reference: The human RDM, made of vote shares with its ``metric`` if counts are given.
        counts: Votes, one row an id of the reference.
        n_draws: Number of bootstrap samples.
        seed: Root seed.
        method: ``spearman``, ``rho-a``, ``pearson`` or ``cosine``.
        controls: RDMs to hold constant (partial Spearman).
        pairs: Only these pairs: condensed positions or a mask.
        unique: Score each model by its unique variance among all models and controls.
        n_vote_draws: Number of new references, each shared by an equal part of the draws; None
            stands for one a draw up to 1000 images and 20 above.
        level: Coverage of the percentile intervals.
        correction: Over all paired differences: ``holm`` or ``bh`` (Benjamini-Hochberg).
        threads: Samples that are scored at the same time; changes no number.

    Returns:
        The result. Memory for a rank method: 2 bytes a pair for each RDM and 9 for one at a time.

    Raises:
        InputError: Different ids, votes that do not fit, an unknown method or correction.
    """
    if correction not in _CORRECTIONS:
        raise InputError(f"Correction {correction!r} is unknown; choose holm or bh.")
    if n_draws < 2:
        raise InputError(f"n_draws is {n_draws}; a bootstrap needs at least 2 draws.")
    study = _study(rdms, reference, counts, method, controls, pairs, unique)
    if n_vote_draws is None:
        n_vote_draws = n_draws if reference.n <= _FEW_IMAGES else 20
    n_vote_draws = int(np.clip(n_vote_draws, 1, n_draws))
    weights = image_weights(reference.n, n_draws, rng(seed, "bootstrap_images"))
    if method in RANK_METHODS:
        draws, votes = _rank_draws(study, weights, n_vote_draws, seed, threads)
    else:
        draws, votes = _value_draws(study, weights, n_vote_draws, seed)
    point = _point_scores(study)
    return BootstrapResult(
        scores=score_table(study.names, point, draws, votes, level),
        differences=difference_table(study.names, point, draws, votes, level, correction),
        draws=draws,
        vote_draws=votes,
    )
