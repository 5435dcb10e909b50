"""Simulations of the bias index: false alarms, coverage and power of what the workflow computes.

The functions under trial are those of :mod:`latent_microscope.forensics.bias`, not copies.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import beta, binom

from latent_microscope.forensics.bias import (
    DEFINITIONS,
    attribute_bias,
    contingency,
    log_estimate,
    log_variance,
    mid_p,
)
from latent_microscope.forensics.bias_effects import newcombe_interval
from latent_microscope.forensics.bias_populations import (
    draw_attributes,
    draw_groups,
    people_codes,
    with_odds,
)
from latent_microscope.forensics.bias_resampling import permutation_p
from latent_microscope.seeds import derive, rng
from latent_microscope.statistics.summaries import benjamini_hochberg

LEVEL = 0.05
COVERAGE = (0.93, 0.97)
POWER = {"members": 500, "odds_ratio": 1.5, "prevalence": 0.2, "power": 0.9}
"""The least power that is required, without adjustment, and where."""
# Correlations on the normal scale: attributes such as gender hardly change within a person, and a
# person's images share a cluster more often than not.
WITHIN_ATTRIBUTES, WITHIN_GROUPS, BETWEEN = 0.8, 0.5, 0.5
# (name, people, correlation between attributes, procedure); the last one is shown to fail.
NULL_SCENARIOS = (
    ("independent images", "single", 0.0, "mid-p"),
    ("independent images, correlated attributes", "single", BETWEEN, "mid-p"),
    ("people as in CelebA", "celeba", BETWEEN, "identity permutation"),
    ("few people hold most images", "few", BETWEEN, "identity permutation"),
    ("people as in CelebA", "celeba", BETWEEN, "mid-p, people ignored"),
)
PREVALENCES = (0.05, 0.2, 0.5, 0.8)
ODDS_RATIOS = (1.0, 1.5, 3.0)

Floats = npt.NDArray[np.float64]


def binomial_limit(runs: int, rate: float = LEVEL) -> float:
    """The 99 % limit of the share of runs with an event of this rate (6.7 % of 1,000 at 5 %)."""
    return float(binom.ppf(0.99, runs, rate)) / runs


def share_interval(count: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Clopper–Pearson 95 % interval of a share."""
    k, total = np.asarray(count, dtype=np.float64), np.asarray(n, dtype=np.float64)
    low = np.where(k > 0, beta.ppf(0.025, k, total - k + 1), 0.0)
    high = np.where(k < total, beta.ppf(0.975, k + 1, total - k), 1.0)
    return np.asarray(low), np.asarray(high)


def simulate_null(
    *, runs: int, images: int, attributes: int, groups: int, resamples: int, seed: int
) -> pd.DataFrame:
    """Any rejection under the global null: no attribute has to do with any cluster.

    Args:
        runs: Simulated studies of each scenario.
        images: Images of a study.
        attributes: Attributes, of prevalences 2 % to 50 %.
        groups: Clusters of 5 % to 15 % of the images.
        resamples: Permutations of identities.
        seed: Root seed.

    Returns:
        Table ``scenario``, ``procedure``, ``family`` (group: attributes of the first cluster;
        run: of all clusters), ``tests``, ``runs``, ``rejecting`` (runs with any q ≤ 0.05),
        ``share``, ``low``, ``high`` (95 %), ``limit``, ``required`` (whether the limit is one of
        this procedure), ``passes``, ``p_share`` (single tests with p ≤ 0.05).
    """
    prevalence = np.linspace(0.02, 0.5, attributes)
    shares = np.linspace(0.05, 0.15, groups).tolist()
    rows = []
    for name, people, between, procedure in NULL_SCENARIOS:
        any_of: dict[str, int] = {"group": 0, "run": 0}
        below, tests = 0, 0
        for draw in range(runs):
            # The procedures of one scenario see the same studies.
            stream = rng(seed, "null", name, draw)
            codes = people_codes(images, people, stream)
            within = 0.0 if people == "single" else 1.0
            labels = draw_groups(codes, shares, within * WITHIN_GROUPS, stream)
            present = draw_attributes(
                codes, prevalence, within * WITHIN_ATTRIBUTES, stream, between=between
            )
            p = np.stack(
                [
                    _null_p(present, labels == group, codes, procedure, resamples,
                            derive(seed, name, draw, group))
                    for group in range(groups)
                ]
            )  # fmt: skip
            any_of["group"] += bool(np.nanmin(benjamini_hochberg(p[0]), initial=1.0) <= LEVEL)
            any_of["run"] += bool(np.nanmin(benjamini_hochberg(p), initial=1.0) <= LEVEL)
            below += int((p <= LEVEL).sum())
            tests += int((~np.isnan(p)).sum())
        for family, count in any_of.items():
            low, high = share_interval(count, runs)
            limit = binomial_limit(runs)
            rows.append(
                {
                    "scenario": name,
                    "procedure": procedure,
                    "family": family,
                    "tests": attributes * (groups if family == "run" else 1),
                    "runs": runs,
                    "rejecting": count,
                    "share": count / runs,
                    "low": float(low),
                    "high": float(high),
                    "limit": limit,
                    "required": "ignored" not in procedure,
                    "passes": count / runs <= limit,
                    "p_share": below / max(tests, 1),
                }
            )
    return pd.DataFrame.from_records(rows)


