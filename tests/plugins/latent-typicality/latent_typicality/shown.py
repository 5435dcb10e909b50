"""The figure and the table."""

import pandas as pd
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.plots.style import Look, Page


def histogram(*, scores: In, title: str, look: Look) -> Figure:
    """Draw how typical the samples are.

    Args:
        scores: .parquet: id, typicality.
        title: study, crop and seed.
    """
    page = Page(2.6, title)
    ax = page.axes(0.6, 0.5, 6.0, 1.6)
    ax.hist(pd.read_parquet(scores)["typicality"], bins=30, color=look.colour(0))
    ax.set(xlabel="typicality", ylabel="samples")
    look.limit(ax, "a")
    return page.figure


def summary(*, scores: list[In], crops: list[str], seeds: list[int]) -> pd.DataFrame:
    """Tabulate mean and standard deviation.

    Args:
        scores: .parquet of each VAE.
        crops: crop of each.
        seeds: seed of each.
    """
    values = [pd.read_parquet(path)["typicality"] for path in scores]
    return pd.DataFrame(
        {
            "crop": crops,
            "seed": seeds,
            "mean": [one.mean() for one in values],
            "sd": [one.std() for one in values],
        }
    )
