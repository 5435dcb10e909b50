"""Checks of results: good artefacts pass, each kind of fault is found; publishing copies whole."""

import json
import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from latent_microscope.config.resolve import resolve
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_json, save_npy, save_table
from latent_microscope.provenance.sidecars import sidecar_path, write_sidecars
from latent_microscope.report.publishing import publish, summarise
from latent_microscope.report.result_checks import check_artefacts

ROOT = Path(__file__).resolve().parents[2]
IDS = ["a", "b", "c"]
MEASURED = ["uniqueness", "originality", "stability", "knn_density", "cls"]
SCORES = {
    "id": IDS, "uniqueness": [1.0, 2, 3], "originality": [1.0, 2, 3], "stability": [1.0, 2, 3],
    "knn_density": [1.0, 2, 3], "cls": [0.0, 0.5, 1],
}  # fmt: skip
TABLES: dict[str, dict[str, Any]] = {
    "samples": {"id": IDS},
    "encoding": {"id": IDS},
    "scores-intended": SCORES,
    "training": {"epoch": [0, 1], "loss": [2.0, 1.0]},
    "confusions": {
        "source": ["human"] * 3, "seed": [0] * 3, "true": ["x", "x", "y"], "share": [0.25, 0.75, 1],
    },
    "funnel-executed": {"tp": [1], "fp": [2], "selected": [3]},
    "abi": {"status": ["ok", "too few"], "p": [0.5, np.nan], "q": [0.5, np.nan]},
    "euclidean": {
        "model": ["label", "vae"], "method": ["rho-a"] * 2, "value": [0.5, 0.1],
        "label_only": [0.5, 0.5],
    },
    "euclidean-models": {"model_a": ["vae"], "model_b": ["human"], "value": [0.5]},
    "bias": {"anything": []},
}  # fmt: skip


def table(folder: Path, name: str, **changes: Any) -> Path:
    path = folder / f"{name}.parquet"
    save_table(path, pd.DataFrame({**TABLES[name], **changes}))
    return path


def failures(*paths: Path) -> list[str]:
    found = check_artefacts(paths, MEASURED)
    assert set(found["artefact"]) == {str(path) for path in paths}
    return found.loc[~found["passed"], "check"].tolist()


def test_good_artefacts_pass(tmp_path: Path) -> None:
    arrays = {
        "latents": np.random.default_rng(0).normal(size=(9, 2)).astype("float32"),
        "images": np.zeros((2, 4, 4, 3), "uint8"),
        "rdms/euclidean/human": np.ones(3, "float32"),
    }
    for name, array in arrays.items():
        save_npy(tmp_path / f"{name}.npy", array)
    paths = [table(tmp_path, name) for name in TABLES] + [tmp_path / f"{n}.npy" for n in arrays]
    (tmp_path / "x.csv").write_text("a\n")
    assert failures(*paths, tmp_path / "x.csv") == []
    assert len(check_artefacts(paths, MEASURED)) > 30


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("samples", {"id": ["a", "a", "b"]}, ["ids are unique"]),
        ("scores-intended", {"cls": [0.0, 0.5, 1.01]}, ["cls within [0, 1]"]),
        ("scores-intended", {"stability": [0, np.inf, 1]}, ["stability is finite"]),
        ("scores-intended", {"knn_density": [0, np.nan, 1]}, ["knn_density is finite"]),
        ("training", {"loss": [1, np.nan]}, ["loss is finite"]),
        ("training", {"epoch": [0, 2]}, ["every epoch once"]),
        ("confusions", {"share": [0.25, 0.7, 1]}, ["rows sum to 1"]),
        ("funnel-executed", {"fp": [1]}, ["TP + FP = selected"]),
        ("abi", {"q": [1.5, np.nan]}, ["q within [0, 1]"]),
        ("abi", {"p": [-0.5, np.nan]}, ["p within [0, 1]"]),
        ("euclidean", {"value": [0.5, 1.2]}, ["value within [-1, 1]"]),
        ("euclidean", {"value": [0.4, 0.1]}, ["the label's RDM scores as the label-only line"]),
        ("euclidean", {"value": [0.5, np.nan]}, ["value is finite"]),
    ],
)
def test_a_fault_in_a_table_is_found(
    tmp_path: Path, name: str, changes: dict[str, Any], expected: list[str]
) -> None:
    assert failures(table(tmp_path, name, **changes)) == expected


def test_a_missing_column_is_a_failed_check(tmp_path: Path) -> None:
    path = tmp_path / "scores-intended.parquet"
    save_table(path, pd.DataFrame(SCORES).drop(columns=["cls", "id"]))
    found = check_artefacts([path], MEASURED)
    failed = found[~found["passed"]]
    assert failed["check"].tolist() == ["has its columns"]
    assert failed["detail"].tolist() == ["missing: id, cls"]


