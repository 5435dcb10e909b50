"""README's results section, generated from the published tables: nothing in it is typed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from latent_microscope.artefacts import load_json
from latent_microscope.errors import InputError
from latent_microscope.markdown import (
    figure,
    link,
    markdown,
    number,
    percent,
    rows_of,
    spread,
    table_of,
)
from latent_microscope.published import FUNNEL_UNIQUENESS
from latent_microscope.readme_detection import detection_section
from latent_microscope.readme_inference import clusters_section, simulations_section
from latent_microscope.readme_quality import (
    bias_section,
    duplicates_section,
    health_section,
    probes_section,
    published_bias_section,
    reliability_section,
)

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
    settings = run["settings"]
    yield f"### {run['study']}\n"
    yield _what_was_run(run) + "\n"
    sections = {
        "synthetic": _synthetic,
        "detection": detection_section,
        "faces": _faces,
        "alignment": _alignment,
        "simulations": simulations_section,
    }
    yield from sections[settings["kind"]](folder)
    yield _times(run)


def _what_was_run(run: dict[str, Any]) -> str:
    machine = run["machines"][0]
    settings = run["settings"]
    seeds = len(settings.get("seeds", []))
    if settings["kind"] == "detection":  # each of its settings has seeds of its own
        seeds = sum(len(setting["seeds"]) for setting in settings["settings"].values())
    device = ", ".join(run["devices"])
    if settings["kind"] == "simulations":
        what = f"{settings['runs']:,} simulated studies of every setting"
    else:
        what = (
            f"{seeds} seed{'s' if seeds > 1 else ''}, VAE {settings['vae']['epochs']} epochs, "
            f"{settings['vae']['latent']} dimensions"
        )
    return (
        f"{what}. Device {device}: {machine['processor']}, "
        f"{machine['cores']} cores, {machine['memory_gib']:.0f} GiB. Sum of all steps' wall times "
        f"{run['seconds'] / 60:.0f} minutes."
    )


def _times(run: dict[str, Any]) -> str:
    steps = sorted(run["steps"].items(), key=lambda item: -item[1]["seconds"])[:8]
    rows = [
        [f"`{name}`", f"{s['jobs']:.0f}", f"{s['seconds']:.0f}", f"{s['peak_memory_mib']:.0f}"]
        for name, s in steps
    ]
    head = ["longest steps", "jobs", "seconds in all", "largest peak memory, MiB"]
    return markdown(head, rows)


def _synthetic(folder: Path) -> Iterator[str]:
    table = table_of(folder, "funnel")
    shown = table[table["uniqueness_percentile"] == FUNNEL_UNIQUENESS]
    yield (
        "The published funnel at uniqueness percentile 90, mean ± sd over seeds, beside the "
        f"preprint's table ({link(folder, 'funnel')}):\n"
    )
    head = "view;sources;stability percentile;TP;FP;precision;recall;F1;published TP;published F1"
    rows = [
        [
            row.view,
            row.method,
            f"{row.stability_percentile:.0f}",
            spread(row.tp_mean, row.tp_sd, 1),
            spread(row.fp_mean, row.fp_sd, 1),
            percent(row.precision_mean),
            percent(row.recall_mean),
            percent(row.f1_mean),
            number(row.published_tp, 0),
            percent(row.published_f1),
        ]
        for row in rows_of(shown)
    ]
    yield markdown(head.split(";"), rows)
    table = table_of(folder, "detectors")
    shown = table[table["method"] == "intended"]
    yield (
        "Scores and detectors, authentic samples positive (chance: AUC 0.5, average precision "
        f"{shown['baseline_average_precision'].iloc[0]:.2f}; {link(folder, 'detectors')}):\n"
    )
    head = "view;detector;ROC AUC;average precision;AP of interpolations;F1;AUC measured earlier"
    rows = [
        [
            row.view,
            row.detector,
            spread(row.roc_auc_mean, row.roc_auc_sd),
            spread(row.average_precision_mean, row.average_precision_sd),
            number(row.average_precision_interpolations_mean),
            spread(row.f1_mean, row.f1_sd),
            _range(row.earlier_roc_auc_low, row.earlier_roc_auc_high),
        ]
        for row in rows_of(shown)
    ]
    yield markdown(head.split(";"), rows)
    yield figure(folder, "detectors-whole-intended", "Scores as detectors of authentic samples")


def _range(low: float, high: float) -> str:
    return "–" if pd.isna(low) else f"{low:.3f}–{high:.3f}"


_FACTS = {
    "active_dimensions": "active latent dimensions",
    "kl_total": "KL divergence, nats an image",
    "reconstruction_error_mean": "reconstruction error an image",
    "spearman_uniqueness_originality": "Spearman of uniqueness and originality",
    "spearman_stability_norm": "Spearman of stability and the norm of the latent",
    "stability_reliability": "draw-to-draw reliability of stability",
    "attractor_tie_share": "share of attractor densities that tie, published radius",
    "overlaps_total": "pairs with cosine similarity ≥ 0.99",
    "ica_converged": "ICA restarts that converged",
    "sbs_plane": "SBS, clusters of the UMAP plane",
    "clusters_plane": "clusters of the UMAP plane",
    "noise_plane": "share of noise on the plane",
    "sbs_cmax": "SBS, clusters in latent space (C_max)",
    "clusters_cmax": "clusters in latent space",
}


def _facts(folder: Path) -> Iterator[str]:
    table = table_of(folder, "forensics")
    table = table[table["view"] == "whole"].set_index("quantity")
    rows = [
        [text, spread(table["mean"][name], table["sd"][name])]
        for name, text in _FACTS.items()
        if name in table.index
    ]
    yield f"The latent space, mean ± sd over seeds ({link(folder, 'forensics')}):\n"
    yield markdown(["quantity", "value"], rows)


def _faces(folder: Path) -> Iterator[str]:
    yield from _facts(folder)
    yield from health_section(folder)
    yield from reliability_section(folder)
    yield from bias_section(folder)
    yield from published_bias_section(folder)
    yield figure(folder, "bias-forest", "Odds ratios with intervals")
    yield from clusters_section(folder)
    yield figure(folder, "clusters", "UMAP plane by cluster, CLS, uniqueness, originality")
    yield figure(folder, "uniqueness-originality", "Uniqueness against originality")
    yield from probes_section(folder)
    yield from duplicates_section(folder)


def _alignment(folder: Path) -> Iterator[str]:
    table = table_of(folder, "alignment")
    for metric, part in table.groupby("metric", sort=False):
        first = part.iloc[0]
        yield (
            f"Similarity to people, Spearman of {metric} RDMs over {first['n_images']:.0f} images "
            f"and {first['n_pairs']:,.0f} pairs; label only {first['label_only']:.3f}, ceiling "
            f"{first['ceiling_lower']:.3f} (split halves) to {first['ceiling_upper']:.3f} "
            f"(√Spearman–Brown) ({link(folder, 'alignment')}):\n"
        )
        rows = [
            [
                f"{row.model} ({row.note})" if row.note else row.model,
                row.layer,
                str(row.n),
                spread(row.mean, row.sd),
                f"{row.above_label:+.3f}",
                number(row.partial),
                number(row.within_class),
                number(row.published),
            ]
            for row in rows_of(part[part["method"] == "spearman"])
        ]
        head = (
            "model;layer;seeds;RSA;above label;label partialled out;within class;measured earlier"
        )
        yield markdown(head.split(";"), rows)
    yield figure(folder, "rsa-euclidean", "Similarity of every model to people")
    yield from _behaviour(folder)
    yield figure(folder, "confusions", "Confusion matrices of people and models")
    yield from _facts(folder)


def _behaviour(folder: Path) -> Iterator[str]:
    table = table_of(folder, "behaviour")
    head = "model;accuracy;cross-entropy;with temperature;second-best accuracy;entropy Spearman"
    head += ";error consistency;published cross-entropy"
    yield f"Behaviour against the votes, nats ({link(folder, 'behaviour')}):\n"
    rows = []
    for _, row in table.iterrows():
        cells = [row["model"]]
        for name in _BEHAVIOUR:
            cells.append(spread(row[f"{name}_mean"], row[f"{name}_sd"]))
        rows.append([*cells, number(row["published_cross_entropy"])])
    yield markdown(head.split(";"), rows)


_BEHAVIOUR = (
    "accuracy",
    "cross_entropy",
    "cross_entropy_calibrated",
    "second_best_accuracy",
    "entropy_spearman",
    "error_consistency",
)
