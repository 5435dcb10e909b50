from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from latent_microscope.errors import InputError
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import run_declared


def finish(
    name: str,
    draw: Callable[..., Any],
    outputs: Mapping[str, Sequence[Path]],
    *,
    style: dict[str, Any] | None = None,
) -> None:
    """Draw a declared figure with the look that the config gives all figures, and save it.

    The declared function takes a ``look``; there is a png and a pdf for each figure it returns.

    style: dpi, font_size, palette, limits.
    title: first line of the figure.
    abi: .parquet: bias of each group and attribute, with intervals.
    labels: one name per file.
    notes: remarks in brackets after a model's name, by its name.
    simulated: whether votes are simulated, so that published values do not apply.
    """
    with look(name, style) as made:
        drawn = draw(look=made)
        figures = iter([drawn] if isinstance(drawn, Figure) else drawn or ())
        for png, pdf in zip(outputs["png"], outputs["pdf"], strict=True):
            figure = next(figures, None)
            if not isinstance(figure, Figure):
                raise InputError(f"figure {name}: its function returned no figure for {png.name}")
            save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run_declared("figures", finish, globals().get("snakemake"), supplied=["look"])
