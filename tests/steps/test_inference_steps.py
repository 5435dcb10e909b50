"""Steps of inference on small synthetic artefacts: stability, SBS, simulations, figures."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from step_helpers import drawer, tabulator  # type: ignore[import-not-found]

import calibrate
import simulate_power
from compare_umaps import main as compare_umaps
from latent_microscope.forensics.bias_simulations import (
    draw_attributes,
    draw_groups,
    people_codes,
    share_interval,
    with_odds,
)
from latent_microscope.forensics.bias_simulations import simulate_power as power_table
from latent_microscope.io.artefacts import load_table, save_npy, save_table
from latent_microscope.statistics.summaries import benjamini_hochberg
from latent_microscope.tables.bias import bias_table
from resample_clusters import main as resample_clusters


def made_run(folder: Path, seed: int, apart: float) -> None:
    """A plane, its replicate, clusters and people of one VAE seed."""
    rng = np.random.default_rng(seed)
    group = np.arange(90) % 2
    ids = [f"{i:03d}" for i in range(90)]
    for name in ("umap", "replicate"):
        points = rng.normal(0, 1, (90, 2)) + apart * group[:, None]
        save_npy(folder / f"{name}.npy", points.astype(np.float32))
    save_table(folder / "encoding.parquet", pd.DataFrame({"id": ids}))
    people = pd.DataFrame({"id": ids[::-1], "identity": np.arange(90) // 3})
    save_table(folder / "samples.parquet", people)
    labels = np.where(rng.random(90) < 0.1, -1, group) if apart else np.full(90, -1)
    save_table(folder / "clusters.parquet", pd.DataFrame({"id": ids, "cluster": labels}))
    common: dict[str, Any] = {
        "encoding": folder / "encoding.parquet",
        "min_cluster_size": 10,
        "min_samples": 3,
    }
    resample_clusters(
        umap=folder / "umap.npy",
        sbs=folder / "sbs.parquet",
        pairs=folder / "pairs.parquet",
        clusters=folder / "jaccard.parquet",
        samples=folder / "samples.parquet",
        sizes=[5, 10, 400],
        resamples=4,
        seed=seed,
        **common,
    )
    compare_umaps(
        umap=folder / "umap.npy",
        replicates=[folder / "replicate.npy"],
        sbs=folder / "umaps-sbs.parquet",
        pairs=folder / "umaps-pairs.parquet",
        clusters=folder / "umaps-jaccard.parquet",
        seed=seed,
        **common,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folders = [tmp_path_factory.mktemp(f"run{seed}") for seed in (0, 1)]
    for seed, folder in enumerate(folders):
        made_run(folder, seed, 14.0)
    return folders


def test_stability_of_a_run(runs: list[Path]) -> None:
    sbs = load_table(runs[0] / "sbs.parquet")
    assert sbs["min_cluster_size"].tolist() == [5, 10, 45]
    assert sbs["configured"].tolist() == [False, True, False]
    assert sbs["share"].between(0, 1).all()
    assert (sbs["low"] <= sbs["share"]).all()
    assert (sbs["share"] <= sbs["high"]).all()
    pairs = load_table(runs[0] / "pairs.parquet")
    assert len(pairs) == 4
    assert pairs["ari"].min() > 0.8
    assert load_table(runs[0] / "jaccard.parquet")["verdict"].tolist() == ["highly stable"] * 2
    assert len(load_table(runs[0] / "umaps-pairs.parquet")) == 1
    assert load_table(runs[0] / "umaps-sbs.parquet")["umap"].tolist() == ["umap 0", "umap 1"]


def test_tables_and_figures_of_clusters(runs: list[Path], tmp_path: Path) -> None:
    def files(name: str) -> list[Path]:
        return [folder / name for folder in runs]

    out: dict[str, Any] = {}
    for name in ("curve", "stability", "jaccard"):
        out[name] = tmp_path / f"{name}.parquet"
        out[f"{name}_csv"] = tmp_path / f"{name}.csv"
    tabulator("tabulate_clusters")(
        sbs=files("sbs.parquet"),
        resampled=files("pairs.parquet"),
        umaps=files("umaps-pairs.parquet"),
        resampled_clusters=files("jaccard.parquet"),
        umaps_clusters=files("umaps-jaccard.parquet"),
        clusters=files("clusters.parquet"),
        umaps_sbs=files("umaps-sbs.parquet"),
        crops=["whole", "whole"],
        seeds=[0, 1],
        **out,
    )
    table = load_table(out["stability"])
    assert table["source"].tolist() == ["resamples", "UMAP seeds"] * 2 + ["VAE seeds"]
    assert table["seed"].tolist() == [0, 0, 1, 1, -1]
    assert (table["baseline_ari_mean"].abs() < 0.2).all()
    assert set(load_table(out["jaccard"])["source"]) == {"resamples", "UMAP seeds"}
    curve = load_table(out["curve"])
    assert len(curve) == 6
    assert curve["umap_seeds"].tolist() == [0, 2, 0] * 2
    shares = load_table(runs[0] / "umaps-sbs.parquet")["share"]
    assert (curve["umap_low"][1], curve["umap_high"][1]) == (shares.min(), shares.max())
    for folder in ("first", "again"):
        there: dict[str, Any] = {end: tmp_path / folder / f"a.{end}" for end in ("png", "pdf")}
        drawer("sbs_sizes")(
            sbs=files("sbs.parquet"), umaps=files("umaps-sbs.parquet"), title="made up", **there
        )
        there = {end: tmp_path / folder / f"b.{end}" for end in ("png", "pdf")}
        drawer("cluster_stability")(
            resampled=files("pairs.parquet"),
            umaps=files("umaps-pairs.parquet"),
            resampled_clusters=files("jaccard.parquet"),
            umaps_clusters=files("umaps-jaccard.parquet"),
            clusters=files("clusters.parquet"),
            seeds=[0, 1],
            title="made up",
            **there,
        )
    for name in ("a.png", "a.pdf", "b.png", "b.pdf"):
        first = (tmp_path / "first" / name).read_bytes()
        assert first == (tmp_path / "again" / name).read_bytes()


def test_all_noise_is_a_result(tmp_path: Path) -> None:
    made_run(tmp_path, 3, 0.0)
    given: dict[str, Any] = {end: tmp_path / f"a.{end}" for end in ("png", "pdf")}
    empty = load_table(tmp_path / "jaccard.parquet").iloc[:0]
    save_table(tmp_path / "empty.parquet", empty)
    drawer("cluster_stability")(
        resampled=[tmp_path / "pairs.parquet"],
        umaps=[tmp_path / "umaps-pairs.parquet"],
        resampled_clusters=[tmp_path / "empty.parquet"],
        umaps_clusters=[tmp_path / "empty.parquet"],
        clusters=[tmp_path / "clusters.parquet"],
        seeds=[3],
        title="made up",
        **given,
    )
    assert given["png"].stat().st_size > 1000


def test_simulations_as_steps(tmp_path: Path) -> None:
    def out(name: str) -> dict[str, Any]:
        return {"table": tmp_path / f"{name}.parquet", "csv": tmp_path / f"{name}.csv"}

    simulate_power.main(
        runs=50, images=2000, members=[100, 500], odds_ratios=[1, 1.5, 4], prevalences=[0.2],
        attributes=5, **out("power"),
    )  # fmt: skip
    power = load_table(tmp_path / "power.parquet")
    assert power["people"].unique().tolist() == ["single", "celeba", "few"]
    people = power[(power["people"] == "celeba") & (power["odds_ratio"] == 4.0)]
    assert (people["runs"] == 10).all()
    assert people["power"].iloc[-1] > 0.7
    power = power[power["people"] == "single"]
    found = dict(zip(zip(power["members"], power["odds_ratio"], strict=True), power["power"],
                     strict=True))  # fmt: skip
    assert found[(500, 4.0)] == 1.0
    assert found[(500, 1.0)] < 0.2
    assert (power["adjusted"] <= power["power"]).all()
    given: dict[str, Any] = {end: tmp_path / f"power.{end}" for end in ("png", "pdf")}
    drawer("power")(power=tmp_path / "power.parquet", title="made up", **given)
    calibrate.main(table=tmp_path / "probes.parquet", part="ceilings", data_sets=2)
    tabulator("tabulate_calibration")(parts=[tmp_path / "probes.parquet"], **out("calibration"))
    given = {end: tmp_path / f"calibration.{end}" for end in ("png", "pdf")}
    drawer("calibration")(calibration=tmp_path / "calibration.parquet", title="made up", **given)
    assert given["png"].stat().st_size > 1000


def test_power_meets_the_requirement_and_the_level() -> None:
    table = power_table(
        runs=1000,
        images=10_000,
        members=[500],
        odds_ratios=[1.0, 1.5],
        prevalences=[0.2],
        attributes=1,
        seed=1,
    )
    found = table.loc[table["people"] == "single", "power"].tolist()
    assert found[1] >= 0.9
    assert found[0] <= binom.ppf(0.99, 1000, 0.05) / 1000


def test_intervals_of_shares() -> None:
    low, high = share_interval([0, 5, 10], [10, 10, 10])
    assert low[0] == 0.0
    assert high[2] == 1.0
    assert (low[1], high[1]) == pytest.approx((0.1871, 0.8129), abs=1e-4)


def test_populations_have_the_shares_that_were_asked_for() -> None:
    rng = np.random.default_rng(0)
    codes = people_codes(40_000, "celeba", rng)
    assert (np.diff(codes) >= 0).all()
    assert len(codes) / len(np.unique(codes)) == pytest.approx(1.842, abs=0.03)
    labels = draw_groups(codes, [0.1, 0.2], 0.5, rng)
    assert np.mean(labels == 0) == pytest.approx(0.1, abs=0.01)
    assert np.mean(labels == 1) == pytest.approx(0.2, abs=0.01)
    present = draw_attributes(codes, [0.05, 0.5], 0.8, rng, between=0.5)
    assert present.mean(axis=0) == pytest.approx([0.05, 0.5], abs=0.01)
    both = codes[1:] == codes[:-1]
    alike = np.corrcoef(present[1:][both, 1], present[:-1][both, 1])[0, 1]
    # The phi coefficient of a normal correlation r at the median is 2 asin(r) / pi.
    assert alike == pytest.approx(2 * np.arcsin(0.8) / np.pi, abs=0.03)
    few = np.bincount(people_codes(2000, "few", rng))
    assert len(few) == pytest.approx(200, abs=60)
    assert np.sort(few)[-10:].sum() > 900
    assert with_odds(0.2, 1.5) == pytest.approx(0.3 / 1.1)


def test_q_run_adjusts_over_all_groups_of_a_run() -> None:
    rng = np.random.default_rng(0)
    attributes = pd.DataFrame(rng.random((300, 6)) < 0.4).astype(int)
    attributes.columns = [f"a{j}" for j in range(6)]
    groups = {"cluster 0": np.arange(300) < 90, "cluster 1": np.arange(300) >= 200}
    table = bias_table(groups, attributes, ["odds", "ratio"], identities=None)
    odds = table[table["definition"] == "odds"]
    np.testing.assert_allclose(odds["q_seed"], benjamini_hochberg(odds["p"]))
    first = odds[odds["group"] == "cluster 0"]
    np.testing.assert_allclose(first["q"], benjamini_hochberg(first["p"]))
    ratio = table[table["definition"] == "ratio"]
    np.testing.assert_array_equal(ratio["q_seed"], odds["q_seed"])
