"""Draw a declared figure, with the look that the config gives all figures."""

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
    """Draw and save; arguments that several figures share are described here, too.

    Args:
        name: Name of the figure.
        draw: The declared function; it takes a ``look``.
        outputs: ``png`` and ``pdf``, one file for each figure that the function returns.
        style: dpi, font_size, palette, limits.
        title: first line of the figure.
        samples: .parquet: id of each sample, with what is known of it.
        images: .npy uint8 (n, H, W, C); row i is row i of samples or scores.
        latents: .npy (n, d); row i is row i of samples or scores.
        umap: .npy (n, 2), UMAP; row i is row i of samples or scores.
        sources: .npy (n, k), independent components; row i is row i of scores.
        scores: .parquet: id and the scores of each sample.
        clusters: .parquet: id and the cluster of each sample (-1: noise).
        abi: .parquet: bias of each group and attribute, with intervals.
        labels: one name per file.
        notes: remarks in brackets after a model's name, by its name.
        metric: distance of the RDMs.
        simulated: whether votes are simulated, so that published values do not apply.
        root_seed: root seed.
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
