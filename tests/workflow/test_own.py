"""Studies of one's own: what is not given is not in the DAG, and the rest runs end to end."""

import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from own_files import portraits  # type: ignore[import-not-found]
from PIL import Image
from snakemake_project import (  # type: ignore[import-not-found]
    ROOT,
    call_snakemake,
    clean_environment,
    copy_project,
    planned,
)
from tests.readable import readable

from latent_microscope import registry
from latent_microscope.commands.export import ENDINGS, export

pytestmark = pytest.mark.workflow

N = 60
VAE = {"arch": "convolutional", "latent": 4, "epochs": 1, "batch": 32}
EXTERNAL = {"type": "external", "file": "z.npz", "holds": "features"}
TINY: dict[str, Any] = {
    "clusters": {"neighbors": 5, "min_cluster_size": 5, "umap_seeds": 1, "resamples": 2},
    "sources": {"restarts": 1, "components": 3},
    "bias": {"by_person": False},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's files."""
    folder = tmp_path_factory.mktemp("user")
    random = np.random.default_rng(0)
    ids = [f"x{i:02d}" for i in range(N)]
    np.savez(folder / "z.npz", z=random.normal(size=(N, 5)), ids=np.array(ids))
    table = pd.DataFrame(
        {"id": ids, "hat": random.integers(0, 2, N), "who": [f"p{i // 3}" for i in range(N)]}
    )
    table.to_csv(folder / "t.csv", index=False)
    votes = pd.DataFrame(random.multinomial(9, [0.5, 0.3, 0.2], N), columns=["a", "b", "c"])
    votes.assign(id=ids).to_csv(folder / "votes.csv", index=False)
    square = np.abs(np.arange(N)[:, None] - np.arange(N)[None, :]).astype(float)
    np.save(folder / "square.npy", square)
    (folder / "faces").mkdir()
    for name in ids:
        Image.fromarray(random.integers(0, 255, (16, 16), np.uint8)).save(
            folder / f"faces/{name}.png"
        )
    return folder


def run(folder: Path, study: dict[str, Any], *arguments: str) -> Any:
    return run_all(folder, {"mine": study}, *arguments)


def run_all(folder: Path, studies: Mapping[str, dict[str, Any]], *arguments: str) -> Any:
    every = {name: {"kind": "custom", **TINY, **study} for name, study in studies.items()}
    config = {"run": list(every), "studies": every}
    (folder / "mine.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return call_snakemake(
        folder, *arguments, "--snakefile", str(ROOT / "Snakefile"), "--workflow-profile",
        str(ROOT / "profiles/default"), "--configfile", "mine.yaml",
    )  # fmt: skip


RDMS = {"plot_rdms", "plot_model_similarity"}
PEOPLE_SAY = {"collect_judgements", "measure_behaviour", "noise_ceiling", "plot_rsa"} | RDMS
SQUARE = {"compare_dissimilarity", "plot_dissimilarity"} | RDMS
BIAS = {
    "encode_attributes",
    "tabulate_correlations",
    "measure_bias",
    "tabulate_bias",
    "plot_bias_forest",
} | {
    "probe_attributes",
    "probe_classes",
    "tabulate_class_probes",
    "tabulate_probes",
    "plot_probes",
}
PIXELS = {"pack_images", "find_duplicates", "measure_pixels"} | {
    "tabulate_cluster_pixels",
    "tabulate_pixel_correlations",
    "plot_cluster_pixels",
}
PICTURES = (
    PIXELS
    | {"plot_duplicates", "plot_overlaps", "plot_ranking_grid"}
    | {
        "plot_subniches",
        "plot_cluster_images",
    }
)
PEOPLE = {"study_identities", "plot_identities"}
TRAINING = {"train_vae", "encode_latents", "assess_vae", "tabulate_diagnostics", "plot_vae_images"}
SHAPES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "embeddings": ({"data": {"embeddings": "z.npz"}}, set()),
    "attributes": ({"data": {"embeddings": "z.npz", "attributes": "t.csv"}}, BIAS),
    "images": ({"data": {"embeddings": "z.npz", "images": "faces"}}, PICTURES),
    "all": (
        {
            "data": {
                "embeddings": "z.npz",
                "images": "faces",
                "attributes": "t.csv",
                "identities": {"column": "who"},
            }
        },
        BIAS | PICTURES | PEOPLE,
    ),
    "unseen": (
        {"data": {"embeddings": "z.npz", "images": "faces"}, "images": "none"},
        PIXELS,
    ),
    "unseen-vae": (
        {"data": {"images": "faces"}, "vae": VAE, "images": "none"},
        (TRAINING | PIXELS) - {"plot_vae_images"},
    ),
    "vae": ({"data": {"images": "faces"}, "vae": VAE}, PICTURES | TRAINING),
    "vae-people": (
        {"data": {"images": "faces", "identities": {"pattern": "(x.)"}}, "vae": VAE},
        PICTURES | TRAINING | PEOPLE,
    ),
}


