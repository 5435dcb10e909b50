"""Which jobs run again after which edit: exactly those that depend on it, and none for a touch.

Each case edits a copy of the project in which the tiny workflow is done, asks Snakemake for its
plan and puts the file back; edits that cost nothing are made all at once. The ids of the tests are
the table: edit → jobs. The artefacts that those jobs make are as at commit a749c3d (tests/guards).
"""

import os
import re
import resource
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import reruns  # type: ignore[import-not-found]
from differences import text_of  # type: ignore[import-not-found]
from snakemake_project import (  # type: ignore[import-not-found]
    Project,
    edited,
    planned,
    tiny,
)

pytestmark = pytest.mark.workflow

# The faces study, step by step; a name stands for one job, name*3 for three.
DATA = "generate_demo_faces pack_faces measure_pixels"
TRAINING = "train_vae plot_training plot_vae_samples"
ENCODING = "encode_latents plot_vae_diagnostics plot_vae_images plot_traversals"
LATENT = (
    "compute_sources compute_factors scan_latents find_signatures embed_umap cluster_samples "
    "assess_vae tabulate_diagnostics find_neighbours find_duplicates tabulate_duplicates "
    "probe_attributes tabulate_probes score_restarts score_column_orders tabulate_reliability"
)
STEADY = "compare_umaps resample_clusters tabulate_clusters"
BIASED = (
    "measure_bias tabulate_bias tabulate_cluster_pixels plot_cluster_bias plot_cmax_bias "
    "check_results"
)
RANKED = "rank_samples plot_ranking_grid"
SCORED = (
    f"score_samples profile_clusters find_subniches study_identities {RANKED} {BIASED} "
    "tabulate_pixel_correlations tabulate_forensics tabulate_rankings plot_density plot_overlaps "
    "plot_components plot_clusters plot_cluster_control plot_uniqueness_originality plot_subniches "
    "plot_identities"
)
CLUSTERED = (
    f"cluster_samples {STEADY} profile_clusters {RANKED} {BIASED} tabulate_forensics "
    "plot_components plot_clusters plot_cluster_control plot_uniqueness_originality"
)
FROM_TRAINING = f"{TRAINING} {ENCODING} {LATENT} embed_umap_replicate {STEADY} {SCORED}"
# The comparison with people.
OBJECTS = "generate_demo_objects pack_cifar*2 collect_votes label_features*2 make_human_features"
COMPARED = "gather_rsa tabulate_alignment tabulate_measures plot_rsa"
INFERRED = "compare_rdms bootstrap_rsa count_annotators"
BEHAVIOUR = "measure_behaviour tabulate_behaviour plot_confusions"
PHILNET = f"train_philnet extract_features compute_rdm {INFERRED} {COMPARED} {BEHAVIOUR}"
ALL_OBJECTS = f"{OBJECTS} {PHILNET} compute_rdm*3 noise_ceiling"
ALL = f"{DATA} {FROM_TRAINING} {ALL_OBJECTS}"
FIGURES = " ".join(job for job in ALL.split() if job.startswith("plot_"))
ONE_MORE_SEED = (
    "train_vae encode_latents score_samples profile_clusters find_subniches rank_samples "
    f"measure_bias {LATENT} embed_umap_replicate {STEADY} tabulate_bias tabulate_forensics "
    "tabulate_cluster_pixels tabulate_pixel_correlations tabulate_rankings check_results "
    "plot_training plot_vae_diagnostics"
)


def jobs(text: str) -> Counter[str]:
    """``a b*3`` → a: 1, b: 3."""
    counted: Counter[str] = Counter()
    for word in text.split():
        name, _, count = word.partition("*")
        counted[name] += int(count or 1)
    return counted


@dataclass(frozen=True)
class Edit:
    """A change of one file, by its path in the project, and the jobs that it costs."""

    what: str
    file: str
    change: Callable[[str], str]
    expected: str


