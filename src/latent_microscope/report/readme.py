"""README's results section, generated from the published tables: nothing in it is typed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_json
from latent_microscope.report import alignment, attributes, clusters, simulations, truth, vae
from latent_microscope.report.blocks import Block, Code, Picture, Study, Table, Text
from latent_microscope.report.markdown import markdown, table
from latent_microscope.report.page import sections

BEGIN = "<!-- results: made by `make readme` from results/published, do not edit -->"
END = "<!-- results end -->"


def results_section(published: Path) -> str:
    """Markdown of all published studies: what was run, tables beside published values, figures.

    Args:
        published: results/published.

    Returns:
        Markdown between and without the markers; a sentence when nothing is published.
    """
    folders = sorted(p.parent for p in published.glob("*/run.json"))
    if not folders:
        return "\nNo run has been published yet.\n"
    return "\n".join(part for folder in folders for part in _study(folder))


def with_results(page: str, published: Path) -> str:
    """The README with its results section renewed.

    Raises:
        InputError: The markers are missing or in the wrong order.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise InputError(f"README.md: the lines {BEGIN!r} and {END!r} are missing; restore them")
    return f"{head}{BEGIN}\n{results_section(published)}\n{END}{tail}"


def _study(folder: Path) -> Iterator[str]:
    run = load_json(folder / "run.json")
    study = Study.published(folder)
    yield f"### {run['study']}\n"
    yield _what_was_run(run) + "\n"
    for part in SECTIONS[run["settings"]["kind"]]:
        yield from markdown(part(study), study)
    yield _times(run)


def _what_was_run(run: dict[str, Any]) -> str:
    machine = run["machines"][0]
    settings = run["settings"]
    seeds = len(settings.get("seeds", []))
    if settings["kind"] == "detection":  # each of its settings has seeds of its own
        seeds = sum(len(setting["seeds"]) for setting in settings["settings"].values())
    device = ", ".join(run["devices"])
    what = f"{seeds} seed{'s' if seeds > 1 else ''}"
    if settings["kind"] == "simulations":
        what = f"{settings['runs']:,} simulated studies of every setting"
    elif "vae" in settings:
        vae_settings = settings["vae"]
        what += f", VAE {vae_settings['epochs']} epochs, {vae_settings['latent']} dimensions"
    return (
        f"{what}. Device {device}: {machine['processor']}, "
        f"{machine['cores']} cores, {machine['memory_gib']:.0f} GiB. Sum of all steps' wall times "
        f"{run['seconds'] / 60:.0f} minutes."
    )


def _times(run: dict[str, Any]) -> str:
    steps = sorted(run["steps"].items(), key=lambda item: -item[1]["seconds"])[:8]
    rows = [
        [Code(name), f"{s['jobs']:.0f}", f"{s['seconds']:.0f}", f"{s['peak_memory_mib']:.0f}"]
        for name, s in steps
    ]
    head = ["longest steps", "jobs", "seconds in all", "largest peak memory, MiB"]
    return table(Table(head, rows))


def _whatever_is_there(study: Study) -> Iterator[Block]:
    """Of a study of one's own, which may be either half or both."""
    for section in sections(study):
        yield Text(f"#### {section.title}")
        yield from section.blocks


def _planes(study: Study) -> Iterator[Block]:
    yield Picture("clusters", "UMAP plane by cluster, CLS, uniqueness, originality")
    yield Picture("uniqueness-originality", "Uniqueness against originality")


def _through_networks(study: Study) -> Iterator[Block]:
    for name in study.pictures("layers-"):
        yield Picture(name, "Similarity to people from the first layer to the last")
    for name in study.pictures("fold-training"):
        yield Picture(name, "Fine-tuning in folds: curves, and the epochs that inner images chose")


SECTIONS: dict[str, tuple[Callable[[Study], Iterator[Block]], ...]] = {
    "synthetic": (truth.funnel, truth.detectors),
    "detection": (truth.first_setting, truth.every_setting, truth.search),
    "faces": (
        vae.facts,
        vae.health,
        vae.reliability,
        clusters.bias,
        clusters.published_bias,
        clusters.bias_pictures,
        clusters.clusters,
        _planes,
        attributes.probes,
        attributes.duplicates,
    ),
    "alignment": (
        alignment.similarity,
        alignment.similarity_pictures,
        alignment.behaviour,
        alignment.behaviour_pictures,
        alignment.ceilings,
        alignment.recovery,
        _through_networks,
        vae.facts,
    ),
    "simulations": (simulations.false_alarms, simulations.coverage, simulations.power),
    "own": (_whatever_is_there,),
}
