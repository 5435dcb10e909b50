import numpy as np

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_npy
from latent_microscope.io.inputs import load_votes, save_ids
from latent_microscope.similarity.votes import class_mean_votes, vote_shares
from latent_microscope.step import In, Out, run


def main(*, samples: In, votes: In, features: Out, ids: Out, kind: str = "votes") -> None:
    """Make human features: each image's distribution of votes, or the two oracles of its class.

    features: .npy (n, classes), float64 (votes) or float32; rows sum to 1.
    kind: votes, label (one-hot true class) or class_mean (mean vote shares of the true class).
    """
    human = load_votes(votes, samples)
    if kind == "votes":
        rows: np.ndarray = vote_shares(human.answers)
    elif kind == "label":
        rows = np.eye(len(human.classes), dtype=np.float32)[human.labels]
    elif kind == "class_mean":
        rows = class_mean_votes(human.answers, human.labels).astype(np.float32)
    else:
        raise InputError(f"kind {kind!r} is unknown; choose votes, label or class_mean")
    save_npy(features, rows)
    save_ids(ids, human.ids)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
