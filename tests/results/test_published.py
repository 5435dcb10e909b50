"""The committed results of real runs: complete, small, without photographs, as README shows."""

import csv
import io
import shutil
from pathlib import Path

import pytest

from latent_microscope import former_names
from latent_microscope.io.artefacts import load_json, load_table, save_json
from latent_microscope.provenance.sidecars import SUFFIX, sha256_file
from latent_microscope.report.publishing import LARGEST_FIGURE
from latent_microscope.report.readme import results_section, with_results

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "results/published"
STUDIES = sorted(path.parent for path in PUBLISHED.glob("*/run.json"))
NAMES = [study.name for study in STUDIES]
PHOTOGRAPHS = (
    "vae-images",
    "vae-samples",
    "traversals",
    "overlaps",
    "subniches",
    "identities",
    "cluster-control",
    "cluster-bias",
    "cmax-bias",
    "list-",
    "disputed",
)
"""Beginnings of the names of figures that show images of a data set."""

of_each_study = pytest.mark.parametrize("study", STUDIES, ids=NAMES)


def files(study: Path) -> list[Path]:
    """Published artefacts without their sidecars and Snakemake's own time stamp."""
    found = (p for p in study.rglob("*") if p.is_file() and not p.name.endswith(SUFFIX))
    return sorted(p for p in found if not p.name.startswith("."))


def test_every_folder_is_a_whole_study() -> None:
    assert NAMES
    assert [path.name for path in sorted(PUBLISHED.iterdir())] == NAMES


def test_no_demo_is_published() -> None:
    assert [name for name in NAMES if name.startswith("demo")] == []


@of_each_study
def test_run_says_what_was_run(study: Path) -> None:
    run = load_json(study / "run.json")
    assert run["study"] == study.name
    kind = run["settings"]["kind"]
    assert kind in ("synthetic", "detection", "faces", "alignment", "simulations")
    assert run["machines"]
    assert all(machine["cores"] >= 1 and machine["processor"] for machine in run["machines"])
    settings = former_names.settings(run["settings"])
    assert run["devices"]
    assert run["libraries"]["numpy" if kind == "simulations" else "torch"]
    assert run["seconds"] > 0
    if kind == "simulations":
        assert run["settings"]["runs"] >= 1000
        assert {"simulate_null", "simulate_coverage", "simulate_power"} <= set(run["steps"])
    else:
        assert settings.get("seeds") or settings["scenarios"]
        assert {"train_vae", "import_weights"} & set(run["steps"])
    assert not run["settings"].get("simulated_votes", False)


@of_each_study
def test_tables_parse_and_agree(study: Path) -> None:
    tables = sorted((study / "tables").glob("*.parquet"))
    assert tables
    for path in tables:
        table = load_table(path)
        rows = list(csv.reader(io.StringIO(path.with_suffix(".csv").read_text(encoding="utf-8"))))
        assert rows[0] == table.columns.tolist()
        assert len(rows) == len(table) + 1


@of_each_study
def test_only_small_tables_and_figures_without_photographs(study: Path) -> None:
    assert {path.name for path in study.iterdir()} == {"run.json", "tables", "figures"}
    assert {p.suffix for p in files(study)} <= {".json", ".parquet", ".csv", ".png"}
    figures = sorted((study / "figures").glob("*.png"))
    assert figures
    assert max(path.stat().st_size for path in figures) <= LARGEST_FIGURE
    if load_json(study / "run.json")["settings"]["kind"] != "synthetic":
        assert [path.name for path in figures if path.name.startswith(PHOTOGRAPHS)] == []


@of_each_study
def test_sidecars_belong_to_their_files(study: Path) -> None:
    assert len(files(study)) > 2
    for path in files(study):
        if path.name != "run.json":
            sidecar = load_json(path.with_name(path.name + SUFFIX))
            assert sidecar["sha256"] == sha256_file(path), path.name
            assert sidecar["artefact"] == path.name


def test_readme_shows_what_is_published() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert page == with_results(page, PUBLISHED), "renew README.md with `make readme`"


@of_each_study
def test_a_study_of_ones_own_can_be_published_too(study: Path, tmp_path: Path) -> None:
    """It has whatever tables its data allow, and perhaps no VAE."""
    copied = shutil.copytree(study, tmp_path / study.name)
    run = load_json(copied / "run.json")
    run["settings"] = {"kind": "custom", "seeds": [0]}
    save_json(copied / "run.json", run)
    text = results_section(tmp_path)
    shown = [
        path
        for path in sorted((copied / "tables").glob("*.csv"))
        if path.stem in ("forensics", "alignment", "power", "comparison")
    ]
    assert shown
    for path in shown:
        assert f"{study.name}/tables/{path.name}" in text
