import numpy as np
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_npy, save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.similarity.votes import class_mean_votes
from latent_microscope.step import In, Out, run


def main(*, samples: In, votes: In, features: Out, ids: Out, kind: str) -> None:
    """Make the features of the two oracles: the true label, and the mean votes of its class.

    kind: label (one-hot true class) or class_mean (mean vote shares of the images of the true
        class).
    """
    human = load_votes(votes, samples)
    if kind == "label":
        rows = np.eye(len(human.classes))[human.labels]
    elif kind == "class_mean":
        rows = class_mean_votes(human.counts, human.labels)
    else:
        raise InputError(f"kind {kind!r} is unknown; choose label or class_mean")
    save_npy(features, rows.astype(np.float32))
    save_table(ids, pd.DataFrame({"id": pd.Series(human.ids, dtype="str")}))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
