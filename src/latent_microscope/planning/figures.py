"""Declared figures as rules and targets: their files, labels, and where each is drawn."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby, product
from pathlib import Path
from typing import Any

from latent_microscope import registry
from latent_microscope.config.fields import unknown_value
from latent_microscope.errors import InputError
from latent_microscope.planning.data import IDS
from latent_microscope.planning.runs import LOGS, RESULTS, RUN
from latent_microscope.planning.study import Study, Wildcards

_ABOUT = {
    "vae": ("crop", "seed"),
    "vae_method": ("crop", "seed", "method"),
    "crop": ("crop",),
    "crop_method": ("crop", "method"),
    "metric": ("metric",),
    "study": (),
}
"""Wildcards of a figure by its ``per``."""


def path(figure: registry.Figure, file: str, ending: str = "png") -> str:
    """A figure's file, with wildcards."""
    folder = RUN if "seed" in _ABOUT[figure.per] else RESULTS
    return f"{folder}/figures/{file}{_suffix(figure)}.{ending}"


def _suffix(figure: registry.Figure) -> str:
    """The wildcards that are not in the folder of a VAE."""
    about = _ABOUT[figure.per]
    return "".join(f"-{{{n}}}" for n in about if "seed" not in about or n == "method")


def log(figure: registry.Figure) -> str:
    """The log of its rule, with wildcards."""
    run = "-{crop}-seed{seed}" if "seed" in _ABOUT[figure.per] else ""
    return f"{LOGS}/plot_{figure.name}{run}{_suffix(figure)}.log"


def labels(figure: registry.Figure, title: str) -> dict[str, str]:
    """How Snakemake's report lists it."""
    if figure.per == "metric":
        return {"figure": f"{title}, {{metric}}"}
    named = {"sources" if n == "method" else n: f"{{{n}}}" for n in _ABOUT[figure.per]}
    return {"figure": title, **named}


def is_drawn(figure: registry.Figure, study: Study) -> bool:
    """Whether a study has what a figure needs, and what it is about."""
    about = _ABOUT[figure.per]
    has = ("crop" not in about or study.has_latents) and all(
        key in study.settings
        for wildcard, key in (("crop", "seeds"), ("method", "sources"), ("metric", "metrics"))
        if wildcard in about
    )
    shown = study.shows_images or not figure.photographs
    return has and shown and figure.needs <= study.parts and figure.where(study)


def places(figure: registry.Figure, study: Study) -> list[Wildcards]:
    """What a study's figures are about: crops (with the first seed), methods, metrics."""
    values = {
        "crop": lambda: study.crops,
        "seed": lambda: [str(study.seeds()[0])],
        "method": lambda: study.methods,
        "metric": lambda: study.metrics,
    }
    about = _ABOUT[figure.per]
    found = product(*(values[name]() for name in about))
    return [Wildcards(study.name, **dict(zip(about, each, strict=True))) for each in found]


def figures_of(study: Study, *, published: bool = False) -> list[str]:
    """All figures of a study, those about one thing together; published: without photographs."""
    drawn = [figure for figure in registry.figures() if is_drawn(figure, study)]
    if published:
        drawn = [figure for figure in drawn if not figure.photographs]
    found: list[str] = []
    for _, group in groupby(drawn, key=lambda figure: figure.per.removesuffix("_method")):
        together = [(place, f) for f in group for place in places(f, study)]
        together.sort(key=lambda pair: _outer(pair[0], study))
        for at, figure in together:
            found += [path(figure, file).format(**vars(at)) for file in figure.titles]
    return found


def require_none_left(study: Study) -> None:
    """Raise :class:`InputError` if an earlier run has left what the study must not show any more.

    That is the table of ids before ``anonymise``, and figures of images before ``images: none``.
    """
    shown = replace(study, settings={**study.settings, "images": "shown"})
    hidden = {} if study.shows_images else set(figures_of(shown)) - set(figures_of(study))
    left = [(path, "images: none") for path in sorted(hidden)]
    left += [(IDS.format(study=study.name), "anonymise")] * study.is_anonymised
    for file, key in left:
        if Path(file).exists():
            raise InputError(
                f"config key studies.{study.name}: {file} is of a run without `{key}`; delete the "
                f"folder results/{study.name} and run again"
            )


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
