"""Where artefacts came from and whether they are unchanged, on small synthetic chains."""

import json
import shutil
from collections.abc import Set
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from latent_microscope import project
from latent_microscope.cli import app
from latent_microscope.data.manifest import Dataset, ManifestFile
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_json, save_csv, save_json, save_npy, save_text
from latent_microscope.provenance import codehash, currency
from latent_microscope.provenance.lineage import (
    FAILURES,
    describe,
    folders_of,
    read_job,
    trace,
    traces,
    verify,
)
from latent_microscope.provenance.sidecars import SUFFIX, sidecar_path, write_sidecars
from latent_microscope.report.origins import Chains
from latent_microscope.report.publishing import publish

DATA = Path("data/set/images.npy")
RUNS = [Path(f"results/study/vae/whole/seed{i}/latents.npy") for i in (0, 1)]
TABLE = Path("results/study/tables/means.csv")
CODE = "0123456789abcdef"


def record(output: Path, step: str, inputs: dict[str, list[Path]], **params: object) -> None:
    write_sidecars(
        [output], step=step, code=CODE, params=params, inputs=inputs, numeric_threads=1, seconds=1.5
    )


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data, two runs that encode it, and a table of both."""
    monkeypatch.chdir(tmp_path)
    for path in (DATA, *RUNS, TABLE):
        path.parent.mkdir(parents=True, exist_ok=True)
    save_text(Path("config.yaml"), "list: of data sets\n")
    save_npy(DATA, np.arange(6.0))
    record(DATA, "download_file", {"manifest": [tmp_path / "config.yaml"]})
    for number, path in enumerate(RUNS):
        save_npy(path, np.arange(6.0) * number)
        record(
            path, "encode", {"images": [DATA]}, root_seed=42, seed=number, settings={"latent": 2}
        )
    save_csv(TABLE, pd.DataFrame({"seed": [0, 1], "mean": [0.0, 2.5]}))
    record(TABLE, "count", {"latents": RUNS})
    return tmp_path


def test_a_table_leads_to_data_seed_config_code_and_machine(study: Path) -> None:
    origin = trace(TABLE)
    assert [o.path for o in origin.walk()] == [TABLE, *RUNS, DATA, Path("config.yaml")]
    assert {o.state for o in origin.walk()} == {"unchanged"}
    text = describe(origin)
    assert text.splitlines()[:2] == [
        str(TABLE),
        f"  by count, code {CODE} (no such script here), 1.5 s on cpu",
    ]
    assert 'with {"root_seed": 42, "seed": 1, "settings": {"latent": 2}}' in text
    ground = dict(line.split(None, 1) for line in text.rpartition("\n\n")[2].splitlines())
    assert ground["data"] == str(DATA)
    assert ground["seeds"] == "root_seed 42, seed 0, seed 1"
    assert ground["files"] == "all unchanged"
    assert ground["machine"].startswith("cpu / ")
    assert "numpy" in ground["libraries"]


def test_a_row_leads_to_its_own_run_only(study: Path) -> None:
    paths = [o.path for o in trace(TABLE, row=1).walk()]
    assert paths == [TABLE, RUNS[1], DATA, Path("config.yaml")]
    with pytest.raises(InputError, match=r"row 2; .* 0 to 1"):
        trace(TABLE, row=2)
    with pytest.raises(InputError, match="not a table"):
        trace(RUNS[0], row=0)


def test_the_code_of_this_checkout_is_compared(study: Path) -> None:
    Path("scripts/made").mkdir(parents=True)
    Path("Snakefile").touch()
    Path("config").mkdir()
    Path(project.MANIFEST).touch()
    Path("scripts/made/count.py").write_text("X = 1\n")
    assert trace(TABLE).same_code is False
    assert "count: differs from here" in describe(trace(TABLE))


def test_no_sidecar_no_chain(study: Path) -> None:
    with pytest.raises(InputError, match=r"config\.yaml"):
        trace(Path("config.yaml"))


def test_what_was_altered_is_named_and_the_chain_ends_there(study: Path) -> None:
    save_npy(RUNS[0], np.ones(6))
    record(RUNS[0], "encode", {"images": [DATA]}, seed=7)
    origin = trace(TABLE)
    first, second = origin.inputs["latents"]
    # Another job lies there now: what it says of itself is not the origin of this table.
    assert (first.state, first.sidecar, first.inputs) == ("altered", {}, {})
    assert second.state == "unchanged"
    assert "[ALTERED]" in describe(origin)
    assert "seed 7" not in describe(origin)


def findings(folder: Path = Path("results")) -> list[tuple[str, str]]:
    return [(f.kind, str(f.path)) for f in verify(folder)[1]]


def test_an_untouched_folder_is_as_recorded(study: Path) -> None:
    Path("config.yaml").write_text("another list\n")  # the user's own; no artefact
    assert verify(Path("results")) == (3, [])
    assert verify(Path("data")) == (1, [])


def test_one_flipped_bit_is_found_with_all_that_was_made_from_it(study: Path) -> None:
    content = bytearray(RUNS[0].read_bytes())
    content[-1] ^= 1
    RUNS[0].write_bytes(content)
    assert findings() == [("altered", str(RUNS[0])), ("other input", str(TABLE))]


def test_missing_foreign_and_broken_files_are_named(study: Path) -> None:
    RUNS[1].unlink()
    save_npy(RUNS[0].with_name("mine.npy"), np.ones(2))
    sidecar_path(RUNS[0]).write_text('{"sha256": 1}')
    assert findings() == [
        ("missing", str(RUNS[1])),
        ("bad sidecar", str(RUNS[0])),
        ("no sidecar", str(RUNS[0].with_name("mine.npy"))),
    ]
    assert "no sidecar" not in FAILURES


def test_an_edited_sidecar_contradicts_its_artefact(study: Path) -> None:
    path = sidecar_path(RUNS[0])
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": "0" * 64}))
    assert findings() == [("altered", str(RUNS[0]))]


def test_a_folder_without_sidecars_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=SUFFIX):
        verify(tmp_path)


def test_sidecars_name_inputs_from_the_working_folder(study: Path) -> None:
    names = json.loads(sidecar_path(DATA).read_text())["inputs"]["manifest"]
    assert list(names) == ["config.yaml"]


def test_a_root_seed_of_no_projection_had_no_effect(study: Path) -> None:
    before = Chains().ground([TABLE]).root_seeds
    record(RUNS[0], "extract_features", {"images": [DATA]}, root_seed=0, project=None)
    assert Chains().ground([TABLE]).root_seeds == before == ["42"]
    record(RUNS[0], "extract_features", {"images": [DATA]}, root_seed=7, project=64)
    assert Chains().ground([TABLE]).root_seeds == ["42", "7"]


def test_a_folder_of_images_is_named_with_the_hash_of_its_content(study: Path) -> None:
    record(RUNS[0], "encode", {"images": [DATA]}, folder="ab" * 32, settings={"file": "faces"})
    assert folders_of([read_job(path) for path in (*RUNS, TABLE)]) == {
        "faces (SHA-256 abababababababab)"
    }
    assert "faces (SHA-256 abababababababab)" in describe(trace(TABLE))
    assert "faces (SHA-256 abababababababab)" in Chains().ground([TABLE]).data
    record(RUNS[0], "encode", {"images": [DATA]}, folder=None, settings={"file": "faces"})
    assert folders_of([read_job(path) for path in RUNS]) == set()


def of_today(study: Path, monkeypatch: pytest.MonkeyPatch, *old: str) -> list[tuple[str, str]]:
    """What is stale where only the steps ``old`` have other code now, ``gone`` none at all."""
    states = {**dict.fromkeys(("download_file", "encode", "count"), True), "gone": None}
    states |= dict.fromkeys(old, False)
    monkeypatch.setattr(currency, "same_code", lambda job, *_: states[job["step"]])
    return [(path.name, reason) for path, reason in currency.stale(Path("results/study"))]


def test_a_result_is_stale_with_the_code_of_any_job_behind_it(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert of_today(study, monkeypatch) == []
    old = "count: code is not today's"
    assert of_today(study, monkeypatch, "count") == [("means.csv", old)]
    old = "download_file: code is not today's"
    names = ["means.csv", "latents.npy", "latents.npy"]
    assert of_today(study, monkeypatch, "download_file") == [(name, old) for name in names]
    record(RUNS[0], "gone", {"images": [DATA]})
    lines = [("means.csv", "gone: script is not here"), ("latents.npy", "gone: script is not here")]
    assert of_today(study, monkeypatch) == lines


def test_a_file_of_the_user_is_no_stale_result(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sidecar_path(DATA).unlink()
    assert of_today(study, monkeypatch) == []
    sidecar_path(RUNS[0]).unlink()
    reason = f"{RUNS[0]}: no record of the job that made it"
    assert of_today(study, monkeypatch) == [("means.csv", reason)]


def test_another_workflow_with_scripts_is_no_clone_of_this_one(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("scripts").mkdir()
    Path("Snakefile").touch()
    assert of_today(study, monkeypatch) == []
    assert project.of_results(study) == project.root()
    Path("config").mkdir()
    Path(project.MANIFEST).touch()
    assert project.of_results(study) == study


def test_a_download_without_its_record_is_none_of_the_user(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sidecar_path(DATA).unlink()
    known = {
        "set": Dataset(
            "set", "", "1", "", files={"images.npy": ManifestFile("set", "images.npy", "")}
        )
    }
    monkeypatch.setattr(currency, "load_manifest", lambda path: known)
    reason = f"{DATA}: no record of the job that made it"
    names = ["means.csv", "latents.npy", "latents.npy"]
    assert of_today(study, monkeypatch) == [(name, reason) for name in names]


@pytest.mark.parametrize("content", ["{", "{}", "[]", "\xff"])
def test_a_broken_sidecar_is_a_reason_of_one_line(
    study: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    sidecar_path(RUNS[0]).write_text(content, encoding="latin-1")
    found = of_today(study, monkeypatch)
    assert [name for name, _ in found] == ["means.csv", "latents.npy"]
    for _, reason in found:
        assert reason.startswith(f"{sidecar_path(RUNS[0])}: ")
        assert "\n" not in reason


def test_published_results_know_the_jobs_behind_them(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path("results/published/study")
    publish([TABLE], [], folder, study="study", settings={}, results=Path("results/study"),
            root_seed=0)  # fmt: skip
    for path in (*RUNS, DATA):
        sidecar_path(path).unlink()
    states = dict.fromkeys(("download_file", "encode", "count"), True)
    monkeypatch.setattr(currency, "same_code", lambda job, *_: states[job["step"]])
    assert currency.stale(folder) == []
    states["encode"] = False
    reason = "encode: code is not today's"
    assert currency.stale(folder) == [(folder / "tables/means.csv", reason)]
    kept = load_json(folder / currency.JOBS)
    lacks = "; ".join(f"{path}: no record of the job that made it" for path in RUNS)
    (folder / currency.JOBS).unlink()
    ((_, reason),) = currency.stale(folder)
    assert reason == lacks
    for path in RUNS:  # here again, as for whoever published them; not for others
        record(path, "count", {})
    assert currency.stale(folder) == []
    save_json(folder / currency.JOBS, {k: v for k, v in kept.items() if Path(k) not in RUNS})
    assert currency.stale(folder) == [(folder / "tables/means.csv", lacks)]


def test_results_of_published_ones_know_the_jobs_behind_these(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logits = Path("results/published/logits")
    (logits / "net-seed0").mkdir(parents=True)
    copy = logits / "net-seed0" / RUNS[0].name
    shutil.copyfile(RUNS[0], copy)
    shutil.copyfile(sidecar_path(RUNS[0]), sidecar_path(copy))
    currency.save_jobs(logits / currency.JOBS, [RUNS[0]])
    for path in (*RUNS, DATA):
        sidecar_path(path).unlink()
    record(TABLE, "count", {"latents": [copy]})
    assert of_today(study, monkeypatch) == []
    folder = Path("results/published/study")
    publish([TABLE], [], folder, study="study", settings={}, results=Path("results/study"),
            root_seed=0)  # fmt: skip
    assert str(DATA) in load_json(folder / currency.JOBS)
    shutil.rmtree(logits)
    assert currency.stale(folder) == []
    old = "download_file: code is not today's"
    of_today(study, monkeypatch, "download_file")
    assert currency.stale(folder) == [(folder / "tables/means.csv", old)]


def test_published_results_are_traced_with_each_module_read_once(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, parse = [], codehash._parse

    def counted(content: bytes, name: str, ours: Set[str]) -> dict[str, Any]:
        read.append(name)
        return parse(content, name, ours)

    monkeypatch.setattr(codehash, "_parse", counted)
    for path in RUNS:
        record(path, "rank_samples", {"images": [DATA]})
    record(TABLE, "count_annotators", {"latents": RUNS})
    traces([TABLE, *RUNS])
    assert len(read) == len(set(read)) > 10


def test_what_has_no_record_may_be_of_any_code(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(currency, "same_code", lambda *_: True)
    command = ["verify", "results/study"]
    (study / "results/study/extra.csv").touch()
    assert CliRunner().invoke(app, command).exit_code == 0
    found = CliRunner().invoke(app, [*command, "--current"])
    assert "no sidecar: results/study/extra.csv" in found.output
    assert found.exit_code == 1
