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
    """Execute the notebook that continues from a finished study's results.

    checks: .parquet in the folder of the study, below which the notebook reads.
    tables: .parquet of the study.
    executed: .ipynb with outputs.
    notebook: .ipynb with a cell tagged parameters; default: that of the project.
    """
    save_text(executed, run_notebook(notebook, {"results": str(checks.parent)}, Path.cwd()))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
