"""Bias scores: how much one cluster dominates, and which attributes its members share."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.arrays import as_numbers
from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_labels, as_mask, identity_codes, one_of, same_rows
from latent_microscope.statistics.clusters import clustered_error
from latent_microscope.statistics.summaries import benjamini_hochberg
from latent_microscope.statistics.two_by_two import (
    Table,
    conditional_interval,
    conditional_p,
    quantile,
    ratio_interval,
)

DEFINITIONS = ("odds", "ratio")
# Published thresholds of the value: (over-represented above, under-represented below).
LIMITS = {"odds": (1.15, 0.85), "ratio": (1.10, 0.90)}
_CELL_EPSILON = 1e-6
_RATIO_EPSILON = 1e-8
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
        if isinstance(attributes, pd.DataFrame):
            values = attributes.to_numpy(np.float64, na_value=np.nan)
        else:
            values = as_numbers(attributes, "attributes", np.float64)
    except (TypeError, ValueError, InputError) as error:
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


def by_known_rows(attributes: pd.DataFrame) -> Iterator[tuple[Mask, pd.DataFrame]]:
    """The attributes that are known of the same samples: which these are, and their values."""
    missing = attributes.isna().to_numpy()
    columns: dict[bytes, list[int]] = {}
    for place in range(missing.shape[1]):
        columns.setdefault(missing[:, place].tobytes(), []).append(place)
    for places in columns.values():
        known = ~missing[:, places[0]]
        yield known, attributes.loc[known].iloc[:, places]


def contingency(present: Mask, members: Mask) -> Table:
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
    """Logarithm of the estimated index, never on the other side of 0 than the counts.

    Haldane–Anscombe (0.5 on each cell). The share of an empty cell is its median-unbiased
    estimate, at which the cell is empty in half of all samples; were that on the other side, the
    index is 1: 0 of 4 members is no sign of anything where 1 in 200 has the attribute.

    Source: Hirji, Tsiatis and Mehta 1989.
    """
    inside, outside = _share(a, b), _share(c, d)
    if definition == "odds":
        value = np.log(inside / (1.0 - inside)) - np.log(outside / (1.0 - outside))
    else:
        weight = (a + b) / (a + b + c + d)
        value = np.log(inside) - np.log(weight * inside + (1.0 - weight) * outside)
    side = np.sign(a * d - b * c)
    return np.asarray(side * np.maximum(side * value, 0.0))


def _share(have: Floats, lack: Floats) -> Floats:
    """Share of those who have it, smoothed."""
    n = np.maximum(have + lack, 1.0)
    rare = 1.0 - 0.5 ** (1.0 / n)
    return np.select([have == 0.0, lack == 0.0], [rare, 1.0 - rare], _smoothed(have, lack))


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
    ``estimate``: Haldane–Anscombe, but 1 where that lies on the other side of 1 than the counts; of
    a zero cell see :func:`log_estimate`. ``p``: mid-p of the hypergeometric law. ``low``, ``high``:
    95 %, of odds the values that this test does not reject, so that it holds 1 just where p > 0.05,
    open at a zero cell; of the ratio Miettinen and Nurminen's score interval, extended to 1 where
    p > 0.05. ``q``: Benjamini–Hochberg over the tested attributes.

    With ``identities``, images of one person do not count as independent: counts are divided by
    the design effect (:func:`design_effect`) and the normal law is replaced by Student's t, in p
    and intervals alike. Where a few people hold most of a side's images, no number is honest:
    status ``untestable``.

    Args:
        attributes: (n, m) table of 0/1, ±1 or booleans.
        members: n booleans, in the order of the attributes' rows.
        definition: ``odds`` or ``ratio``.
        names: One name a column; by default a data frame's columns, else ``attribute_0`` ….
        identities: One identity a sample.
        n_resamples: Without effect: nothing is resampled any more.
        seed: Likewise.

    Returns:
        Table, one row per attribute in its order: ``attribute``, ``value``, ``direction`` (over,
        neutral, under, undefined), ``status`` (ok, zero_cell, constant, untestable), ``estimate``,
        ``low``, ``high``, ``p``, ``q``. A constant attribute (or one where every sample is a
        member) is undefined and not tested: NaN. An untestable one has an estimate only.

    Raises:
        InputError: If the arrays do not fit, a value is no attribute, no sample is a member or
            the indices of two pandas objects differ.
    """
    tables = attribute_bias(
        attributes,
        members,
        (definition,),
        names=names,
        identities=identities,
    )
    return tables[definition].loc[:, :"q"]  # type: ignore[misc]


