import numpy as np
from scipy.special import softmax

from latent_microscope.errors import InputError
from latent_microscope.io.inputs import load_with_ids
from latent_microscope.similarity.files import ids_path, write_rdm
from latent_microscope.step import In, Out, run


def main(
    *,
    features: In,
    ids: In,
    rdm: Out,
    rdm_ids: Out,
    metric: str = "euclidean",
    transform: str = "none",
) -> None:
    """Compute the representational dissimilarity matrix of one set of features.

    rdm: .npy float32, condensed upper triangle, row-major.
    rdm_ids: .parquet with id and metric, named as rdm with the ending .ids.parquet.
    transform: none, or softmax (logits to probabilities, float64).
    """
    if rdm_ids != ids_path(rdm):
        raise InputError(f"{rdm_ids}: the ids of {rdm} must be named {ids_path(rdm)}")
    if transform not in ("none", "softmax"):
        raise InputError(f"transform {transform!r} is unknown; choose none or softmax")
    rows, names = load_with_ids(features, ids)
    if transform == "softmax":
        rows = softmax(np.asarray(rows, dtype=np.float64), axis=1)
    write_rdm(rdm, rows, metric, names.astype(str))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
