"""A mistake in the config stops a run at once and names the key; all plans are in tests/guards."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.cli import parse_config
from snakemake_project import ROOT, call_snakemake  # type: ignore[import-not-found]

from latent_microscope.config.resolve import merge, resolve
from latent_microscope.data.manifest import load_manifest
from latent_microscope.errors import InputError
from latent_microscope.io.yaml_files import load_yaml

pytestmark = pytest.mark.workflow

CONFIG = ROOT / "config"

TINY_VAE = {"arch": "dense", "latent": 2, "epochs": 1}


def overlay(**studies: Any) -> dict[str, Any]:
    """A config file that merges studies into the default ones, - for _ in their names."""
    return {"studies": {name.replace("_", "-"): study for name, study in studies.items()}}


MISTAKES: dict[str, tuple[list[str], dict[str, Any], str]] = {
    "unknown-key": (["colour=blue"], {}, "config key colour: "),
    "wrong-value": (["root_seed=-1"], {}, "config key root_seed: "),
    "wrong-type": (["numeric_threads=two"], {}, "config key numeric_threads: "),
    "unknown-study": (["run=[nowhere]"], {}, "config key run: "),
    "no-study": (["run=[]"], {}, "config key run: "),
    "nested-key": (
        [],
        overlay(demo_faces={"vae": {"latents": 3}}),
        "config key studies.demo-faces.vae.latents: ",
    ),
    "nested-value": (
        [],
        overlay(demo_faces={"scores": {"alpha": 1.5}}),
        "config key studies.demo-faces.scores.alpha: ",
    ),
    "not-a-number": (
        [],
        overlay(demo_faces={"scores": {"alpha": float("nan")}}),
        "config key studies.demo-faces.scores.alpha: ",
    ),
    "wrong-kind": (
        [],
        overlay(demo_faces={"kind": "cats"}),
        "config key studies.demo-faces.kind: ",
    ),
    "missing-key": (
        ["run=[mine]"],
        overlay(mine={"kind": "synthetic", "vae": {"latent": 2}}),
        "config key studies.mine.vae.epochs: ",
    ),
    "unknown-dataset": (
        [],
        overlay(demo_faces={"dataset": "celeba"}),
        "config key studies.demo-faces.dataset: ",
    ),
    "dataset-of-another-kind": (
        [],
        overlay(demo_faces={"dataset": "cifar10h"}),
        "config key studies.demo-faces.dataset: ",
    ),
    "unknown-weights": (
        [],
        overlay(demo_faces={"vae": {"weights": "vae-celeba-weights/model.pth"}}),
        "config key studies.demo-faces.vae.weights: ",
    ),
    "copy-of-no-model": (
        [],
        overlay(demo_alignment={"models": {"random": {"of": "nobody"}}}),
        "config key studies.demo-alignment.models.random.of: ",
    ),
    "no-baseline": (
        ["run=[mine]"],
        overlay(
            mine={
                "kind": "alignment",
                "images": "demo-objects",
                "votes": "demo-objects",
                "vae": TINY_VAE,
                "models": {"pixels": {"type": "pixels"}},
            }
        ),
        "config key studies.mine.models: ",
    ),
}


THROUGH_SNAKEMAKE = ("unknown-key", "nested-value", "no-baseline")
"""One of each way in: --config, a file of one's own, a whole study."""


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_names_the_key(name: str) -> None:
    settings, content, message = MISTAKES[name]
    default = load_yaml(CONFIG / "config.yaml")
    config = merge(merge(default, content), parse_config(settings))
    manifest = load_manifest(CONFIG / "datasets.yaml")
    data_sets = {
        dataset: {file.name: file.role for file in entry.files.values()}
        for dataset, entry in manifest.items()
    }
    with pytest.raises(InputError) as caught:
        resolve(config, data_sets)
    assert str(caught.value).startswith(message)


def test_the_config_without_a_mistake_is_read() -> None:
    config = load_yaml(CONFIG / "config.yaml")
    found = resolve(config)
    assert list(found["studies"]) == config["run"]


@pytest.mark.parametrize("name", THROUGH_SNAKEMAKE)
def test_mistake_stops_a_run_at_once(name: str, tmp_path: Path) -> None:
    settings, content, message = MISTAKES[name]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    options = ["--directory", str(tmp_path), "--cores", "1"]
    options += ["--configfile", str(tmp_path / "mine.yaml")] if content else []
    options += ["--config", *settings] if settings else []
    done = call_snakemake(ROOT, *options)
    assert done.returncode != 0
    named = [line for line in done.stdout.splitlines() if line.startswith("config key ")]
    assert len(named) == 1, done.stdout
    assert named[0].startswith(message)
    assert "Traceback" not in done.stdout
    assert "Job stats" not in done.stdout, "it got as far as planning jobs"
