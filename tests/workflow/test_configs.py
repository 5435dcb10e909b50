"""Every study plans its jobs at every size; a mistake in the config stops it at once, by name."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml
from snakemake_project import ROOT, call_snakemake, planned  # type: ignore[import-not-found]

pytestmark = pytest.mark.workflow

CONFIG = ROOT / "config"
NO_STUDIES = {"config.yaml", "datasets.yaml"}
SUBSET = ("faces", "alignment")


def load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def commands() -> Iterator[tuple[str, list[str]]]:
    """Id and arguments: the default, each study config at each size, subsets, all at once."""
    yield "default", []
    files = sorted(path for path in CONFIG.glob("*.yaml") if path.name not in NO_STUDIES)
    for file in files:
        sizes = {
            size for study in load(file)["studies"].values() for size in study.get("sizes", {})
        }
        for size in sorted(sizes) or ["workstation"]:
            yield f"{file.stem}-{size}", ["--configfile", str(file), "--config", f"size={size}"]
        if file.stem in SUBSET:
            yield f"{file.stem}-subset", ["--configfile", str(file), "--config", "subset=200"]
    imagenet = [str(CONFIG / "alignment.yaml"), str(CONFIG / "with/imagenet.yaml")]
    yield "alignment-imagenet", ["--configfile", *imagenet, "--config", "size=quick"]
    published = [str(CONFIG / "alignment.yaml"), str(CONFIG / "with/published.yaml")]
    yield "alignment-published", ["--configfile", *published, "--config", "size=quick"]
    names = ",".join(path.stem for path in files if path.stem in (*SUBSET, "synthetic"))
    yield "together", ["--configfile", *map(str, files), "--config", f"run=[{names}]"]


COMMANDS = dict(commands())
NETWORKS = {
    "default": {"train_vae": 3, "train_philnet": 1, "import_weights": 0, "download_file": 0},
    "synthetic-workstation": {"train_vae": 6, "download_file": 0},
    "synthetic-paper": {"train_vae": 10, "download_file": 0},
    "external-workstation": {"import_external": 5, "train_philnet": 0, "download_file": 4},
    "faces-published": {"train_vae": 0, "import_weights": 1, "download_file": 3},
    "alignment-paper": {"train_vae": 2, "train_philnet": 3, "train_folds": 6, "compare_folds": 1},
    "alignment-published": {"import_external": 5, "train_philnet": 3},
    "alignment-imagenet": {"build_network": 5, "extract_features": 8},
}
"""Jobs that say whether a size took effect; views times seeds."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, CompletedProcess[str]]:
    """Dry runs of all commands, two at a time, each in an empty folder."""

    def dry_run(name: str) -> CompletedProcess[str]:
        folder = tmp_path_factory.mktemp(name)
        options = ["--directory", str(folder), "--dry-run", "--quiet", "rules"]
        return call_snakemake(ROOT, *COMMANDS[name], *options)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(COMMANDS, pool.map(dry_run, COMMANDS), strict=True))


@pytest.mark.parametrize("name", COMMANDS)
def test_config_plans_its_jobs(name: str, outcomes: Mapping[str, CompletedProcess[str]]) -> None:
    done = outcomes[name]
    assert done.returncode == 0, done.stdout
    jobs = planned(done.stdout)
    studies = 3 if name == "together" else len(load_studies(name))
    assert jobs["check_results"] == studies
    wanted = NETWORKS.get(name, {})
    assert {rule: jobs[rule] for rule in wanted} == wanted


def load_studies(name: str) -> list[str]:
    """Studies that a command of one config file runs."""
    file = "config" if name == "default" else name.rsplit("-", 1)[0]
    return load(CONFIG / f"{file}.yaml")["run"]


def test_the_expected_jobs_are_of_commands_that_exist() -> None:
    assert set(NETWORKS) <= set(COMMANDS)


TINY_VAE = {"arch": "dense", "latent": 2, "epochs": 1}
SCORES = {
    "variant": "script",
    "similarity": 0.6,
    "stability_noise": 0.05,
    "signature_low": 0.01,
    "signature_high": 0.1,
}


