"""Plot the RDMs of people and models, in order, at the resolution of the screen."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.rdms import rdm_panels
from latent_microscope.plots.style import look, save_figure
from latent_microscope.similarity.files import load_rdm
from latent_microscope.step import In, Out, run


def main(
    *,
    human: In,
    models: list[In],
    samples: In,
    png: Out,
    pdf: Out,
    title: str,
    labels: list[str],
    human_ids: In | None = None,
    model_ids: list[In] | None = None,
    size: int = 225,
    order: str = "class",
    notes: dict[str, str] | None = None,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot RDMs side by side on one scale of percentiles.

    Args:
        human: condensed .npy of the votes, its ids beside it.
        models: condensed .npy of each model, ids beside it.
        samples: .parquet: id, label, label_name.
        png: The figure.
        pdf: The figure as vectors.
        title: Study and metric.
        labels: one a model.
        human_ids: ids of human, beside it; named so that a change of them is seen.
        model_ids: ids of each model, beside it.
        size: pixels of a panel.
        order: class, or dendrogram (classes and their images by people's dendrograms).
        notes: what a reader must know of a model, by its name.
        style: dpi, font_size, palette, limits.
    """
    with look("rdms", style) as made:
        figure = rdm_panels(
            (load_rdm(path) for path in (human, *models)),
            ["people", *labels],
            load_table(samples, ["id", "label", "label_name"]),
            title,
            made,
            size=size,
            order=order,
            notes=notes,
        )
        save_figure(figure, png=png, pdf=pdf, few_colours=True)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
