"""Agreement of rankings of the same samples: over VAE seeds and over ICA restarts."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.stats import hypergeom, rankdata
from scipy.stats import t as t_distribution

from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_matrix, in_range
from latent_microscope.seeds import rng

MOSTLY_NOISE = 0.5
"""Mean pairwise Spearman below which a ranking is called mostly noise. When each ranking is a
common signal plus independent noise, the correlation of two of them is the signal's share of a
ranking's variance: below 0.5 more than half of the ranking is noise."""

_GROUPS = 50  # of images, left out in turn
_LEAST = 40  # values of which a 95 % interval is read: fewer have no 2.5 %
_NEARLY_ONE = 1.0 - 1e-12  # Fisher's z of 1 is infinite
_MOST_VALUES = 2_000_000  # of a prediction band

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def percentiles(scores: npt.ArrayLike) -> Floats:
    """Percentile of each value within its column, 0 to 100; ties share their mid-rank."""
    return _percentiles(_places(as_matrix(scores, "scores")))


def _places(matrix: Floats) -> list[Ints]:
    """Of each column: the place of each value among the column's distinct values."""
    return [np.unique(column, return_inverse=True)[1] for column in matrix.T]


def _percentiles(places: Sequence[Ints]) -> Floats:
    columns = []
    for place in places:
        counts = np.bincount(place)
        columns.append((np.cumsum(counts) - counts + (counts - 1) / 2.0)[place])
    return np.column_stack(columns) / (len(columns[0]) - 1.0) * 100.0


def pairs_of(groups: Sequence[int] | Ints, *, within: bool) -> list[tuple[int, int]]:
    """Pairs of replicates of the same group (restarts of a VAE) or of different groups."""
    values = [int(group) for group in groups]
    return [
        (a, b) for a, b in combinations(range(len(values)), 2) if (values[a] == values[b]) is within
    ]


def rank_correlations(ranks: Floats, pairs: Sequence[tuple[int, int]]) -> Floats:
    """Spearman correlation of each pair of columns of ranks; NaN where one is constant."""
    centred = ranks - ranks.mean(axis=0)
    norms = np.sqrt(np.einsum("ij,ij->j", centred, centred))
    out = np.full(len(pairs), np.nan)
    for k, (a, b) in enumerate(pairs):
        if norms[a] > 0.0 and norms[b] > 0.0:
            out[k] = float(np.clip(centred[:, a] @ centred[:, b] / (norms[a] * norms[b]), -1, 1))
    return out


def top_rows(scores: Floats, count: int, *, largest: bool = True) -> list[Ints]:
    """Rows of the list of ``count`` highest (lowest) values of each column.

    Ties are in another, random order in each column: in one order they would look repeatable.
    """
    keys = -scores if largest else scores
    lists = []
    for number, column in enumerate(keys.T):
        order = rng(0, "list_ties", number).permutation(len(column))
        lists.append(np.sort(order[np.argsort(column[order], kind="stable")[:count]]))
    return lists


def list_overlaps(lists: Sequence[Ints], pairs: Sequence[tuple[int, int]]) -> tuple[Floats, Floats]:
    """Share of a list that another one repeats, and their Jaccard index, for each pair."""
    shared = np.array([len(np.intersect1d(lists[a], lists[b])) for a, b in pairs], dtype=float)
    length = len(lists[0])
    return shared / length, shared / (2 * length - shared)


def chance_jaccard(n: int, count: int) -> float:
    """Expected Jaccard index of two random lists of ``count`` of n samples (hypergeometric)."""
    shared = np.arange(max(0, 2 * count - n), count + 1)
    weights = hypergeom.pmf(shared, n, count, count)
    return float(np.sum(weights * shared / (2 * count - shared)))


def kendall_w(scores: npt.ArrayLike) -> float:
    """Kendall's W of m rankings (columns), corrected for ties; NaN for one or constant rankings."""
    ranks = rankdata(as_matrix(scores, "scores"), axis=0)
    m = ranks.shape[1]
    centred = ranks - ranks.mean(axis=0)
    within = float(np.einsum("ij,ij->", centred, centred))
    if m < 2 or within == 0.0:
        return float("nan")
    return float(np.sum(centred.sum(axis=1) ** 2) / (m * within))


@dataclass(frozen=True)
class IntraClass:
    """Intra-class correlation with its 95 % interval, and the reliability of the mean."""

    single: float
    low: float
    high: float
    mean: float


def intra_class(scores: npt.ArrayLike) -> tuple[float, float]:
    """ICC(C,1) and ICC(C,m) of an (n, m) matrix; NaN for one replicate or where nothing varies.

    Source: McGraw and Wong 1996, Table 4.
    """
    matrix = as_matrix(scores, "scores")
    n, m = matrix.shape
    if m < 2:
        return float("nan"), float("nan")
    rows = matrix.mean(axis=1)
    residual = matrix - rows[:, None] - matrix.mean(axis=0) + matrix.mean()
    between = m * float(np.sum((rows - matrix.mean()) ** 2)) / (n - 1)
    error = float(np.sum(residual**2)) / ((n - 1) * (m - 1))
    if between + (m - 1) * error == 0.0:
        return float("nan"), float("nan")
    if error <= 1e-15 * between:
        return 1.0, 1.0
    return (between - error) / (between + (m - 1) * error), 1.0 - error / between


