"""Which sections a study has: those whose tables or figures it has, then whatever is left."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
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
# Key of the anchor, title, templates, beginnings of the names of the figures that belong here.
SECTIONS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("files", "Files", ("files",), ()),
    ("funnel", "The published funnel", ("funnel",), ("funnel-",)),
    ("detectors", "Single scores as detectors", ("detectors",),
     ("detectors-", "panels-", "latent-map")),
    ("comparison", "Detectors of authentic samples", ("comparison",), ("settings",)),
    ("search", "The funnel at its best parameters", ("search",), ()),
    ("similarity", "Similarity to human judgements", ("alignment",),
     ("rsa-", "rdms-", "classes-", "model-similarity-")),
    ("measures", "Intervals and baselines", ("measures",), ()),
    ("differences", "Differences between models", ("differences",), ()),
    ("layers", "Alignment by stage", ("layers",), ("layers",)),
    ("behaviour", "Behaviour against the votes", ("behaviour",),
     ("accuracy-", "confusions", "entropy", "disputed")),
    ("ceilings", "Noise ceilings", ("ceilings",), ()),
    ("recovery", "Model recovery", ("recovery",), ("recovery",)),
    ("false-alarms", "False alarms", ("null",), ()),
    ("coverage", "Coverage of the intervals", ("coverage",), ("calibration",)),
    ("power", "Power", ("power",), ("power",)),
    ("training", "Training", (), ("training-", "classifier-training", "fold-training")),
    ("health", "Diagnostics of the VAE", ("health",),
     ("vae-checks-", "vae-health-", "vae-images", "vae-samples", "traversals")),
    ("scores", "The latent space and its scores", ("forensics",),
     ("uniqueness-originality", "density", "overlaps")),
    ("rankings", "Repeatability of the rankings", ("reliability", "rankings"),
     ("reliability", "list-")),
    ("clusters", "Clusters", ("clusters", "cluster-jaccard"),
     ("clusters", "sbs-sizes-", "cluster-stability-", "components", "cluster-control")),
    ("bias", "Attributes of the clusters", ("bias", "published-bias"),
     ("bias-forest", "cluster-bias", "cmax-bias", "subniches")),
    ("correlations", "Numeric attributes and scores", ("correlations",), ()),
    ("identities", "Identities", (), ("identities",)),
    ("probes", "Attributes in the latents", ("probes",), ("probes",)),
    ("duplicates", "Near-duplicates", ("duplicates",), ("duplicates",)),
)  # fmt: skip


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
    functions = {f.__name__: f for f in (*formats.FORMATS, *formats.WORDS, *formats.TEXTS)}
    made.filters |= functions
    made.globals |= functions
    made.globals |= {
        "blocks": "_html.jinja" if html else "_markdown.jinja",
        "warnings": WARNINGS,
        "in_view": gather.in_view,
        "means": gather.means,
        "of_method": gather.of_method,
        "drawn_groups": gather.drawn_groups,
        "OURS": gather.OURS,
        "FALSE_DISCOVERY_RATE": gather.FALSE_DISCOVERY_RATE,
    }
    return made


def render(template: str, study: Study, *, html: bool = True, **context: Any) -> str:
    """Tables and findings of one template of a study, as HTML or Markdown."""
    needed = NEEDS.get(template, (template,))[0]
    table = {"t": study.table(needed)} if needed in study.tables else {}
    function = getattr(gather, template.replace("-", "_"), None)
    known = table | (function(study) if function else {}) | context
    return environment(html).get_template(f"{template}.jinja").render(study=study, **known)


def sections(
    study: Study,
    *,
    html: bool = True,
    captions: Mapping[str, Mapping[str, str]] | None = None,
    **context: Any,
) -> list[Section]:
    """The sections of a study, each where its tables or figures are."""
    context |= {"html": html, "captions": captions or {}}
    shown_tables: set[str] = set()
    shown_figures: set[str] = set()
    made = []
    for key, title, templates, prefixes in SECTIONS:
        names = [name for name in templates if _has(study, name)]
        shown_tables |= {table for name in names for table in NEEDS.get(name, (name,))}
        drawn = dict.fromkeys(name for prefix in prefixes for name in study.pictures(prefix))
        figures = [name for name in drawn if name not in shown_figures]
        shown_figures |= set(figures)
        found: list[tuple[str, str]] = []
        parts = [render(name, study, found=found, **context) for name in names]
        if names or figures:
            made.append(Section(key, title, "\n".join(parts), found, figures))
    names = [name for name in study.tables if name not in shown_tables]
    rest = [render("_preview", study, name=name, **context) for name in names]
    figures = [name for name in study.figures if name not in shown_figures]
    if rest or figures:
        title = "More tables and figures"
        made.append(Section("more", title, "\n".join(rest), [], figures))
    return made


def _has(study: Study, template: str) -> bool:
    needs = NEEDS.get(template, (template,))
    return study.has(*needs) or (needs[0] in study.tables and needs[0] in MAY_BE_EMPTY)
