"""The committed results of real runs: complete, small, without photographs, as README shows."""

import csv
import io
import re
import shutil
from pathlib import Path

import pytest
from scipy.stats import t
from write_readme import main as write_readme

from latent_microscope import former_names, registry
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_json, load_npy, load_table, save_json
from latent_microscope.io.yaml_files import load_yaml
from latent_microscope.provenance.currency import JOBS
from latent_microscope.provenance.sidecars import SUFFIX, sha256_file
from latent_microscope.published import ORACLES
from latent_microscope.report.headlines import headlines
from latent_microscope.report.publishing import LARGEST_FIGURE, LOGITS, RECOMPUTE, TERMS
from latent_microscope.report.readme import findings_pages, with_headlines

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "results/published"
STUDIES = sorted(path.parent for path in PUBLISHED.glob("*/run.json"))
NAMES = [study.name for study in STUDIES]
PHOTOGRAPHS = tuple(name for one in registry.figures() if one.photographs for name in one.titles)
"""Beginnings of the names of figures that show images of a data set."""

of_each_study = pytest.mark.parametrize("study", STUDIES, ids=NAMES)


def files(study: Path) -> list[Path]:
    """Published artefacts without their sidecars and Snakemake's own time stamp."""
    found = (p for p in study.rglob("*") if p.is_file() and not p.name.endswith(SUFFIX))
    return sorted(p for p in found if not p.name.startswith("."))


def test_every_folder_is_a_whole_study_or_holds_the_logits_that_one_starts_from() -> None:
    assert NAMES
    assert [path.name for path in sorted(PUBLISHED.iterdir())] == sorted([*NAMES, LOGITS])
    files = {p for p in (PUBLISHED / LOGITS).rglob("*") if p.is_file()}
    alone = {PUBLISHED / LOGITS / name for name in (JOBS, TERMS)}
    kept = {path for path in files - alone if not path.name.endswith(SUFFIX)}
    assert files == alone | kept | {path.with_name(path.name + SUFFIX) for path in kept}
    for path in kept:
        assert load_json(path.with_name(path.name + SUFFIX))["sha256"] == sha256_file(path), path
        assert path.suffix in (".npy", ".parquet")
    config = load_yaml(ROOT / "config/logits.yaml")["studies"]["alignment-logits"]
    read = {
        str(ROOT / model[key]).replace("{seed}", str(seed))
        for model in config["models"].values()
        for seed in model.get("seeds", [])
        for key in ("file", "training")
        if key in model
    }
    assert {path for path in kept if path.stem in ("logits", "training")} == set(map(Path, read))


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
    assert run["libraries"]["numpy"]
    assert run["seconds"] > 0
    if kind == "simulations":
        assert run["settings"]["runs"] >= 1000
        assert "simulate_power" in run["steps"]
    else:
        assert settings.get("seeds") or settings["scenarios"]
    if "vae" in settings:
        assert {"train_vae", "import_weights"} & set(run["steps"])
        assert run["libraries"]["torch"]
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
    run = load_json(study / "run.json")
    names = {path.name for path in study.iterdir()}
    wanted = {"run.json", "tables", "figures"}
    if "datasets" in run:  # of today's code
        wanted |= {JOBS} | ({TERMS} if run["datasets"] else set())
        wanted |= {RECOMPUTE} if LOGITS in names else set()
    assert names - {LOGITS} == wanted
    assert {p.suffix for p in files(study)} <= {".json", ".md", ".npy", ".parquet", ".csv", ".png"}
    arrays = [path for path in files(study) if path.suffix == ".npy"]
    assert [path for path in arrays if path.parents[1].name != LOGITS] == []
    assert {(load_npy(path).dtype.name, load_npy(path).ndim) for path in arrays} <= {("float32", 2)}
    figures = sorted((study / "figures").rglob("*.png"))
    assert figures
    assert max(path.stat().st_size for path in figures) <= LARGEST_FIGURE
    if run["settings"]["kind"] != "synthetic":
        assert [path.name for path in figures if path.name.startswith(PHOTOGRAPHS)] == []


@of_each_study
def test_sidecars_belong_to_their_files(study: Path) -> None:
    assert len(files(study)) > 2
    for path in files(study):
        if path.name not in ("run.json", JOBS, TERMS, RECOMPUTE):
            sidecar = load_json(path.with_name(path.name + SUFFIX))
            assert sidecar["sha256"] == sha256_file(path), path.name
            assert sidecar["artefact"] == path.name


