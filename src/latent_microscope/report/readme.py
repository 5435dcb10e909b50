"""Pages of the published studies, and README's numbers, from their tables: nothing is typed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from latent_microscope import former_names, registry
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_json
from latent_microscope.report.formats import counted
from latent_microscope.report.headlines import headlines
from latent_microscope.report.pages import sections_of
from latent_microscope.report.publishing import terms
from latent_microscope.report.study import Study

BEGIN = "<!-- numbers: made by `make readme` from results/published, do not edit -->"
END = "<!-- numbers end -->"
GENERATED = "<!-- made by `make readme` from results/published, do not edit -->"


def findings_pages(published: Path) -> dict[str, str]:
    """Name of the page → Markdown, for each study in results/published."""
    pages = {}
    for folder in sorted(path.parent for path in published.glob("*/run.json")):
        text = "\n\n".join(_study(folder))
        pages[f"{folder.name}.md"] = re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"
    return pages


def with_headlines(page: str, published: Path) -> str:
    """README with its numbers renewed; an InputError without their two markers."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise InputError(f"README.md: the lines {BEGIN!r} and {END!r} are missing; restore them")
    return f"{head}{BEGIN}\n{headlines(published)}{END}{tail}"


def _study(folder: Path) -> Iterator[str]:
    run = load_json(folder / "run.json")
    run["settings"] = former_names.settings(run["settings"])
    study = Study.published(folder)
    where = f"../../results/published/{study.name}"
    titles = [titled for figure in registry.figures() for titled in figure.titles.items()]
    yield f"# {run['study']}\n\n{GENERATED}"
    yield _what_was_run(run)

    def picture(name: str) -> str:
        stem = name.rpartition("/")[2]
        known = [(len(file), title) for file, title in titles if stem.startswith(file)]
        title = max(known, default=(0, name))[1]
        file = study.figures[name].relative_to(folder).as_posix()
        return f"![{title[0].upper()}{title[1:]}]({where}/{file})"

    for section in sections_of(study, run["settings"], html=False, folder=where):
        yield f"## {section.title}\n\n{section.body}"
        yield from (picture(name) for name in section.figures)
    if found := run.get("datasets"):
        yield f"## Terms\n\n{terms(found)}"
    yield f"## Times\n\n{_times(run)}"


def _what_was_run(run: dict[str, Any]) -> str:
    machine = run["machines"][0]
    settings = run["settings"]
    seeds = len(settings.get("seeds", []))
    if settings["kind"] == "detection":  # the seeds are those of its scenarios
        seeds = sum(len(scenario["seeds"]) for scenario in settings["scenarios"].values())
    what = f"{seeds} seed{'s' if seeds > 1 else ''}"
    if settings["kind"] == "simulations":
        what = f"{settings['runs']:,} simulated studies per setting"
    elif vae := settings.get("vae"):
        what += f", VAE {vae['epochs']} epochs, {vae['latent']} dimensions"
    return (
        f"{what}. Device {', '.join(run['devices'])}: {machine['processor']}, "
        f"{machine['cores']} cores, {machine['memory_gib']:.0f} GiB. Sum of all steps' wall times "
        f"{counted(max(1, round(run['seconds'] / 60)), 'minute')}."
    )


def _times(run: dict[str, Any]) -> str:
    steps = sorted(run["steps"].items(), key=lambda item: -item[1]["seconds"])[:8]
    rows = [
        f"| `{name}` | {s['jobs']:.0f} | {s['seconds']:.0f} | {s['peak_memory_mib']:.0f} |"
        for name, s in steps
    ]
    head = "| longest steps | jobs | total seconds | largest peak memory, MiB |\n|---|---|---|---|"
    return "\n".join([head, *rows])
