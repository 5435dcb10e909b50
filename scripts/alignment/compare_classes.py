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
    seeds: list[int],
    transforms: list[str],
    metric: str,
) -> None:
    """Compute the distances between the classes' mean features, of the votes and of every model.

    classes: one row per source and pair of classes: model (human: vote shares), layer, seed,
    metric, class_a, class_b, value.
    """
    if {len(part) for part in (ids, models, layers, seeds, transforms)} != {len(features)}:
        raise InputError(f"{len(features)} features and {len(models)} models; give one of each")
    table = load_table(samples, ["id", "label", "label_name"])
    place = pd.Index(table["id"].astype(str))
    known = table.drop_duplicates("label").sort_values("label", kind="stable")
    names = known["label_name"].astype(str).tolist()
    distances = []
    for file, ids_file, transform in zip(features, ids, transforms, strict=True):
        rows, row_ids = load_with_ids(file, ids_file)
        at = place.get_indexer(pd.Index(row_ids.astype(str)))
        if (at < 0).any():
            raise InputError(
                f"{samples}: the image {row_ids[at < 0][0]!r} of {ids_file} is missing"
            )
        labels = table["label"].to_numpy(dtype="int64")[at]
        distances.append(class_distances(class_means(rows, labels, transform), names, metric))
    keys: dict[str, Sequence[object]] = {
        "model": models,
        "layer": layers,
        "seed": seeds,
        "metric": [metric] * len(distances),
    }
    texts = dict.fromkeys(("model", "layer", "metric"), "str")
    result = stack(distances, keys, "classes").astype({**texts, "seed": "int64"})
    save_table(classes, result[CLASS_COLUMNS])


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
