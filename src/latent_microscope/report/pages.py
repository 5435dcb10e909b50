"""From the files of finished studies to their pages."""

import base64
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table, save_text
from latent_microscope.report.formats import counted, plain
from latent_microscope.report.images import Small, small
from latent_microscope.report.origins import Chains, Origin
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
    "own": "What is in this latent space, and how much of it would hold elsewhere?",
    "simulations": "How often does the bias index report a bias where there is none, and how often "
    "where there is one?",
}


@dataclass(frozen=True)
class Document:
    """Everything that a page says about a study."""

    study: Study
    question: str
    made_up: bool  # whether its data are synthetic
    explorer: str  # path of the page to explore its latent space; empty without one
    facts: Sequence[tuple[str, str]]  # label and text: what was run, on what
    settings: str  # resolved config as indented JSON
    sections: Sequence[Section]
    origins: Mapping[Path, Origin]
    captions: Captions

    @property
    def name(self) -> str:
        """The study's name."""
        return self.study.name

    @property
    def numbers(self) -> dict[str, int]:
        """Figures in the order of the page, from 1."""
        drawn = [name for section in self.sections for name in section.figures]
        return {name: place for place, name in enumerate(drawn, 1)}

    def caption(self, figure: str) -> str:
        """Of what the step of a figure draws."""
        step = self.origins[self.study.figures[figure]].step
        return plain(self.captions.get("figures", {}).get(step.removeprefix("plot_"), ""))


def write_pages(
    studies: Mapping[str, Mapping[str, Any]],
    *,
    checks: Sequence[Path],
    tables: Sequence[Path],
    figures: Sequence[Path],
    captions: Captions,
    page: Path,
    pages: Sequence[Path],
) -> None:
    """Write the page of all studies and a page of each; arguments as of the step.

    Raises:
        InputError: No study, another number of pages or checks than studies, a file of no study,
            or one that is not what its sidecar tells of.
    """
    if not studies or not len(studies) == len(pages) == len(checks):
        counts = f"{len(studies)} studies, {len(checks)} checks and {len(pages)} pages"
        raise InputError(f"{counts}: give one page and one table of checks per study")
    for path in (*tables, *figures):
        if not set(studies) & set(path.parts):
            raise InputError(f"{path}: in the folder of none of the studies {', '.join(studies)}")
    chains = Chains()
    documents = [
        document(
            name,
            told,
            checks=own,
            tables=sorted(path for path in tables if name in path.parts),
            figures=sorted(path for path in figures if name in path.parts),
            captions=captions,
            chains=chains,
        )
        for (name, told), own in zip(studies.items(), checks, strict=True)
    ]
    images = {path: small(path) for path in figures}
    for own_page, own_document in zip(pages, documents, strict=True):
        save_text(own_page, render_page([own_document], images, own_page.parent))
    save_text(page, render_page(documents, images, page.parent))


def render_page(documents: Sequence[Document], images: Mapping[Path, Small], folder: Path) -> str:
    """The page of some studies as one HTML file; links are relative to its folder."""
    templates = environment()
    loader = templates.loader
    assert loader is not None
    style = loader.get_source(templates, "report.css")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'"
    return templates.get_template("_page.jinja").render(
        documents=documents,
        images=images,
        style=style,
        policy=f"{policy}; base-uri 'none'; form-action 'none'",
        relative=lambda path: quote(os.path.relpath(path, folder)),
    )


def document(
    name: str,
    told: Mapping[str, Any],
    *,
    checks: Path,
    tables: Sequence[Path],
    figures: Sequence[Path],
    captions: Captions,
    chains: Chains,
) -> Document:
    """Gather a study: ``told`` has its settings, and may have made_up and explorer.

    Raises:
        InputError: A file without its sidecar, or with another content; two of one name.
    """
    settings = told["settings"]
    named = {path.stem: path for path in tables}
    drawn = {_figure_name(path, settings): path for path in figures}
    if len(named) < len(tables) or len(drawn) < len(figures):
        raise InputError(f"{name}: two of its tables or figures have one name")
    study = Study(name, named, drawn)
    return Document(
        study=study,
        question=QUESTIONS.get(str(settings.get("kind")), ""),
        made_up=bool(told.get("made_up")),
        explorer=str(told.get("explorer") or ""),
        sections=sections(study, captions=captions),
        origins={path: chains.origin(path) for path in (*tables, *figures)},
        facts=list(_facts(study, settings, checks, chains)),
        settings=json.dumps(settings, indent=1, ensure_ascii=False),
        captions=captions,
    )


def _figure_name(path: Path, settings: Mapping[str, Any]) -> str:
    """The stem; one of a VAE of a further view with the view in front."""
    parts = path.parts
    view = parts[parts.index("vae") + 1] if "vae" in parts else path.parent.name
    first = next(iter(settings.get("views") or ["whole"]))
    return path.stem if view in ("figures", first) else f"{view}/{path.stem}"


def _facts(
    study: Study, settings: Mapping[str, Any], checks: Path, chains: Chains
) -> Iterator[tuple[str, str]]:
    paths = (*study.tables.values(), *study.figures.values())
    behind = [chains.behind(path) for path in paths]
    if data := sorted({name for _, names in behind for name in names}):
        yield "Data", ", ".join(data)
    if study.has("forensics"):
        table = study.table("forensics")
        images = table.loc[table["quantity"] == "n", "mean"]
        if len(images):
            yield "Images", f"{images.iloc[0]:,.0f}"
    elif study.has("alignment"):
        yield "Images", f"{study.table('alignment')['n_images'].iloc[0]:,}"
    if settings.get("seeds"):
        yield "Seeds", ", ".join(str(seed) for seed in settings["seeds"])
    elif isinstance(settings.get("settings"), Mapping):
        every = settings["settings"].items()
        yield "Settings", "; ".join(f"{k}: {counted(len(v['seeds']), 'seed')}" for k, v in every)
    if settings.get("runs"):
        yield "Simulated studies", f"{settings['runs']:,} per setting"
    if vae := settings.get("vae"):
        how = "published weights" if vae.get("weights") else counted(vae["epochs"], "epoch")
        yield "VAE", f"{vae['arch']}, {vae['latent']} dimensions, {how}"
    if settings.get("models"):
        yield "Models", ", ".join(settings["models"])
    roots = {seed.removeprefix("seed ") for seeds, _ in behind for seed in seeds if "seed " in seed}
    if roots:
        yield "Root seed", ", ".join(sorted(roots))
    machines, libraries = chains.machines(chains.known())
    yield "Machine", "; ".join(machines)
    yield "Libraries", ", ".join(libraries)
    table = load_table(checks)
    failed = int((~table["passed"]).sum())
    word = f"{failed} FAILED" if failed else "all passed"
    files = counted(table["artefact"].nunique(), "artefact")
    yield "Checks", f"{counted(len(table), 'check')} of {files}: {word}"
