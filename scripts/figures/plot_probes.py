"""Plot what linear probes read off the latents, attribute by attribute."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.quality import probe_bars
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    probes: In,
    runs: list[In],
    png: Out,
    pdf: Out,
    title: str,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot the AUC of each attribute with its interval, and the gain over pixels.

    Args:
        probes: .parquet of the study: one row an attribute, best first.
        runs: .parquet of the probes of each run.
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        style: dpi, font_size, palette, limits.
    """
    with look("probes", style) as made:
        tables = [load_table(path, ["attribute", "auc"]) for path in runs]
        save_figure(probe_bars(load_table(probes), tables, title, made), png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
