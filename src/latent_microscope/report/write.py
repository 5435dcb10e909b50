"""From the files of finished studies to their pages."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_bytes, save_text
from latent_microscope.report.captions import Captions
from latent_microscope.report.document import Document, document
from latent_microscope.report.html import page
from latent_microscope.report.images import small
from latent_microscope.report.origins import Chains
from latent_microscope.report.pdf import pdf


def write_pages(
    studies: Mapping[str, Mapping[str, Any]],
    *,
    checks: Sequence[Path],
    tables: Sequence[Path],
    figures: Sequence[Path],
    captions: Captions,
    whole: Path,
    printed: Path,
    pages: Sequence[Path],
) -> None:
    """Write the page of all studies, the same as PDF, and a page of each study.

    Args:
        studies: Name → ``settings`` (resolved config), ``made_up`` and ``explorer`` (a path or
            empty), in the order of the page.
        checks: One Parquet a study.
        tables: Parquet tables of all studies.
        figures: PNGs of all studies.
        captions: Of figures and tables.
        whole: HTML of all.
        printed: PDF of all.
        pages: HTML of each study, in the order of ``studies``.

    Raises:
        InputError: No study, another number of pages or checks than studies, a file of no study,
            or one that is not what its sidecar tells of.
    """
    if not studies or not len(studies) == len(pages) == len(checks):
        counts = f"{len(studies)} studies, {len(checks)} checks and {len(pages)} pages"
        raise InputError(f"{counts}: give one page and one table of checks of each study")
    _require_owned([*tables, *figures], studies)
    chains = Chains()
    documents = [
        document(
            name,
            settings=study["settings"],
            made_up=bool(study["made_up"]),
            explorer=str(study.get("explorer") or ""),
            checks=own,
            tables=_of(name, tables),
            figures=_of(name, figures),
            captions=captions,
            chains=chains,
        )
        for (name, study), own in zip(studies.items(), checks, strict=True)
    ]
    images = {path: small(path) for path in figures}
    for own_page, own_document in zip(pages, documents, strict=True):
        save_text(own_page, page([own_document], images, own_page.parent))
    _save_whole(documents, images, whole, printed)


def _save_whole(documents: list[Document], images: dict, whole: Path, printed: Path) -> None:
    save_text(whole, page(documents, images, whole.parent))
    save_bytes(printed, pdf(documents, images))


def _of(study: str, paths: Sequence[Path]) -> list[Path]:
    """Those in the study's folder, in the order of their names."""
    return sorted(path for path in paths if study in path.parts)


def _require_owned(paths: Sequence[Path], studies: Mapping[str, Any]) -> None:
    for path in paths:
        if not set(studies) & set(path.parts):
            raise InputError(f"{path}: in the folder of none of the studies {', '.join(studies)}")
