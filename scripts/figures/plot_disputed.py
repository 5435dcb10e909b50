"""Plot the images on which people and a model differ most, with votes and prediction."""

from typing import Any

import numpy as np
from scipy.special import softmax

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import join_by_id, load_npy, load_table
from latent_microscope.io.inputs import load_votes, load_with_ids
from latent_microscope.plots.behaviour import disputed
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    pixels: In,
    samples: In,
    votes: In,
    images: In,
    png: Out,
    pdf: Out,
    title: str,
    model: str,
    logits: In | None = None,
    features: In | None = None,
    run: int = 0,
    shown: int = 12,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot images with the shares of votes and the model's probabilities.

    Args:
        pixels: images.npy uint8 (n, H, W, C), row i = row i of samples.
        samples: .parquet: id, label, label_name.
        votes: .parquet: id and a column of counts a class.
        images: images.parquet: id, model, seed, jensen_shannon.
        png: The figure.
        pdf: The figure as vectors.
        title: Study and seed.
        model: the model's name.
        logits: .npy (n, classes) of the model; without it only the votes are drawn.
        features: features.parquet: id of each row of the logits.
        run: the model's seed.
        shown: images at most.
        style: dpi, font_size, palette, limits.
    """
    with look("disputed", style) as made:
        human = load_votes(votes, samples)
        table = load_table(images, ["id", "model", "seed", "jensen_shannon"])
        table = table[(table["model"] == model) & (table["seed"] == run)]
        if table.empty:
            raise InputError(f"{images}: no row of the model {model!r} with seed {run}")
        known = load_table(samples, ["id", "label_name"])
        table = join_by_id(known, table, names=(str(samples), str(images)))
        predictions = None
        if logits is not None and features is not None:
            rows, ids = load_with_ids(logits, features)
            place = {key: i for i, key in enumerate(ids)}
            missing = [key for key in human.ids if key not in place]
            if missing:
                raise InputError(f"{features}: lacks the image {missing[0]!r} of {samples}")
            predictions = softmax(rows[[place[key] for key in human.ids]].astype(float), axis=1)
        shares = human.counts / np.maximum(human.counts.sum(axis=1, keepdims=True), 1)
        figure = disputed(
            load_npy(pixels, mmap=True),
            table,
            shares,
            predictions,
            human.classes,
            model,
            title,
            made,
            shown=shown,
        )
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
