"""Targets of a study, and what its checks, report and notebook read."""

from collections.abc import Iterable, Mapping
from typing import Any

from latent_microscope.planning.comparison import fold_comparisons, keeps_rdms
from latent_microscope.planning.explorer import explorer_of
from latent_microscope.planning.figures import figures_of
from latent_microscope.planning.networks import file_of, runs_of, tempered_runs
from latent_microscope.planning.runs import RUN
from latent_microscope.planning.scores import score_files
from latent_microscope.planning.study import Study, Wildcards
from latent_microscope.planning.tables import tables_of

NOTEBOOK = "notebooks/explore_results.ipynb"
_SCORED = (("sources", "npy"), ("scores", "parquet"), ("summary", "parquet"))


def all_targets(studies: Iterable[Study]) -> list[str]:
    """All targets of the studies: tables, figures, explorers, checks, pages of the report."""
    studies, targets = list(studies), []
    for study in studies:
        targets += [*tables_of(study), *figures_of(study), *explorer_of(study), checks_of(study)]
    return [*targets, *(f"results/{study.name}/report.html" for study in studies)]


def checks_of(study: Study) -> str:
    """The table of a study's checks."""
    return f"results/{study.name}/checks.parquet"


def checked_artefacts(study: Study, at: Wildcards) -> list[str]:
    """Every file that the checks read."""
    files: list[str] = []
    if study.has_latents:
        names = _checked_names(study)
        files += [path for name in names for path in study.run_files(f"{RUN}/{name}")]
    if study.has_judgements:
        files += _compared_artefacts(study)
    return files + tables_of(study, "parquet")


def _checked_names(study: Study) -> list[str]:
    names = ["latents.npy", "encoding.parquet"]
    if study.kind == "detection":
        return [*names, "comparison.parquet", "search.parquet"]
    if study.has_vae:
        names.append("dimensions.parquet")
    if study.is_trained:
        names.append("training.parquet")
    if study.has_forensics:
        names += ["factors.npy", "overlaps.parquet", "signatures.parquet"]
        names += [f"{name}-{m}.{end}" for m in study.methods for name, end in _SCORED]
        names += score_files(study)
    if study.kind == "synthetic":
        names += [f"funnel-{m}.parquet" for m in study.methods]
    elif study.has_forensics:
        names += ["umap.npy", "clusters.parquet", "rankings.parquet"]
        if "attributes" in study.parts:
            names.append("abi.parquet")
    return names


def _compared_artefacts(study: Study) -> list[str]:
    """Files of the comparison with human votes."""
    names = [f"rsa/{metric}.parquet" for metric in study.metrics]
    if keeps_rdms(study):
        names += [f"rdms/{metric}/human.npy" for metric in study.metrics]
    names += ["confusions.parquet", "behaviour.parquet"]
    files = [f"results/{study.name}/{name}" for name in names]
    # Predictions in folds, and the proof that no fold saw its own votes.
    predicted = ("logits.npy", "calibrated.npy", "features.npy", "folds.parquet")
    files += [file_of(study, m, s, name) for m, s in tempered_runs(study) for name in predicted]
    proof = ("members.parquet", "provenance.parquet")
    files += [
        file_of(study, m, s, name) for m, s in runs_of(study, "cross_validated") for name in proof
    ]
    return files + fold_comparisons(study)


def told_studies(studies: Mapping[str, Study]) -> dict[str, dict[str, Any]]:
    """Settings of each study, whether its data are synthetic, and its explorer if it has one."""
    return {
        name: {
            "settings": study.settings,
            "synthetic_demo": study.is_synthetic_demo,
            "explorer": "".join(explorer_of(study)),
        }
        for name, study in studies.items()
    }
