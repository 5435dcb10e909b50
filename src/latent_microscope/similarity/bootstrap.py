"""Bootstrap of RDM comparisons over images."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.arrays import whole
from latent_microscope.errors import InputError
from latent_microscope.seeds import rng
from latent_microscope.similarity import comparison
from latent_microscope.similarity.ranks import bins_of
from latent_microscope.similarity.rdms import RDM, chosen_pairs
from latent_microscope.similarity.resampling import (
    Float32,
    Float64,
    Weights,
    image_weights,
    reranked_sums,
    weighted_sums,
)
from latent_microscope.similarity.variance import (
    all_others,
    semipartial_among,
    semipartial_correlations,
)
from latent_microscope.statistics import summaries

METHODS = ("rho-a", "spearman", "pearson", "cosine")
CORRECTIONS = ("max-t", "holm", "bh")
# Of a variance, what the float32 sums of a sample may leave where it is 0 (seen: 3.4e-7).
_ROUNDING = 1e-5


@dataclass(frozen=True, eq=False)
class BootstrapResult:
    """Scores of all models of a study, their intervals and their paired differences.

    Attributes:
        scores: One row per model: ``model``, ``score``, ``low``, ``high``, ``sd``.
        differences: One row per pair of models: ``model_a``, ``model_b``, ``difference`` (a - b),
            ``low``, ``high``, ``p``, ``p_adjusted``.
        draws: Scores in each bootstrap sample of images, shape (n_draws, models).
    """

    scores: pd.DataFrame
    differences: pd.DataFrame
    draws: Float64


@dataclass(frozen=True, eq=False)
class RankStudy:
    """Inputs and settings of one bootstrap, checked."""

    models: dict[str, RDM]
    reference: RDM
    controls: list[RDM]
    pairs: np.ndarray | None  # positions
    method: str
    unique: bool
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
                f"Controls and semi-partial correlations need method spearman, not {self.method!r}."
            )
        comparison.require_same_images([*self.models.values(), self.reference, *self.controls])

    def point_scores(self) -> Float64:
        """Scores of the study itself, by the exact functions."""
        reference: comparison.Comparable = self.reference
        held: list[comparison.Comparable] = [*self.controls]
        if self.method in comparison.RANK_METHODS:
            reference = comparison.rank_rdm(reference, pairs=self.pairs)
            held = [comparison.rank_rdm(control, pairs=self.pairs) for control in held]
        if self.unique:
            own = semipartial_correlations(self.models, reference, controls=held, pairs=self.pairs)
            return np.array(list(own.values()))

        def score(model: RDM) -> float:
            if held:
                return comparison.partial_compare(model, reference, held, pairs=self.pairs)
            return comparison.compare(model, reference, self.method, pairs=self.pairs)

        return np.array([score(model) for model in self.models.values()])

    def value_draws(self, weights: Weights) -> Float64:
        """Draws of pearson or cosine: all at once, by matrix products."""
        one = np.ones(len(self.reference), dtype=np.float32)
        if self.pairs is not None:
            one[:] = 0.0
            one[self.pairs] = 1.0
        matrices = [self.reference, *self.models.values()]
        variables = [one, *(self._variable(matrix) for matrix in matrices)]
        sums = np.full((len(weights), len(variables), len(variables)), np.nan)
        for p, x in enumerate(variables):
            for q, y in enumerate(variables[p:], p):
                if p < 2 or p == q:
                    # 1 * 1 and 1 * y need no second factor: y is 0 wherever 1 is.
                    value = weighted_sums(y, x if p else None, weights)
                    sums[:, p, q] = sums[:, q, p] = value
        return self._scores(sums)

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

    def rank_draws(self, weights: Weights) -> Float64:
        """Draws of a rank method: each sample ranked anew."""
        matrices = [self.reference, *self.models.values(), *self.controls]
        k = len(matrices)
        bins = np.zeros((k, len(self.reference)), dtype=np.uint16)
        chosen = slice(None) if self.pairs is None else self.pairs
        n_bins = 0
        for place, matrix in enumerate(matrices):
            ranks = comparison.rank_rdm(matrix, pairs=self.pairs).ranks
            bins[place, chosen], n_bins = bins_of(ranks)
        included = np.empty(0, dtype=bool)
        if self.pairs is not None:
            included = np.zeros(bins.shape[1], dtype=bool)
            included[self.pairs] = True
        model = np.zeros(k, dtype=bool)
        model[1 : 1 + len(self.models)] = not self.unique
        needed = np.triu(~(model[:, None] & model[None, :]), 1)
        sums = np.empty((len(weights), k + 1, k + 1))

        def one(draw: int) -> None:
            sums[draw] = reranked_sums(bins, n_bins, included, weights[draw], needed)

        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(one, range(len(weights))))
        return self._scores(sums)

    def _scores(self, sums: Float64) -> Float64:
        """Scores (draws, models) from sums of products of (1, reference, models, controls)."""
        number, n_models = sums[:, 0, 0], len(self.models)
        safe = np.where(number > 0.0, number, np.nan)
        raw = sums[:, 1:, 1:] / safe[:, None, None]
        mean = sums[:, 0, 1:] / safe[:, None]
        gram = raw if self.method == "cosine" else raw - mean[:, :, None] * mean[:, None, :]
        if self.method == "pearson":
            # What is left of a constant sample is the rounding of float32.
            own, size = (np.einsum("dii->di", one) for one in (gram, raw))
            varies = own > 1e-6 * size
            gram = gram * (varies[:, :, None] & varies[:, None, :])
        valid = np.isfinite(number) & (number > 0.0)
        out = np.full((sums.shape[0], n_models), np.nan)
        if self.unique:
            others = all_others(n_models, len(self.controls))
            out[valid] = semipartial_among(gram[valid], others, _ROUNDING)
            return out
        for model in range(n_models):
            chosen = [0, 1 + model, *range(1 + n_models, gram.shape[-1])]
            part = gram[valid][:, chosen][:, :, chosen]
            if self.method == "rho-a":
                n = number[valid]
                # Scaled ranks are 2 (rank - mean) / n.
                with np.errstate(invalid="ignore"):  # one pair: 0 / 0
                    out[valid, model] = 3.0 * part[:, 0, 1] * n**2 / (n**2 - 1.0)
            else:
                out[valid, model] = comparison.partial_correlation(part, _ROUNDING)
        return out


def score_table(names: Sequence[str], point: Float64, draws: Float64, level: float) -> pd.DataFrame:
    """Intervals of each score; see :attr:`BootstrapResult.scores`."""
    low, high = summaries.percentile_interval(draws, level)
    sd = pd.DataFrame(draws).std(ddof=1).to_numpy(float)  # over the draws where it is defined
    return pd.DataFrame({"model": list(names), "score": point, "low": low, "high": high, "sd": sd})


def difference_table(
    names: Sequence[str], point: Float64, draws: Float64, level: float, correction: str
) -> pd.DataFrame:
    """Paired differences of all scores; see :attr:`BootstrapResult.differences`."""
    a, b = np.triu_indices(len(names), 1)
    table = pd.DataFrame(
        {"model_a": [names[int(i)] for i in a], "model_b": [names[int(i)] for i in b]}
    )
    table["difference"] = point[a] - point[b]
    if not len(a):
        return table.assign(low=[], high=[], p=[], p_adjusted=[])
    drawn = draws[:, a] - draws[:, b]
    table["low"], table["high"] = summaries.percentile_interval(drawn, level)
    table["p"] = summaries.bootstrap_p_value(drawn)
    if correction == "max-t":
        adjusted = summaries.max_t(drawn, table["difference"])
        table["p_adjusted"] = np.maximum(adjusted, table["p"])  # not below that of one pair
    else:
        adjust = summaries.holm if correction == "holm" else summaries.benjamini_hochberg
        table["p_adjusted"] = adjust(table["p"])
    return table


def bootstrap_compare(
    rdms: Mapping[str, RDM] | Sequence[RDM],
    reference: RDM,
    counts: npt.ArrayLike | None = None,
    n_draws: int = 1000,
    seed: int = 0,
    *,
    method: str = "spearman",
    controls: RDM | Sequence[RDM] = (),
    pairs: npt.ArrayLike | None = None,
    unique: bool = False,
    n_vote_draws: int | None = None,
    level: float = 0.95,
    correction: str = "max-t",
    threads: int = 1,
) -> BootstrapResult:
    """Intervals and paired differences of the scores of all models of a study.

    Images are drawn with replacement, the same for all models; pairs of an image with its own copy
    are dropped. Each sample is ranked again: exactly up to 362 images, from 4096 bins of rank above
    (on 600 CIFAR-10H images and six models no draw of a score changed by more than 1e-5). The
    intervals generalise to other images, each with votes of its own as many as these had: votes are
    nested in images, so that they are drawn with them.

    Args:
        rdms: RDMs of the models, by name (a sequence gets the names "0", "1", ...).
        reference: The human RDM.
        counts: Deprecated and without effect: to draw votes again within drawn images counts their
            noise twice (intervals 17 % too wide).
        n_draws: Number of bootstrap samples.
        seed: Root seed.
        method: ``spearman``, ``rho-a``, ``pearson`` or ``cosine``.
        controls: One RDM or several to hold constant (partial Spearman).
        pairs: Only these pairs: condensed positions or a mask.
        unique: Score each model by its signed semi-partial correlation given all other models and
            controls.
        n_vote_draws: Deprecated and without effect, as ``counts``.
        level: Coverage of the percentile intervals.
        correction: Over all paired differences: ``max-t`` (family-wise error by the joint law of
            the draws, see ``statistics.summaries.max_t``, and never below the p of one pair),
            ``holm`` or ``bh`` (Benjamini-Hochberg); Holm needs draws of the order of 40 times the
            number of pairs.
        threads: Samples that are scored at the same time; changes no number.

    Returns:
        The result. Memory for a rank method: 2 bytes per pair for each RDM.

    Raises:
        InputError: Different ids, an unknown method or correction.
    """
    if correction not in CORRECTIONS:
        raise InputError(f"Correction {correction!r} is unknown; choose max-t, holm or bh.")
    n_draws, threads = whole(n_draws, "n_draws", 2), whole(threads, "threads", 1)
    seed = whole(seed, "seed")
    summaries.check_level(level)
    if counts is not None or n_vote_draws is not None:
        warnings.warn(
            "bootstrap_compare: counts and n_vote_draws have no effect; votes are drawn with their "
            "images",
            DeprecationWarning,
            stacklevel=2,
        )
    if isinstance(rdms, RDM) or not isinstance(rdms, Iterable):
        raise InputError("rdms must be a dict or a list of RDMs, also of a single one.")
    named = dict(rdms) if isinstance(rdms, Mapping) else {str(i): r for i, r in enumerate(rdms)}
    held = comparison.as_list(controls)
    given = {"reference": [reference], "rdms": named.values(), "controls": held}
    for name, items in given.items():
        for one in items:
            if not isinstance(one, RDM):
                raise InputError(
                    f"{name}: not an RDM but a {type(one).__name__}; RDM(values, ids) makes one of "
                    "condensed values."
                )
    chosen = chosen_pairs(pairs, len(reference))
    if chosen is not None and chosen.dtype == bool:
        chosen = np.flatnonzero(chosen)
    study = RankStudy(named, reference, cast("list[RDM]", held), chosen, method, unique, threads)
    score = study.rank_draws if method in comparison.RANK_METHODS else study.value_draws
    draws = score(image_weights(reference.n, n_draws, rng(seed, "bootstrap_images")))
    point, names = study.point_scores(), list(named)
    scores = score_table(names, point, draws, level)
    return BootstrapResult(scores, difference_table(names, point, draws, level, correction), draws)
