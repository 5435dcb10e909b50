"""Former names, as results published before 0.2 and older configs have them: the one map.

The config refuses a former key with the new one; published tables are read by their new names,
until they are published again.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the config is read without pandas
    import pandas as pd

CONFIG = {
    "seed": "root_seed",
    "mirror": "download_mirror",
    "studies.*.views": "crops",
    "studies.*.settings": "scenarios",
    "studies.*.quality.look_alikes": "near_matches",
    "studies.*.inference.worlds": "simulated_datasets",
    "studies.*.inference.repeats": "splits",
    "studies.*.models.*.inner": "validation_fraction",
    "studies.*.models.*.mirror": "flip",
    "studies.*.kind: own": "custom",
    "studies.*.models.*.type: folds": "cross_validated",
    "studies.*.models.*.type: views": "tta",
    "studies.*.models.*.type: resnet50": "torchvision",
    "figures.limits: settings": "scenarios",
    "figures.limits: vae_health": "vae_diagnostics",
}
"""Dotted key, or ``key: value``, with ``*`` for any part → the new name of last part or value."""
_GRID = "simulations try false alarms and coverage on the grid of the table calibration (data_sets)"
GONE = {
    "studies.*.scores.neighbors": "the neighbours are exact, found in one pass over all pairs",
    "studies.*.models.*.input_size": "transform: {size: …} sets it",
    "studies.*.clusters.cmax_rows": "one tree, of the nearest neighbours, serves any number",
    "studies.*.quality.detail": "the difference of aligned images decides (quality.difference)",
    "studies.*.inference.vote_resamples": "votes are drawn with their images",
    "studies.*.inference.vote_sets": "votes are drawn with their images",
    "studies.*.bias.resamples": "nothing is resampled (by_person: false: independent images)",
    "studies.*.groups": _GRID,
    "studies.*.members": _GRID,
    "studies.*.samples": _GRID,
    "studies.*.resamples": "images of a person are a cluster, which needs no resampling",
}
"""Dotted key that nothing reads any more → why."""
FILES = {"health": "diagnostics", "vae-health": "vae-diagnostics", "settings": "scenarios"}
"""Stem of a table or figure → its new one; parts such as ``-whole`` may follow."""
COLUMNS = {
    "run": "seed",
    "view": "crop",
    "setting": "scenario",
    "n_runs": "n_seeds",
    "runs_found": "seeds_found",
    "runs_not_ok": "seeds_not_ok",
    "q_run": "q_seed",
    "best_peer": "best_baseline",
    "lacks": "missing_from",
    "lacking": "missing",
    "n_worlds": "n_simulated_datasets",
    "truth_dirichlet": "ceiling",
    "truth_dirichlet_sd": "ceiling_sd",
    "ceiling_dirichlet": "ceiling",
    "earlier_roc_auc_low": "reference_roc_auc_low",
    "earlier_roc_auc_high": "reference_roc_auc_high",
    "earlier_source": "reference_source",
}
"""Column of a table → its new name."""
ADDED = {
    **dict.fromkeys(("behaviour", "ceilings", "recovery"), "status"),
    **dict.fromkeys(("alignment", "measures"), "ceiling_status"),
}
"""Table → its column that says why a number is not available, which published ones lack."""
PARAMS = {"seed": "root_seed", "run": "seed"}
"""Param in sidecars without a schema → its new name."""
VERDICTS = {"look-alike": "near match"}
"""Value of the column ``verdict`` → its new one."""


def file_stem(stem: str) -> str:
    """Today's name of a published table or figure."""
    for old, new in FILES.items():
        if stem == old or stem.startswith(f"{old}-"):
            return new + stem.removeprefix(old)
    return stem


def columns(table: "pd.DataFrame") -> "pd.DataFrame":
    """A published table with today's names of its columns."""
    renamed = table.rename(columns={k: v for k, v in COLUMNS.items() if v not in table})
    return renamed.replace({"verdict": VERDICTS}) if "verdict" in renamed else renamed


def table(name: str, found: "pd.DataFrame") -> "pd.DataFrame":
    """A published table with today's columns; the headline of alignment was Spearman."""
    found = columns(found)
    if name in ADDED and ADDED[name] not in found:
        found[ADDED[name]] = ""
    if name == "layers" and "value_ceiling" not in found:
        return found.assign(value_ceiling=float("nan"))
    if name == "alignment" and "spearman" not in found:
        return _alignment(found)
    return found


def _alignment(table: "pd.DataFrame") -> "pd.DataFrame":
    moved = {"mean": "spearman", "sd": "spearman_sd", "rho_a": "mean", "rho_a_sd": "sd"}
    table = table.rename(columns=moved | {"published": "published_spearman"})
    labels = table[table["model"] == "label"].drop_duplicates("metric").set_index("metric")
    table["label_only"] = table["metric"].map(labels["mean"])
    return table.assign(
        above_label=table["mean"] - table["label_only"],
        method="rho-a",
        published=float("nan"),
        within_class_rho_a=float("nan"),
        ceiling=float("nan"),
    )


def settings(study: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a published study with today's names of its keys and values."""
    renamed: dict[str, Any] = _renamed(study, "studies.*")
    return renamed


def gone(key: str) -> str | None:
    """Why a former dotted key has no use any more, None for other keys."""
    return new_name(key, GONE)


def new_name(old: str, names: Mapping[str, str] | None = None) -> str | None:
    """The new name of a former dotted key, or of a former value, ``key: value``."""
    key, _, value = old.partition(": ")
    steps = key.split(".")
    for pattern, new in (CONFIG if names is None else names).items():
        wanted, _, former = pattern.partition(": ")
        parts = wanted.split(".")
        same = former == value and len(parts) == len(steps)
        if same and all(part in ("*", step) for part, step in zip(parts, steps, strict=True)):
            return new
    return None


def _renamed(value: Any, where: str) -> Any:
    if isinstance(value, Mapping):
        inner = {key: (f"{where}.{key}", one) for key, one in value.items()}
        return {new_name(at) or key: _renamed(one, at) for key, (at, one) in inner.items()}
    return new_name(f"{where}: {value}") or value if isinstance(value, str) else value
