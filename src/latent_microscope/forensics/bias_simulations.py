"""Synthetic populations on which the bias index is tried, and the power of its test."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri
from scipy.stats import beta

from latent_microscope.forensics.bias import attribute_bias
from latent_microscope.forensics.checks import one_of
from latent_microscope.seeds import rng
from latent_microscope.statistics.summaries import benjamini_hochberg
from latent_microscope.statistics.two_by_two import Table, conditional_p

POWER_PEOPLE = ("single", "celeba", "few")
PEOPLE = ("single", "celeba", "few", "twenty", "ranked", "fifth", "half")
# People with 1, 2, … images among the first 10,000 of CelebA (5,429 people).
_CELEBA_SIZES = np.array([2575, 1683, 763, 304, 77, 22, 3, 2]) / 5429
_FEW_PEOPLE = 0.1
LEVEL = 0.05
# Required power without adjustment, and for which cluster.
POWER = {"members": 500, "odds_ratio": 1.5, "prevalence": 0.2, "power": 0.9}
# Correlations on the normal scale: attributes such as gender hardly change within a person, and a
# person's images share a cluster more often than not.
WITHIN_ATTRIBUTES, WITHIN_GROUPS, BETWEEN = 0.8, 0.5, 0.5
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def people_codes(n: int, people: str, generator: np.random.Generator) -> Ints:
    """Identity codes of n images, ascending from 0.

    ``single``: all different; ``celeba``: images per person as in CelebA's first 10,000; ``few``
    and ``ranked``: n / 10 or 20 people whose number of images falls as 1 / rank; ``twenty``: 20
    whose number rises from 11 to 30; ``fifth`` and ``half``: one has this share, the others are as
    in CelebA.
    """
    one_of(people, "people", PEOPLE)
    if people == "single":
        return np.arange(n)
    if people in ("few", "ranked"):
        count = 20 if people == "ranked" else max(2, round(_FEW_PEOPLE * n))
        sizes = _sized(1.0 / np.arange(1, count + 1), n)
    elif people == "twenty":
        sizes = _sized(np.arange(11.0, 31.0), n)
    else:
        sizes = generator.choice(np.arange(1, 9), p=_CELEBA_SIZES, size=n)
        if people != "celeba":
            sizes = np.concatenate([[n // (5 if people == "fifth" else 2)], sizes])
    return np.repeat(np.arange(len(sizes)), sizes)[:n]


def _sized(weights: Floats, n: int) -> Ints:
    """Whole numbers, at least 1, in proportion to the weights, and ones that fill up to n."""
    sizes = np.maximum(1, np.round(n * weights / weights.sum()).astype(np.int64))
    return np.concatenate([sizes, np.ones(n, dtype=np.int64)])


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


def share_interval(count: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Clopper–Pearson 95 % interval of a share."""
    k, total = np.asarray(count, dtype=np.float64), np.asarray(n, dtype=np.float64)
    low = np.where(k > 0, beta.ppf(0.025, k, total - k + 1), 0.0)
    high = np.where(k < total, beta.ppf(0.975, k + 1, total - k), 1.0)
    return np.asarray(low), np.asarray(high)


def attribute_p(present: Mask, members: Mask, codes: Ints | None) -> Floats:
    """P of every attribute; NaN where it was not tested."""
    if not members.any():
        return np.full(present.shape[1], np.nan)
    return attribute_bias(present, members, ("odds",), identities=codes)["odds"]["p"].to_numpy()


def judge(low: Floats, high: Floats, truth: Floats, p: Floats) -> Floats:
    """Whether intervals hold the truth, and whether they agree with p; NaN without an interval."""
    held = (low <= truth) & (truth <= high)
    agrees = ((low > 0) | (high < 0)) == (p <= LEVEL)
    return np.where(np.isnan(low), np.nan, np.stack([held, agrees]))


@dataclass(frozen=True)
class Cluster:
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


def _binomial_counts(cluster: Cluster, runs: int, generator: np.random.Generator) -> Table:
    """(runs, m) counts of independent images: members with, without, rest with, without."""
    members, others = cluster.members, cluster.images - cluster.members
    a, c = (
        generator.binomial(size, share, size=(runs, len(share))).astype(np.float64)
        for size, share in ((members, cluster.inside), (others, cluster.rest))
    )
    return a, members - a, c, others - c


