"""Finished results hold the same arrays, tensors and columns as when the guards were taken."""

from pathlib import Path

import contents  # type: ignore[import-not-found]
import numpy as np
import pandas as pd
import pytest
from differences import text_of, told, unexplained  # type: ignore[import-not-found]
from machine import differing, machine  # type: ignore[import-not-found]
from readers import digest, read, relative_difference  # type: ignore[import-not-found]
from renames import Renames  # type: ignore[import-not-found]

ROOT = Path(__file__).resolve().parents[2]
HOW = "compare on this machine: tests/guards/take.py --help"


@pytest.mark.parametrize("study", contents.STUDIES)
def test_results_are_as_they_were(study: str) -> None:
    if not contents.is_finished(ROOT, study):
        pytest.skip(f"results/{study}: not there; run make demo, or the tutorial's digits study")
    old = contents.load()
    if other := differing(old["machine"], machine()):
        pytest.skip(f"numbers may differ in their last digits, for {other}; {HOW}")
    renames = Renames.read()
    before = contents.renamed(old, renames)["studies"][study]
    found = contents.study_differences(before, contents.of_study(ROOT, study))
    here = [m for m in renames.exceptions if m.what.startswith(f"results/{study}/")]
    left = unexplained(found, here, "contents")
    assert not left, text_of(left)


def test_the_guard_holds_all_studies_and_kinds() -> None:
    studies = contents.load()["studies"]
    assert set(studies) == set(contents.STUDIES)
    kinds = {Path(path).suffix for files in studies.values() for path in files}
    assert kinds == {".npy", ".pt", ".parquet", ".csv", ".png", ".pdf", ".html", ".zip", ".txt"}
    assert sum(map(len, studies.values())) > 400


def test_an_exception_is_of_a_study() -> None:
    tops = tuple(f"results/{study}/" for study in contents.STUDIES)
    entries = [m for m in Renames.read().exceptions if m.where == "contents"]
    assert [m.what for m in entries if not m.what.startswith(tops)] == []


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two finished studies that differ in a number of an array, one of a table, and a name."""
    for name, step in (("old", 0.0), ("new", 1e-9)):
        study = tmp_path / name / "results/digits"
        study.mkdir(parents=True)
        np.save(study / "a.npy", np.array([1.0, np.nan, 2.0 + step]))
        np.save(study / "same.npy", np.arange(3))
        frame = pd.DataFrame({"x": [1.0 + step, None], "id": ["a", name], "n": [1, 2]})
        frame.to_parquet(study / "t.parquet")
        frame[["n"]].to_csv(study / "t.csv", index=False)
        (study / "explorer.html").write_text("page", encoding="utf-8")
        (study / "a.npy.meta.json").write_text(name, encoding="utf-8")
        page = f"code <code>{name[0].encode().hex() * 8}</code>"
        page += f"<dt>Machine</dt><dd>{name}</dd><dt>Libraries</dt><dd>{step}</dd>"
        page += {"old": "python scripts/trace.py", "new": "latent-microscope trace"}[name]
        (study / "report.html").write_text(page, encoding="utf-8")
    return tmp_path / "old", tmp_path / "new"


def test_two_folders_are_compared_by_array_and_column(folders: tuple[Path, Path]) -> None:
    array, number, name = contents.compare(*folders)
    assert array.startswith("results/digits/a.npy: array: float64 [3] ")
    assert array.endswith("5.0e-10 apart at most, relative")
    assert number.startswith("results/digits/t.parquet: x: double [2] ")
    assert number.endswith("1.0e-09 apart at most, relative")
    assert name.startswith("results/digits/t.parquet: id: ")
    assert contents.compare(folders[0], folders[0]) == []


def test_one_folder_is_compared_with_a_listing(folders: tuple[Path, Path], tmp_path: Path) -> None:
    contents.save(contents.listing(folders[0]), tmp_path / "old.json.xz")
    lines = contents.compare(tmp_path / "old.json.xz", folders[1])
    assert len(lines) == 3
    assert not any("apart at most" in line for line in lines)
    assert contents.compare(tmp_path / "old.json.xz", folders[0]) == []


def test_a_missing_artefact_and_another_order_are_told() -> None:
    old = {"a.npy": {"array": ["float32 [1]", "0"]}, "t": {"x": ["a", "0"], "y": ["a", "1"]}}
    new = {"t": {"y": ["a", "1"], "x": ["a", "0"]}}
    assert told(list(contents.study_differences(old, new))) == [
        "a.npy: artefact: made -> (not there)",
        't: (order): ["x", "y"] -> ["y", "x"]',
    ]


def test_digests_tell_values_apart(tmp_path: Path) -> None:
    values = [[1.0, None], [1.0, float("nan")], [1.0, 0.0], [1.0, -0.0], ["1.0", None]]
    assert len({digest(("x", value))[1] for value in values}) == len(values)
    array = np.arange(6).reshape(2, 3)
    assert digest(array) == digest(np.asfortranarray(array)) == digest(array.astype(">i8"))
    assert digest(array) != digest(array.reshape(3, 2))
    assert digest(array) != digest(array.astype(np.int32))


def test_relative_differences() -> None:
    assert relative_difference(np.array([1.0, 4.0]), np.array([1.0, 5.0])) == pytest.approx(0.2)
    assert relative_difference(("text", ["1", ""]), ("text", ["1", ""])) == 0.0
    assert relative_difference(("text", ["a"]), ("text", ["b"])) is None
    assert relative_difference(np.zeros(2), np.zeros(3)) is None
    assert relative_difference(b"a", b"b") is None
    assert relative_difference(None, np.zeros(3)) is None


def test_tensors_are_read_by_name(tmp_path: Path) -> None:
    import torch

    torch.save({"weights": {"a.b": torch.ones(2)}, "epochs": 3}, tmp_path / "w.pt")
    parts = read(tmp_path / "w.pt")
    assert list(parts) == ["weights.a.b", "epochs"]
    assert digest(parts["weights.a.b"])[0] == "float32 [2]"
    assert digest(parts["epochs"])[0] == "int [1]"