def _null_p(
    present: npt.NDArray[np.bool_],
    members: npt.NDArray[np.bool_],
    codes: npt.NDArray[np.int64],
    procedure: str,
    resamples: int,
    seed: int,
) -> Floats:
    """P of every attribute; NaN where it or the group is constant."""
    a, b, c, d = contingency(present, members)
    p = np.full(present.shape[1], np.nan)
    tested = (a + c > 0) & (b + d > 0) & (a + b > 0) & (c + d > 0)
    if not tested.any():
        return p
    if procedure.startswith("mid-p"):
        p[tested] = mid_p(a[tested], b[tested], c[tested], d[tested])
    else:
        p[tested] = permutation_p(present[:, tested], members, codes, resamples, seed)
    return p


def simulate_coverage(
    *, runs: int, images: int, members: Sequence[int], resamples: int, seed: int
) -> pd.DataFrame:
    """How often the 95 % intervals hold the truth, for each prevalence and odds ratio.

    Args:
        runs: Simulated studies.
        images: Images of a study.
        members: Members of the cluster (on average, where people are drawn).
        resamples: Bootstrap resamples of identities.
        seed: Root seed.

    Returns:
        Table ``scenario``, ``procedure``, ``effect`` (odds, ratio, difference), ``members``,
        ``prevalence`` (of the rest), ``odds_ratio``, ``runs`` (with an interval), ``covering``,
        ``coverage``, ``low``, ``high`` (95 %), ``agrees`` (share of runs in which p ≤ 0.05 just
        where the interval leaves out no effect), ``passes`` (within 93 % to 97 %, its interval
        taken into account: not plainly outside).
    """
    cells = np.array(list(product(PREVALENCES, ODDS_RATIOS)))
    rest, ratio = cells.T
    inside = with_odds(rest, ratio)
    rows = []
    for name, people, procedure in (
        ("independent images", "single", "Haldane–Anscombe / Newcombe"),
        ("people as in CelebA", "celeba", "identity bootstrap"),
        ("few people hold most images", "few", "identity bootstrap"),
    ):
        for size in members:
            truths = _truths(rest, inside, size / images)
            if people == "single":
                held, agreed = _independent_coverage(
                    inside, rest, size, images, runs, truths, rng(seed, "coverage", size)
                )
            else:
                held, agreed = _clustered_coverage(
                    inside, rest, size, images, runs, truths, people, resamples, seed
                )
            for effect, values in held.items():
                for j, (prevalence, odds_ratio) in enumerate(cells):
                    known = values[:, j][~np.isnan(values[:, j])]
                    low, high = share_interval(known.sum(), len(known))
                    coverage = float(known.mean())
                    rows.append(
                        {
                            "scenario": name,
                            "procedure": procedure,
                            "effect": effect,
                            "members": size,
                            "prevalence": prevalence,
                            "odds_ratio": odds_ratio,
                            "runs": len(known),
                            "covering": int(known.sum()),
                            "coverage": coverage,
                            "low": float(low),
                            "high": float(high),
                            "agrees": float(agreed[effect][:, j].mean()),
                            "passes": bool(high >= COVERAGE[0] and low <= COVERAGE[1]),
                        }
                    )
    return pd.DataFrame.from_records(rows)


def _truths(rest: Floats, inside: Floats, share: float) -> dict[str, Floats]:
    """True effects; ratios by their logarithm."""
    return {
        "odds": np.log(inside / (1 - inside) / (rest / (1 - rest))),
        "ratio": np.log(inside / (share * inside + (1 - share) * rest)),
        "difference": inside - rest,
    }


Held = tuple[dict[str, Floats], dict[str, Floats]]


def _independent_coverage(
    inside: Floats, rest: Floats, members: int, images: int, runs: int,
    truths: dict[str, Floats], generator: np.random.Generator,
) -> Held:  # fmt: skip
    """All runs at once, from binomial counts."""
    others = images - members
    a = generator.binomial(members, inside, size=(runs, len(inside))).astype(np.float64)
    c = generator.binomial(others, rest, size=(runs, len(rest))).astype(np.float64)
    counts = (a, members - a, c, others - c)
    significant = mid_p(*counts) <= LEVEL
    held, agreed = {}, {}
    for effect, truth in truths.items():
        if effect == "difference":
            low, high = newcombe_interval(*counts)
        else:
            centre = log_estimate(*counts, effect)
            half = 1.959963984540054 * np.sqrt(log_variance(*counts, effect))
            low, high = centre - half, centre + half
        held[effect] = ((low <= truth) & (truth <= high)).astype(np.float64)
        agreed[effect] = (((low > 0) | (high < 0)) == significant).astype(np.float64)
    return held, agreed


