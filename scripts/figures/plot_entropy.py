"""Plot entropy of predictions against entropy of the human votes."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.behaviour import entropy
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    images: In,
    png: Out,
    pdf: Out,
    title: str,
    models: list[str] | None = None,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot one panel a model.

    Args:
        images: images.parquet: id, model, seed, human_entropy, model_entropy (nats).
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        models: which; all by default.
        style: dpi, font_size, palette, limits.
    """
    with look("entropy", style) as made:
        table = load_table(images, ["id", "model", "seed", "human_entropy", "model_entropy"])
        if models is not None:
            table = table[table["model"].isin(models)]
        save_figure(entropy(table, title, made), png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
