"""Declared figures as rules and targets: their files, labels, and where each is drawn."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from latent_microscope import registry
from latent_microscope.config.fields import unknown_value
from latent_microscope.errors import InputError
from latent_microscope.planning.runs import LOGS, RUN
from latent_microscope.planning.study import Study, Wildcards

_FOLDERS = {"vae": f"{RUN}/figures", "vae_method": f"{RUN}/figures"}
_FOLDER = "results/{study}/figures"
_SUFFIXES = {
    "vae_method": "-{method}",
    "crop": "-{crop}",
    "crop_method": "-{crop}-{method}",
    "metric": "-{metric}",
}
_OF_A_RUN = ("vae", "vae_method")
_LABELS = {"crop": "{crop}", "seed": "{seed}", "sources": "{method}"}
_LABELLED = {
    "vae": ("crop", "seed"),
    "vae_method": ("crop", "seed", "sources"),
    "crop": ("crop",),
    "crop_method": ("crop", "sources"),
}
_OUTER = {"vae_method": "vae", "crop_method": "crop"}


def path(figure: registry.Figure, file: str, ending: str = "png") -> str:
    """A figure's file, with wildcards."""
    folder = _FOLDERS.get(figure.per, _FOLDER)
    return f"{folder}/{file}{_SUFFIXES.get(figure.per, '')}.{ending}"


def log(figure: registry.Figure) -> str:
    """The log of its rule, with wildcards."""
    run = "-{crop}-seed{seed}" if figure.per in _OF_A_RUN else ""
    return f"{LOGS}/plot_{figure.name}{run}{_SUFFIXES.get(figure.per, '')}.log"


def labels(figure: registry.Figure, title: str) -> dict[str, str]:
    """How Snakemake's report lists it."""
    if figure.per == "metric":
        title += ", {metric}"
    return {"figure": title, **{k: _LABELS[k] for k in _LABELLED.get(figure.per, ())}}


def is_drawn(figure: registry.Figure, study: Study) -> bool:
    """Whether a study has what a figure needs, and what it is about."""
    keys = {"metric": {"metrics"}, "study": set()}.get(figure.per, {"seeds"})
    keys |= {"sources"} if figure.per.endswith("_method") else set()
    has = keys <= study.settings.keys() and ("seeds" not in keys or study.has_latents)
    return has and figure.needs <= study.parts and figure.where(study)


def places(figure: registry.Figure, study: Study) -> list[Wildcards]:
    """What a study's figures are about: crops (with the first seed), methods, metrics."""
    if figure.per == "study":
        return [Wildcards(study=study.name)]
    if figure.per == "metric":
        return [Wildcards(study=study.name, metric=metric) for metric in study.metrics]
    seed = str(study.seeds()[0]) if figure.per in _OF_A_RUN else ""
    methods = study.methods if figure.per.endswith("_method") else [""]
    crops = study.crops
    return [Wildcards(study.name, crop, seed, method) for crop in crops for method in methods]


def figures_of(study: Study, *, published: bool = False) -> list[str]:
    """All figures of a study, those about one thing together; published: without photographs."""
    drawn = [figure for figure in registry.figures() if is_drawn(figure, study)]
    if published:
        drawn = [figure for figure in drawn if not figure.photographs]
    found: list[str] = []
    for _, group in groupby(drawn, key=lambda figure: _OUTER.get(figure.per, figure.per)):
        together = [(place, f) for f in group for place in places(f, study)]
        together.sort(key=lambda pair: _outer(pair[0], study))
        for at, figure in together:
            found += [path(figure, file).format(**vars(at)) for file in figure.titles]
    return found


def _outer(at: Wildcards, study: Study) -> tuple[int, ...]:
    crop = study.crops.index(at.crop) if at.crop else 0
    # All figures of a method of the sources together, where they are about all seeds.
    method = 1 + study.methods.index(at.method) if at.method and not at.seed else 0
    return crop, method, study.metrics.index(at.metric) if at.metric else 0


def check_limits(section: Mapping[str, Any]) -> None:
    """Raise :class:`InputError` if the config's ``figures.limits`` names an unknown figure."""
    known = {figure.name for figure in registry.figures()}
    for name in section["limits"]:
        if (figure := name.partition("/")[0]) not in known:
            raise InputError(unknown_value("figures.limits", figure, known))