def repeatability(blocks: Sequence[Floats], level: float = 0.95) -> IntraClass:
    """Intra-class correlation of percentiles, its mean over blocks, and an interval over images.

    ``blocks``: (n, m) scores of the same n images by m replicates each; the percentiles are taken
    anew for every set of images. The interval is about these replicates and other images like
    these, taken as independent: another network may be of another kind, and no interval from three
    can tell (if one in five networks fails, a jackknife over three covers 43 %).

    Source: jackknife that leaves out one of up to 50 groups of images at a time, on Fisher's z
    scale, Student's t. The classical F interval (McGraw and Wong 1996, Table 7) is of normal values
    and of replicates that are equally good.
    """
    if not blocks:
        return IntraClass(*([float("nan")] * 4))

    found_places = [_places(block) for block in blocks]  # sorted once, not for each set of images

    def z(keep: npt.NDArray[np.bool_]) -> float:
        ranks = (_percentiles([place[keep] for place in places]) for places in found_places)
        found = np.mean([intra_class(part)[0] for part in ranks])
        return float(np.arctanh(np.clip(found, -_NEARLY_ONE, _NEARLY_ONE)))

    n = len(blocks[0])
    groups = min(n, _GROUPS)
    group = np.arange(n) % groups
    singles, means = zip(*(intra_class(percentiles(block)) for block in blocks), strict=True)
    whole = z(np.ones(n, dtype=bool))
    without = np.array([z(group != k) for k in range(groups)]) if n > 3 else np.full(1, np.nan)
    spread = np.sum((without - without.mean()) ** 2) * (groups - 1) / groups
    reach = float(t_distribution.ppf((1.0 + level) / 2.0, groups - 1) * np.sqrt(spread))
    return IntraClass(
        float(np.mean(singles)),
        float(np.tanh(whole - reach)),
        float(np.tanh(whole + reach)),
        float(np.mean(means)),
    )


def prediction_band(
    ranks: Floats, pairs: Sequence[tuple[int, int]], *, level: float = 0.95, bins: int = 50
) -> tuple[Floats, Floats, Floats]:
    """Interval of a sample's percentile by another replicate, given its percentile by one.

    Pairs count in both directions. At each of at most ``bins`` places, fewer for few samples, the
    nearest values (a twentieth, at least 40) are read as residuals of their own line, so that a
    wide window does not widen the interval; quantiles at p(n + 1). Places, low and high ends; empty
    without pairs. Of more than two million values each pair gives every k-th, from another start.
    """
    in_range(level, "level", 0.0, 1.0)
    if not pairs:
        return np.empty(0), np.empty(0), np.empty(0)
    step = -(-2 * len(pairs) * len(ranks) // _MOST_VALUES)
    parts = [(ranks[k % step :: step], a, b) for k, (a, b) in enumerate(pairs)]
    first = np.concatenate([part[:, [a, b]].T.ravel() for part, a, b in parts])
    second = np.concatenate([part[:, [b, a]].T.ravel() for part, a, b in parts])
    order = np.argsort(first, kind="stable")
    first, second = first[order], second[order]
    total = len(first)
    size = min(total, max(_LEAST, total // 20))
    places = (np.arange(count := int(np.clip(total // 20, 5, bins))) + 0.5) * 100.0 / count
    tail = (1.0 - level) / 2.0
    ends = np.empty((2, count))
    for k, place in enumerate(places):
        start = int(np.clip(np.searchsorted(first, place) - size // 2, 0, total - size))
        x, y = first[start : start + size], second[start : start + size]
        gap = x - x.mean()
        slope = gap @ y / max(gap @ gap, 1e-12)
        rest = y - y.mean() - slope * gap
        spread = np.quantile(rest, [tail, 1.0 - tail], method="weibull")
        ends[:, k] = y.mean() + slope * (place - x.mean()) + spread
    low, high = np.clip(ends, 0.0, 100.0)
    return places, low, high


def ranges(ranks: Floats) -> tuple[Floats, Floats, Floats]:
    """Median, lowest and highest percentile of each sample over the replicates."""
    return np.median(ranks, axis=1), ranks.min(axis=1), ranks.max(axis=1)


def noise_ranks(
    ranks: Floats, groups: Sequence[int] | Ints, generator: np.random.Generator
) -> Floats:
    """Percentiles as if groups ranked the samples independently; a group is shuffled together."""
    values = np.asarray(groups)
    if values.shape != (ranks.shape[1],):
        raise InputError(f"groups has shape {values.shape}; give one for each replicate")
    out = np.empty_like(ranks)
    for group in np.unique(values):
        columns = np.flatnonzero(values == group)
        order = generator.permutation(len(ranks))
        out[:, columns] = ranks[np.ix_(order, columns)]
    return out