def _clustered_coverage(
    inside: Floats, rest: Floats, members: int, images: int, runs: int,
    truths: dict[str, Floats], people: str, resamples: int, seed: int,
) -> Held:  # fmt: skip
    """Run by run, through the function that the workflow calls."""
    shape = (runs, len(inside))
    held = {effect: np.full(shape, np.nan) for effect in truths}
    agreed = {effect: np.ones(shape) for effect in truths}
    for draw in range(runs):
        stream = rng(seed, "coverage", people, members, draw)
        codes = people_codes(images, people, stream)
        inner = draw_groups(codes, [members / images], WITHIN_GROUPS, stream) == 0
        if not inner.any():
            continue
        probability = np.where(inner[:, None], inside, rest)
        present = draw_attributes(codes, probability, WITHIN_ATTRIBUTES, stream)
        tables = attribute_bias(
            present,
            inner,
            DEFINITIONS,
            identities=codes,
            n_resamples=resamples,
            seed=derive(seed, "coverage", people, members, draw),
        )
        for effect, truth in truths.items():
            table = tables["odds" if effect == "difference" else effect]
            if effect == "difference":
                low = table["difference_low"].to_numpy()
                high = table["difference_high"].to_numpy()
            else:
                low, high = np.log(table["low"].to_numpy()), np.log(table["high"].to_numpy())
            known = ~np.isnan(low)
            held[effect][draw] = np.where(known, (low <= truth) & (truth <= high), np.nan)
            significant = table["p"].to_numpy() <= LEVEL
            agreed[effect][draw] = ~known | (((low > 0) | (high < 0)) == significant)
    return held, agreed


def simulate_power(
    *,
    runs: int,
    images: int,
    members: Sequence[int],
    odds_ratios: Sequence[float],
    prevalences: Sequence[float],
    attributes: int,
    seed: int,
) -> pd.DataFrame:
    """Power of the test of independent images, alone and within a family of attributes.

    One attribute of the family has the odds ratio, the others none: the hardest case for
    Benjamini–Hochberg, whose limit rises with the number of true effects.

    Args:
        runs: Simulated studies of each setting.
        images: Images of a study.
        members: Sizes of the cluster.
        odds_ratios: True odds ratios.
        prevalences: Prevalences of the attribute in the rest.
        attributes: Size of the family; the others have prevalences 2 % to 50 %.
        seed: Root seed.

    Returns:
        Table ``members``, ``prevalence``, ``odds_ratio``, ``runs``, ``power``, ``power_low``,
        ``power_high`` (p ≤ 0.05 alone), ``adjusted``, ``adjusted_low``, ``adjusted_high``
        (q ≤ 0.05 in the family).
    """
    rows = []
    for size in members:
        others = images - size
        null = np.linspace(0.02, 0.5, max(attributes - 1, 1))
        generator = rng(seed, "power", "null", int(size))
        noise = np.empty((runs, 0))
        if attributes > 1:
            noise = _binomial_p(null, null, size, others, runs, generator)
        for prevalence, odds_ratio in product(prevalences, odds_ratios):
            generator = rng(seed, "power", int(size), f"{prevalence:g}", f"{odds_ratio:g}")
            rest = np.array([prevalence])
            p = _binomial_p(with_odds(rest, odds_ratio), rest, size, others, runs, generator)
            alone = int((p[:, 0] <= LEVEL).sum())
            # q of one test ≤ 0.05 just where p ≤ 0.05 · rank / m for some rank at or above its own.
            family = np.column_stack([p, noise])
            adjusted = int((_rejected_first(family)).sum())
            low, high = share_interval([alone, adjusted], runs)
            rows.append(
                {
                    "members": int(size),
                    "prevalence": float(prevalence),
                    "odds_ratio": float(odds_ratio),
                    "runs": runs,
                    "power": alone / runs,
                    "power_low": low[0],
                    "power_high": high[0],
                    "adjusted": adjusted / runs,
                    "adjusted_low": low[1],
                    "adjusted_high": high[1],
                }
            )
    return pd.DataFrame.from_records(rows)


def _binomial_p(
    inside: Floats, rest: Floats, members: int, others: int, runs: int,
    generator: np.random.Generator,
) -> Floats:  # fmt: skip
    """(runs, m) mid-p values of members and others with these shares; 1 for a constant."""
    a = generator.binomial(members, inside, size=(runs, len(inside))).astype(np.float64)
    c = generator.binomial(others, rest, size=(runs, len(rest))).astype(np.float64)
    total = a + c
    p = mid_p(a, members - a, c, others - c)
    return np.where((total == 0) | (total == members + others), 1.0, p)


def _rejected_first(p: Floats) -> npt.NDArray[np.bool_]:
    """Whether Benjamini–Hochberg at 5 % over each row rejects its first hypothesis."""
    m = p.shape[1]
    ordered = np.sort(p, axis=1)
    fits = ordered <= LEVEL * np.arange(1, m + 1) / m
    last = np.where(fits.any(axis=1), m - 1 - np.argmax(fits[:, ::-1], axis=1), -1)
    cut = np.where(last >= 0, ordered[np.arange(len(p)), last], -1.0)
    return np.asarray(p[:, 0] <= cut)
