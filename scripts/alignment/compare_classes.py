"""Compute the RDM of the classes' mean features of people and of every model."""

from collections.abc import Sequence

import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table, save_table
from latent_microscope.io.inputs import load_with_ids
from latent_microscope.statistics.summaries import stack
from latent_microscope.step import In, Out, run
from latent_microscope.tables.rsa import CLASS_COLUMNS, class_distances, class_means


def main(
    *,
    features: list[In],
    ids: list[In],
    samples: In,
    classes: Out,
    models: list[str],
    layers: list[str],
    runs: list[int],
    transforms: list[str],
    metric: str,
) -> None:
    """Measure the distances between the mean features of every two classes.

    Args:
        features: .npy of each source, one row an image; human: shares of votes.
        ids: .parquet of the ids of each.
        samples: .parquet with id, label, label_name.
        classes: .parquet, one row a source and pair of classes: model, layer, seed, metric,
            class_a, class_b, value.
        models: name of each source; human for people.
        layers: layer of each.
        runs: number of the run of each, the column seed.
        transforms: none or softmax, of each.
        metric: euclidean, correlation or cosine.
    """
    if {len(part) for part in (ids, models, layers, runs, transforms)} != {len(features)}:
        raise InputError(f"{len(features)} features and {len(models)} names; give one of each")
    table = load_table(samples, ["id", "label", "label_name"])
    place = pd.Index(table["id"].astype(str))
    known = table.drop_duplicates("label").sort_values("label", kind="stable")
    names = known["label_name"].astype(str).tolist()
    found = []
    for file, of, transform in zip(features, ids, transforms, strict=True):
        rows, own = load_with_ids(file, of)
        at = place.get_indexer(pd.Index(own.astype(str)))
        if (at < 0).any():
            raise InputError(f"{samples}: lacks the image {own[at < 0][0]!r} of {of}")
        labels = table["label"].to_numpy(dtype="int64")[at]
        found.append(class_distances(class_means(rows, labels, transform), names, metric))
    keys: dict[str, Sequence[object]] = {
        "model": models,
        "layer": layers,
        "seed": runs,
        "metric": [metric] * len(found),
    }
    texts = dict.fromkeys(("model", "layer", "metric"), "str")
    result = stack(found, keys, "classes").astype({**texts, "seed": "int64"})
    save_table(classes, result[CLASS_COLUMNS])


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
