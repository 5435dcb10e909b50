"""Simulations of the bias index: false positives, coverage and power on synthetic populations."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri
from scipy.stats import beta, binom

from latent_microscope.forensics.bias import (
    attribute_bias,
    contingency,
    log_interval,
    mid_p,
    newcombe_interval,
)
from latent_microscope.forensics.bias_resampling import Counts, permutation_p
from latent_microscope.forensics.checks import one_of
from latent_microscope.seeds import derive, rng
from latent_microscope.statistics.summaries import benjamini_hochberg

PEOPLE = ("single", "celeba", "few")
# People with 1, 2, … images among the first 10,000 of CelebA (5,429 people).
_CELEBA_SIZES = np.array([2575, 1683, 763, 304, 77, 22, 3, 2]) / 5429
_FEW_PEOPLE = 0.1
LEVEL = 0.05
COVERAGE = (0.93, 0.97)
# Required power without adjustment, and for which cluster.
POWER = {"members": 500, "odds_ratio": 1.5, "prevalence": 0.2, "power": 0.9}
# Correlations on the normal scale: attributes such as gender hardly change within a person, and a
# person's images share a cluster more often than not.
WITHIN_ATTRIBUTES, WITHIN_GROUPS, BETWEEN = 0.8, 0.5, 0.5
# (name, people, correlation between attributes, procedure); the last one is expected to fail.
NULL_SCENARIOS = (
    ("independent images", "single", 0.0, "mid-p"),
    ("independent images, correlated attributes", "single", BETWEEN, "mid-p"),
    ("people as in CelebA", "celeba", BETWEEN, "identity permutation"),
    ("few people hold most images", "few", BETWEEN, "identity permutation"),
    ("people as in CelebA", "celeba", BETWEEN, "mid-p, people ignored"),
)
COVERAGE_SCENARIOS = (
    ("independent images", "single", "Haldane–Anscombe / Newcombe"),
    ("people as in CelebA", "celeba", "identity bootstrap"),
    ("few people hold most images", "few", "identity bootstrap"),
)
PREVALENCES = (0.05, 0.2, 0.5, 0.8)
ODDS_RATIOS = (1.0, 1.5, 3.0)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Held = tuple[dict[str, Floats], dict[str, Floats]]


def people_codes(n: int, people: str, generator: np.random.Generator) -> Ints:
    """Identity codes of n images, ascending from 0.

    ``single``: all different; ``celeba``: images per person as in CelebA's first 10,000; ``few``:
    n / 10 people whose number of images falls as 1 / rank.
    """
    one_of(people, "people", PEOPLE)
    if people == "single":
        return np.arange(n)
    if people == "celeba":
        sizes = generator.choice(np.arange(1, 9), p=_CELEBA_SIZES, size=n)
    else:
        weights = 1.0 / np.arange(1, max(2, round(_FEW_PEOPLE * n)) + 1)
        sizes = np.maximum(1, np.round(n * weights / weights.sum()).astype(np.int64))
        sizes = np.concatenate([sizes, np.ones(n, dtype=np.int64)])
    return np.repeat(np.arange(len(sizes)), sizes)[:n]


def correlated(
    codes: Ints,
    columns: int,
    within: float,
    generator: np.random.Generator,
    *,
    between: float = 0.0,
) -> npt.NDArray[np.float32]:
    """(n, columns) standard normal values, correlated within a person and between columns."""

    def draw(rows: int) -> npt.NDArray[np.float32]:
        own = generator.standard_normal((rows, columns), dtype=np.float32)
        if not between:
            return own
        common = generator.standard_normal((rows, 1), dtype=np.float32)
        return np.float32(np.sqrt(between)) * common + np.float32(np.sqrt(1 - between)) * own

    values = draw(len(codes))
    if not within:
        return values
    shared = draw(int(codes.max()) + 1)[codes]
    return np.float32(np.sqrt(within)) * shared + np.float32(np.sqrt(1 - within)) * values


def draw_groups(
    codes: Ints, shares: Sequence[float], within: float, generator: np.random.Generator
) -> Ints:
    """Cluster label per image, correlated within a person; -1 beyond the sum of ``shares``."""
    edges = ndtri(np.minimum(np.cumsum(shares), 1.0))
    labels = np.searchsorted(edges, correlated(codes, 1, within, generator)[:, 0])
    return np.where(labels < len(shares), labels, -1)


def draw_attributes(
    codes: Ints,
    probability: npt.ArrayLike,
    within: float,
    generator: np.random.Generator,
    *,
    between: float = 0.0,
) -> Mask:
    """(n, m) attributes of exactly these probabilities, correlated within a person."""
    limit = np.atleast_2d(ndtri(np.asarray(probability, dtype=np.float64)))
    return correlated(codes, limit.shape[1], within, generator, between=between) < limit


def with_odds(probability: npt.ArrayLike, odds_ratio: npt.ArrayLike) -> Floats:
    """The probability whose odds are ``odds_ratio`` times those of ``probability``."""
    p = np.asarray(probability, dtype=np.float64)
    odds = np.asarray(odds_ratio, dtype=np.float64) * p / (1.0 - p)
    return np.asarray(odds / (1.0 + odds))


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
    runs: int, images: int, attributes: int, groups: int, resamples: int, seed: int
) -> pd.DataFrame:
    """Runs that reject anything under the global null, by scenario and family.

    Family ``group``: attributes of the first cluster; ``run``: of all clusters.
    """
    prevalence = np.linspace(0.02, 0.5, attributes)
    shares = np.linspace(0.05, 0.15, groups).tolist()
    limit = binomial_limit(runs)
    rows = []
    for name, people, between, procedure in NULL_SCENARIOS:
        rejecting = {"group": 0, "run": 0}
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
            values = []
            for group in range(groups):
                state = derive(seed, name, draw, group)
                values.append(_null_p(present, labels == group, codes, procedure, resamples, state))
            p = np.stack(values)
            rejecting["group"] += bool(np.nanmin(benjamini_hochberg(p[0]), initial=1.0) <= LEVEL)
            rejecting["run"] += bool(np.nanmin(benjamini_hochberg(p), initial=1.0) <= LEVEL)
            below += int((p <= LEVEL).sum())
            tests += int((~np.isnan(p)).sum())
        for family, count in rejecting.items():
            low, high = share_interval(count, runs)
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
    present: Mask, members: Mask, codes: Ints, procedure: str, resamples: int, seed: int
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
    runs: int, images: int, members: Sequence[int], resamples: int, seed: int
) -> pd.DataFrame:
    """Coverage of the 95 % intervals by effect, cluster size, prevalence and odds ratio.

    ``passes``: the coverage's own interval overlaps 93 % to 97 %.
    """
    cells = np.array(list(product(PREVALENCES, ODDS_RATIOS)))
    rest, ratio = cells.T
    rows = []
    for (name, people, procedure), size in product(COVERAGE_SCENARIOS, members):
        cluster = _Cluster(with_odds(rest, ratio), rest, size, images)
        if people == "single":
            held, agreed = _independent_coverage(cluster, runs, rng(seed, "coverage", size))
        else:
            held, agreed = _clustered_coverage(cluster, people, runs, resamples, seed)
        for effect, values in held.items():
            for j, (prevalence, odds_ratio) in enumerate(cells):
                known = values[:, j][~np.isnan(values[:, j])]
                low, high = share_interval(known.sum(), len(known))
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
                        "coverage": float(known.mean()),
                        "low": float(low),
                        "high": float(high),
                        "agrees": float(agreed[effect][:, j].mean()),
                        "passes": bool(high >= COVERAGE[0] and low <= COVERAGE[1]),
                    }
                )
    return pd.DataFrame.from_records(rows)


@dataclass(frozen=True)
class _Cluster:
    """A cluster and the true probabilities of m attributes in it and in the rest."""

    inside: Floats
    rest: Floats
    members: int
    images: int

    @property
    def truths(self) -> dict[str, Floats]:
        """True effects; ratios by their logarithm."""
        inside, rest, share = self.inside, self.rest, self.members / self.images
        return {
            "odds": np.log(inside / (1 - inside) / (rest / (1 - rest))),
            "ratio": np.log(inside / (share * inside + (1 - share) * rest)),
            "difference": inside - rest,
        }


def _independent_coverage(cluster: _Cluster, runs: int, generator: np.random.Generator) -> Held:
    """All runs at once, from binomial counts."""
    counts = _binomial_counts(cluster, runs, generator)
    significant = mid_p(*counts) <= LEVEL
    held, agreed = {}, {}
    for effect, truth in cluster.truths.items():
        if effect == "difference":
            low, high = newcombe_interval(*counts)
        else:
            low, high = log_interval(counts, effect)
        held[effect] = ((low <= truth) & (truth <= high)).astype(np.float64)
        agreed[effect] = (((low > 0) | (high < 0)) == significant).astype(np.float64)
    return held, agreed


def _binomial_counts(cluster: _Cluster, runs: int, generator: np.random.Generator) -> Counts:
    """(runs, m) counts of independent images: members with, without, rest with, without."""
    members, others = cluster.members, cluster.images - cluster.members
    a, c = (
        generator.binomial(size, share, size=(runs, len(share))).astype(np.float64)
        for size, share in ((members, cluster.inside), (others, cluster.rest))
    )
    return a, members - a, c, others - c


def _clustered_coverage(
    cluster: _Cluster, people: str, runs: int, resamples: int, seed: int
) -> Held:
    """Run by run, through the function that the workflow calls."""
    members, images, truths = cluster.members, cluster.images, cluster.truths
    shape = (runs, len(cluster.inside))
    held = {effect: np.full(shape, np.nan) for effect in truths}
    agreed = {effect: np.ones(shape) for effect in truths}
    for draw in range(runs):
        stream = rng(seed, "coverage", people, members, draw)
        codes = people_codes(images, people, stream)
        inner = draw_groups(codes, [members / images], WITHIN_GROUPS, stream) == 0
        if not inner.any():
            continue
        probability = np.where(inner[:, None], cluster.inside, cluster.rest)
        present = draw_attributes(codes, probability, WITHIN_ATTRIBUTES, stream)
        state = derive(seed, "coverage", people, members, draw)
        tables = attribute_bias(present, inner, identities=codes, n_resamples=resamples, seed=state)
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
    runs: int,
    images: int,
    members: Sequence[int],
    odds_ratios: Sequence[float],
    prevalences: Sequence[float],
    attributes: int,
    seed: int,
) -> pd.DataFrame:
    """Power of the test of independent images, alone and within a family of attributes.

    Only one attribute has an effect: the hardest case for Benjamini–Hochberg.
    """
    rows = []
    for size in members:
        null = np.linspace(0.02, 0.5, max(attributes - 1, 1))
        generator = rng(seed, "power", "null", int(size))
        noise = np.empty((runs, 0))
        if attributes > 1:
            noise = _binomial_p(_Cluster(null, null, size, images), runs, generator)
        for prevalence, odds_ratio in product(prevalences, odds_ratios):
            generator = rng(seed, "power", int(size), f"{prevalence:g}", f"{odds_ratio:g}")
            rest = np.array([prevalence])
            cluster = _Cluster(with_odds(rest, odds_ratio), rest, size, images)
            p = _binomial_p(cluster, runs, generator)
            alone = int((p[:, 0] <= LEVEL).sum())
            families = np.column_stack([p, noise])
            adjusted = sum(bool(benjamini_hochberg(row)[0] <= LEVEL) for row in families)
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


def _binomial_p(cluster: _Cluster, runs: int, generator: np.random.Generator) -> Floats:
    """(runs, m) mid-p values of independent images; 1 for a constant."""
    counts = _binomial_counts(cluster, runs, generator)
    total = counts[0] + counts[2]
    return np.where((total == 0) | (total == cluster.images), 1.0, mid_p(*counts))
