"""Estimate the noise ceiling of the human RDM from random halves of the votes."""

import pandas as pd

from latent_microscope.artefacts import load_table, save_table
from latent_microscope.similarity.ceiling import noise_ceiling
from latent_microscope.step import In, Out, run


def main(
    *, votes: In, ceiling: Out, metric: str = "euclidean", splits: int = 20, seed: int = 0
) -> None:
    """Compare the RDMs of two random halves of each image's votes by Spearman correlation.

    Args:
        votes: .parquet with id and one column of counts a class.
        ceiling: .parquet, one row: lower (mean correlation of the halves), upper (root of the
            Spearman-Brown value, an estimate and no bound), sd of lower over splits, n_splits.
        metric: distance of the RDMs.
        splits: random halvings of the votes.
        seed: root seed.
    """
    counts = load_table(votes).drop(columns="id")
    found = noise_ceiling(counts.to_numpy(), metric, "spearman", splits, seed)
    row = {"lower": found.lower, "upper": found.upper, "sd": found.spread, "n_splits": splits}
    save_table(ceiling, pd.DataFrame([row]))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
