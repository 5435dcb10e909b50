"""Which sections a study has: those whose tables or figures it has, then whatever is left."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import isfunction
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.ext import Extension

from latent_microscope.published import KIND
from latent_microscope.registry import noun_of, said
from latent_microscope.report import formats, gather
from latent_microscope.report.study import Study

WARNINGS = ("warning", "alarm", "poor", "unstable", "mostly noise", "list mostly noise")
"""Cells that are highlighted."""
# Template → tables that it needs, the first one with rows; others need the table of their name.
NEEDS = {
    "clusters": ("cluster-stability", "sbs"),
    "bias": ("bias-tests", "bias"),
    "published-bias": ("bias-tests",),
}
_CODE = re.compile(r"(\{[{%#].*?[}%#]\})", re.DOTALL)
MAY_BE_EMPTY = ("duplicates", "class-probes", "dissimilarity-differences")
SECTIONS = (
    ("files", "Files", "files"),
    ("funnel", "The published funnel", "funnel"),
    ("detectors", "Single scores as detectors", "detectors"),
    ("comparison", "Detectors of authentic samples", "comparison"),
    ("search", "The funnel at its best parameters", "search"),
    (
        "similarity",
        "Similarity to human judgements",
        "alignment dissimilarity dissimilarity-differences dissimilarity-annotators",
    ),
    ("measures", "Intervals and baselines", "measures"),
    ("differences", "Differences between models", "differences"),
    ("layers", "Alignment by layer", "leaderboard layers"),
    ("behaviour", "Behaviour against the votes", "behaviour"),
    ("ceilings", "Noise ceilings", "ceilings"),
    ("recovery", "Model recovery", "recovery"),
    ("calibration", "False alarms and coverage", "calibration"),
    ("power", "Power", "power"),
    ("training", "Training", ""),
    ("diagnostics", "Diagnostics of the VAE", "diagnostics"),
    ("scores", "The latent space and its scores", "forensics"),
    ("rankings", "Repeatability of the rankings", "reliability rankings"),
    ("clusters", "Clusters", "clusters cluster-jaccard"),
    ("pixels", "Pixels of the clusters and scores", "cluster-pixels pixel-correlations"),
    ("bias", "Attributes of the clusters", "bias published-bias"),
    ("correlations", "Numeric attributes and scores", "correlations"),
    ("identities", "Identities", ""),
    ("probes", "Attributes in the latents", "probes class-probes"),
    ("duplicates", "Near-duplicates", "duplicates"),
)
"""Anchor, title, templates."""
FIGURES = {
    "funnel": "funnel",
    "detectors": "detectors panels latent-map",
    "comparison": "scenarios",
    "similarity": "rsa dissimilarity rdms classes model-similarity",
    "layers": "leaderboard layers",
    "behaviour": "accuracy confusions entropy disputed",
    "recovery": "recovery",
    "calibration": "calibration",
    "power": "power",
    "training": "training classifier-training fold-training",
    "diagnostics": "vae-checks vae-diagnostics vae-images vae-samples traversals",
    "scores": "uniqueness-originality density overlaps",
    "rankings": "reliability list",
    "clusters": "clusters sbs-sizes cluster-stability components cluster-control subniches",
    "pixels": "cluster-pixels cluster-images",
    "bias": "bias-forest cluster-bias cmax-bias",
    "identities": "identities",
    "probes": "probes",
    "duplicates": "duplicates",
}
"""Anchor of a section → first words of the names of the figures that belong there."""


@dataclass(frozen=True)
class Section:
    """A part of a page under its own title."""

    key: str
    title: str
    body: str  # HTML or Markdown
    findings: list[tuple[str, str]]  # sentences, each with the table that its numbers come from
    figures: list[str]


class _Nouns(Extension):
    """Words of the templates, not those of the data, speak of what the study has."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """The source of a template before it is read."""
        parts = _CODE.split(source)
        has: Any = self.environment.globals["parts"]
        noun = noun_of(has)
        parts[::2] = [formats.worded(said(text, has), noun) for text in parts[::2]]
        return "".join(parts)


@cache
def environment(html: bool = True, parts: frozenset[str] | None = None) -> Environment:
    """Templates of HTML, escaped, or of Markdown, of a study of these parts (None: of all)."""
    made = Environment(
        loader=PackageLoader("latent_microscope.report", "assets"),
        autoescape=html,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.do", _Nouns],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    known = {n: v for m in (formats, *gather.MODULES) for n, v in vars(m).items()}
    functions = {n: v for n, v in known.items() if isfunction(v)}
    made.filters |= functions
    made.globals |= functions | {n: v for n, v in known.items() if n.isupper()}
    made.globals |= {"warnings": WARNINGS, "KIND": KIND}
    made.globals |= {"parts": parts, "noun": noun_of(parts)}
    made.globals["of_part"] = lambda part, text: said(f"[{part}: {text}]", parts)
    return made


def render(
    template: str,
    study: Study,
    *,
    html: bool = True,
    parts: frozenset[str] | None = None,
    **context: Any,
) -> str:
    """Tables and findings of one template of a study, as HTML or Markdown."""
    templates = environment(html, parts)
    context = {"explained": []} | context | {"study": study}
    blocks = templates.get_template("_html.jinja" if html else "_markdown.jinja")
    needed = NEEDS.get(template, (template,))[0]
    if needed in study.tables:
        context["t"] = study.table(needed)
    for module in gather.MODULES:
        if function := getattr(module, template.replace("-", "_"), None):
            context |= function(study)
    return templates.get_template(f"{template}.jinja").render(
        context, b=blocks.make_module(context)
    )


def sections(
    study: Study,
    captions: Mapping[str, Mapping[str, str]] | None = None,
    without: Sequence[str] = (),
    **context: Any,
) -> list[Section]:
    """The sections of a study, each where its tables or figures are; context as of render.

    ``without``: templates that do not apply to it.
    """
    context |= {"captions": captions or {}, "explained": []}
    tables, figures = set(study.tables), dict.fromkeys(study.figures)
    made = []
    for key, title, templates in SECTIONS:
        names = [n for n in templates.split() if n not in without and has(study, n)]
        drawn = [n for words in FIGURES.get(key, "").split() for n in study.pictures(words)]
        own = [name for name in dict.fromkeys(drawn) if name in figures]
        figures = {name: None for name in figures if name not in own}
        found: list[tuple[str, str]] = []
        shown = {name: render(name, study, found=found, **context) for name in names}
        tables -= {
            t for name, text in shown.items() if text.strip() for t in NEEDS.get(name, (name,))
        }
        body = "\n".join(shown.values())
        if body.strip() or own:
            made.append(Section(key, title, body, found, own))
    if "reliability" in study.tables:
        tables -= {"rankings"}  # it says the same of more kinds of repetition
    rest = [name for name in study.tables if name in tables]
    body = "\n".join(render("_preview", study, name=name, **context) for name in rest)
    if body.strip() or figures:
        made.append(Section("more", "More tables and figures", body, [], list(figures)))
    return made


def has(study: Study, template: str) -> bool:
    """Whether a study has the tables of a template."""
    needs = NEEDS.get(template, (template,))
    return study.has(*needs) or (needs[0] in study.tables and needs[0] in MAY_BE_EMPTY)