def test_empty_tables_and_files(tmp_path: Path) -> None:
    save_table(tmp_path / "rankings.parquet", pd.DataFrame({"id": []}))
    save_table(tmp_path / "overlaps.parquet", pd.DataFrame({"i": []}))
    (tmp_path / "x.csv").touch()
    paths = [tmp_path / n for n in ("rankings.parquet", "overlaps.parquet", "x.csv")]
    assert failures(*paths) == ["not empty", "not empty"]


@pytest.mark.parametrize(
    ("name", "array", "expected"),
    [
        ("latents", np.ones((5, 2)), ["not collapsed to a point"]),
        ("umap", np.array([[0.0, 1], [np.nan, 2], [3, 4]]), ["all finite", "not collapsed"]),
        ("factors", np.r_[np.zeros((9000, 1)), [[np.inf]]], ["all finite"]),
        ("latents", np.zeros((0, 2)), ["not empty"]),
        ("rdms/cosine/human", np.zeros(0), ["not empty"]),
        ("rdms/cosine/human", np.array([0.1, -0.1]), ["distances are not negative"]),
    ],
)
def test_a_fault_in_an_array_is_found(
    tmp_path: Path, name: str, array: np.ndarray, expected: list[str]
) -> None:
    path = tmp_path / f"{name}.npy"
    save_npy(path, array)
    found = failures(path)
    assert len(found) == len(expected)
    assert all(a.startswith(b) for a, b in zip(found, expected, strict=True))


