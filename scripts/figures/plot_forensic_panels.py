"""Plot the nine panels of the forensic analysis of one latent space."""

from typing import Any

from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.io.inputs import joined
from latent_microscope.plots.forensic_panels import Forensics, forensic_panels
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    scores: In,
    samples: In,
    latents: In,
    sources: In,
    candidates: In,
    signatures: In,
    png: Out,
    pdf: Out,
    title: str,
    percentile: float = 90.0,
    max_neighbors: int = 7,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot components, stability, cores, attractors, signatures, … and their correlation.

    Args:
        scores: scores .parquet, one row a sample.
        samples: .parquet: id and, where there are kinds, kind.
        latents: .npy (n, d), row i = row i of scores.
        sources: .npy (n, k), likewise.
        candidates: .parquet: the validated cores at each configuration.
        signatures: .parquet: radius_kind, index.
        png: The figure.
        pdf: The figure as vectors.
        title: Study, view, seed and method.
        percentile: uniqueness percentile of isolated cores, 0 to 100.
        max_neighbors: most neighbours an isolated core may have.
        style: dpi, font_size, palette, limits.
    """
    with look("forensic_panels", style) as made:
        data = Forensics(
            joined(scores, samples, ([], [])),
            load_npy(latents),
            load_npy(sources),
            load_table(candidates),
            load_table(signatures),
            percentile,
            max_neighbors,
        )
        save_figure(forensic_panels(data, title, made), png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
