"""Bias scores: how much one cluster dominates, and which attributes its members share."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from latent_microscope.errors import InputError
from latent_microscope.forensics.bias_resampling import (
    Counts,
    bootstrap_counts,
    effective_identities,
    expanded_percentiles,
    identity_codes,
    permutation_p,
)
from latent_microscope.forensics.checks import as_labels, as_mask, in_range, one_of
from latent_microscope.statistics.summaries import benjamini_hochberg

DEFINITIONS = ("odds", "ratio")
# Published thresholds of the value: (over-represented above, under-represented below).
LIMITS = {"odds": (1.15, 0.85), "ratio": (1.10, 0.90)}
_CELL_EPSILON = 1e-6
_RATIO_EPSILON = 1e-8
_Z95 = float(ndtri(0.975))
# Cohen 1988, chapter 6: |h| of at least 0.2 is small, 0.5 medium, 0.8 large.
_MAGNITUDES = np.array(["negligible", "small", "medium", "large", "undefined"], dtype=object)
_MAGNITUDE_LIMITS = (0.2, 0.5, 0.8)

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def stereotypical_bias_score(labels: npt.ArrayLike) -> tuple[float, int | None]:
    """Share of all samples in the largest cluster, and its label.

    Args:
        labels: Cluster labels, whole numbers; -1 is noise and never a cluster.

    Returns:
        ``(share, label)``; of clusters of one size the smallest label; ``(0.0, None)`` when all
        is noise.

    Raises:
        InputError: If ``labels`` is not a vector of whole numbers.
    """
    values = as_labels(labels, "labels")
    found, sizes = np.unique(values[values != -1], return_counts=True)
    if found.size == 0:
        return 0.0, None
    largest = int(np.argmax(sizes))
    return float(sizes[largest] / values.size), int(found[largest])


def binary_attributes(
    attributes: npt.ArrayLike | pd.DataFrame, names: Sequence[str] | None = None
) -> tuple[Mask, list[str]]:
    """Attributes as booleans with their names."""
    if isinstance(attributes, pd.DataFrame) and names is None:
        names = [str(name) for name in attributes.columns]
    try:
        values = np.asarray(attributes, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("attributes must be 0/1, ±1 or booleans") from error
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or 0 in values.shape:
        raise InputError(
            f"attributes has shape {values.shape}; expected one row per sample and one column "
            "per attribute"
        )
    names = list(names) if names is not None else [f"attribute_{j}" for j in range(len(values.T))]
    if len(names) != values.shape[1]:
        raise InputError(f"{len(names)} attribute names for {values.shape[1]} attributes.")
    negative = bool((values == -1.0).any())
    allowed = (-1.0, 1.0) if negative else (0.0, 1.0)
    row, col = np.nonzero(~np.isin(values, allowed))
    if row.size:
        coding = "±1" if negative else "0/1"
        raise InputError(
            f"attributes: row {row[0]}, column {names[col[0]]!r} is {values[row[0], col[0]]:g}; "
            f"the others are {coding}, use one coding for all"
        )
    return values == 1.0, names


def contingency(present: Mask, members: Mask) -> Counts:
    """Counts a, b (members with, without) and c, d (rest with, without), one per attribute."""
    a = present[members].sum(axis=0, dtype=np.float64)
    c = present.sum(axis=0, dtype=np.float64) - a
    m = float(np.count_nonzero(members))
    return a, m - a, c, (len(members) - m) - c


def published_value(a: Floats, b: Floats, c: Floats, d: Floats, definition: str) -> Floats:
    """The published index: odds ratio with 1e-6 on each cell, or P(members)/(P + 1e-8)."""
    if definition == "odds":
        e = _CELL_EPSILON
        return ((a + e) * (d + e)) / ((b + e) * (c + e))
    return (a / (a + b)) / ((a + c) / (a + b + c + d) + _RATIO_EPSILON)


def log_estimate(a: Floats, b: Floats, c: Floats, d: Floats, definition: str) -> Floats:
    """Logarithm of the Haldane–Anscombe estimate (0.5 on each cell) of the index."""
    if definition == "odds":
        return np.log((a + 0.5) * (d + 0.5)) - np.log((b + 0.5) * (c + 0.5))
    inside, outside, weight = _shares(a, b, c, d)
    return np.log(inside) - np.log(weight * inside + (1.0 - weight) * outside)


def log_variance(a: Floats, b: Floats, c: Floats, d: Floats, definition: str) -> Floats:
    """Large-sample variance of :func:`log_estimate` for independent samples.

    Odds: Woolf, Haldane, Anscombe. Ratio: members are part of the whole, so the delta method.
    """
    if definition == "odds":
        return 1 / (a + 0.5) + 1 / (b + 0.5) + 1 / (c + 0.5) + 1 / (d + 0.5)
    inside, outside, weight = _shares(a, b, c, d)
    whole = weight * inside + (1.0 - weight) * outside
    of_inside = (1.0 - weight) * outside / (inside * whole)
    of_outside = (1.0 - weight) / whole
    return of_inside**2 * inside * (1.0 - inside) / (a + b + 1.0) + (
        of_outside**2 * outside * (1.0 - outside) / (c + d + 1.0)
    )


def _shares(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[Floats, Floats, Floats]:
    """Smoothed shares of an attribute in members and rest, and the members' share of all."""
    inside = (a + 0.5) / (a + b + 1.0)
    outside = (c + 0.5) / (c + d + 1.0)
    return inside, outside, (a + b) / (a + b + c + d)


