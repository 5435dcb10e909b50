"""Differences between kinds of networks, of which the training seeds are a sample."""

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student

from latent_microscope.published import KIND
from latent_microscope.statistics.auc import two_sided_p
from latent_microscope.statistics.summaries import holm, satterthwaite

FEWEST_SEEDS = 3
THESE = "these networks"
COLUMNS = [
    *("kind_a", "kind_b", "seeds_a", "seeds_b", "difference", "low", "high"),
    *("p", "p_adjusted", "generalises_to"),
]
Floats = npt.NDArray[np.float64]


def kind_differences(
    kinds: Sequence[Hashable], point: Floats, draws: Floats, level: float = 0.95
) -> pd.DataFrame:
    """Differences of the mean scores of every two kinds, over images and over training seeds.

    The variance is that of the bootstrap over images, which are the same for all networks, plus
    that of the mean over seeds of each kind with at least three (t with Welch and Satterthwaite's
    degrees of freedom). Where a kind has one or two, nothing is known of its seeds: the interval is
    that of these very networks.

    Args:
        kinds: Kind of each network.
        point: (m,) score of each network.
        draws: (n_draws, m) its scores in bootstrap samples of images.
        level: Coverage of the intervals.

    Returns:
        One row per pair of kinds, in order of first appearance: ``kind_a``, ``kind_b``,
        ``seeds_a``, ``seeds_b``, ``difference`` (a - b), ``low``, ``high``, ``p``, ``p_adjusted``
        (Holm), ``generalises_to``. NaN where a score is not defined.
    """
    names = list(dict.fromkeys(kinds))
    places = {name: [i for i, kind in enumerate(kinds) if kind == name] for name in names}
    rows = []
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            first, second = places[a], places[b]
            gap = float(point[first].mean() - point[second].mean())
            drawn = draws[:, first].mean(axis=1) - draws[:, second].mean(axis=1)
            of_seeds = [
                (float(np.var(point[own], ddof=1)) / len(own), len(own) - 1)
                for own in (first, second)
                if len(own) >= FEWEST_SEEDS
            ]
            of_images = (float(np.var(drawn, ddof=1)), np.inf)
            error, freedom = satterthwaite([of_images, *of_seeds])
            half = float(student.ppf((1.0 + level) / 2.0, freedom)) * error
            p = two_sided_p(gap, error, freedom)
            scope = KIND if len(of_seeds) == 2 else THESE
            counts = (len(first), len(second))
            rows.append((a, b, *counts, gap, gap - half, gap + half, p, np.nan, scope))
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(p_adjusted=holm(table["p"].to_numpy(float)))