def test_an_unreadable_artefact_stops_the_check(tmp_path: Path) -> None:
    (tmp_path / "latents.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match=r"latents\.npy"):
        check_artefacts([tmp_path / "latents.npy"], MEASURED)


def made(path: Path, content: str, step: str, seconds: float = 1.5, **params: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    write_sidecars(
        [path], step=step, code="c", params=params, inputs={}, numeric_threads=2, seconds=seconds
    )
    return path


class Study:
    def __init__(self, folder: Path) -> None:
        self.results = folder / "results/s"
        self.folder = folder / "results/published/s"
        self.tables = [made(self.results / "tables/t.parquet", "t", "make_t")]
        self.figures = [made(self.results / "figures/f.png", "f", "plot_f")]

    def publish(self, settings: dict[str, Any] | None = None) -> None:
        publish(
            self.tables, self.figures, self.folder,
            study="s", settings=settings or SETTINGS, results=self.results, root_seed=7,
            logits={"net-seed0": made(self.results / "models/net/logits.npy", "l", "train")},
            datasets=[
                {"title": "Faces", "licence": "CC BY-NC", "homepage": "https://faces.example"},
                {"title": "Votes", "licence": "ours", "homepage": None},
            ],
        )  # fmt: skip

    def files(self) -> list[str]:
        parts = sorted(self.folder.parent.rglob("*"))
        return [str(p.relative_to(self.folder.parent)) for p in parts if p.is_file()]


SETTINGS: dict[str, Any] = {
    "kind": "alignment", "votes": "v", "seeds": [0],
    "models": {
        "net": {"type": "philnet"},
        "label": {"type": "label", "layers": ["features"]},
    },
}  # fmt: skip
WHOLE = [
    "s/TERMS.md", "s/figures/f.png", "s/figures/f.png.meta.json", "s/jobs.json",
    "s/logits/net-seed0/logits.npy", "s/logits/net-seed0/logits.npy.meta.json",
    "s/recompute.json", "s/run.json",
    "s/tables/t.parquet", "s/tables/t.parquet.meta.json",
]  # fmt: skip


def test_publish_copies_everything_anew(tmp_path: Path) -> None:
    study = Study(tmp_path)
    for _ in range(2):
        study.publish()
        assert study.files() == WHOLE
        (study.folder / "tables/old.parquet").touch()
    summary = json.loads((study.folder / "run.json").read_text())
    assert summary["study"] == "s"
    assert summary["settings"] == SETTINGS
    assert set(summary["steps"]) == {"make_t", "plot_f", "train"}


def test_published_logits_have_a_config_without_networks(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.publish()
    config = json.loads((study.folder / "recompute.json").read_text())
    [(name, found)] = config["studies"].items()
    assert name == "s-logits"
    assert config["root_seed"] == 7, "other draws, and so other intervals"
    assert found == {
        "kind": "alignment",
        "votes": "v",
        "models": {
            "label": SETTINGS["models"]["label"],
            "net": {
                "type": "external",
                "layers": ["probabilities"],
                "file": f"{study.folder}/logits/net-seed{{seed}}/logits.npy",
                "seeds": [0],
            },
        },
    }


def test_a_config_of_published_logits_is_one_that_runs(tmp_path: Path) -> None:
    given = yaml.safe_load((ROOT / "config/alignment.yaml").read_text()) | {"size": "quick"}
    study = Study(tmp_path)
    study.publish(resolve(given)["studies"]["alignment-quick"])
    found = resolve(json.loads((study.folder / "recompute.json").read_text()))["studies"]
    assert set(found["s-logits"]["models"]) == {"pixels", "label", "class_mean", "net"}


def test_published_results_carry_the_terms_of_their_data(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.publish()
    terms = (study.folder / "TERMS.md").read_text()
    summary = json.loads((study.folder / "run.json").read_text())
    assert "* Faces: CC BY-NC (<https://faces.example>)\n* Votes: ours\n" in terms
    assert summary["datasets"][0]["licence"] == "CC BY-NC"


def test_publish_that_fails_keeps_the_old_folder_and_leaves_nothing(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.publish()
    good = study.figures[0].read_text()
    study.figures[0].write_bytes(bytes(1_000_001))
    with pytest.raises(InputError, match=r"f\.png.*1 MB"):
        study.publish()
    assert study.files() == WHOLE
    assert [p.name for p in study.folder.parent.iterdir()] == ["s"]
    study.figures[0].write_text(good)
    sidecar_path(study.tables[0]).unlink()
    with pytest.raises(InputError, match=r"t\.parquet.*sidecar"):
        study.publish()
    assert study.files() == WHOLE


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", range(10))
def test_a_killed_publication_leaves_the_old_one_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Killed at the first, second … of what it deletes and renames, in the midst of a deletion."""
    study, rmtree, calls = Study(tmp_path), shutil.rmtree, count()
    study.publish()
    made(study.tables[0], "new", "make_t")

    def until_killed(function: Any) -> Any:
        def one(path: Path, *args: Any, **known: Any) -> Any:
            if next(calls) < at:
                return function(path, *args, **known)
            if function is rmtree and (files := [p for p in path.rglob("*") if p.is_file()]):
                files[0].unlink()
            raise Killed

        return one

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", until_killed(rmtree))
        patched.setattr(Path, "rename", until_killed(Path.rename))
        with suppress(Killed):
            study.publish()
    assert study.files() in (WHOLE, []), "half a publication"
    assert {p.name for p in study.folder.parent.iterdir()} <= {"s"}
    gone = not study.files()
    study.figures.append(made(study.results / "figures/t.png", "", "plot_t"))
    sidecar_path(study.figures[1]).unlink()
    with pytest.raises(InputError, match="sidecar"):
        study.publish()
    assert study.files() == WHOLE, "what was put aside is not back"
    assert not gone or (study.folder / "tables/t.parquet").read_text() == "t"
    study.figures.pop()
    study.publish()
    assert (study.folder / "tables/t.parquet").read_text() == "new"
    assert {p.name for p in (tmp_path / "results").iterdir()} == {"s", "published"}


def test_publish_refuses_two_tables_of_one_name(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.tables.append(made(study.results / "other/t.parquet", "u", "make_u"))
    with pytest.raises(InputError, match=r"other/t\.parquet"):
        study.publish()
    assert study.files() == []


def test_summary_counts_jobs_not_files(tmp_path: Path) -> None:
    one = [tmp_path / "a.npy", tmp_path / "b.npy"]
    for path in one:
        path.touch()
    common = {"code": "c", "inputs": {}, "numeric_threads": 2}
    write_sidecars(one, step="train", params={"seed": 0}, seconds=10.0, **common)  # type: ignore[arg-type]
    made(tmp_path / "c.npy", "", "train", seconds=5.0, run=1)
    gone = made(tmp_path / "d.npy", "", "train", seconds=100.0, run=2)
    gone.unlink()
    save_json(tmp_path / "plain.json", {})
    found = summarise(tmp_path, "s", {})
    assert found["steps"]["train"]["jobs"] == 2
    assert found["steps"]["train"]["seconds"] == found["seconds"] == 15.0
    assert found["steps"]["train"]["peak_memory_mib"] > 10
    assert found["devices"] == ["cpu"]
    assert len(found["machines"]) == 1


def test_a_collapsed_vae_may_be_a_finding(tmp_path: Path) -> None:
    save_npy(tmp_path / "latents.npy", np.ones((20, 3), dtype=np.float32))
    save_table(tmp_path / "comparison.parquet", pd.DataFrame({"detector": pd.Series(dtype="str")}))
    paths = [tmp_path / "latents.npy", tmp_path / "comparison.parquet"]
    assert (~check_artefacts(paths, MEASURED)["passed"]).sum() == 2
    assert check_artefacts(paths, MEASURED, may_collapse=True)["passed"].all()