def mid_p(a: Floats, b: Floats, c: Floats, d: Floats) -> Floats:
    """Two-sided p of independence: twice the smaller mid-p tail of the hypergeometric law.

    Vectorised and close to its nominal size also for small cells (Fisher's exact p is not).
    """
    # Imported here: scipy.stats takes longer to load than what uses the rest of this module.
    from scipy.stats import hypergeom

    law = hypergeom(a + b + c + d, a + c, a + b)
    point = 0.5 * law.pmf(a)
    lower = law.cdf(a - 1.0) + point
    upper = law.sf(a) + point
    return np.minimum(1.0, 2.0 * np.minimum(lower, upper))


def attribute_bias_index(
    attributes: npt.ArrayLike | pd.DataFrame,
    members: npt.ArrayLike,
    definition: str = "odds",
    *,
    names: Sequence[str] | None = None,
    identities: npt.ArrayLike | None = None,
    n_resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """How much more often members have each attribute than the others.

    ``value`` is always the published formula: the odds ratio members against the rest with 1e-6
    added to each cell, or with ``definition="ratio"`` P(attribute in members) / (P(attribute) +
    1e-8). ``direction`` compares it with the published limits (odds 1.15, 0.85; ratio 1.10,
    0.90); a zero cell is judged by its estimate, since its value is set by the 1e-6.
    ``estimate``, ``low``, ``high``: Haldane–Anscombe estimate with its 95 % interval. ``p``:
    mid-p of the hypergeometric law (see :func:`mid_p`). ``q``: Benjamini–Hochberg over the tested
    attributes.

    With ``identities``, images of one person do not count as independent: the
    interval is the expanded percentile interval over resampled identities and p comes from
    permuting whole membership patterns among identities with equally many images. A zero cell
    resamples to itself, so its interval also spans the Haldane–Anscombe one.

    Args:
        attributes: (n, m) table of 0/1, ±1 or booleans.
        members: n booleans.
        definition: ``odds`` or ``ratio``.
        names: One name a column; by default a data frame's columns, else ``attribute_0`` ….
        identities: One identity a sample.
        n_resamples: Resamples and permutations of identities.
        seed: Root seed of these.

    Returns:
        Table, one row per attribute in its order: ``attribute``, ``value``, ``direction`` (over,
        neutral, under, undefined), ``status`` (ok, zero_cell, constant), ``estimate``, ``low``,
        ``high``, ``p``, ``q``. A constant attribute (or one where every sample is a member) is
        undefined and not tested: NaN.

    Raises:
        InputError: If the arrays do not fit, a value is no attribute or no sample is a member.
    """
    tables = attribute_bias(
        attributes,
        members,
        (definition,),
        names=names,
        identities=identities,
        n_resamples=n_resamples,
        seed=seed,
    )
    return tables[definition].loc[:, :"q"]  # type: ignore[misc]


def attribute_bias(
    attributes: npt.ArrayLike | pd.DataFrame,
    members: npt.ArrayLike,
    definitions: Sequence[str] = DEFINITIONS,
    *,
    names: Sequence[str] | None = None,
    identities: npt.ArrayLike | None = None,
    n_resamples: int = 2000,
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """By definition the table of :func:`attribute_bias_index` with effect sizes.

    Both definitions ask whether members and attribute are independent, so they share one p.
    """
    present, listed = binary_attributes(attributes, names)
    inside = as_mask(members, "members", len(present))
    for definition in definitions:
        one_of(definition, "ABI definition", DEFINITIONS)
    if not inside.any():
        raise InputError("members selects no sample; an ABI needs at least one member")
    cells = contingency(present, inside)
    status = _status(cells)
    tested = status != "constant"
    p = np.full(len(listed), np.nan)
    intervals = {d: log_interval(cells, d) for d in definitions}
    intervals["difference"] = newcombe_interval(*cells)
    if identities is not None:
        codes = identity_codes(identities, len(inside))
        n_resamples = int(in_range(n_resamples, "n_resamples", 1))
        draws = bootstrap_counts(present, inside, codes, n_resamples, seed)
        p[tested] = permutation_p(present, inside, codes, n_resamples, seed)[tested]
        for effect, (low, high) in intervals.items():
            robust = _resampled_interval(draws, effect, present, inside, codes)
            # A zero cell resamples to itself: its interval also spans the analytic one.
            zero = status == "zero_cell"
            intervals[effect] = (
                np.where(zero, np.fmin(low, robust[0]), robust[0]),
                np.where(zero, np.fmax(high, robust[1]), robust[1]),
            )
    elif tested.any():
        p[tested] = mid_p(*(cell[tested] for cell in cells))
    return {d: _bias_table(cells, listed, status, p, intervals, d) for d in definitions}


def _bias_table(
    cells: Counts,
    names: list[str],
    status: npt.NDArray[np.object_],
    p: Floats,
    intervals: Mapping[str, tuple[Floats, Floats]],
    definition: str,
) -> pd.DataFrame:
    """The table of one definition; NaN where nothing was tested."""
    value = published_value(*cells, definition)
    estimate = np.exp(log_estimate(*cells, definition))
    low, high = np.exp(intervals[definition])
    h = np.where(status == "constant", np.nan, cohens_h(*cells))
    table = pd.DataFrame(
        {
            "attribute": names,
            "value": value,
            "direction": _direction(np.where(status == "ok", value, estimate), definition),
            "status": status,
            "estimate": estimate,
            "low": low,
            "high": high,
            "p": p,
            "q": benjamini_hochberg(p),
            "risk_difference": risk_difference(*cells),
            "difference_low": intervals["difference"][0],
            "difference_high": intervals["difference"][1],
            "cohens_h": h,
            "magnitude": magnitude(h),
            "agrees": ((low > 1.0) | (high < 1.0)) == (p <= 0.05),
        }
    )
    effects = ["risk_difference", "difference_low", "difference_high"]
    constant = status == "constant"
    table.loc[constant, ["estimate", "low", "high", *effects]] = np.nan
    table.loc[constant, "direction"] = "undefined"
    table.loc[constant, "agrees"] = True
    return table


def log_interval(cells: Counts, definition: str) -> tuple[Floats, Floats]:
    """Haldane–Anscombe interval of independent samples, logarithms."""
    centre = log_estimate(*cells, definition)
    half = _Z95 * np.sqrt(log_variance(*cells, definition))
    return centre - half, centre + half


def _resampled_interval(
    draws: Counts, effect: str, present: Mask, members: Mask, codes: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Interval of an effect from counts of resampled identities; of a ratio its logarithm."""
    if members.all():
        return np.full(present.shape[1], np.nan), np.full(present.shape[1], np.nan)
    values = risk_difference(*draws) if effect == "difference" else log_estimate(*draws, effect)
    freedom = effective_identities(influence(present, members, effect), codes)
    return expanded_percentiles(values, freedom)


def _status(cells: Counts) -> npt.NDArray[np.object_]:
    """Whether each 2×2 table is usual, has a zero cell, or has an empty row or column."""
    a, b, c, d = cells
    constant = (a + c == 0.0) | (b + d == 0.0) | (a + b == 0.0) | (c + d == 0.0)
    zero = (a == 0.0) | (b == 0.0) | (c == 0.0) | (d == 0.0)
    return np.where(constant, "constant", np.where(zero, "zero_cell", "ok")).astype(object)


def _direction(value: Floats, definition: str) -> npt.NDArray[np.object_]:
    """Over, neutral or under by the published limits."""
    above, below = LIMITS[definition]
    return np.select([value > above, value < below], ["over", "under"], "neutral").astype(object)


def risk_difference(a: Floats, b: Floats, c: Floats, d: Floats) -> Floats:
    """Share of members with the attribute minus share of the rest; NaN where a side is empty."""
    with np.errstate(invalid="ignore"):
        return a / (a + b) - c / (c + d)


def newcombe_interval(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[Floats, Floats]:
    """95 % interval of the risk difference of independent samples; NaN where a side is empty.

    Source: Newcombe 1998, Statistics in Medicine 17, method 10.
    """
    inside, low_in, high_in = _wilson(a, a + b)
    outside, low_out, high_out = _wilson(c, c + d)
    difference = inside - outside
    return (
        difference - np.hypot(inside - low_in, high_out - outside),
        difference + np.hypot(high_in - inside, outside - low_out),
    )


def _wilson(count: Floats, total: Floats) -> tuple[Floats, Floats, Floats]:
    """Share and its 95 % Wilson score interval."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = count / total
        middle = (count + _Z95**2 / 2.0) / (total + _Z95**2)
        half = _Z95 / (total + _Z95**2) * np.sqrt(total * share * (1.0 - share) + _Z95**2 / 4.0)
    return share, middle - half, middle + half


def cohens_h(a: Floats, b: Floats, c: Floats, d: Floats) -> Floats:
    """Cohen's h: difference of the shares' arcsines, 2 asin √p₁ - 2 asin √p₀, in [-π, π]."""
    with np.errstate(invalid="ignore"):
        return 2.0 * np.arcsin(np.sqrt(a / (a + b))) - 2.0 * np.arcsin(np.sqrt(c / (c + d)))


def magnitude(h: npt.ArrayLike) -> npt.NDArray[np.object_]:
    """Cohen's words for an effect: negligible, small, medium or large; undefined for NaN."""
    values = np.abs(np.asarray(h, dtype=np.float64))
    place = np.searchsorted(_MAGNITUDE_LIMITS, values, side="right")
    return _MAGNITUDES[np.where(np.isnan(values), -1, place)]


def influence(present: Mask, members: Mask, effect: str) -> Floats:
    """Influence (n, m) of each sample on log ``odds``, log ``ratio`` or ``difference``.

    Summed within identities and squared they give the cluster-robust variance of the effect.
    """
    m = float(np.count_nonzero(members))
    rest = len(members) - m
    a = present[members].sum(axis=0, dtype=np.float64)
    c = present[~members].sum(axis=0, dtype=np.float64)
    inside, outside = (a + 0.5) / (m + 1.0), (c + 0.5) / (rest + 1.0)
    of_inside, of_outside = np.ones_like(inside), np.ones_like(outside)
    if effect == "odds":
        of_inside = 1.0 / (inside * (1.0 - inside))
        of_outside = 1.0 / (outside * (1.0 - outside))
    elif effect == "ratio":
        weight = m / len(members)
        whole = weight * inside + (1.0 - weight) * outside
        of_inside = 1.0 / inside - weight / whole
        of_outside = (1.0 - weight) / whole
    of_member = (present - inside) * (of_inside / m)
    of_other = (present - outside) * (-of_outside / rest)
    return np.where(members[:, None], of_member, of_other)
