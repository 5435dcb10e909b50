import pandas as pd

from latent_microscope.io.artefacts import save_npy, save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.similarity.votes import vote_shares
from latent_microscope.step import In, Out, run


def main(*, votes: In, samples: In, features: Out, ids: Out) -> None:
    """Make the human features: each image's distribution of votes.

    features: .npy float64 (n, classes), rows sum to 1.
    """
    human = load_votes(votes, samples)
    save_npy(features, vote_shares(human.counts))
    save_table(ids, pd.DataFrame({"id": pd.Series(human.ids, dtype="str")}))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