def test_readme_and_findings_show_what_is_published() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert page == with_headlines(page, PUBLISHED), "renew README.md with `make readme`"
    shown = {p.name: p.read_text(encoding="utf-8") for p in (ROOT / "docs/findings").glob("*.md")}
    assert shown == findings_pages(PUBLISHED), "renew docs/findings with `make readme`"


@of_each_study
def test_the_page_of_a_study_has_all_its_tables_and_figures(study: Path) -> None:
    text = findings_pages(PUBLISHED)[f"{study.name}.md"]
    tables = sorted((study / "tables").glob("*.parquet"))
    if study / "tables/reliability.parquet" in tables:  # which says the same of more repetitions
        tables = [path for path in tables if path.stem != "rankings"]
    files = [path.with_suffix(".csv") for path in tables if len(load_table(path))]
    files += sorted((study / "figures").rglob("*.png"))
    assert [f for f in files if f"/{study.name}/{f.relative_to(study)})" not in text] == []


def test_a_page_gains_and_loses_sections_with_its_tables(tmp_path: Path) -> None:
    tables = shutil.copytree(PUBLISHED / "detection", tmp_path / "detection") / "tables"
    titles = {"search": "## The funnel at its best parameters", "searched": "## More tables"}
    for name in titles:
        text = findings_pages(tmp_path)["detection.md"]
        assert [title in text for title in titles.values()] == [name == one for one in titles]
        assert f"/detection/tables/{name}.csv)" in text
        for path in tables.glob("search.*"):
            path.rename(path.with_name(path.name.replace("search", "searched")))


def test_readmes_numbers_are_of_five_studies_each_with_an_interval() -> None:
    rows = headlines(PUBLISHED).splitlines()[2:]
    assert len(rows) == 5
    assert [row for row in rows if not re.search(r"\| [\d.]+ \(([\d.]+–|-[\d.]+ to )[\d.]+\) \| .*\d", row)] == []
    (closest,) = (row for row in rows if "human votes" in row)
    table = load_table(PUBLISHED / "alignment-logits/tables/measures.parquet")
    known = table[(table["measure"] == "rho_a") & table["low"].notna()]
    best = known[~known["model"].isin(ORACLES)].groupby(["model", "layer"])["value"].mean().max()
    assert f"| {best:.3f} (" in closest
    (detected,) = (row for row in rows if "Mean F1" in row)
    table = load_table(PUBLISHED / "detection/tables/comparison.parquet")
    one = table[(table.iloc[:, 0] == "unseen") & (table["detector"] == "detect_authentic")].iloc[0]
    low, high = t.interval(0.95, one["n"] - 1, one["f1_mean"], one["f1_sd"] / one["n"] ** 0.5)
    assert f"| {one['f1_mean']:.3f} ({low:.3f}–{high:.3f}) |" in detected


def test_readmes_numbers_are_of_what_is_there(tmp_path: Path) -> None:
    assert headlines(tmp_path).count("\n") == 2
    shutil.copytree(PUBLISHED / "detection-restarts", tmp_path / "detection-restarts")
    assert headlines(tmp_path).count("\n") == 2, "it has no unseen data sets"
    shutil.copytree(PUBLISHED / "detection", tmp_path / "detection")
    assert headlines(tmp_path).count("\n") == 3
    assert set(findings_pages(tmp_path)) == {"detection-restarts.md", "detection.md"}
    with pytest.raises(InputError, match="README.md"):
        with_headlines("no markers", tmp_path)
    (tmp_path / "gone.md").touch()
    page = tmp_path / "README"
    write_readme(
        published=tmp_path, readme=ROOT / "README.md", page=page, findings=tmp_path
    )
    assert not (tmp_path / "gone.md").exists()
    assert headlines(tmp_path) in page.read_text(encoding="utf-8")


@of_each_study
def test_a_study_of_ones_own_can_be_published_too(study: Path, tmp_path: Path) -> None:
    """It has whatever tables its data allow, and perhaps no VAE."""
    copied = shutil.copytree(study, tmp_path / study.name)
    run = load_json(copied / "run.json")
    run["settings"] = {"kind": "custom", "seeds": [0]}
    save_json(copied / "run.json", run)
    text = findings_pages(tmp_path)[f"{study.name}.md"]
    shown = [
        path
        for path in sorted((copied / "tables").glob("*.csv"))
        if path.stem in ("forensics", "alignment", "power", "comparison")
    ]
    assert shown
    for path in shown:
        assert f"{study.name}/tables/{path.name}" in text