JUDGED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "votes": ({"data": {"votes": "votes.csv"}, "models": {"m": EXTERNAL}}, PEOPLE_SAY),
    "square": ({"data": {"dissimilarity": "square.npy"}, "models": {"m": EXTERNAL}}, SQUARE),
    "votes-latents": (
        {"data": {"votes": "votes.csv", "embeddings": "z.npz", "attributes": "t.csv"}},
        PEOPLE_SAY | BIAS,
    ),
    "votes-vae": (
        {"data": {"votes": "votes.csv", "images": "faces"}, "vae": VAE},
        PEOPLE_SAY | PICTURES | TRAINING,
    ),
}


@pytest.fixture(scope="module")
def plans(folder: Path) -> dict[str, Counter[str]]:
    """Jobs by rule of each study, all planned at once."""
    studies = {name: study for name, (study, _) in (SHAPES | JUDGED).items()}
    done = run_all(folder, studies, "--dry-run")
    assert done.returncode == 0, done.stdout
    found: dict[str, Counter[str]] = {name: Counter() for name in studies}
    # Jobs of a group are further in.
    parts = re.split(r"^ *(?:local)?rule (\w+):$", done.stdout, flags=re.MULTILINE)
    for rule, facts in zip(parts[1::2], parts[2::2], strict=True):
        name = re.search(r"output: results/([\w-]+)/", facts)
        if name and name[1] in found:
            found[name[1]][rule] += 1
    return found


@pytest.mark.parametrize("name", JUDGED)
def test_people_are_compared_with_what_there_is(name: str, plans: dict[str, Counter[str]]) -> None:
    (study, wanted), jobs = JUDGED[name], plans[name]
    every = PEOPLE_SAY | SQUARE | BIAS | PICTURES | PEOPLE | TRAINING
    assert {rule for rule in every if jobs[rule]} == wanted
    assert bool(jobs["score_samples"]) == ("latents" in name or "vae" in name)
    assert bool(jobs["import_features"]) == ("models" in study)


@pytest.mark.parametrize("name", SHAPES)
def test_only_what_the_files_allow_is_in_the_dag(name: str, plans: dict[str, Counter[str]]) -> None:
    wanted, jobs = SHAPES[name][1], plans[name]
    always = {"match_ids", "join_samples", "score_samples", "cluster_samples", "plot_clusters"}
    every = BIAS | PICTURES | PEOPLE | TRAINING
    assert {rule for rule in every if jobs[rule]} == wanted
    assert all(jobs[rule] for rule in always)
    assert bool(jobs["import_embeddings"]) != bool(jobs["train_vae"])
    assert bool(jobs["find_near_matches"]) != bool(jobs["pack_images"])
    assert jobs["check_results"] == 1


def test_a_missing_file_stops_before_anything_runs(folder: Path) -> None:
    done = run(folder, {"data": {"embeddings": "none.npz"}}, "--cores", "1")
    assert done.returncode != 0
    assert "studies.mine.data.embeddings.file: none.npz" in done.stdout
    assert "Traceback" not in done.stdout


FIRST = "results/mine/data/samples.parquet"


@pytest.fixture(scope="module")
def finished(folder: Path) -> Path:
    """The first steps of a study with everything, done."""
    done = run(folder, SHAPES["all"][0], *EARLY, "--cores", "1")
    assert done.returncode == 0, done.stdout
    return folder


EARLY = [
    FIRST,
    "results/mine/data/attributes.parquet",
    "results/mine/data/images.npy",
    "results/mine/vae/whole/seed0/latents.npy",
]


