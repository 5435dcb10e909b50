"""The notebook runs from top to bottom on a small results folder, and says what is wrong."""

from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_npy, save_table
from latent_microscope.provenance.sidecars import write_sidecars
from run_notebook import main

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks/explore_results.ipynb"
STUDY = "results/made"


def results(folder: Path) -> dict[str, Any]:
    """Latents, scores, attributes and one table of 60 samples; the arguments of the step."""
    rng = np.random.default_rng(0)
    study, ids = folder / STUDY, [f"{i:03d}" for i in range(60)]
    run = study / "vae/whole/seed0"
    latents, encoding, scores = (
        run / name for name in ("latents.npy", "encoding.parquet", "scores-intended.parquet")
    )
    attributes, checks = study / "data/attributes.parquet", study / "checks.parquet"
    table = study / "tables/diagnostics.parquet"
    for path in (latents, attributes, table):
        path.parent.mkdir(parents=True, exist_ok=True)
    save_npy(latents, rng.normal(size=(60, 4)).astype(np.float32))
    save_table(encoding, pd.DataFrame({"id": ids}))
    names = ("uniqueness", "originality", "stability", "cls")
    made = pd.DataFrame({"id": ids} | {name: rng.random(60) for name in names})
    save_table(scores, made.assign(stability=1.0 - 1e-6 * made["stability"]))
    save_table(attributes, pd.DataFrame({"id": ids, "hat": rng.integers(0, 2, 60)}))
    save_table(checks, pd.DataFrame({"artefact": ["a"], "passed": [True]}))
    row = {"crop": "whole", "check": "active_units", "status": "ok", "mean": 4.0, "sd": 0.0}
    row |= {"meaning": "active", "bad": "below", "warning": 3.0, "alarm": 1.0, "action": ""}
    save_table(table, pd.DataFrame([row | {"seeds_not_ok": ""}]))
    write_sidecars([scores], step="score_samples", code="c", params={}, numeric_threads=1,
                   inputs={"latents": [latents]}, seconds=0.0)  # fmt: skip
    return {
        "notebook": NOTEBOOK,
        "checks": Path(STUDY) / "checks.parquet",
        "tables": [table],
        "latents": latents,
        "encoding": encoding,
        "scores": scores,
        "attributes": attributes,
        "executed": study / "notebook.ipynb",
    }


def test_it_runs_and_shows_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = results(tmp_path)
    main(**given)
    book = nbformat.read(given["executed"], as_version=4)
    nbformat.validate(book)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    shown = [output for cell in code for output in cell.outputs]
    text = " ".join(output.get("text", "") for output in shown)
    assert "All 1 checks are within their limits" in text
    assert "60 samples, 4 dimensions" in text
    assert "of 1 attributes differ" in text
    assert "unchanged, made by score_samples" in text
    tables = [output.get("data", {}).get("text/plain", "") for output in shown]
    spread = next(line for table in tables for line in table.splitlines() if line[:3] == "std")
    assert "e-07" in spread, "a score that varies little looked constant"
    assert any("image/png" in output.get("data", {}) for output in shown)
    assert not [cell for cell in book.cells if "execution" in cell.metadata], "times in a result"


def test_a_failing_cell_is_named_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = results(tmp_path)
    given["scores"].unlink()
    with pytest.raises(InputError, match=r"explore_results\.ipynb: .*scores-intended\.parquet"):
        main(**given)
    assert not given["executed"].exists()


def test_what_is_no_notebook_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.ipynb"
    bad.write_text("{}")
    with pytest.raises(InputError, match=r"bad\.ipynb: not a notebook"):
        main(**results(tmp_path) | {"notebook": bad})
    empty = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    bad.write_text(nbformat.writes(empty))
    with pytest.raises(InputError, match="no cell has the tag 'parameters'"):
        main(**results(tmp_path) | {"notebook": bad})


def test_it_is_committed_without_outputs() -> None:
    book = nbformat.read(NOTEBOOK, as_version=4)
    assert not [cell for cell in book.cells if cell.get("outputs") or cell.get("execution_count")]
