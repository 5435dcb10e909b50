"""Steps of a detection study on a small run: scores, funnel grid, tables, figure."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from step_helpers import drawer, tabulator  # type: ignore[import-not-found]

from evaluate_scenario import main as evaluate_scenario
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table, save_npy, save_table
from latent_microscope.plots.detection import plot_scenarios
from latent_microscope.plots.style import look
from latent_microscope.tables.detection import tabulate_comparison, tabulate_search

SETTINGS: dict[str, Any] = {
    "variant": "script", "alpha": 0.5, "k": 10, "radius": 0.01, "attractors": 5,
    "similarity": 0.6, "max_neighbors": 7, "stability_noise": 0.05, "stability_draws": 3,
    "signature_low": 0.01, "signature_high": 0.1, "overlap_threshold": 0.99,
    "overlap_pairs": 10, "pairs": "exact", "sampled_rows": 2000,
}  # fmt: skip
SOURCES: dict[str, Any] = {
    "methods": ["executed"],
    "components": 4,
    "restarts": 1,
    "fit_rows": 1000,
}
SEARCH: dict[str, Any] = {
    "uniqueness_percentiles": [0, 80],
    "stability_percentiles": [45],
    "similarities": [0.6],
    "max_neighbors": [7, 30],
}


def evaluate(folder: Path, seed: int) -> dict[str, Path]:
    rng = np.random.default_rng(seed)
    centres = np.repeat(6.0 * rng.normal(size=(3, 8)), 25, axis=0)
    pair = np.array([rng.choice(3, 2, replace=False) for _ in range(50)])
    alpha = rng.random((50, 1))
    between = alpha * centres[25 * pair[:, 0]] + (1 - alpha) * centres[25 * pair[:, 1]]
    latents = np.vstack([centres, between]) + 0.05 * rng.normal(size=(125, 8))
    ids = [f"{i:03d}" for i in range(125)]
    authentic = np.arange(125) < 75
    errors = np.where(authentic, 3.0, 1.0) * np.exp(0.02 * rng.normal(size=125))
    paths = {name: folder / f"{name}-{seed}" for name in ("latents", "encoding", "samples")}
    save_npy(paths["latents"].with_suffix(".npy"), latents.astype(np.float32))
    save_table(
        paths["encoding"].with_suffix(".parquet"),
        pd.DataFrame({"id": ids, "reconstruction_error": errors}),
    )
    order = rng.permutation(125)  # the truth is joined by id, whatever its order
    weight = np.where(authentic, np.nan, np.r_[np.zeros(75), alpha[:, 0]])
    truth = pd.DataFrame({"id": ids, "authentic": authentic, "alpha": weight}).iloc[order]
    save_table(paths["samples"].with_suffix(".parquet"), truth)
    made = {name: folder / f"{name}-{seed}.parquet" for name in ("comparison", "search")}
    evaluate_scenario(
        latents=paths["latents"].with_suffix(".npy"),
        encoding=paths["encoding"].with_suffix(".parquet"),
        samples=paths["samples"].with_suffix(".parquet"),
        sources=SOURCES,
        settings=SETTINGS,
        grid=SEARCH,
        seed=seed,
        comparison=made["comparison"],
        search=made["search"],
    )
    return made


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Path]]:
    folder = tmp_path_factory.mktemp("detection")
    return [evaluate(folder, seed) for seed in (0, 1)]


def test_evaluate_setting_compares_ours_with_peers_and_heuristics(runs):
    table: Any = load_table(runs[0]["comparison"]).set_index("detector")
    assert set(table["family"]) == {
        *("ours", "PyOD", "density", "heuristic", "trivial", "image", "limit")
    }
    assert table.loc["reconstruction_error", "roc_auc"] == 1.0
    for name in ("detect_authentic", "knn_density"):
        assert table.loc[f"{name} + errors", "f1"] >= table.loc[name, "f1"]
    assert table.loc["detect_authentic + errors", "f1"] > 0.98
    assert table.loc["truth, blind below 2%", "recall"] == 1.0
    assert table.loc["truth, blind below 2%", "precision"] < 1.0
    assert table.loc["detect_authentic", "f1"] > 0.9
    assert table.loc["detect_authentic", "f1"] <= table.loc["detect_authentic", "f1_oracle"]
    assert table.loc["knn_density", "roc_auc"] > 0.9
    assert len(load_table(runs[0]["search"])) == 2 * 2 * 2  # two variants


def test_tables_and_figure(runs, tmp_path):
    common: dict[str, Any] = {"scenarios": ["easy", "easy"], "seeds": [0, 1]}
    table, csv = tmp_path / "t.parquet", tmp_path / "t.csv"
    common |= {"table": table, "csv": csv}
    tabulator("tabulate_search")(by_seed=[r["search"] for r in runs], **common)
    assert load_table(table)["n"].tolist() == [2]
    tabulator("tabulate_comparison")(by_seed=[r["comparison"] for r in runs], **common)
    found = load_table(table)
    assert found["best_baseline"].sum() == 1
    assert found.loc[found["detector"] == "KNN", "n"].item() == 2
    png, pdf = tmp_path / "f.png", tmp_path / "f.pdf"
    drawer("scenarios")(comparison=table, png=png, pdf=pdf, title="study")
    assert png.stat().st_size > 10_000
    assert pdf.stat().st_size > 1_000


def test_a_collapsed_vae_is_counted_and_no_more(runs, tmp_path):
    ids = [f"{i:03d}" for i in range(20)]
    save_npy(tmp_path / "z.npy", np.ones((20, 4), dtype=np.float32))
    save_table(tmp_path / "e.parquet", pd.DataFrame({"id": ids, "reconstruction_error": 1.0}))
    truth = {"id": ids, "authentic": [True, False] * 10, "alpha": [np.nan, 0.5] * 10}
    save_table(tmp_path / "s.parquet", pd.DataFrame(truth))
    evaluate_scenario(
        latents=tmp_path / "z.npy", encoding=tmp_path / "e.parquet", samples=tmp_path / "s.parquet",
        sources=SOURCES, settings=SETTINGS, grid=SEARCH, seed=0,
        comparison=tmp_path / "c.parquet", search=tmp_path / "f.parquet",
    )  # fmt: skip
    for name, other in (("comparison", "c"), ("search", "f")):
        tabulate = tabulator(f"tabulate_{name}")
        table, csv = tmp_path / f"{name}.parquet", tmp_path / f"{name}.csv"
        found = [runs[0][name], tmp_path / f"{other}.parquet", runs[1][name]]
        tabulate(by_seed=found, scenarios=["easy"] * 3, seeds=[0, 1, 2], table=table, csv=csv)
        assert load_table(table)["n"].eq(2).all()
    assert load_table(tmp_path / "comparison.parquet")["collapsed"].eq(1).all()


def test_an_empty_comparison_is_an_error(tmp_path):
    save_table(tmp_path / "c.parquet", pd.DataFrame({"setting": []}))
    with look("scenarios", None) as made, pytest.raises(InputError, match="comparison"):
        plot_scenarios(comparison=tmp_path / "c.parquet", title="study", look=made)


def test_all_vaes_collapsed_leave_empty_tables(tmp_path):
    ids = [f"{i:02d}" for i in range(30)]
    save_npy(tmp_path / "z.npy", np.ones((30, 4), dtype=np.float32))
    save_table(tmp_path / "e.parquet", pd.DataFrame({"id": ids, "reconstruction_error": 1.0}))
    truth = {"id": ids, "authentic": np.arange(30) < 20, "alpha": 0.5}
    save_table(tmp_path / "s.parquet", pd.DataFrame(truth))
    made = {name: tmp_path / f"{name}.parquet" for name in ("comparison", "search")}
    evaluate_scenario(
        latents=tmp_path / "z.npy",
        encoding=tmp_path / "e.parquet",
        samples=tmp_path / "s.parquet",
        sources=SOURCES,
        settings=SETTINGS,
        grid=SEARCH,
        **made,
    )
    several: dict[str, Any] = {"scenarios": ["a", "a"], "seeds": [0, 1]}
    compared = tabulate_comparison(by_seed=[made["comparison"]] * 2, **several)
    assert compared.empty
    assert {"f1_mean", "f1_difference_low", "best_baseline"} <= set(compared)
    assert tabulate_search(by_seed=[made["search"]] * 2, **several).empty
