from typing import Any

import pandas as pd

from latent_microscope.custom.dissimilarity import condensed, read_square
from latent_microscope.custom.study import positions_of
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.similarity.files import load_rdm, save_rdm
from latent_microscope.step import In, Out, run
from latent_microscope.tables.dissimilarity import (
    annotators_table,
    mean_rdm,
    models_table,
    similarity_table,
)


def main(
    *,
    human: In,
    ids: In,
    samples: In,
    rdms: list[In],
    rdm_ids: list[In],
    table: Out,
    csv: Out,
    differences: Out,
    differences_csv: Out,
    annotators: Out,
    annotators_csv: Out,
    similarity: Out,
    rdm: Out,
    mean_ids: Out,
    names: list[str],
    metrics: list[str],
    settings: dict[str, Any],
    draws: int = 1000,
    correction: str = "max-t",
    root_seed: int = 0,
    threads: int = 1,
    human_ids: In | None = None,
) -> None:
    """Compare the RDMs of models with human dissimilarity judgements.

    human: (n, n) or (observers, n, n), condensed, or a square table.
    table: .parquet, one row per model, metric and method: value; low, high, sd over what
        generalises_to says, low_images, high_images, low_annotators, high_annotators, status,
        label_only, partial_label, ceiling_lower, ceiling_upper, ceiling_status, n_observers,
        n_images, n_pairs, n_missing (pairs that an observer did not judge, a sum over observers).
    differences: .parquet, one row per metric and pair of models (the true label is one):
        differences of rho-a with the same intervals, p, p_adjusted, p_images, p_annotators.
    annotators: .parquet, one row per metric and annotator: agreement with the others and with all.
    similarity: .parquet, Spearman correlations of every two RDMs of a metric, by the names
        model_a and model_b.
    rdm: .npy, condensed: what the annotators have in common; mean_ids: its ids.
    settings: section data.dissimilarity of the study's config.
    human_ids: the ids of the rows, if they are in a separate file.
    """
    known = load_table(samples)
    order_ids = known["id"].astype("str").to_numpy(dtype=object)
    square = read_square(human, settings, human_ids)
    order = positions_of(square.ids, square.values.shape[1], order_ids, ids, human)
    observers = condensed(square, order, order_ids)
    labels = known["label"].to_numpy() if "label" in known else None
    parts: list[list[pd.DataFrame]] = []
    for metric in dict.fromkeys(metrics):
        of_metric = {
            name: load_rdm(path)
            for name, of_rdm, path in zip(names, metrics, rdms, strict=True)
            if of_rdm == metric
        }
        for name, one in of_metric.items():
            if (one.ids.astype(str) != order_ids.astype(str)).any():
                raise InputError(f"{name}: its RDM is of other samples; compute it again")
        scores, paired = similarity_table(
            observers,
            of_metric,
            labels,
            n_draws=draws,
            seed=root_seed,
            correction=correction,
            threads=threads,
        )
        made = [
            scores,
            paired,
            annotators_table(observers, of_metric),
            models_table(observers, of_metric, labels),
        ]
        parts.append([one.assign(metric=metric).astype({"metric": "str"}) for one in made])
    scores, paired, each, square_of_models = (
        pd.concat(found, ignore_index=True) for found in zip(*parts, strict=True)
    )
    for result, path, beside in (
        (scores, table, csv),
        (paired, differences, differences_csv),
        (each, annotators, annotators_csv),
    ):
        first = [n for n in ("model", "model_a", "model_b", "annotator", "metric") if n in result]
        ordered = result[[*first, *result.columns.drop(first)]]
        save_table(path, ordered)
        save_csv(beside, ordered)
    save_table(similarity, square_of_models)
    save_rdm(rdm, mean_rdm(observers))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
