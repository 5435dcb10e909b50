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
from latent_microscope.similarity import comparison
from latent_microscope.similarity.rdms import RDM, rdm
from latent_microscope.similarity.resampling import (
    Float32,
    Float64,
    Weights,
    image_weights,
    rank_bins,
    reranked_sums,
    sums_of_products,
)
from latent_microscope.similarity.variance import unique_shares, unique_variance
from latent_microscope.similarity.votes import Counts, as_counts, resample_votes, vote_shares
from latent_microscope.statistics import summaries

METHODS = ("spearman", "pearson", "rho-a", "cosine")
_FEW_IMAGES = 1000
_CORRECTIONS: dict[str, Callable[[npt.ArrayLike], Float64]] = {
    "holm": summaries.holm,
    "bh": summaries.benjamini_hochberg,
}


@dataclass(frozen=True, eq=False)
class BootstrapResult:
    """Scores of all models of a study, their intervals and their paired differences.

    Attributes:
        scores: One row per model: ``model``, ``score``, ``low``, ``high``, ``sd`` (images); with
            votes also ``low_votes``, ``high_votes``, ``sd_votes`` (images and votes) and
            ``vote_shift``, the mean change of the score when votes are drawn again.
        differences: One row per pair of models: ``model_a``, ``model_b``, ``difference`` (a - b),
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
class _Bootstrap:
    """Inputs and settings of one bootstrap, checked."""

    models: dict[str, RDM]
    reference: RDM
    controls: list[RDM]
    pairs: np.ndarray | None  # positions
    method: str
    unique: bool
    counts: Counts | None
    n_vote_draws: int
    seed: int
    threads: int

    def __post_init__(self) -> None:
        if not self.models:
            raise InputError("There is no model to compare; give at least one RDM.")
        if self.method not in METHODS:
            known = ", ".join(METHODS)
            raise InputError(
                f"Method {self.method!r} cannot be bootstrapped; choose one of {known}."
            )
        if (self.controls or self.unique) and self.method != "spearman":
            raise InputError(
                f"Controls and unique variance need method spearman, not {self.method!r}."
            )
        comparison.require_same_images([*self.models.values(), self.reference, *self.controls])
        if self.counts is not None and len(self.counts) != self.reference.n:
            raise InputError(
                f"There are votes on {len(self.counts)} images and {self.reference.n} in the "
                "reference RDM; give one row of votes for each of its ids, in their order."
            )

    def point_scores(self) -> Float64:
        """Scores of the study itself, by the exact functions."""
        reference: comparison.Comparable = self.reference
        held: list[comparison.Comparable] = [*self.controls]
        if self.method in comparison.RANK_METHODS:
            reference = comparison.rank_rdm(reference, pairs=self.pairs)
            held = [comparison.rank_rdm(control, pairs=self.pairs) for control in held]
        if self.unique:
            shares = unique_variance(self.models, reference, controls=held, pairs=self.pairs)
            return np.array(list(shares.values()))

        def score(model: RDM) -> float:
            if held:
                return comparison.partial_compare(model, reference, held, pairs=self.pairs)
            return comparison.compare(model, reference, self.method, pairs=self.pairs)

        return np.array([score(model) for model in self.models.values()])

    def draws(self, weights: Weights) -> tuple[Float64, Float64 | None]:
        """Scores in each sample of images, and of images and votes: (draws, models)."""
        if self.method in comparison.RANK_METHODS:
            return self._rank_draws(weights)
        return self._value_draws(weights)

    def _value_draws(self, weights: Weights) -> tuple[Float64, Float64 | None]:
        """Draws of pearson or cosine: all at once, by matrix products."""
        one = np.ones(len(self.reference), dtype=np.float32)
        if self.pairs is not None:
            one[:] = 0.0
            one[self.pairs] = 1.0
        matrices = [self.reference, *self.models.values()]
        variables = [one, *(self._variable(matrix) for matrix in matrices)]
        k = len(variables)
        with_reference = [(0, 1), *((1, q) for q in range(1, k))]
        needed = [(0, 0), *((0, q) for q in range(2, k)), *((q, q) for q in range(2, k))]
        sums = sums_of_products(variables, weights, needed=needed + with_reference)
        draws = self._scores(sums)
        if self.counts is None:
            return draws, None
        for replicate, part in enumerate(
            np.array_split(np.arange(len(weights)), self.n_vote_draws)
        ):
            variables[1] = self._variable(self._new_reference(replicate))
            renewed = sums_of_products(variables, weights[part], needed=with_reference)
            sums[part] = np.where(np.isnan(renewed), sums[part], renewed)
        return draws, self._scores(sums)

    def _variable(self, matrix: RDM) -> Float32:
        """Values as a full-length float32 variable of size 1 at most, 0 at pairs left out."""
        part = matrix.values if self.pairs is None else matrix.values[self.pairs]
        part = part.astype(np.float32)
        if self.method == "pearson":
            part -= np.float32(part.mean(dtype=np.float64))
        size = float(np.abs(part).max())
        part /= np.float32(size if size > 0.0 else 1.0)
        if self.pairs is None:
            return part
        full = np.zeros(len(matrix), dtype=np.float32)
        full[self.pairs] = part
        return full

    def _rank_draws(self, weights: Weights) -> tuple[Float64, Float64 | None]:
        """Draws of a rank method: each sample ranked anew."""
        renewing = self.counts is not None
        # Variables: the reference, its renewed version (if any), models, controls.
        matrices = [self.reference] * (1 + renewing) + [*self.models.values(), *self.controls]
        k = len(matrices)
        bins = np.empty((k, len(self.reference)), dtype=np.uint16)
        n_bins = 0
        for place, matrix in enumerate(matrices):
            bins[place], n_bins = rank_bins(matrix, self.pairs)
        included = np.empty(0, dtype=bool)
        if self.pairs is not None:
            included = np.zeros(bins.shape[1], dtype=bool)
            included[self.pairs] = True
        model = np.zeros(k, dtype=bool)
        model[1 + renewing : 1 + renewing + len(self.models)] = not self.unique
        needed = np.triu(~(model[:, None] & model[None, :]), 1)
        sums = np.empty((len(weights), k + 1, k + 1))

        def one(draw: int) -> None:
            sums[draw] = reranked_sums(bins, n_bins, included, weights[draw], needed)

        replicates = self.n_vote_draws if renewing else 1
        with ThreadPoolExecutor(self.threads) as pool:
            for replicate, part in enumerate(np.array_split(np.arange(len(weights)), replicates)):
                if renewing:
                    bins[1], _ = rank_bins(self._new_reference(replicate), self.pairs)
                list(pool.map(one, part.tolist()))
        if not renewing:
            return self._scores(sums), None
        old, new = ([0, place, *range(3, k + 1)] for place in (1, 2))
        return self._scores(sums[:, old][:, :, old]), self._scores(sums[:, new][:, :, new])

    def _new_reference(self, draw: int) -> RDM:
        """The reference from votes drawn again."""
        assert self.counts is not None
        votes = resample_votes(self.counts, rng(self.seed, "bootstrap_votes", draw))
        return rdm(vote_shares(votes), self.reference.metric, self.reference.ids)

    def _scores(self, sums: Float64) -> Float64:
        """Scores (draws, models) from sums of products of (1, reference, models, controls)."""
        number, n_models = sums[:, 0, 0], len(self.models)
        safe = np.where(number > 0.0, number, np.nan)
        raw = sums[:, 1:, 1:] / safe[:, None, None]
        mean = sums[:, 0, 1:] / safe[:, None]
        gram = raw if self.method == "cosine" else raw - mean[:, :, None] * mean[:, None, :]
        valid = np.isfinite(number) & (number > 0.0)
        out = np.full((sums.shape[0], n_models), np.nan)
        if self.unique:
            out[valid] = unique_shares(gram[valid], n_models)
            return out
        for model in range(n_models):
            chosen = [0, 1 + model, *range(1 + n_models, gram.shape[-1])]
            part = gram[valid][:, chosen][:, :, chosen]
            if self.method == "rho-a":
                n = number[valid]
                # Scaled ranks are 2 (rank - mean) / n.
                out[valid, model] = 3.0 * part[:, 0, 1] * n**2 / np.maximum(n**2 - 1.0, 1.0)
            else:
                out[valid, model] = comparison.partial_correlation(part)
        return out


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
    low, high = summaries.percentile_interval(draws, level)
    table = pd.DataFrame({"model": list(names), "score": point, "low": low, "high": high})
    table["sd"] = _sd(draws)
    if votes is not None:
        shift = _mean(votes - draws)
        low, high = summaries.percentile_interval(votes - shift, level)
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
    if not pairs:
        columns = ["model_a", "model_b", "difference", "low", "high", "p", "p_adjusted"]
        return pd.DataFrame(columns=columns)
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    adjust = _CORRECTIONS[correction]
    table = pd.DataFrame({"model_a": [names[i] for i in a], "model_b": [names[i] for i in b]})
    table["difference"] = point[a] - point[b]
    difference = draws[:, a] - draws[:, b]
    table["low"], table["high"] = summaries.percentile_interval(difference, level)
    p = summaries.bootstrap_p_value(difference)
    table["p"], table["p_adjusted"] = p, adjust(p)
    if votes is not None:
        other = votes[:, a] - votes[:, b]
        other = other - _mean(other - difference)
        table["low_votes"], table["high_votes"] = summaries.percentile_interval(other, level)
        p = summaries.bootstrap_p_value(other)
        table["p_votes"], table["p_votes_adjusted"] = p, adjust(p)
    return table


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
    are dropped. Each sample is ranked again: exactly up to 362 images, from 4096 bins of rank above
    (on 600 CIFAR-10H images and six models no draw of a score changed by more than 1e-5).

    With ``counts`` a second set of scores also draws each image's votes again and computes the
    reference from them; the copies of an image share its new votes. Votes drawn again include vote
    noise twice, which lowers most scores, so these draws are re-centred by the mean change
    (``vote_shift``) before percentiles are taken.

    Args:
        rdms: RDMs of the models, by name (a sequence gets the names "0", "1", ...).
        reference: The human RDM, computed from vote shares with its ``metric`` if counts are given.
        counts: Votes, one row per id of the reference.
        n_draws: Number of bootstrap samples.
        seed: Root seed.
        method: ``spearman``, ``rho-a``, ``pearson`` or ``cosine``.
        controls: RDMs to hold constant (partial Spearman).
        pairs: Only these pairs: condensed positions or a mask.
        unique: Score each model by its unique variance among all models and controls.
        n_vote_draws: Number of new references, each shared by an equal part of the draws; None
            means one per draw up to 1000 images and 20 above.
        level: Coverage of the percentile intervals.
        correction: Over all paired differences: ``holm`` or ``bh`` (Benjamini-Hochberg).
        threads: Samples that are scored at the same time; changes no number.

    Returns:
        The result. Memory for a rank method: 2 bytes per pair for each RDM and 9 for one at a time.

    Raises:
        InputError: Different ids, votes that do not fit, an unknown method or correction.
    """
    if correction not in _CORRECTIONS:
        raise InputError(f"Correction {correction!r} is unknown; choose holm or bh.")
    if n_draws < 2:
        raise InputError(f"n_draws is {n_draws}; a bootstrap needs at least 2 draws.")
    named = dict(rdms) if isinstance(rdms, Mapping) else {str(i): r for i, r in enumerate(rdms)}
    chosen = None if pairs is None else np.asarray(pairs)
    if chosen is not None and chosen.dtype == bool:
        chosen = np.flatnonzero(chosen)
    if n_vote_draws is None:
        n_vote_draws = n_draws if reference.n <= _FEW_IMAGES else 20
    study = _Bootstrap(
        named,
        reference,
        list(controls),
        chosen,
        method,
        unique,
        None if counts is None else as_counts(counts),
        int(np.clip(n_vote_draws, 1, n_draws)),
        seed,
        threads,
    )
    draws, votes = study.draws(image_weights(reference.n, n_draws, rng(seed, "bootstrap_images")))
    point, names = study.point_scores(), list(named)
    scores = score_table(names, point, draws, votes, level)
    differences = difference_table(names, point, draws, votes, level, correction)
    return BootstrapResult(scores, differences, draws, votes)
