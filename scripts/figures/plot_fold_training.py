"""Plot how the cross-validated networks learnt, and how many epochs their folds chose."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.folds import fold_training
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    training: list[In],
    provenance: list[In],
    png: Out,
    pdf: Out,
    title: str,
    models: list[str],
    style: dict[str, Any] | None = None,
) -> None:
    """Plot losses and accuracy over epochs, and the choice of epochs.

    Args:
        training: fold-training.parquet of each run.
        provenance: provenance.parquet of each run.
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        models: name of the model of each run.
        style: dpi, font_size, palette, limits.
    """
    columns = ["fold", "epoch", "loss", "inner_loss", "inner_accuracy"]
    with look("fold_training", style) as made:
        figure = fold_training(
            [load_table(path, columns) for path in training],
            [load_table(path, ["fold", "epochs"]) for path in provenance],
            models,
            title,
            made,
        )
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