def replaced(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert text.count(old) == 1, f"{old!r} stands in the file {text.count(old)} times"
        return text.replace(old, new)

    return change


def appended(line: str) -> Callable[[str], str]:
    return lambda text: text + line


def touched(text: str) -> str:
    return text


def reworded(pattern: str) -> Callable[[str], str]:
    """Another first word in the first text that follows the pattern."""

    def change(text: str) -> str:
        found = re.search(pattern, text)
        assert found, f"no {pattern!r} in the file"
        return f"{text[: found.end()]}Edited. {text[found.end() :]}"

    return change


LIBRARY = "src/latent_microscope"
PLACES = {
    "config": "tiny.yaml",
    "sub-niches": f"{LIBRARY}/forensics/subniches.py",
    "PhilNet": f"{LIBRARY}/models/philnet.py",
    "galleries": f"{LIBRARY}/plots/galleries.py",
    "look of figures": f"{LIBRARY}/plots/style.py",
    "progress bar": f"{LIBRARY}/progress.py",
    "scoring": f"{LIBRARY}/forensics/scoring.py",
    "seeds": f"{LIBRARY}/seeds.py",
    "artefacts": f"{LIBRARY}/io/artefacts.py",
    "ranking script": "scripts/forensics/rank_samples.py",
    "training script": "scripts/training/train_vae.py",
    "caption": f"{LIBRARY}/declarations/figures_latents.py",
    "archive": "data/demo-faces/demo-faces.zip",
    "identities": "data/demo-faces/identity_demo.txt",
    "latents": "results/tiny-faces/vae/whole/seed0/latents.npy",
    "ceiling": "results/tiny-objects/rsa/euclidean-ceiling.parquet",
}
"""What is edited → where it lies."""
CODE = "\n\nEDITED = 1\n"
EDITS = [
    Edit("figure style: dpi", PLACES["config"], replaced("dpi: 60", "dpi: 61"), FIGURES),
    Edit(
        "CLS: alpha",
        PLACES["config"],
        replaced("alpha: 0.5", "alpha: 0.6"),
        f"{SCORED} score_column_orders tabulate_reliability",
    ),
    Edit(
        "clusters: min_cluster_size",
        PLACES["config"],
        replaced("min_cluster_size: 6", "min_cluster_size: 7"),
        CLUSTERED,
    ),
    Edit("VAE: batch", PLACES["config"], replaced("batch: 32\n", "batch: 30\n"), FROM_TRAINING),
    Edit("PhilNet: batch", PLACES["config"], replaced("batch: 16}", "batch: 20}"), PHILNET),
    Edit(
        "noise ceiling: splits",
        PLACES["config"],
        replaced("ceiling_splits: 2", "ceiling_splits: 3"),
        f"noise_ceiling {COMPARED}",
    ),
    Edit(
        "one more seed",
        PLACES["config"],
        replaced("seeds: [0]\n    vae:\n", "seeds: [0, 1]\n    vae:\n"),
        ONE_MORE_SEED,
    ),
    Edit(
        "one more model",
        PLACES["config"],
        replaced("    models:\n", "    models:\n      pixels: {type: pixels}\n"),
        f"pixel_features compute_rdm {INFERRED} {COMPARED}",
    ),
    Edit("root seed", PLACES["config"], appended("root_seed: 7\n"), ALL),
    Edit("numeric_threads", PLACES["config"], appended("numeric_threads: 2\n"), ALL),
    Edit("mirror folder", PLACES["config"], appended("download_mirror: elsewhere\n"), ""),
    Edit(
        "library: sub-niches",
        PLACES["sub-niches"],
        appended(CODE),
        f"find_subniches plot_subniches {BIASED}",
    ),
    Edit(
        "library: PhilNet",
        PLACES["PhilNet"],
        appended(CODE),
        PHILNET,
    ),
    Edit(
        "library: galleries",
        PLACES["galleries"],
        appended(CODE),
        "plot_ranking_grid plot_subniches plot_cluster_control plot_identities",
    ),
    Edit("library: look of figures", PLACES["look of figures"], appended(CODE), FIGURES),
    Edit("library: progress bar", PLACES["progress bar"], appended(CODE), ""),
    Edit("script", PLACES["ranking script"], appended(CODE), f"{RANKED} check_results"),
    Edit("docstring", PLACES["scoring"], reworded(r'def \w+\([^"]*"""'), ""),
    Edit("comment", PLACES["seeds"], appended("\n# Edited.\n"), ""),
    Edit("caption", PLACES["caption"], reworded(r'caption=\(?\s*"'), ""),
    Edit("touched script", PLACES["training script"], touched, ""),
    Edit("touched library file", PLACES["artefacts"], touched, ""),
    Edit("touched data file", PLACES["archive"], touched, ""),
    Edit("touched result", PLACES["latents"], touched, ""),
    Edit(
        "changed data file",
        PLACES["identities"],
        appended("\n"),
        f"pack_faces measure_pixels {FROM_TRAINING}",
    ),
    Edit(
        "changed result",
        PLACES["ceiling"],
        appended(" "),
        COMPARED,
    ),
]


FREE = [edit for edit in EDITS if not edit.expected]


def title(edit: Edit) -> str:
    wanted = jobs(edit.expected)
    if wanted == jobs(ALL):
        return f"{edit.what} -> all {wanted.total()} jobs"
    names = " ".join(name if n == 1 else f"{name}*{n}" for name, n in sorted(wanted.items()))
    return f"{edit.what} -> {wanted.total()} jobs: {names}"


@pytest.mark.parametrize("edit", [edit for edit in EDITS if edit.expected], ids=title)
def test_edit_runs_again(edit: Edit, finished: Project) -> None:
    with edited(finished.folder / edit.file, edit.change):
        text = finished.dry_run(*tiny())
    assert planned(text) == jobs(edit.expected)
    left = reruns.unexplained_of(edit.what, text)
    assert not left, text_of(left)


def test_edits_that_run_nothing_again(finished: Project) -> None:
    assert len(FREE) >= 9
    assert len({edit.file for edit in FREE}) == len(FREE)
    with ExitStack() as stack:
        for edit in FREE:
            stack.enter_context(edited(finished.folder / edit.file, edit.change))
        text = finished.dry_run(*tiny())
    assert planned(text) == Counter(), [edit.what for edit in FREE]
    for edit in FREE:
        left = reruns.unexplained_of(edit.what, text)
        assert not left, text_of(left)


def test_the_edits_of_the_guard_are_tried() -> None:
    assert set(reruns.load()) == {edit.what for edit in EDITS}


def test_second_run_does_nothing_in_five_seconds(finished: Project) -> None:
    """Processor time, so that a busy machine does not fail it; alone on one core it is the wait."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = finished.snakemake(*tiny("--cores", "2"))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert seconds <= 5


def test_the_tiny_workflow_is_all_there(finished: Project) -> None:
    """The table above is about every job: nothing runs that it does not know."""
    assert finished.plan(*tiny("--forceall")) == jobs(ALL)


def test_a_module_that_moves_under_another_name_makes_nothing_again(finished: Project) -> None:
    """And a constant in it, where it is now, makes again what it did where it was."""
    library = finished.folder / "src/latent_microscope"
    old, new = library / "forensics/subniches.py", library / "neighbours/density_islands.py"
    users = [
        path
        for top in ("src", "scripts")
        for path in (finished.folder / top).rglob("*.py")
        if "forensics.subniches" in path.read_text(encoding="utf-8")
    ]
    assert users
    before = {path: (path.read_bytes(), path.stat()) for path in [old, *users]}
    try:
        for path in users:
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace("forensics.subniches", "neighbours.density_islands"))
        old.rename(new)
        assert finished.plan(*tiny()) == Counter()
        new.write_text(new.read_text(encoding="utf-8") + CODE, encoding="utf-8")
        wanted = next(edit for edit in EDITS if edit.what == "library: sub-niches")
        assert finished.plan(*tiny()) == jobs(wanted.expected)
    finally:
        new.unlink(missing_ok=True)
        for path, (content, times) in before.items():
            path.write_bytes(content)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
