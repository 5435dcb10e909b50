from typing import Any

import pandas as pd

from latent_microscope.custom.dissimilarity import condensed, read_square, similarity_table
from latent_microscope.custom.study import positions_of
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.similarity.files import load_rdm
from latent_microscope.step import In, Out, run


def main(
    *,
    human: In,
    ids: In,
    samples: In,
    rdms: list[In],
    rdm_ids: list[In],
    table: Out,
    csv: Out,
    names: list[str],
    metrics: list[str],
    settings: dict[str, Any],
    draws: int = 1000,
    root_seed: int = 0,
    human_ids: In | None = None,
) -> None:
    """Compare the RDMs of models with human dissimilarity judgements.

    human: (n, n) or (observers, n, n), condensed, or a square table.
    table: .parquet, one row per model, metric and method: value, low, high, sd, label_only,
        partial_label, ceiling_lower, ceiling_upper, n_observers, n_images, n_pairs,
        n_missing (pairs that an observer did not judge, a sum over observers).
    settings: section data.dissimilarity of the study's config.
    human_ids: the ids of the rows, if they are in a separate file.
    """
    known = load_table(samples)
    order_ids = known["id"].astype("str").to_numpy(dtype=object)
    square = read_square(human, settings, human_ids)
    order = positions_of(square.ids, square.values.shape[1], order_ids, ids, human)
    observers = condensed(square, order, order_ids)
    labels = known["label"].to_numpy() if "label" in known else None
    parts = []
    for metric in dict.fromkeys(metrics):
        models = {
            name: load_rdm(path)
            for name, of_rdm, path in zip(names, metrics, rdms, strict=True)
            if of_rdm == metric
        }
        for name, one in models.items():
            if (one.ids.astype(str) != order_ids.astype(str)).any():
                raise InputError(f"{name}: its RDM is of other samples; compute it again")
        part = similarity_table(observers, models, labels, n_draws=draws, seed=root_seed)
        parts.append(part.assign(metric=metric))
    result = pd.concat(parts, ignore_index=True).astype({"metric": "str"})
    first = ["model", "metric", "method"]
    result = result[[*first, *(name for name in result.columns if name not in first)]]
    save_table(table, result)
    save_csv(csv, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
