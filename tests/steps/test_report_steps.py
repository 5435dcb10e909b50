"""The step of the report: a page for each study."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_json, save_table
from latent_microscope.planning.captions import captions
from write_report import main

ROOT = Path(__file__).resolve().parents[2]
STUDIES = ("bias-simulations", "synthetic-workstation")


def arguments(folder: Path) -> dict[str, Any]:
    """Two published studies, with checks that passed."""
    published = [ROOT / "results/published" / name for name in STUDIES]
    checks = [folder / name / "checks.parquet" for name in STUDIES]
    for path in checks:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_table(path, pd.DataFrame({"artefact": ["a"], "passed": [True]}))
    return {
        "checks": checks,
        "tables": [p for study in published for p in sorted(study.glob("tables/*.parquet"))],
        "figures": [p for study in published for p in sorted(study.glob("figures/*.png"))],
        "captions": captions(),
        "pages": [folder / name / "report.html" for name in STUDIES],
        "studies": {
            study.name: {
                "settings": load_json(study / "run.json")["settings"],
                "synthetic_demo": study.name == STUDIES[1],
                "explorer": f"results/{study.name}/explorer.html",
            }
            for study in published
        },
    }


def test_a_page_for_each_study(tmp_path: Path) -> None:
    given = arguments(tmp_path)
    main(**given)
    parts = [path.read_text(encoding="utf-8") for path in given["pages"]]
    for name, part in zip(STUDIES, parts, strict=True):
        others = [other for other in STUDIES if other != name]
        assert f'id="{name}/origins"' in part
        assert not [other for other in others if other in part]
        assert f"results/{name}/explorer.html" in part
    assert ["Synthetic demo data" in part for part in parts] == [False, True]
    first = {path: path.read_bytes() for path in tmp_path.rglob("report.*")}
    assert len(first) == 2
    main(**given)
    assert {path: path.read_bytes() for path in tmp_path.rglob("report.*")} == first


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pages": [Path("one.html")]}, "2 checks and 1 pages"),
        ({"tables": [Path("elsewhere/a.parquet")]}, r"elsewhere/a\.parquet"),
        ({"studies": {}}, "0 studies"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(
    change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        main(**(arguments(tmp_path) | change))
    assert not list(tmp_path.rglob("report.*"))
