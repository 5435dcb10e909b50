from pathlib import Path

from latent_microscope.io.artefacts import save_text
from latent_microscope.report.readme import findings_pages, with_headlines
from latent_microscope.step import In, Out, run


def main(*, published: In, readme: In, page: Out, findings: Out) -> None:
    """Renew README's headline numbers, and a page of tables for each study in results/published.

    published: results/published.
    readme: README.md as it is.
    page: README.md renewed.
    findings: Folder of the pages, docs/findings; those of studies that are not there go.
    """
    renewed = with_headlines(Path(readme).read_text(encoding="utf-8"), published)
    pages = findings_pages(published)
    for path in set(Path(findings).glob("*.md")) - {Path(findings) / name for name in pages}:
        path.unlink()
    for name, text in pages.items():
        save_text(Path(findings) / name, text)
    save_text(page, renewed)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