def overlay(**studies: Any) -> dict[str, Any]:
    """A config file that lays studies on the default ones, - for _ in their names."""
    return {"studies": {name.replace("_", "-"): study for name, study in studies.items()}}


MISTAKES: dict[str, tuple[list[str], dict[str, Any], str]] = {
    "unknown-key": (["colour=blue"], {}, "config key colour: unknown key"),
    "wrong-value": (["seed=-1"], {}, "config key seed: -1"),
    "wrong-type": (["numeric_threads=two"], {}, "config key numeric_threads: 'two'"),
    "unknown-study": (["run=[nowhere]"], {}, "config key run: no study 'nowhere'"),
    "no-study": (["run=[]"], {}, "config key run: "),
    "nested-key": (
        [],
        overlay(demo_faces={"vae": {"latents": 3}}),
        "config key studies.demo-faces.vae.latents: unknown key",
    ),
    "nested-value": (
        [],
        overlay(demo_faces={"scores": {"alpha": 1.5}}),
        "config key studies.demo-faces.scores.alpha: 1.5",
    ),
    "not-a-number": (
        [],
        overlay(demo_faces={"scores": {"alpha": float("nan")}}),
        "config key studies.demo-faces.scores.alpha: nan",
    ),
    "wrong-kind": (
        [],
        overlay(demo_faces={"kind": "cats"}),
        "config key studies.demo-faces.kind: 'cats'",
    ),
    "missing-key": (
        ["run=[mine]"],
        overlay(mine={"kind": "synthetic", "vae": TINY_VAE, "scores": {"variant": "script"}}),
        "config key studies.mine.scores: 'similarity' is a required property",
    ),
    "unknown-dataset": (
        [],
        overlay(demo_faces={"dataset": "celeba"}),
        "config key studies.demo-faces.dataset: no data set 'celeba'",
    ),
    "dataset-of-another-kind": (
        [],
        overlay(demo_faces={"dataset": "cifar10h"}),
        "config key studies.demo-faces.dataset: the data set 'cifar10h' has no file of the role",
    ),
    "unknown-weights": (
        [],
        overlay(demo_faces={"vae": {"weights": "vae-celeba-weights/model.pth"}}),
        "config key studies.demo-faces.vae.weights: the data set 'vae-celeba-weights' has no file",
    ),
    "copy-of-no-model": (
        [],
        overlay(demo_alignment={"models": {"random": {"of": "nobody"}}}),
        "config key studies.demo-alignment.models.random.of: 'nobody'",
    ),
    "no-baseline": (
        ["run=[mine]"],
        overlay(
            mine={
                "kind": "alignment",
                "images": "demo-objects",
                "votes": "demo-objects",
                "vae": TINY_VAE,
                "scores": SCORES,
                "models": {"pixels": {"type": "pixels"}},
            }
        ),
        "config key studies.mine.models: lacks a model of the type label",
    ),
}


@pytest.fixture(scope="module")
def rejections(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, CompletedProcess[str]]:
    """Runs, not dry ones, of all mistakes, two at a time, each in an empty folder."""

    def attempt(name: str) -> CompletedProcess[str]:
        settings, content, _ = MISTAKES[name]
        folder = tmp_path_factory.mktemp(name)
        (folder / "mine.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        options = ["--directory", str(folder), "--cores", "1"]
        options += ["--configfile", str(folder / "mine.yaml")] if content else []
        options += ["--config", *settings] if settings else []
        return call_snakemake(ROOT, *options)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(MISTAKES, pool.map(attempt, MISTAKES), strict=True))


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_stops_at_once_and_names_the_key(
    name: str, rejections: Mapping[str, CompletedProcess[str]]
) -> None:
    done, message = rejections[name], MISTAKES[name][2]
    assert done.returncode != 0
    named = [line for line in done.stdout.splitlines() if line.startswith("config key ")]
    assert len(named) == 1, done.stdout
    assert named[0].startswith(message)
    assert "Traceback" not in done.stdout
    assert "Job stats" not in done.stdout, "it got as far as planning jobs"
