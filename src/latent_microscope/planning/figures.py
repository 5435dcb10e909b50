"""Declared figures as rules and targets: their files, labels, params, and where each is drawn."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from latent_microscope import registry
from latent_microscope.errors import InputError
from latent_microscope.planning.runs import LOGS, RUN
from latent_microscope.planning.study import Study, Wildcards

_FOLDERS = {"run": f"{RUN}/figures", "run_method": f"{RUN}/figures"}
_FOLDER = "results/{study}/figures"
_SUFFIXES = {
    "run_method": "-{method}",
    "view": "-{view}",
    "view_method": "-{view}-{method}",
    "metric": "-{metric}",
}
_OF_A_RUN = ("run", "run_method")
_LABELS = {"view": "{view}", "seed": "{seed}", "sources": "{method}"}
_LABELLED = {
    "run": ("view", "seed"),
    "run_method": ("view", "seed", "sources"),
    "view": ("view",),
    "view_method": ("view", "sources"),
}
_OUTER = {"run_method": "run", "view_method": "view"}


def path(figure: registry.Figure, file: str, ending: str = "png") -> str:
    """A figure's file, with wildcards."""
    folder = _FOLDERS.get(figure.per, _FOLDER)
    return f"{folder}/{file}{_SUFFIXES.get(figure.per, '')}.{ending}"


def log(figure: registry.Figure) -> str:
    """The log of its rule, with wildcards."""
    run = "-{view}-seed{seed}" if figure.per in _OF_A_RUN else ""
    return f"{LOGS}/plot_{figure.name}{run}{_SUFFIXES.get(figure.per, '')}.log"


def labels(figure: registry.Figure, title: str) -> dict[str, str]:
    """How Snakemake's report lists it."""
    if figure.per == "metric":
        title += ", {metric}"
    return {"figure": title, **{k: _LABELS[k] for k in _LABELLED.get(figure.per, ())}}


def is_drawn(figure: registry.Figure, study: Study) -> bool:
    """Whether a study has what a figure needs, and what it is about."""
    runs = "seeds" in study.settings and study.has_latents
    has = {
        "run": runs,
        "view": runs,
        "run_method": runs and "sources" in study.settings,
        "view_method": runs and "sources" in study.settings,
        "metric": "metrics" in study.settings,
        "study": True,
    }
    return has[figure.per] and figure.needs <= study.parts and figure.where(study)


def places(figure: registry.Figure, study: Study) -> list[Wildcards]:
    """What a study's figures of a kind are about: of several seeds of a VAE the first is drawn."""
    at: list[dict[str, str]] = [{"study": study.name}]
    if figure.per in ("run", "run_method", "view", "view_method"):
        at = [{**one, "view": view} for one in at for view in study.views]
    if figure.per in _OF_A_RUN:
        at = [{**one, "seed": str(study.seeds()[0])} for one in at]
    if figure.per in ("run_method", "view_method"):
        at = [{**one, "method": method} for one in at for method in study.methods]
    if figure.per == "metric":
        at = [{**one, "metric": metric} for one in at for metric in study.metrics]
    return [Wildcards(**one) for one in at]


def figures_of(study: Study, *, published: bool = False) -> list[str]:
    """All figures of a study, those about one thing together; published: without photographs."""
    drawn = [figure for figure in registry.figures() if is_drawn(figure, study)]
    if published:
        drawn = [figure for figure in drawn if not figure.photographs]
    found: list[str] = []
    for _, group in groupby(drawn, key=lambda figure: _OUTER.get(figure.per, figure.per)):
        together = [(place, f) for f in group for place in places(f, study)]
        together.sort(key=lambda pair: _outer(pair[0], study))
        found += [file for place, figure in together for file in _files(figure, place)]
    return found


def _outer(at: Wildcards, study: Study) -> tuple[int, ...]:
    view = study.views.index(at.view) if at.view else 0
    # All figures of a reading of the sources together, where they are about all seeds.
    method = 1 + study.methods.index(at.method) if at.method and not at.seed else 0
    return view, method, study.metrics.index(at.metric) if at.metric else 0


def _files(figure: registry.Figure, at: Wildcards) -> Iterator[str]:
    for file in figure.titles:
        yield path(figure, file).format(**vars(at))


def check_limits(section: Mapping[str, Any]) -> None:
    """Check that the config's ``figures.limits`` names figures that there are.

    Raises:
        InputError: It names another one.
    """
    known = {figure.name for figure in registry.figures()}
    for name in section["limits"]:
        if name.partition("/")[0] not in known:
            raise InputError(
                f"config key figures.limits: no figure {name!r}; there are: "
                f"{', '.join(sorted(known))}"
            )
