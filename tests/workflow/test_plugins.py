"""Two packages that declare a score, a figure, a table and a type of model, installed beside us."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest
from snakemake_project import (  # type: ignore[import-not-found]
    ROOT,
    TINY,
    Project,
    clean_environment,
    edited,
    tiny,
)

from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.provenance.sidecars import read_sidecar

pytest.importorskip("hatchling", reason="hatchling builds the plugins; see the extra dev")
pytest.importorskip("pip", reason="pip installs the plugins")
pytestmark = pytest.mark.workflow

PLUGINS = sorted((ROOT / "tests/plugins").glob("*/pyproject.toml"))
FACES = "results/tiny-faces"
RUN = f"{FACES}/vae/whole/seed0"
SCORED = [f"{FACES}/tables/{name}.csv" for name in ("typicality", "rankings", "reliability")] + [
    f"{FACES}/explorer.html",
    f"{RUN}/figures/typicality.png",
    f"{FACES}/figures/reliability.png",
    f"{FACES}/checks.parquet",
]
COLOUR = "tiny-objects: {models: {colour: {type: mean_colour, grid: 3}}}"
COMPARED = ["results/tiny-objects/tables/alignment.csv"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both plugins, installed by pip."""
    folder = tmp_path_factory.mktemp("plugins")
    assert len(PLUGINS) == 2
    for file in PLUGINS:
        source = shutil.copytree(file.parent, folder / "source" / file.parent.name)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"),
                *("--no-build-isolation", "--target", folder / "site", source),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def own(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the finished run, for what plugins bring is not to be in that of others."""
    folder = tmp_path_factory.mktemp("with-plugins") / "project"
    return Project(Path(shutil.copytree(finished.folder, folder, symlinks=True)))


def config(project: Project, studies: str, *options: str, targets: Sequence[str]) -> list[str]:
    """Arguments for the tiny workflow with some more keys of its studies."""
    (project.folder / "plugins.yaml").write_text(f"studies: {{{studies}}}\n", encoding="utf-8")
    return [*targets, "--configfile", TINY.name, "plugins.yaml", *options]


def with_plugins(project: Project, site: Path) -> Mapping[str, str]:
    return {"PYTHONPATH": os.pathsep.join([str(project.folder / "src"), str(site)])}


@pytest.fixture(scope="module")
def run(own: Project, site: Path) -> Project:
    """The finished run with what the plugins bring."""
    arguments = config(own, COLOUR, "--cores", "2", targets=[*SCORED, *COMPARED])
    done = own.snakemake(*arguments, environment=with_plugins(own, site))
    assert done.returncode == 0, done.stdout
    return own


def jobs(project: Project, site: Path, *targets: str) -> set[str]:
    """Rules that would run for the score with both plugins installed."""
    arguments = tiny("--dry-run", "--nolock", "--quiet", "rules", targets=targets)
    done = project.snakemake(*arguments, environment=with_plugins(project, site))
    assert done.returncode == 0, done.stdout
    lines = done.stdout.partition("Job stats:")[2].splitlines()
    return {
        line.split()[0] for line in lines if len(line.split()) == 2 and line.split()[1].isdigit()
    }


def test_a_new_declaration_makes_nothing_again_but_what_shows_it(own: Project, site: Path) -> None:
    made = jobs(own, site, *SCORED) - {"total"}
    shown = {"tabulate_rankings", "tabulate_reliability", "plot_reliability", "make_explorer"}
    shown.add("tabulate_pixel_correlations")
    brought = {"apply_score_typicality", "plot_typicality", "tabulate_typicality"}
    assert brought <= made
    assert made <= brought | shown | {"check_results"}


def test_the_score_is_computed_and_shown(run: Project) -> None:
    folder = run.folder
    latents = load_npy(folder / f"{RUN}/latents.npy")
    scores = load_table(folder / f"{RUN}/score-typicality.parquet", ["id", "typicality"])
    assert len(scores) == len(latents)
    assert (scores["typicality"] <= 0).all()
    for name in ("rankings", "reliability"):
        table = pd.read_csv(folder / f"{FACES}/tables/{name}.csv")
        assert "typicality" in set(table["score"]), name
        assert "uniqueness" in set(table["score"]), name
    assert '"typicality"' in (folder / f"{FACES}/explorer.html").read_text(encoding="utf-8")
    summary = pd.read_csv(folder / f"{FACES}/tables/typicality.csv")
    assert summary["mean"].tolist() == pytest.approx([scores["typicality"].mean()], rel=1e-5)


def test_the_sidecar_names_the_package(run: Project) -> None:
    sidecar = read_sidecar(run.folder / f"{RUN}/score-typicality.parquet")
    assert sidecar["step"] == "apply_score_typicality"
    assert (sidecar["declared"], sidecar["plugin"]) == (
        "scores/typicality",
        "latent-typicality 1.2.0",
    )
    assert sidecar["params"]["settings"] == {"shrinkage": 0.1}
    assert "plugin" not in read_sidecar(run.folder / f"{RUN}/figures/density.png")


def test_the_model_stands_in_the_alignment_table(run: Project) -> None:
    table = pd.read_csv(run.folder / COMPARED[0]).set_index("model")
    assert table.loc[["colour"], "mean"].between(-1, 1).all()
    assert table.loc["colour", "note"] == "mean colours of 3 x 3 fields"
    features = load_npy(run.folder / "results/tiny-objects/models/colour/seed0/features.npy")
    assert features.shape == (60, 27)
    assert features.min() >= 0


def test_an_edit_of_a_plugin_makes_again_what_it_made(run: Project, site: Path) -> None:
    assert jobs(run, site, *SCORED) == set()
    shown = site / "latent_typicality/shown.py"
    with edited(shown, lambda text: text.replace("bins=30", "bins=31")):
        assert jobs(run, site, f"{RUN}/figures/typicality.png") == {"plot_typicality", "total"}
    score = site / "latent_typicality/score.py"
    with edited(score, lambda text: text.replace("1e-9", "1e-8")):
        made = jobs(run, site, f"{RUN}/figures/typicality.png", f"{RUN}/scores-intended.parquet")
        assert made == {"apply_score_typicality", "plot_typicality", "total"}
    with edited(score, lambda text: text.replace('"""The score."""', '"""A score."""')):
        assert jobs(run, site, f"{RUN}/figures/typicality.png") == set()


def test_the_reference_lists_what_is_declared(site: Path, tmp_path: Path) -> None:
    pages = {name: tmp_path / f"{name}.md" for name in ("config", "command", "functions")}
    script = ROOT / "scripts/maintain/write_reference.py"
    path = os.pathsep.join([str(ROOT / "src"), str(site)])
    subprocess.run(
        [sys.executable, script, *(word for n, p in pages.items() for word in (f"--{n}", p))],
        env=clean_environment() | {"PYTHONPATH": path},
        check=True,
        capture_output=True,
    )
    text = pages["config"].read_text(encoding="utf-8")
    assert "| `scores.typicality.shrinkage` | number ≥ 0, ≤ 1 | `0.1` |" in text
    assert "### mean_colour" in text
    assert "| `grid` | integer ≥ 1, ≤ 16 | `2` | fields in each direction |" in text


def test_the_doctor_names_the_plugins(site: Path) -> None:
    path = os.pathsep.join([str(ROOT / "src"), str(site)])
    done = subprocess.run(
        [sys.executable, "-m", "latent_microscope.cli", "doctor"],
        env=clean_environment() | {"PYTHONPATH": path},
        check=False,
        capture_output=True,
        text=True,
    )
    (line,) = [line for line in done.stdout.splitlines() if "plugins" in line]
    assert "latent-typicality 1.2.0 (scores: typicality, figures: typicality" in line
    assert "mean-colour 0.3 (models: mean_colour)" in line


@pytest.mark.parametrize(
    ("studies", "message"),
    [
        ("tiny-faces: {scores: {typicality: {shrink: 1}}}", "typicality.shrink"),
        ("tiny-objects: {models: {c: {type: mean_colour, grid: 0}}}", "models.c.grid"),
        ("tiny-objects: {models: {c: {type: mean_color}}}", "models.c.type"),
    ],
)
def test_a_wrong_key_is_named(run: Project, site: Path, studies: str, message: str) -> None:
    arguments = config(run, studies, "--dry-run", "--nolock", targets=COMPARED)
    done = run.snakemake(*arguments, environment=with_plugins(run, site))
    assert done.returncode != 0
    assert message in done.stdout


def test_a_plugin_that_cannot_be_loaded_is_named(run: Project, site: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(site, tmp_path / "site"))
    (broken / "mean_colour/__init__.py").write_text("import nothing_like_this\n")
    arguments = tiny("--dry-run", "--nolock", targets=COMPARED)
    done = run.snakemake(*arguments, environment=with_plugins(run, broken))
    assert done.returncode != 0
    assert "plugin mean-colour 0.3" in done.stdout
    assert "Traceback" not in done.stdout
