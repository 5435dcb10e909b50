"""Plot odds ratios of attributes with intervals, without photographs."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.forest import bias_forest
from latent_microscope.plots.style import look, save_figure
from latent_microscope.published import CLUSTER_BIAS
from latent_microscope.step import In, Out, run


def main(
    *,
    abi: In,
    png: Out,
    pdf: Out,
    title: str,
    published: bool = False,
    top: int = 10,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot the attributes furthest from 1 with 95 % intervals, for the largest groups.

    Args:
        abi: .parquet: group, n_members, definition, attribute, direction, status, estimate, low,
            high, q, q_run.
        png: The figure.
        pdf: The figure as vectors.
        title: Study and seed.
        published: put the preprint's bars beside it.
        top: attributes of a group.
        style: dpi, font_size, palette, limits.
    """
    with look("bias_forest", style) as made:
        bars = CLUSTER_BIAS if published else None
        figure = bias_forest(load_table(abi), title, made, top=top, published=bars)
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
