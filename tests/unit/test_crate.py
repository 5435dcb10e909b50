"""The exported crate, read back by the same library and looked at as JSON-LD."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rocrate.rocrate import ROCrate

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_csv, save_npy, save_table, save_text
from latent_microscope.provenance.codehash import code_hash
from latent_microscope.provenance.rocrate import PROFILES, export
from latent_microscope.provenance.sidecars import write_sidecars

RESULTS = Path("results/study")
LATENTS = RESULTS / "vae/whole/seed0/latents.npy"
TABLE = RESULTS / "tables/means.csv"
FIGURE = RESULTS / "figures/map.png"
CHECKS = RESULTS / "checks.parquet"
SECRET = "s3cr3t-key-of-the-user"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workflow of two scripts and what they made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KAGGLE_KEY", SECRET)
    for folder in (
        LATENTS.parent,
        TABLE.parent,
        FIGURE.parent,
        Path("data/set"),
        Path("scripts/made"),
    ):
        folder.mkdir(parents=True)
    save_text(Path("Snakefile"), "rule all:\n")
    manifest: dict[str, Any] = {"description": "Faces", "version": "1", "licence": "research only"}
    manifest |= {"files": {"images.npy": {"role": "archive", "generated": True}}}
    save_text(Path("config/datasets.yaml"), json.dumps({"datasets": {"set": manifest}}))
    for name in ("encode", "tabulate"):
        save_text(Path(f"scripts/made/{name}.py"), f"NAME = '{name}'\n")
    Path("data/set/images.npy").write_bytes(b"photographs")
    save_npy(LATENTS, np.arange(4.0))
    record([LATENTS], "encode", {"images": [Path("data/set/images.npy")]}, seed=42, note='<b>&"')
    save_csv(TABLE, pd.DataFrame({"mean": [1.5]}))
    FIGURE.write_bytes(b"a map")
    save_table(CHECKS, pd.DataFrame({"passed": [True]}))
    record([TABLE, FIGURE, CHECKS], "tabulate", {"latents": [LATENTS]}, width=2)
    return tmp_path


def record(outputs: list[Path], step: str, inputs: dict[str, list[Path]], **params: Any) -> None:
    write_sidecars(
        outputs,
        step=step,
        code=code_hash(Path(f"scripts/made/{step}.py")),
        params=params,
        inputs=inputs,
        numeric_threads=1,
        seconds=0.5,
    )


def graph(folder: Path) -> dict[str, Any]:
    content = json.loads((folder / "ro-crate-metadata.json").read_text(encoding="utf-8"))
    return {entity["@id"]: entity for entity in content["@graph"]}


def names(entities: dict[str, Any], references: Any) -> set[str]:
    listed = references if isinstance(references, list) else [references]
    return {entities[one["@id"]]["name"] for one in listed}


def test_the_crate_names_jobs_with_what_they_read_and_made(study: Path) -> None:
    assert export("study", Path("crate")) == 2
    entities = graph(Path("crate"))
    jobs = {e["name"]: e for e in entities.values() if e["@id"].startswith("#job-")}
    encode = jobs["encode: latents.npy"]
    tabulate = jobs["tabulate: checks.parquet, map.png, means.csv"]
    assert encode["instrument"] == {"@id": "scripts/made/encode.py"}
    assert names(entities, encode["object"]) == {"data/set/images.npy", "seed", "note"}
    assert names(entities, tabulate["object"]) == {str(LATENTS), "width"}
    assert names(entities, encode["result"]) == {str(LATENTS)}
    assert names(entities, tabulate["result"]) == {str(TABLE), str(FIGURE), str(CHECKS)}
    assert "(as in this crate), 0.5 s, on" in encode["description"]
    run = entities["#run"]
    assert run["instrument"] == {"@id": "Snakefile"}
    assert names(entities, run["object"]) == {"data/set/images.npy"}
    assert names(entities, run["result"]) == {str(TABLE), str(FIGURE)}
    assert {p["@id"] for p in entities["./"]["conformsTo"]} == set(PROFILES)
    values = {e["name"]: e["value"] for e in entities.values() if e["@type"] == "PropertyValue"}
    assert values == {"seed": "42", "note": json.dumps('<b>&"'), "width": "2"}


def test_tables_and_sources_are_copied_data_and_figures_are_not(study: Path) -> None:
    export("study", Path("crate"))
    copied = {str(p.relative_to("crate")) for p in Path("crate").rglob("*") if p.is_file()}
    assert copied == {
        "ro-crate-metadata.json",
        "Snakefile",
        "config/datasets.yaml",
        "scripts/made/encode.py",
        "scripts/made/tabulate.py",
        str(TABLE),
    }
    export("study", Path("with-figures"), figures=True)
    assert (Path("with-figures") / FIGURE).read_bytes() == b"a map"
    assert not (Path("with-figures") / LATENTS).exists()


def test_results_are_under_the_terms_of_their_data(study: Path) -> None:
    export("study", Path("crate"))
    described = graph(Path("crate"))["./"]["description"]
    assert described.endswith("under the terms of their data (Faces: research only)")


def test_nothing_of_another_study_is_copied(study: Path) -> None:
    """One job writes the report of all studies of a run, and reads the files of all."""
    others = [Path("results/other/tables/secret.csv"), Path("results/other/figures/faces.png")]
    for path in others:
        path.parent.mkdir(parents=True)
        path.write_text("of another study")
    page = RESULTS / "report.html"
    page.touch()
    record([page], "tabulate", {"files": [TABLE, *others]})
    export("study", Path("crate"), figures=True)
    assert (Path("crate") / TABLE).is_file()
    assert not (Path("crate/results") / "other").exists()


def test_the_library_reads_it_back(study: Path) -> None:
    export("study", Path("crate"))
    crate = ROCrate(Path("crate"))
    assert crate.mainEntity.id == "Snakefile"
    assert crate.dereference(str(TABLE))["encodingFormat"] == "text/csv"


def test_no_secret_and_no_path_of_this_machine_is_in_it(study: Path) -> None:
    save_text(Path("elsewhere.yaml"), "a: 1\n")
    record([LATENTS], "encode", {"manifest": [study / "elsewhere.yaml"]}, seed=1)
    export("study", Path("crate"))
    text = Path("crate/ro-crate-metadata.json").read_text(encoding="utf-8")
    assert SECRET not in text
    assert str(study) not in text
    assert "elsewhere.yaml" in text


def test_the_same_study_gives_the_same_crate(study: Path) -> None:
    export("study", Path("first"))
    export("study", Path("second"))
    first, second = (Path(f"{n}/ro-crate-metadata.json").read_bytes() for n in ("first", "second"))
    assert first == second


def test_other_code_than_in_the_crate_is_said(study: Path) -> None:
    save_text(Path("scripts/made/encode.py"), "NAME = 'another'\n")
    export("study", Path("crate"))
    found = [e["description"] for e in graph(Path("crate")).values() if "description" in e]
    assert sum("(not as in this crate)" in text for text in found) == 1


def test_unfinished_altered_or_unknown_is_refused_and_nothing_left(study: Path) -> None:
    with pytest.raises(InputError, match=r"checks\.parquet"):
        export("another", Path("crate"))
    FIGURE.write_bytes(b"retouched")
    with pytest.raises(InputError, match=r"map\.png"):
        export("study", Path("crate"))
    FIGURE.write_bytes(b"a map")
    shutil.move("scripts/made/encode.py", "scripts/made/gone.py")
    with pytest.raises(InputError, match=r"encode\.py"):
        export("study", Path("crate"))
    Path("taken").mkdir()
    with pytest.raises(InputError, match="taken"):
        export("study", Path("taken"))
    assert not Path("crate").exists()
    assert not list(Path().glob(".tmp-*"))
