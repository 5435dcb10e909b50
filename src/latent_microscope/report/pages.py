"""The pages of finished studies, from their files."""

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from latent_microscope.io.artefacts import load_table, save_text
from latent_microscope.planning.pages import RESULTS, finished_studies, pages_of
from latent_microscope.registry import noun_of, said
from latent_microscope.report.formats import plain, worded
from latent_microscope.report.images import Small
from latent_microscope.report.origins import Chains, Ground, Origin
from latent_microscope.report.sections import Section, environment, sections
from latent_microscope.report.study import Study

Captions = Mapping[str, Mapping[str, str]]
"""``figures`` and ``tables``: name → reStructuredText."""
QUESTIONS = {
    "synthetic": "Authentic images of a few people and interpolations between them, with known "
    "ground truth: which score separates them?",
    "detection": "Which detector separates authentic samples from interpolations, and how hard may "
    "the ground truth become?",
    "faces": "What is in the latent space of a VAE of face images, and how much of it would "
    "another VAE show?",
    "alignment": "How well do the representations of these models align with human judgements?",
    "simulations": "How often does the bias index report a bias where there is none, and how often "
    "where there is one?",
}


# Names of columns do not make a user's data those of the preprint.
_WITHOUT: dict[Any, tuple[str, ...]] = {"custom": ("published-bias",)}
_OF_LATENTS = "What is in this latent space, and how much of it would hold elsewhere?"


@dataclass(frozen=True)
class Document:
    """Everything that a page says about a study."""

    study: Study
    settings: Mapping[str, Any]  # resolved config
    synthetic_demo: bool  # whether its data are synthetic
    explorer: str  # path of the page to explore its latent space; empty without one
    images: float | None  # how many
    ground: Ground
    checks: pd.DataFrame
    noun: str  # what the samples are called
    sections: Sequence[Section]
    origins: Mapping[Path, Origin]
    captions: Captions

    @property
    def question(self) -> str:
        """What the study asks; one of the user's files, what these can answer."""
        kind = str(self.settings.get("kind"))
        if kind != "custom":
            return QUESTIONS.get(kind, "")
        files = self.settings.get("data") or {}
        people = files.get("votes") or files.get("dissimilarity")
        latents = files.get("embeddings") or files.get("images")
        asked = [_OF_LATENTS] if latents else []
        return " ".join([*asked, QUESTIONS["alignment"]] if people else asked)

    @property
    def numbers(self) -> dict[str, int]:
        """Figures in the order of the page, from 1."""
        drawn = [name for section in self.sections for name in section.figures]
        return {name: place for place, name in enumerate(drawn, 1)}

    def caption(self, figure: str) -> str:
        """Of what the step of a figure draws."""
        step = self.origins[self.study.figures[figure]].step
        return plain(self.captions.get("figures", {}).get(step.removeprefix("plot_"), ""))


def _parts(settings: Mapping[str, Any]) -> frozenset[str] | None:
    """What a study of the user's files has; None: all that the words of a page may speak of."""
    if settings.get("kind") != "custom":
        return None
    own = {name for name, part in (settings.get("data") or {}).items() if part}
    own |= {"labels"} if "votes" in own else set()  # else their majority
    return frozenset(own | ({"vae"} & settings.keys()))


def sections_of(study: Study, settings: Mapping[str, Any], **context: Any) -> list[Section]:
    """The sections of a study of these settings; context as of :func:`sections`."""
    without = _WITHOUT.get(settings.get("kind"), ())
    return sections(study, without=without, parts=_parts(settings), **context)


def render_page(documents: Sequence[Document], images: Mapping[Path, Small], folder: Path) -> str:
    """The page of some studies as one HTML file; links are relative to its folder."""
    return _rendered("_page.jinja", folder, documents=documents, images=images)


def render_list(studies: Mapping[str, Mapping[str, Path]], folder: Path) -> str:
    """A page in this folder that links the pages of each study by their names."""
    return _rendered("_list.jinja", folder, studies=studies)


def _rendered(template: str, folder: Path, **context: Any) -> str:
    templates = environment()
    loader = templates.loader
    assert loader is not None
    style = loader.get_source(templates, "report.css")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'"
    return templates.get_template(template).render(
        style=style,
        policy=f"{policy}; base-uri 'none'; form-action 'none'",
        relative=lambda path: quote(os.path.relpath(path, folder)),
        **context,
    )


def document(
    name: str,
    told: Mapping[str, Any],
    checks: Path,
    tables: Sequence[Path],
    figures: Sequence[Path],
    captions: Captions,
    chains: Chains,
) -> Document:
    """Gather a study: ``told`` has its settings, and may have synthetic_demo and explorer.

    A file without its sidecar or with another content, or two of one name, are an InputError.
    """
    settings = told["settings"]
    parts = _parts(settings)
    noun = noun_of(parts)
    captions = {
        kind: {one: worded(said(text, parts), noun) for one, text in texts.items()}
        for kind, texts in captions.items()
    }
    study = Study.of(name, tables, figures, next(iter(settings.get("crops") or ["whole"])))
    images = None
    if study.has("forensics"):
        images = study.table("forensics").set_index("quantity")["mean"].get("n")
        images = pd.Series(images, dtype=float).iloc[0]
    for name in ("alignment", "dissimilarity"):
        if images is None and study.has(name):
            images = study.table(name)["n_images"].iloc[0]
    return Document(
        study=study,
        settings=settings,
        synthetic_demo=bool(told.get("synthetic_demo")),
        explorer=str(told.get("explorer") or ""),
        images=images,
        ground=chains.ground((*tables, *figures)),
        checks=load_table(checks),
        noun=noun,
        sections=sections_of(study, settings, captions=captions),
        origins={path: chains.origin(path) for path in (*tables, *figures)},
        captions=captions,
    )


def list_studies(results: Path = RESULTS) -> None:
    """Write results/report.html: links to the pages of all finished studies in the folder."""
    studies = {
        name: {page.path.stem: page.path for page in pages_of([name], results)}
        for name in finished_studies(results)
    }
    save_text(results / "report.html", render_list(studies, results))
    (results / "report.html.meta.json").unlink(missing_ok=True)  # that of a former page there
