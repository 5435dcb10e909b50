from typing import Any

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_text
from latent_microscope.report.images import small
from latent_microscope.report.origins import Chains
from latent_microscope.report.pages import document, render_page
from latent_microscope.step import In, Out, run


def main(
    *,
    checks: list[In],
    tables: list[In],
    figures: list[In],
    pages: list[Out],
    studies: dict[str, Any],
    captions: dict[str, dict[str, str]] | None = None,
) -> None:
    """Write the reports of finished studies, a page for each.

    checks: .parquet, the checks of each study, in the order of studies.
    tables: .parquet of all studies.
    figures: .png of all studies.
    pages: .html of each study, in the order of studies.
    studies: {name: {"settings": its config, "synthetic_demo": whether its data are synthetic,
        "explorer": path of its explorer, or empty}}.
    captions: {"figures": {name: text}, "tables": {name: text}}.
    """
    if not studies or not len(studies) == len(pages) == len(checks):
        counts = f"{len(studies)} studies, {len(checks)} checks and {len(pages)} pages"
        raise InputError(f"{counts}: give one page and one table of checks per study")
    for path in (*tables, *figures):
        if not set(studies) & set(path.parts):
            raise InputError(f"{path}: in the folder of none of the studies {', '.join(studies)}")
    chains = Chains()
    for (name, told), own, page in zip(studies.items(), checks, pages, strict=True):
        own_tables, own_figures = ([p for p in ps if name in p.parts] for ps in (tables, figures))
        given = (name, told, own, own_tables, own_figures)
        images = {path: small(path) for path in own_figures}
        made = document(*given, captions or {}, chains)
        save_text(page, render_page([made], images, page.parent))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
