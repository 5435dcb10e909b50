"""Run the notebook that continues from a finished study's results."""

from pathlib import Path

from latent_microscope.arguments import Asset
from latent_microscope.io.artefacts import save_text
from latent_microscope.report.notebooks import run_notebook
from latent_microscope.step import In, Out, run


def main(
    *,
    checks: In,
    tables: list[In],
    latents: In,
    encoding: In,
    scores: In,
    executed: Out,
    attributes: In | None = None,
    notebook: Asset = Path("notebooks/explore_results.ipynb"),
) -> None:
    """Execute the notebook on a folder of results.

    Args:
        checks: .parquet in the folder of the study, below which the notebook reads.
        tables: .parquet of the study.
        latents: .npy of the VAE that it looks at, the first one.
        encoding: .parquet with the ids of the latents.
        scores: .parquet of the same VAE.
        executed: .ipynb with outputs.
        attributes: .parquet, where the study has attributes.
        notebook: .ipynb with a cell tagged parameters; default: that of the project.
    """
    save_text(executed, run_notebook(notebook, {"results": str(checks.parent)}, Path.cwd()))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
