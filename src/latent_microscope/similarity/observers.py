"""Similarity of models to dissimilarities that one or several observers gave."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata
from scipy.stats import t as student

from latent_microscope.seeds import rng
from latent_microscope.similarity.bootstrap import bootstrap_compare, difference_table
from latent_microscope.similarity.comparison import compare, partial_compare
from latent_microscope.similarity.rdms import RDM
from latent_microscope.statistics.auc import two_sided_p
from latent_microscope.statistics.summaries import (
    benjamini_hochberg,
    holm,
    percentile_interval,
)

Floats = npt.NDArray[np.float64]
LEVEL = 0.95
IMAGES, BOTH = "images", "images and annotators"
"""What intervals generalise to, with one observer and with several."""


def known_pairs(rdm: RDM) -> npt.NDArray[np.bool_] | None:
    """Which pairs are not missing (NaN); None: all."""
    known = np.isfinite(rdm.values)
    return None if known.all() else known


def pooled(observers: Sequence[RDM], method: str) -> Floats:
    """The condensed dissimilarities most similar to all observers on average.

    Mean ranks, or for ``pearson`` the mean of standardised values, over the observers who judged a
    pair (their ranks as shares of their pairs where some are missing); NaN: nobody did. Source:
    Nili et al. 2014; for ``spearman`` this is the maximum only without ties in it.
    """
    total, count = np.zeros(len(observers[0])), np.zeros(len(observers[0]))
    incomplete = any(known_pairs(one) is not None for one in observers)
    for one in observers:
        known = np.isfinite(one.values)
        values = one.values[known].astype(np.float64)
        if method == "pearson":
            spread = float(values.std())
            total[known] += (values - values.mean()) / (spread if spread > 0.0 else 1.0)
        else:
            ranks = rankdata(values)
            total[known] += ranks / (len(values) + 1.0) if incomplete else ranks
        count += known
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def observer_scores(
    models: Mapping[str, RDM], observers: Sequence[RDM], method: str, controls: Sequence[RDM] = ()
) -> Floats:
    """Similarity of each model to an observer, the mean over observers.

    With controls a partial Spearman correlation.
    """

    def score(model: RDM, observer: RDM) -> float:
        known = known_pairs(observer)
        if controls:
            return partial_compare(model, observer, list(controls), pairs=known)
        return compare(model, observer, method, pairs=known)

    return np.array([np.mean([score(m, one) for one in observers]) for m in models.values()])


def observer_draws(
    models: Mapping[str, RDM],
    observers: Sequence[RDM],
    method: str,
    *,
    n_draws: int,
    seed: int,
    threads: int = 1,
    controls: Sequence[RDM] = (),
) -> tuple[Floats, Floats]:
    """Similarity of each model to each observer, and in bootstrap samples of the images.

    The samples are the same for all models and observers. Shapes (observers, models) and (n_draws,
    observers, models).
    """
    each = [
        bootstrap_compare(
            models,
            one,
            method=method,
            controls=controls,
            n_draws=n_draws,
            seed=seed,
            threads=threads,
            pairs=known_pairs(one),
        )
        for one in observers
    ]
    points = np.stack([one.scores["score"].to_numpy(float) for one in each])
    return points, np.stack([one.draws for one in each], axis=1)


def crossed_intervals(points: Floats, draws: Floats, *, seed: int) -> pd.DataFrame:
    """Intervals of the mean over observers of k scores; points and draws as of observer_draws.

    ``low``, ``high``, ``sd``: with several observers over images and observers. Both are crossed,
    so that resampling both counts the noise of single judgements more than once; the variance is
    2 (images + observers) - both, within its bounds (Schütt et al. 2023, eLife 12, e82566), with
    Student's t on the observers' degrees of freedom. With one observer they are over images.
    ``low_images``, ``high_images``: over images, for these observers (percentiles of the draws).
    ``low_annotators``, ``high_annotators``: over observers, for these images (Student's t); NaN
    with one.
    """
    n, point = len(points), points.mean(axis=0)
    known = np.ma.masked_invalid(draws)  # few pairs: a sample may have none that vary
    means = known.mean(axis=1)
    ends = percentile_interval(means.filled(np.nan), LEVEL)
    table = pd.DataFrame({"low": ends[0], "high": ends[1]})
    variance = means.var(axis=0, ddof=1).filled(np.nan)
    half = np.full(point.shape, np.nan)
    if n > 1:
        chosen = rng(seed, "bootstrap_observers").integers(0, n, (len(draws), n))
        both = np.take_along_axis(known, chosen[:, :, None], axis=1).mean(axis=1)
        of_both = both.var(axis=0, ddof=1).filled(np.nan)
        of_observers = points.var(axis=0, ddof=1) / n
        least = np.maximum(variance, of_observers)
        crossed = 2.0 * (variance + of_observers) - of_both
        variance = np.clip(crossed, least, np.maximum(of_both, least))
        width = student.ppf((1.0 + LEVEL) / 2.0, n - 1)
        table["low"] = point - width * np.sqrt(variance)
        table["high"] = point + width * np.sqrt(variance)
        half = width * np.sqrt(of_observers)
    table["sd"] = np.sqrt(variance)
    table["low_images"], table["high_images"] = ends
    table["low_annotators"], table["high_annotators"] = point - half, point + half
    return table


def observer_intervals(
    models: Mapping[str, RDM],
    observers: Sequence[RDM],
    method: str,
    *,
    n_draws: int,
    seed: int,
    threads: int = 1,
) -> pd.DataFrame:
    """Intervals of :func:`observer_scores`, one row per model; see :func:`crossed_intervals`."""
    points, draws = observer_draws(
        models, observers, method, n_draws=n_draws, seed=seed, threads=threads
    )
    return crossed_intervals(points, draws, seed=seed)


def observer_differences(
    names: Sequence[str], points: Floats, draws: Floats, *, seed: int, correction: str
) -> pd.DataFrame:
    """Paired differences of all models; points and draws as of :func:`observer_draws`.

    One row per pair: ``model_a``, ``model_b``, ``difference`` (a - b), intervals as of
    :func:`crossed_intervals`, ``p`` by the same variance, ``p_adjusted``, ``correction``,
    ``p_images`` (bootstrap) and ``p_annotators`` (paired t test). With one observer ``p`` is over
    images, adjusted by ``correction``; with several max-t, which the draws of images cannot give,
    is replaced by Holm's.
    """
    means = np.ma.masked_invalid(draws).mean(axis=1).filled(np.nan)
    paired = difference_table(names, points.mean(axis=0), means, LEVEL, correction)
    a, b = np.triu_indices(len(names), 1)
    gaps, drawn, n = points[:, a] - points[:, b], draws[:, :, a] - draws[:, :, b], len(points)
    table = paired[["model_a", "model_b", "difference"]].copy()
    intervals = crossed_intervals(gaps, drawn, seed=seed)
    table[list(intervals.columns)] = intervals.to_numpy(float)
    table["p"], table["p_adjusted"] = paired["p"], paired["p_adjusted"]
    table["p_images"], table["p_annotators"] = paired["p"], np.nan
    if n > 1:
        correction = "holm" if correction == "max-t" else correction
        errors = gaps.std(axis=0, ddof=1) / np.sqrt(n)
        for column, sizes in (("p", table["sd"]), ("p_annotators", errors)):
            pairs = zip(table["difference"], sizes, strict=True)
            table[column] = [two_sided_p(gap, size, n - 1) for gap, size in pairs]
        adjust = holm if correction == "holm" else benjamini_hochberg
        table["p_adjusted"] = adjust(table["p"].to_numpy(float))
    return table.assign(correction=correction)


def observer_ceiling(observers: Sequence[RDM], method: str) -> tuple[float, float]:
    """Noise ceiling of :func:`observer_scores`; NaN for one observer.

    Upper: the score of the pooled dissimilarities of all, which no model can pass if no pair is
    missing; lower: that of the others' pooled dissimilarities for each observer. Source: Nili et
    al. 2014.
    """
    if len(observers) < 2:
        return float("nan"), float("nan")
    lower, upper = observer_agreement(observers, method).mean(skipna=False)
    return float(lower), float(upper)


def observer_agreement(observers: Sequence[RDM], method: str) -> pd.DataFrame:
    """Similarity of each observer to the pooled dissimilarities of the others, and of all.

    ``with_others`` (NaN where nobody else judged these pairs) and ``with_all``; one row each.
    """
    whole, rows = pooled(observers, method), []
    for place, one in enumerate(observers):
        others = [*observers[:place], *observers[place + 1 :]]
        rows.append(
            (
                _similarity(one, pooled(others, method), method) if others else np.nan,
                _similarity(one, whole, method),
            )
        )
    return pd.DataFrame(rows, columns=["with_others", "with_all"], dtype=float)


def _similarity(observer: RDM, values: Floats, method: str) -> float:
    """Over the pairs that both have; NaN for fewer than two."""
    both = np.isfinite(observer.values) & np.isfinite(values)
    if both.sum() < 2:
        return float("nan")
    return compare(observer.values[both], values[both], method)
