"""A finished study's small results, as they are committed: tables, figures, one summary."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from latent_microscope import registry
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_json, save_json
from latent_microscope.provenance.currency import JOBS, save_jobs
from latent_microscope.provenance.sidecars import SUFFIX, sidecar_path

LARGEST_FIGURE = 1_000_000  # bytes
TERMS, RECOMPUTE, LOGITS = "TERMS.md", "recompute.json", "logits"
_COMPARED = (
    *("kind", "images", "votes", "simulated_votes", "subset", "metrics", "rdm_order"),
    *("ceiling_splits", "inference", "rdm_files"),
)
"""Settings of a comparison that needs no network."""


def publish(
    tables: Sequence[Path],
    figures: Sequence[Path],
    folder: Path,
    *,
    study: str,
    settings: Mapping[str, Any],
    results: Path,
    root_seed: int,
    logits: Mapping[str, Path] | None = None,
    datasets: Sequence[Mapping[str, str | None]] = (),
) -> None:
    """Copy a study's tables and figures with their sidecars into a new folder.

    Beside them: a summary, the terms of the data sets, what is known of the jobs behind them; with
    logits of networks, by model and seed, a config that makes the tables again from these.

    The folder is made elsewhere and takes the place of the old one when complete. A figure over
    1 MB or an artefact without its sidecar is an InputError.
    """
    above = folder.parents[1]  # nothing of a killed publication is left among the published ones
    temporary, old = above / f".tmp-{folder.name}", above / f".old-{folder.name}"
    shutil.rmtree(temporary, ignore_errors=True)
    if old.exists() and not folder.exists():
        old.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    try:
        for kind, sources in (("tables", tables), ("figures", figures)):
            for source in sources:
                _copy(source, temporary / kind)
        for name, source in (logits or {}).items():
            _copy(source, temporary / LOGITS / name)
        save_json(
            temporary / "run.json",
            summarise(results, study, settings) | {"datasets": list(map(dict, datasets))},
        )
        save_jobs(temporary / JOBS, [*tables, *figures, *(logits or {}).values()])
        if datasets:
            (temporary / TERMS).write_text(f"# Terms of {study}\n\n{terms(datasets)}\n")
        if logits:
            config = _recompute(study, settings, logits, folder)
            save_json(temporary / RECOMPUTE, {"root_seed": root_seed, **config})
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def terms(datasets: Sequence[Mapping[str, str | None]]) -> str:
    """Markdown: under which terms results derived from these data sets are."""
    rows = [
        f"* {one['title']}: {one['licence']}"
        + (f" (<{one['homepage']}>)" if one["homepage"] else "")
        for one in datasets
    ]
    return "\n".join(
        [
            "Derived from the data sets below, and under their terms; the licence of the code does "
            "not cover it. No image and no single vote of them is here.\n",
            *rows,
        ]
    )


def _recompute(
    study: str, settings: Mapping[str, Any], logits: Mapping[str, Path], folder: Path
) -> dict[str, Any]:
    """A config that compares published logits, and models without torch, with the votes."""
    plain = {
        name: model
        for name, model in settings["models"].items()
        if registry.model_type(model["type"]).extra == ""
    }
    seeds: dict[str, dict[int, Path]] = {}
    for name, source in logits.items():
        model, _, seed = name.rpartition("-seed")
        seeds.setdefault(model, {})[int(seed)] = source
    files = {
        model: {
            "type": "external",
            "layers": ["probabilities"],
            "file": str(folder / LOGITS / f"{model}-seed{{seed}}" / next(iter(ones.values())).name),
            "seeds": list(ones),
        }
        for model, ones in seeds.items()
    }
    compared = {key: settings[key] for key in _COMPARED if key in settings}
    name = f"{study}-logits"
    return {"run": [name], "studies": {name: compared | {"models": plain | files}}}


def _copy(source: Path, folder: Path) -> None:
    if folder.name == "figures" and source.stat().st_size > LARGEST_FIGURE:
        raise InputError(f"{source}: over 1 MB; lower figures.dpi in the config and run again")
    if not sidecar_path(source).is_file():
        raise InputError(f"{source}: its sidecar is missing; make it again with snakemake -R")
    target = folder / ("eyes" if "eyes" in source.parts else "") / source.name
    if target.exists():
        raise InputError(f"{source}: another file of that name is published; rename it")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    shutil.copyfile(sidecar_path(source), sidecar_path(target))


def summarise(results: Path, study: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What was run and where, and by step: jobs, total seconds, largest peak memory in MiB."""
    steps: dict[str, dict[str, float]] = {}
    machines, devices, libraries = set(), set(), {}
    for job in _jobs(results):
        entry = steps.setdefault(job["step"], {"jobs": 0, "seconds": 0.0, "peak_memory_mib": 0.0})
        entry["jobs"] += 1
        entry["seconds"] = round(entry["seconds"] + job["seconds"], 1)
        entry["peak_memory_mib"] = max(entry["peak_memory_mib"], job["peak_memory_mib"])
        machines.add(json.dumps(job["machine"], sort_keys=True))
        devices.add(job["device"])
        libraries.update(job["libraries"])
    return {
        "study": study,
        "settings": dict(settings),
        "machines": [json.loads(m) for m in sorted(machines)],
        "devices": sorted(devices),
        "libraries": libraries,
        "steps": steps,
        "seconds": round(sum(s["seconds"] for s in steps.values()), 1),
    }


def _jobs(results: Path) -> Iterator[dict[str, Any]]:
    """One sidecar per job, also of a job that wrote several outputs."""
    seen = set()
    for path in sorted(results.rglob(f"*{SUFFIX}")):
        if path.with_name(path.name.removesuffix(SUFFIX)).exists():
            sidecar = load_json(path)
            job = [sidecar[k] for k in ("step", "params", "inputs", "seconds")]
            key = json.dumps(job, sort_keys=True)
            if key not in seen:
                seen.add(key)
                yield sidecar