def attribute_bias(
    attributes: npt.ArrayLike | pd.DataFrame,
    members: npt.ArrayLike,
    definitions: Sequence[str] = DEFINITIONS,
    *,
    names: Sequence[str] | None = None,
    identities: npt.ArrayLike | None = None,
) -> dict[str, pd.DataFrame]:
    """By definition the table of :func:`attribute_bias_index` with effect sizes.

    Both definitions ask whether members and attribute are independent, so they share one p.
    """
    same_rows(attributes=attributes, members=members, identities=identities)
    present, listed = binary_attributes(attributes, names)
    inside = as_mask(members, "members", len(present))
    for definition in definitions:
        one_of(definition, "ABI definition", DEFINITIONS)
    if not inside.any():
        raise InputError("members selects no sample; an ABI needs at least one member")
    cells = contingency(present, inside)
    status = _status(cells)
    effect, freedom = np.ones(len(listed)), np.full(len(listed), np.inf)
    if identities is not None:
        codes = identity_codes(identities, len(inside))
        effect, freedom = design_effect(present, inside, codes)
        status = np.where((status != "constant") & np.isnan(effect), "untestable", status)
    tested = (status == "ok") | (status == "zero_cell")
    a, b, c, d = (cell[tested] / effect[tested] for cell in cells)
    known = a, b, c, d
    p = np.full(len(listed), np.nan)
    p[tested] = conditional_p(known, freedom[tested])
    intervals = {}
    for name in (*definitions, "difference"):
        intervals[name] = np.full((2, len(listed)), np.nan)
        intervals[name][:, tested] = bias_interval(known, name, p[tested], freedom[tested])
    return {d: _bias_table(cells, listed, status, p, intervals, d) for d in definitions}


def bias_interval(
    cells: Table, effect: str, p: Floats, freedom: npt.ArrayLike = np.inf
) -> tuple[Floats, Floats]:
    """95 % interval of log ``odds``, log ``ratio`` or ``difference``; it holds 0 where p > 0.05.

    That of the ratio and of the difference is of another test than p, so it is extended to 0.
    """
    if effect == "odds":
        return conditional_interval(cells, freedom)
    if effect == "difference":
        low, high = newcombe_interval(*cells, quantile(freedom))
    else:
        weight = (cells[0] + cells[1]) / sum(cells)
        # Members are part of all: P(members) / P(all) from P(members) / P(rest).
        low, high = (
            -np.logaddexp(np.log(weight), np.log1p(-weight) - end)
            for end in ratio_interval(cells, freedom)
        )
    independent = p > 0.05
    return (
        np.where(independent, np.minimum(low, 0.0), low),
        np.where(independent, np.maximum(high, 0.0), high),
    )


def design_effect(
    present: Mask, members: Mask, codes: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Variance of each log odds ratio over that of independent images, and degrees of freedom.

    NaN where too few people carry it (see :func:`clustered_error`).
    """
    a, b, c, d = contingency(present, members)
    share = np.stack([_smoothed(c, d), _smoothed(a, b)])
    spread = share * (1.0 - share)
    sizes = np.array([[np.count_nonzero(~members)], [np.count_nonzero(members)]], dtype=np.float64)
    if not sizes.all():
        return np.full(len(a), np.nan), np.full(len(a), np.nan)
    sides = members.astype(np.int64)
    weights = np.array([[-1.0], [1.0]]) / (sizes * spread)
    means = np.stack([c / (c + d), a / (a + b)])
    found = clustered_error(
        present - means[sides], weights[sides], sides, codes, deviations=np.sqrt(spread)
    )
    return found.error**2 / (1.0 / (sizes * spread)).sum(axis=0), found.freedom


def _smoothed(have: Floats, lack: Floats) -> Floats:
    return (have + 0.5) / (have + lack + 1.0)


def _bias_table(
    cells: Table,
    names: list[str],
    status: npt.NDArray[np.object_],
    p: Floats,
    intervals: Mapping[str, Floats],
    definition: str,
) -> pd.DataFrame:
    """The table of one definition; NaN where nothing was tested."""
    value = published_value(*cells, definition)
    estimate = np.exp(log_estimate(*cells, definition))
    judged = np.where(_zero(cells), estimate, value)
    above, below = LIMITS[definition]
    low, high = np.exp(intervals[definition])
    h = np.where(status == "constant", np.nan, cohens_h(*cells))
    table = pd.DataFrame(
        {
            "attribute": names,
            "value": value,
            "direction": np.select(
                [judged > above, judged < below], ["over", "under"], "neutral"
            ).astype(object),
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


def _status(cells: Table) -> npt.NDArray[np.object_]:
    """Whether each 2×2 table is usual, has a zero cell, or has an empty row or column."""
    a, b, c, d = cells
    constant = (a + c == 0.0) | (b + d == 0.0) | (a + b == 0.0) | (c + d == 0.0)
    return np.where(constant, "constant", np.where(_zero(cells), "zero_cell", "ok")).astype(object)


def _zero(cells: Table) -> Mask:
    return np.asarray((np.stack(cells) == 0.0).any(axis=0))


def risk_difference(a: Floats, b: Floats, c: Floats, d: Floats) -> Floats:
    """Share of members with the attribute minus share of the rest; NaN where a side is empty."""
    with np.errstate(invalid="ignore"):
        return a / (a + b) - c / (c + d)


def newcombe_interval(
    a: Floats, b: Floats, c: Floats, d: Floats, z: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """Interval of the risk difference for a quantile ``z``; NaN where a side is empty.

    Source: Newcombe 1998, Statistics in Medicine 17, method 10.
    """
    inside, low_in, high_in = _wilson(a, a + b, z)
    outside, low_out, high_out = _wilson(c, c + d, z)
    difference = inside - outside
    return (
        difference - np.hypot(inside - low_in, high_out - outside),
        difference + np.hypot(high_in - inside, outside - low_out),
    )


def _wilson(count: Floats, total: Floats, z: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Share and its Wilson score interval."""
    square = np.asarray(z) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        share = count / total
        middle = (count + square / 2.0) / (total + square)
        half = np.sqrt(square * (total * share * (1.0 - share) + square / 4.0)) / (total + square)
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
