"""A study's page before it is HTML or PDF: facts of the run, sections, captions, provenance."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.report import captions as texts
from latent_microscope.report.blocks import Picture, Reading, Section, Study
from latent_microscope.report.cells import counted
from latent_microscope.report.origins import Chains, Origin
from latent_microscope.report.page import in_short, sections

QUESTIONS = {
    "synthetic": "Authentic images of a few people and interpolations between them, the truth "
    "known: which score tells them apart?",
    "detection": "Which detector tells authentic samples from interpolations, and how hard may "
    "the truth become?",
    "faces": "What is in the latent space of a VAE of face images, and how much of it would "
    "another VAE show?",
    "alignment": "How like people's judgements are the representations of these models?",
    "own": "What is in this latent space, and how much of it would hold elsewhere?",
    "simulations": "How often does the bias index find what is not there, and how often what is?",
}


@dataclass(frozen=True)
class Source:
    """A file of the page with its origin and its place among the provenance.

    Attributes:
        anchor: Of its entry.
        label: ``Table health``, ``Figure probes``.
        origin: Who made it.
        path: The file that people open: the CSV of a table, the PNG of a figure.
    """

    anchor: str
    label: str
    origin: Origin
    path: Path


@dataclass(frozen=True)
class Document:
    """Everything that a page says of a study.

    Attributes:
        study: Its tables and figures.
        question: What was asked.
        made_up: Whether its data were drawn by this program.
        explorer: Page to look at its latent space; empty without one.
        facts: Label and text: what was run, on what.
        settings: Resolved config of the study, indented JSON.
        short: The first reading of each section.
        sections: In their order.
        tables: Name → source.
        figures: Name → source.
        captions: Of figures and tables, by :mod:`latent_microscope.report.captions`.
    """

    study: Study
    question: str
    made_up: bool
    explorer: str
    facts: Sequence[tuple[str, str]]
    settings: str
    short: Sequence[tuple[Section, Reading]]
    sections: Sequence[Section]
    tables: Mapping[str, Source]
    figures: Mapping[str, Source]
    captions: texts.Captions

    def figure_number(self, name: str) -> int:
        """Its place among the figures of the page, from 1."""
        drawn = [b.name for s in self.sections for b in s.blocks if isinstance(b, Picture)]
        return drawn.index(name) + 1

    @property
    def name(self) -> str:
        """The study's name."""
        return self.study.name

    def figure_caption(self, name: str) -> str:
        """Of one of its figures."""
        return texts.of_figure(self.captions, self.figures[name].origin.step)

    def table_caption(self, name: str) -> str:
        """Of one of its tables."""
        return texts.of_table(self.captions, name)

    def sources(self) -> list[Source]:
        """Tables, then figures."""
        return [*self.tables.values(), *self.figures.values()]


def document(
    name: str,
    *,
    settings: Mapping[str, Any],
    made_up: bool,
    explorer: str = "",
    checks: Path,
    tables: Sequence[Path],
    figures: Sequence[Path],
    captions: texts.Captions,
    chains: Chains,
) -> Document:
    """Gather a study.

    Args:
        name: Of the study.
        settings: Its resolved config.
        made_up: Whether its data were drawn by this program.
        explorer: Page to look at its latent space; empty without one.
        checks: Parquet of its checks.
        tables: Parquet tables.
        figures: PNGs.
        captions: Of figures and tables.
        chains: Sidecars.

    Raises:
        InputError: A file without its sidecar, or with another content; two of one name.
    """
    named = {path.stem: path for path in tables}
    drawn = {_figure_name(path, settings): path for path in figures}
    if len(named) < len(tables) or len(drawn) < len(figures):
        raise InputError(f"{name}: two of its tables or figures have one name")
    study = Study(name, named, drawn)
    made = sections(study)
    of_tables = {key: _source(name, "table", key, path, chains) for key, path in named.items()}
    of_figures = {key: _source(name, "figure", key, path, chains) for key, path in drawn.items()}
    return Document(
        study=study,
        question=QUESTIONS.get(str(settings.get("kind")), ""),
        made_up=made_up,
        explorer=explorer,
        facts=list(_facts(study, settings, load_table(checks), [*tables, *figures], chains)),
        settings=json.dumps(settings, indent=1, ensure_ascii=False),
        short=in_short(made),
        sections=made,
        tables=of_tables,
        figures=of_figures,
        captions=captions,
    )


def _figure_name(path: Path, settings: Mapping[str, Any]) -> str:
    """The stem; one of a VAE of a further view with the view in front."""
    parts = path.parts
    view = parts[parts.index("vae") + 1] if "vae" in parts else path.parent.name
    first = next(iter(settings.get("views") or ["whole"]))
    return path.stem if view in ("figures", first) else f"{view}/{path.stem}"


def _source(study: str, kind: str, name: str, path: Path, chains: Chains) -> Source:
    anchor = f"{study}-{kind}-{name}".replace("/", "-")
    shown = path.with_suffix(".csv") if kind == "table" else path
    return Source(anchor, f"{kind.capitalize()} {name}", chains.origin(path), shown)


def _facts(
    study: Study,
    settings: Mapping[str, Any],
    checks: pd.DataFrame,
    paths: Sequence[Path],
    chains: Chains,
) -> Iterator[tuple[str, str]]:
    origins = [chains.behind(path) for path in paths]
    data = sorted({name for _, names in origins for name in names})
    if data:
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
        parts = [
            f"{k}: {counted(len(v['seeds']), 'seed')}" for k, v in settings["settings"].items()
        ]
        yield "Settings", "; ".join(parts)
    if settings.get("runs"):
        yield "Simulated studies", f"{settings['runs']:,} of every setting"
    vae = settings.get("vae")
    if vae:
        how = "published weights" if vae.get("weights") else counted(vae["epochs"], "epoch")
        yield "VAE", f"{vae['arch']}, {vae['latent']} dimensions, {how}"
    if settings.get("models"):
        yield "Models", ", ".join(settings["models"])
    roots = sorted({s.removeprefix("seed ") for seeds, _ in origins for s in seeds if "seed " in s})
    if roots:
        yield "Root seed", ", ".join(roots)
    machines, libraries = chains.machines(chains.known())
    yield "Machine", "; ".join(machines)
    yield "Libraries", ", ".join(libraries)
    failed = int((~checks["passed"]).sum())
    files = checks["artefact"].nunique()
    word = f"{failed} FAILED" if failed else "all passed"
    yield "Checks", f"{counted(len(checks), 'check')} of {counted(files, 'artefact')}: {word}"
