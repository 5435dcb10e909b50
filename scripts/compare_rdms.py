"""Compare the RDM of a model with that of people."""

import pandas as pd

from latent_microscope.artefacts import save_table
from latent_microscope.errors import InputError
from latent_microscope.inputs import load_votes
from latent_microscope.similarity.io import ids_path, load_rdm
from latent_microscope.step import In, Out, run
from latent_microscope.tables.rsa import compare_with_human


def main(
    *,
    human: In,
    model: In,
    label: In,
    human_ids: In,
    model_ids: In,
    label_ids: In,
    samples: In,
    votes: In,
    comparison: Out,
    model_name: str,
    layer: str,
    run: int = 0,
    metric: str,
) -> None:
    """Compare two RDMs by Spearman correlation, over all pairs and where the label says nothing.

    Args:
        human: .npy, condensed RDM of the vote distributions.
        model: .npy, condensed RDM of the model.
        label: .npy, condensed RDM of the one-hot true label.
        human_ids: .parquet of the ids of human, beside it.
        model_ids: .parquet of the ids of model, beside it.
        label_ids: .parquet of the ids of label, beside it.
        samples: .parquet with id, label, label_name.
        votes: .parquet with id and one column of counts a class.
        comparison: .parquet, one row: model, layer, seed, metric, method, value, partial_label,
            rho_a, within_class, non_unanimous, label_only, n_images, n_pairs.
        model_name: name of the model.
        layer: features or probabilities.
        run: number of the run, the column seed.
        metric: distance of the RDMs.
    """
    rdms = []
    for path, ids in ((human, human_ids), (model, model_ids), (label, label_ids)):
        if ids != ids_path(path):
            raise InputError(f"{ids}: the ids of {path} must be named {ids_path(path)}")
        rdm = load_rdm(path)
        if rdm.metric not in (metric, "unknown"):
            raise InputError(f"{path}: holds {rdm.metric} distances, not {metric}; compute it anew")
        rdms.append(rdm)
    found = compare_with_human(rdms[0], rdms[1], rdms[2], load_votes(votes, samples))
    head = {"model": model_name, "layer": layer, "seed": run, "metric": metric}
    order = ["method", "value", "partial_label", "rho_a", "within_class", "non_unanimous"]
    order += ["label_only", "n_images", "n_pairs"]
    row = pd.DataFrame([{**head, **{name: found[name] for name in order}}])
    texts = dict.fromkeys(("model", "layer", "metric", "method"), "str")
    save_table(comparison, row.astype({**texts, "seed": "int64"}))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
