"""Which sections a study has: those whose tables or figures it has, then whatever is left."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from inspect import isfunction
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

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
MAY_BE_EMPTY = ("duplicates",)
# Anchor, title, templates, beginnings of the names of the figures that belong here.
SECTIONS = (
    ("files", "Files", "files", ""),
    ("funnel", "The published funnel", "funnel", "funnel-"),
    ("detectors", "Single scores as detectors", "detectors", "detectors- panels- latent-map"),
    ("comparison", "Detectors of authentic samples", "comparison", "scenarios"),
    ("search", "The funnel at its best parameters", "search", ""),
    (
        "similarity",
        "Similarity to human judgements",
        "alignment",
        "rsa- rdms- classes- model-similarity-",
    ),
    ("measures", "Intervals and baselines", "measures", ""),
    ("differences", "Differences between models", "differences", ""),
    ("layers", "Alignment by stage", "layers", "layers"),
    (
        "behaviour",
        "Behaviour against the votes",
        "behaviour",
        "accuracy- confusions entropy disputed",
    ),
    ("ceilings", "Noise ceilings", "ceilings", ""),
    ("recovery", "Model recovery", "recovery", "recovery"),
    ("false-alarms", "False alarms", "null", ""),
    ("coverage", "Coverage of the intervals", "coverage", "calibration"),
    ("power", "Power", "power", "power"),
    ("training", "Training", "", "training- classifier-training fold-training"),
    (
        "diagnostics",
        "Diagnostics of the VAE",
        "diagnostics",
        "vae-checks- vae-diagnostics- vae-images vae-samples traversals",
    ),
    (
        "scores",
        "The latent space and its scores",
        "forensics",
        "uniqueness-originality density overlaps",
    ),
    ("rankings", "Repeatability of the rankings", "reliability rankings", "reliability list-"),
    (
        "clusters",
        "Clusters",
        "clusters cluster-jaccard",
        "clusters sbs-sizes- cluster-stability- components cluster-control",
    ),
    (
        "bias",
        "Attributes of the clusters",
        "bias published-bias",
        "bias-forest cluster-bias cmax-bias subniches",
    ),
    ("correlations", "Numeric attributes and scores", "correlations", ""),
    ("identities", "Identities", "", "identities"),
    ("probes", "Attributes in the latents", "probes", "probes"),
    ("duplicates", "Near-duplicates", "duplicates", "duplicates"),
)


@dataclass(frozen=True)
class Section:
    """A part of a page under its own title."""

    key: str
    title: str
    body: str  # HTML or Markdown
    findings: list[tuple[str, str]]  # sentences, each with the table that its numbers come from
    figures: list[str]


@cache
def environment(html: bool = True) -> Environment:
    """Templates of HTML, escaped, or of Markdown."""
    made = Environment(
        loader=PackageLoader("latent_microscope.report", "assets"),
        autoescape=html,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.do"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    functions = {n: f for m in (formats, gather) for n, f in vars(m).items() if isfunction(f)}
    names = {"OURS": gather.OURS, "FALSE_DISCOVERY_RATE": gather.FALSE_DISCOVERY_RATE}
    made.filters |= functions
    made.globals |= functions | names | {"warnings": WARNINGS}
    return made


def render(template: str, study: Study, *, html: bool = True, **context: Any) -> str:
    """Tables and findings of one template of a study, as HTML or Markdown."""
    templates = environment(html)
    context["study"] = study
    blocks = templates.get_template("_html.jinja" if html else "_markdown.jinja")
    needed = NEEDS.get(template, (template,))[0]
    if needed in study.tables:
        context["t"] = study.table(needed)
    if function := getattr(gather, template.replace("-", "_"), None):
        context |= function(study)
    return templates.get_template(f"{template}.jinja").render(
        context, b=blocks.make_module(context)
    )


def sections(
    study: Study, captions: Mapping[str, Mapping[str, str]] | None = None, **context: Any
) -> list[Section]:
    """The sections of a study, each where its tables or figures are; context as of render."""
    context["captions"] = captions or {}
    tables, figures = set(study.tables), dict.fromkeys(study.figures)
    made = []
    for key, title, templates, prefixes in SECTIONS:
        names = [name for name in templates.split() if _has(study, name)]
        drawn = [name for prefix in prefixes.split() for name in study.pictures(prefix)]
        own = [name for name in dict.fromkeys(drawn) if name in figures]
        figures = {name: None for name in figures if name not in own}
        found: list[tuple[str, str]] = []
        shown = {name: render(name, study, found=found, **context) for name in names}
        tables -= {t for name in shown if shown[name].strip() for t in NEEDS.get(name, (name,))}
        body = "\n".join(shown.values())
        if body.strip() or own:
            made.append(Section(key, title, body, found, own))
    rest = [name for name in study.tables if name in tables]
    body = "\n".join(render("_preview", study, name=name, **context) for name in rest)
    if rest or figures:
        made.append(Section("more", "More tables and figures", body, [], list(figures)))
    return made


def _has(study: Study, template: str) -> bool:
    needs = NEEDS.get(template, (template,))
    return study.has(*needs) or (needs[0] in study.tables and needs[0] in MAY_BE_EMPTY)