@dataclass(frozen=True)
class Study:
    """Images of people, which of them a cluster has, and their attributes."""

    codes: Ints | None  # None: every image of another person
    members: Mask
    present: Mask
    cluster: Cluster  # with as many members as there are

    def outcomes(self) -> tuple[Floats, dict[str, Floats]]:
        """P of every attribute, and by effect what :func:`judge` says of its intervals."""
        tables = attribute_bias(self.present, self.members, identities=self.codes)
        odds = tables["odds"]
        p = odds["p"].to_numpy()
        judged = {}
        for effect, truth in self.cluster.truths.items():
            if effect == "difference":
                ends = odds[["difference_low", "difference_high"]].to_numpy().T
            else:
                with np.errstate(divide="ignore"):
                    ends = np.log(tables[effect][["low", "high"]].to_numpy().T)
            judged[effect] = judge(ends[0], ends[1], truth, p)
        return p, judged


def draw_study(
    cluster: Cluster, people: str, generator: np.random.Generator, *, within: bool = True
) -> Study | None:
    """A simulated study; None if nobody or everybody is a member.

    ``within``: attributes and membership are correlated within a person.
    """
    codes = people_codes(cluster.images, people, generator)
    share = cluster.members / cluster.images
    of_groups, of_attributes = (WITHIN_GROUPS, WITHIN_ATTRIBUTES) if within else (0.0, 0.0)
    members = draw_groups(codes, [share], of_groups, generator) == 0
    if not members.any() or members.all():
        return None
    probability = np.where(members[:, None], cluster.inside, cluster.rest)
    present = draw_attributes(codes, probability, of_attributes, generator)
    found = replace(cluster, members=int(members.sum()), images=len(codes))
    return Study(None if people == "single" else codes, members, present, found)


def simulate_power(
    runs: int,
    images: int,
    members: Sequence[int],
    odds_ratios: Sequence[float],
    prevalences: Sequence[float],
    attributes: int,
    seed: int,
) -> pd.DataFrame:
    """Power of the test, of independent images and of people: alone and in a family of attributes.

    Only one attribute has an effect: the hardest case for Benjamini–Hochberg. Studies of people
    that are not testable do not reject; of these there are ``runs`` / 5.
    """
    grid = np.array(list(product(prevalences, odds_ratios)))
    null = np.linspace(0.02, 0.5, attributes)[1:]
    inside = np.concatenate([with_odds(*grid.T), null])
    rest = np.concatenate([grid[:, 0], null])
    rows = []
    for people, size in product(POWER_PEOPLE, members):
        cluster = Cluster(inside, rest, int(size), images)
        if people == "single":
            counts = _binomial_counts(cluster, runs, rng(seed, "power", int(size)))
            total = counts[0] + counts[2]
            constant = (total == 0) | (total == images)
            p = np.where(constant, np.nan, conditional_p(counts))
        else:
            streams = (rng(seed, "power", people, int(size), i) for i in range(-(-runs // 5)))
            studies = (draw_study(cluster, people, stream) for stream in streams)
            missing = np.full(len(rest), np.nan)
            p = np.stack(
                [
                    missing if one is None else attribute_p(one.present, one.members, one.codes)
                    for one in studies
                ]
            )
        for j, (prevalence, odds_ratio) in enumerate(grid):
            alone = int((p[:, j] <= LEVEL).sum())
            families = np.column_stack([p[:, j], p[:, len(grid) :]])
            adjusted = sum(bool(benjamini_hochberg(row)[0] <= LEVEL) for row in families)
            low, high = share_interval([alone, adjusted], len(p))
            rows.append(
                {
                    "people": people,
                    "members": int(size),
                    "prevalence": float(prevalence),
                    "odds_ratio": float(odds_ratio),
                    "runs": len(p),
                    "untestable": float(np.isnan(p[:, j]).mean()),
                    "power": alone / len(p),
                    "power_low": low[0],
                    "power_high": high[0],
                    "adjusted": adjusted / len(p),
                    "adjusted_low": low[1],
                    "adjusted_high": high[1],
                }
            )
    return pd.DataFrame.from_records(rows)
