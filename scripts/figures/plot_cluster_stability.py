"""Plot how stable clusters are over resamples, UMAP seeds and VAE seeds."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.stability import cluster_stability
from latent_microscope.plots.style import look, save_figure
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, run
from latent_microscope.tables.cluster_stability import run_pairs


def main(
    *,
    resampled: list[In],
    planes: list[In],
    resampled_clusters: list[In],
    planes_clusters: list[In],
    clusters: list[In],
    png: Out,
    pdf: Out,
    title: str,
    runs: list[int],
    labels: list[str] | None = None,
    seed: int = 0,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot adjusted Rand indices and the Jaccard index of every cluster.

    Args:
        resampled: .parquet of the agreement over resamples of each run.
        planes: .parquet of the agreement over UMAP seeds of each run.
        resampled_clusters: .parquet of the clusters' Jaccard over resamples of each run.
        planes_clusters: .parquet of the clusters' Jaccard over UMAP seeds of each run.
        clusters: .parquet of the cluster memberships of each run.
        png: The figure.
        pdf: The figure as vectors.
        title: Study and view.
        runs: number of each run.
        labels: One a run; "seed 0", "seed 1", … by default.
        seed: root seed of the shuffled baselines.
        style: dpi, font_size, palette, limits.
    """
    with look("cluster_stability", style) as made:
        names = labels or [f"seed {run}" for run in runs]
        figure = cluster_stability(
            {
                "resamples": [load_table(path) for path in resampled],
                "UMAP seeds": [load_table(path) for path in planes],
            },
            {
                "resamples": [load_table(path) for path in resampled_clusters],
                "UMAP seeds": [load_table(path) for path in planes_clusters],
            },
            run_pairs(
                [load_table(path) for path in clusters],
                runs,
                seed=derive(seed, "tabulate_clusters"),
            ),
            names,
            title,
            made,
        )
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