def again(folder: Path) -> set[str]:
    done = run(folder, SHAPES["all"][0], *EARLY, "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    return set(planned(done.stdout))


def test_a_changed_file_reruns_what_depends_on_it(finished: Path) -> None:
    assert again(finished) == set()
    image = finished / "faces/x03.png"
    before = image.read_bytes()
    Image.new("L", (16, 16), 3).save(image)
    assert {"match_ids", "pack_images"} <= again(finished)
    image.write_bytes(before)


def test_a_bad_file_is_one_sentence_and_leaves_nothing(finished: Path) -> None:
    table = finished / "t.csv"
    before = table.read_bytes()
    table.write_bytes(before.replace(b"x07,", b"y07,"))
    done = run(finished, SHAPES["all"][0], FIRST, "--cores", "1")
    table.write_bytes(before)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert re.search(r"t\.csv: .*'x07'", done.stdout), done.stdout
    listed = pd.read_csv(finished / "results/mine/tables/unmatched.csv")
    assert sorted(listed["id"]) == ["x07", "y07"]
    assert not (finished / FIRST).exists()


def test_a_network_of_several_seeds_is_one_model_with_files_or_arrays(folder: Path) -> None:
    with np.load(folder / "z.npz") as first:
        ids, z = first["ids"], first["z"]
    np.savez(folder / "both.npz", ids=ids, z3=z, z5=2 * z[:, ::-1])
    for seed in (3, 5):
        np.savez(folder / f"net-{seed}.npz", z=(seed - 2) * z, ids=ids)
    seeded = {"type": "external", "holds": "features", "seeds": [3, 5]}
    study: dict[str, Any] = {
        "data": {"votes": "votes.csv"},
        "models": {
            "files": {**seeded, "file": "net-{seed}.npz"},
            "arrays": {**seeded, "file": "both.npz", "array": "z{seed}"},
        },
    }
    names = [f"{model}/seed{seed}" for model in ("files", "arrays") for seed in (3, 5)]
    wanted = [f"results/seeded/models/{name}/features.npy" for name in names]
    done = run_all(folder, {"seeded": study}, *wanted, "--cores", "1")
    assert done.returncode == 0, done.stdout
    expected = [z, 3 * z, z, 2 * z[:, ::-1]]
    for path, matrix in zip(wanted, expected, strict=True):
        np.testing.assert_allclose(np.load(folder / path), matrix, rtol=1e-6)
    (folder / "net-5.npz").unlink()
    done = run_all(folder, {"seeded": study}, *wanted, "--cores", "1")
    assert done.returncode != 0
    assert "studies.seeded.models.files.file, seed 5: net-5.npz: no such file" in done.stdout
    assert "Traceback" not in done.stdout


def shell(folder: Path, script: str) -> str:
    """Output of a script as a user would run it in the project."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.slow
def test_portraits_of_forty_people_without_attributes_just_work(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    portraits(project.folder / "portraits")
    told = shell(project.folder, "latent-microscope init portraits")
    assert "portraits: images, 400 images in 40 folders" in told
    path = project.folder / "portraits.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    study = config["studies"]["portraits"]
    study["vae"]["epochs"] = 1  # a training of minutes would add nothing to this test
    study["clusters"] |= {"umap_seeds": 1, "resamples": 2}
    study["sources"] = {"restarts": 1}
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    shell(project.folder, told.splitlines()[-1])
    results = project.folder / "results/portraits"
    samples = pd.read_parquet(results / "data/samples.parquet")
    assert samples["identity"].nunique() == 40
    assert np.load(results / "data/images.npy", mmap_mode="r").shape == (400, 64, 64, 3)
    assert not (results / "tables/bias.csv").exists()
    assert len(pd.read_parquet(results / "checks.parquet")) > 20


@pytest.mark.slow
def test_nothing_of_an_anonymised_study_without_pictures_names_or_shows_anybody(
    tmp_path: Path,
) -> None:
    people = ["Anna Schmidt", "Bülent Öz", "Chloé", "李娜", "O'Neill", "Zoë Damrau"]
    random, who = np.random.default_rng(0), [people[row % 6] for row in range(N)]
    ids = [f"{name}_{row:02d}" for row, name in enumerate(who)]
    np.savez(tmp_path / "z.npz", z=random.normal(size=(N, 5)), ids=np.array(ids))
    table = {"id": ids, "hat": random.integers(0, 2, N), "who": who}
    pd.DataFrame(table).to_csv(tmp_path / "t.csv", index=False)
    votes = pd.DataFrame(random.multinomial(9, [0.5, 0.3, 0.2], N), columns=["a", "b", "c"])
    votes.assign(id=ids).to_csv(tmp_path / "votes.csv", index=False)
    (tmp_path / "photos").mkdir()
    for name in ids:
        pixels = random.integers(0, 255, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"photos/{name}.png")
    data = SHAPES["all"][0]["data"] | {"images": "photos", "votes": "votes.csv"}
    inference = {"draws": 20, "simulations": 0}
    study = {"data": data, "inference": inference, "anonymise": True, "images": "none"}
    done = run(tmp_path, study, "--cores", "2")
    assert done.returncode == 0, done.stdout
    for to in ("h5ad", "embedding-atlas", "rsatoolbox"):
        export("mine", root=tmp_path, to=to, output=tmp_path / f"results/mine{ENDINGS[to][0]}")
    export("mine", root=tmp_path, output=tmp_path / "results/crate", figures=True)
    everything = readable(tmp_path / "results")
    assert "sample-07" in everything
    assert "person-3" in everything
    for word in ("anna", "schmidt", "bülent", "chloé", "李娜", "neill", "zoë", "damrau"):
        assert not re.search(rf"\b{word}\b", everything), word
    drawn = {path.stem for path in (tmp_path / "results").rglob("*.png")}
    hidden = {path for figure in registry.figures() if figure.photographs for path in figure.titles}
    assert "clusters" in drawn
    assert not drawn & {name.replace("_", "-") for name in hidden}
    assert '"thumbnails":null' in (tmp_path / "results/mine/explorer.html").read_text()
    assert "image" not in pd.read_parquet(tmp_path / "results/mine.parquet").columns
