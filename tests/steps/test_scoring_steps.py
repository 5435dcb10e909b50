"""The scoring steps and their tables: each ``main()`` on a small made-up run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from step_helpers import (  # type: ignore[import-not-found]
    columns,
    kinds,
    load,
    run_twice,
)

import cluster_samples
import compute_factors
import compute_sources
import embed_plane
import embed_tsne
import evaluate_detectors
import find_neighbours
import find_overlaps
import find_signatures
import find_subniches
import label_attributes
import measure_bias
import profile_clusters
import rank_samples
import score_samples
import select_candidates
import study_identities
import tabulate_bias
import tabulate_detectors
import tabulate_forensics
import tabulate_funnel
import tabulate_rankings
from latent_microscope.artefacts import load_npy, save_npy, save_table
from latent_microscope.errors import InputError
from latent_microscope.forensics.creative import creative_latent_score
from latent_microscope.forensics.density import adaptive_radius, attractor_density, knn_density
from latent_microscope.forensics.originality import originality
from latent_microscope.forensics.overlaps import overlaps
from latent_microscope.forensics.uniqueness import uniqueness

N, D = 90, 6
SETTINGS: dict[str, Any] = {
    "variant": "script",
    "alpha": 0.3,
    "k": 7,
    "neighbors": "exact",
    "radius": 0.01,
    "attractors": 5,
    "similarity": 0.6,
    "max_neighbors": 7,
    "stability_noise": 0.05,
    "stability_draws": 4,
    "signature_low": 0.01,
    "signature_high": 0.5,
    "overlap_threshold": 0.8,
    "overlap_pairs": 20,
}
SCORE_COLUMNS = [
    "id",
    "uniqueness",
    "uniqueness_script",
    "uniqueness_notebook",
    "originality",
    "originality_script",
    "originality_notebook",
    "stability",
    "knn_density",
    "attractor_density",
    "attractor_density_adaptive",
    "neighbors",
    "norm",
    "cls",
    "detector_score",
    "detected",
]


@dataclass
class Run:
    """Paths of one made-up run."""

    folder: Path

    def __getitem__(self, name: str) -> Path:
        return self.folder / name


def latents(seed: int = 0) -> np.ndarray:
    """Three clouds of 30 and a few duplicates."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 3, (3, D))
    z = centres[np.arange(N) % 3] + rng.laplace(0, 0.4, (N, D))
    z[5] = z[2]
    return z.astype(np.float32)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Latents, ids, sources, scores, clusters on a made-up plane, attributes, identities."""
    made = Run(tmp_path_factory.mktemp("run"))
    rng = np.random.default_rng(1)
    ids = [f"{i:06d}" for i in range(N)]
    save_npy(made["latents.npy"], latents())
    save_table(made["encoding.parquet"], pd.DataFrame({"id": ids, "kl": rng.random(N)}))
    plane = np.stack([np.arange(N) % 3 * 20.0, np.zeros(N)], axis=1) + rng.normal(0, 1, (N, 2))
    save_npy(made["plane.npy"], plane.astype(np.float32))
    authentic = np.arange(N) < N // 2
    save_table(
        made["samples.parquet"],
        pd.DataFrame({"id": ids, "authentic": authentic, "identity": np.arange(N) % 25 - 1}),
    )
    attributes = pd.DataFrame({"id": ids, "Bald": np.zeros(N, np.uint8)})
    attributes["Smiling"] = (rng.random(N) < 0.2 + 0.6 * (np.arange(N) % 3 == 0)).astype(np.uint8)
    attributes["Young"] = (rng.random(N) < 0.5).astype(np.uint8)
    # In another order: the join is by id.
    save_table(made["attributes.parquet"], attributes.iloc[::-1])
    compute_sources.main(
        latents=made["latents.npy"],
        sources=made["sources.npy"],
        restarts=made["sources.parquet"],
        unmixings=made["unmixings.npy"],
        n_restarts=2,
        seed=3,
    )
    score_samples.main(
        **scoring(made),
        scores=made["scores.parquet"],
        summary=made["summary.parquet"],
        settings=SETTINGS,
        seed=3,
    )
    cluster_samples.main(
        plane=made["plane.npy"],
        latents=made["latents.npy"],
        encoding=made["encoding.parquet"],
        clusters=made["clusters.parquet"],
        min_cluster_size=10,
        min_samples=3,
        scales=[5, 20],
        cmax_rows=1000,
    )
    return made


def scoring(run: Run) -> dict[str, Any]:
    return {
        "latents": run["latents.npy"],
        "sources": run["sources.npy"],
        "encoding": run["encoding.parquet"],
        "restarts": run["sources.parquet"],
    }


@pytest.mark.parametrize("method", ["intended", "executed"])
def test_sources(run: Run, tmp_path: Path, method: str) -> None:
    made = run_twice(
        compute_sources.main,
        tmp_path,
        {
            "sources": "sources.npy",
            "restarts": "sources.parquet",
            "unmixings": "unmixings.npy",
        },
        latents=run["latents.npy"],
        method=method,
        components=4,
        n_restarts=3,
        fit_rows=60,
        seed=1,
        run=2,
    )
    sources, restarts = load_npy(made["sources"]), load(made["restarts"])
    assert sources.shape == (N, 4)
    assert sources.dtype == np.float64
    assert columns(restarts) == [
        "restart",
        "seed",
        "converged",
        "n_iter",
        "mean_abs_kurtosis",
        "chosen",
    ]
    assert len(restarts) == (3 if method == "intended" else 1)
    assert restarts["chosen"].sum() == 1
    best = restarts["mean_abs_kurtosis"].idxmax()
    assert restarts["chosen"][best]


def test_sources_differ_between_runs(run: Run, tmp_path: Path) -> None:
    seeds = []
    for number in (0, 1):
        compute_sources.main(
            latents=run["latents.npy"],
            sources=tmp_path / "s.npy",
            restarts=tmp_path / "s.parquet",
            unmixings=tmp_path / "u.npy",
            n_restarts=2,
            run=number,
        )
        seeds.append(load(tmp_path / "s.parquet")["seed"].tolist())
    assert not set(seeds[0]) & set(seeds[1])


def test_factors(run: Run, tmp_path: Path) -> None:
    made = run_twice(
        compute_factors.main,
        tmp_path,
        {"factors": "factors.npy"},
        latents=run["latents.npy"],
        components=3,
    )
    factors = load_npy(made["factors"])
    assert factors.shape == (N, 3)
    assert factors.dtype == np.float64


@pytest.mark.parametrize("variant", ["script", "notebook"])
def test_scores(run: Run, tmp_path: Path, variant: str) -> None:
    made = run_twice(
        score_samples.main,
        tmp_path,
        {"scores": "scores.parquet", "summary": "summary.parquet"},
        **scoring(run),
        settings={**SETTINGS, "variant": variant},
        seed=3,
        run=1,
    )
    scores = load(made["scores"])
    assert columns(scores) == SCORE_COLUMNS
    dtypes = kinds(scores)
    assert dtypes.pop("id") == "str"
    assert dtypes.pop("neighbors") == "int64"
    assert dtypes.pop("detected") == "bool"
    assert set(dtypes.values()) == {"float64"}
    assert scores["id"].tolist() == load(run["encoding.parquet"])["id"].tolist()
    z, s = load_npy(run["latents.npy"]).astype(np.float64), load_npy(run["sources.npy"])
    for name in ("script", "notebook"):
        np.testing.assert_allclose(scores[f"uniqueness_{name}"], uniqueness(s, name))
        np.testing.assert_allclose(scores[f"originality_{name}"], originality(z, name, k=7))
    assert (scores["uniqueness"] == scores[f"uniqueness_{variant}"]).all()
    assert (scores["originality"] == scores[f"originality_{variant}"]).all()
    np.testing.assert_allclose(scores["knn_density"], knn_density(z, 7))
    np.testing.assert_allclose(scores["attractor_density"], attractor_density(z, 0.01))
    radius = adaptive_radius(z)
    np.testing.assert_allclose(scores["attractor_density_adaptive"], attractor_density(z, radius))
    unit = s / np.linalg.norm(s, axis=1, keepdims=True)
    assert scores["neighbors"].tolist() == ((unit @ unit.T > 0.6).sum(1) - 1).tolist()
    np.testing.assert_allclose(scores["norm"], np.linalg.norm(z, axis=1))
    expected = creative_latent_score(scores["uniqueness"], scores["originality"], 0.3)
    np.testing.assert_allclose(scores["cls"], expected)


def test_summary_tells_what_is_true_of_the_scores(run: Run) -> None:
    table = load(run["summary.parquet"])
    assert columns(table) == ["quantity", "value"]
    assert kinds(table) == {"quantity": "str", "value": "float64"}
    found = dict(zip(table["quantity"], table["value"], strict=True))
    scores = load(run["scores.parquet"])
    z = load_npy(run["latents.npy"]).astype(np.float64)
    restarts = load(run["sources.parquet"])
    assert found["n"] == N
    assert found["dimensions"] == D
    assert found["ica_restarts"] == 2
    assert found["ica_converged"] == restarts["converged"].sum()
    assert found["overlaps_total"] == overlaps(z, 0.8).attrs["total"] > 20
    assert found["detected"] == scores["detected"].sum()
    assert found["radius"] == 0.01
    assert found["adaptive_radius"] == pytest.approx(adaptive_radius(z))
    assert found["spearman_uniqueness_originality"] == pytest.approx(
        spearmanr(scores["uniqueness"], scores["originality"]).statistic
    )
    assert found["spearman_stability_norm"] == pytest.approx(
        spearmanr(scores["stability"], scores["norm"]).statistic
    )
    assert -1 <= found["stability_reliability"] <= 1
    ties = scores["attractor_density"].value_counts().max() / N
    assert found["attractor_tie_share"] == pytest.approx(ties)


def test_stability_is_keyed_by_id_and_by_run(run: Run, tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(N)
    moved = Run(tmp_path)
    save_npy(moved["latents.npy"], load_npy(run["latents.npy"])[order])
    save_npy(moved["sources.npy"], load_npy(run["sources.npy"])[order])
    save_table(moved["encoding.parquet"], load(run["encoding.parquet"]).iloc[order])
    save_table(moved["sources.parquet"], load(run["sources.parquet"]))
    found = []
    for number in (0, 1):
        score_samples.main(
            **scoring(moved),
            scores=moved["scores.parquet"],
            summary=moved["summary.parquet"],
            settings=SETTINGS,
            seed=3,
            run=number,
        )
        found.append(load(moved["scores.parquet"]).set_index("id")["stability"])
    here = load(run["scores.parquet"]).set_index("id")["stability"]
    np.testing.assert_array_equal(found[0][here.index], here)
    assert (found[1][here.index] != here).all()


@pytest.mark.parametrize("bad", ["latents.npy", "sources.npy"])
def test_scores_refuse_wrong_rows_and_nan(run: Run, tmp_path: Path, bad: str) -> None:
    outputs: dict[str, Any] = {"scores": tmp_path / "s.parquet", "summary": tmp_path / "q.parquet"}
    name = bad.removesuffix(".npy")
    array = load_npy(run[bad])
    save_npy(tmp_path / bad, array[:-1])
    with pytest.raises(InputError, match=f"{bad}: has {N - 1} rows and .*encoding.*{N} ids"):
        score_samples.main(**{**scoring(run), name: tmp_path / bad}, **outputs, settings=SETTINGS)
    array[17, 1] = np.nan
    save_npy(tmp_path / bad, array)
    with pytest.raises(InputError, match=r"row 17 \(id 000017\)"):
        score_samples.main(**{**scoring(run), name: tmp_path / bad}, **outputs, settings=SETTINGS)
    assert not outputs["scores"].exists()


@pytest.mark.parametrize("step", [compute_sources, compute_factors, embed_plane, embed_tsne])
def test_nan_in_latents_names_the_row(tmp_path: Path, step: Any) -> None:
    z = latents()
    z[8, 2] = np.inf
    save_npy(tmp_path / "latents.npy", z)
    outputs = {
        compute_sources: ("sources", "restarts", "unmixings"),
        compute_factors: ("factors",),
        embed_plane: ("plane",),
        embed_tsne: ("tsne",),
    }[step]
    with pytest.raises(InputError, match=r"latents\.npy: row 8 "):
        step.main(latents=tmp_path / "latents.npy", **{name: tmp_path / name for name in outputs})


def test_overlaps(run: Run, tmp_path: Path) -> None:
    made = run_twice(
        find_overlaps.main,
        tmp_path,
        {"overlaps": "overlaps.parquet"},
        latents=run["latents.npy"],
        encoding=run["encoding.parquet"],
        threshold=0.8,
        max_pairs=15,
    )
    table = load(made["overlaps"])
    assert columns(table) == ["i", "j", "id_i", "id_j", "similarity", "distance", "total"]
    assert len(table) == 15
    assert (table["total"] > 15).all()
    assert table["total"].nunique() == 1
    assert table["similarity"].is_monotonic_decreasing
    assert (table["id_i"].astype(int) == table["i"]).all()
    assert table["distance"][0] == 0.0
    assert table[["i", "j"]].iloc[0].tolist() == [2, 5]


def test_no_overlaps_is_an_empty_table_of_the_same_kind(run: Run, tmp_path: Path) -> None:
    find_overlaps.main(
        latents=run["latents.npy"],
        encoding=run["encoding.parquet"],
        overlaps=tmp_path / "overlaps.parquet",
        threshold=1.0,
    )
    table = load(tmp_path / "overlaps.parquet")
    assert len(table) == 0
    assert columns(table) == ["i", "j", "id_i", "id_j", "similarity", "distance", "total"]
    assert kinds(table, ["i", "id_i", "total"]) == {"i": "int64", "id_i": "str", "total": "int64"}


def test_signatures(run: Run, tmp_path: Path) -> None:
    made = run_twice(
        find_signatures.main,
        tmp_path,
        {"signatures": "signatures.parquet"},
        latents=run["latents.npy"],
        encoding=run["encoding.parquet"],
        settings=SETTINGS,
    )
    table = load(made["signatures"])
    assert columns(table) == ["radius_kind", "index", "id", "originality", "density"]
    # The two duplicates lie within any radius of each other.
    default = table[table["radius_kind"] == "default"]
    assert sorted(default["id"]) == ["000002", "000005"]
    adaptive = table[table["radius_kind"] == "adaptive"]
    assert len(adaptive) > 2
    assert adaptive["originality"].is_monotonic_decreasing
    assert ((adaptive["density"] > 0.01) & (adaptive["density"] < 0.5)).all()
    assert (table["id"].astype(int) == table["index"]).all()


def test_candidates_and_funnel(run: Run, tmp_path: Path) -> None:
    made = run_twice(
        select_candidates.main,
        tmp_path,
        {"candidates": "candidates.parquet", "funnel": "funnel.parquet"},
        latents=run["latents.npy"],
        sources=run["sources.npy"],
        samples=run["samples.parquet"],
        settings={**SETTINGS, "max_neighbors": 60},
        uniqueness_percentiles=[70.0, 50.0],
        stability_percentiles=[100.0, 45.0, 10.0],
        seed=3,
    )
    candidates, funnel = load(made["candidates"]), load(made["funnel"])
    configuration = ["uniqueness_percentile", "stability_percentile"]
    assert columns(candidates) == [
        *configuration,
        "index",
        "id",
        "uniqueness",
        "neighbors",
        "stability",
        "validation_score",
    ]
    counts = ["selected", "tp", "fp", "fn", "precision", "recall", "f1", "prevalence"]
    assert columns(funnel) == [*configuration, *counts]
    assert len(funnel) == 6
    scores = load(run["scores.parquet"]).set_index("id")
    # The same draws as in the scores table.
    np.testing.assert_array_equal(
        candidates["stability"], scores.loc[candidates["id"], "stability"]
    )
    truth = load(run["samples.parquet"])["authentic"].to_numpy()
    for row in funnel.to_dict("records"):
        part = candidates[
            (candidates[configuration] == [row[c] for c in configuration]).all(axis=1)
        ]
        chosen = np.zeros(N, dtype=bool)
        chosen[part["index"]] = True
        assert row["selected"] == len(part)
        assert row["tp"] == (chosen & truth).sum()
        assert row["tp"] + row["fn"] == truth.sum()
        assert row["f1"] == pytest.approx(f1_score(truth, chosen, zero_division=0.0))
        assert np.isnan(row["precision"]) == (len(part) == 0)
    assert (funnel["prevalence"] == 0.5).all()
    assert funnel["selected"].max() > 0
    assert funnel.loc[funnel["stability_percentile"] == 100.0, "selected"].tolist() == [0, 0]


def test_detectors(run: Run, tmp_path: Path) -> None:
    # Samples in another order: the join is by id.
    samples = load(run["samples.parquet"]).iloc[::-1]
    save_table(tmp_path / "samples.parquet", samples)
    made = run_twice(
        evaluate_detectors.main,
        tmp_path,
        {"detection": "detection.parquet"},
        scores=run["scores.parquet"],
        samples=tmp_path / "samples.parquet",
    )
    table = load(made["detection"])
    assert columns(table) == [
        "detector",
        "roc_auc",
        "average_precision",
        "average_precision_interpolations",
        "f1",
        "prevalence",
    ]
    scores = load(run["scores.parquet"])
    truth = np.arange(N) < N // 2
    rows = table.set_index("detector")
    for name in ("uniqueness", "stability", "cls", "knn_density", "attractor_density"):
        assert rows.loc[name, "roc_auc"] == pytest.approx(roc_auc_score(truth, scores[name]))
        assert rows.loc[name, "average_precision_interpolations"] == pytest.approx(
            average_precision_score(~truth, -scores[name])
        )
        assert np.isnan(rows.loc[name, "f1"])
    assert rows.loc["negated_norm", "roc_auc"] == pytest.approx(
        roc_auc_score(truth, -scores["norm"])
    )
    own = rows.loc["detect_authentic"]
    assert own["roc_auc"] == pytest.approx(roc_auc_score(truth, scores["detector_score"]))
    assert own["f1"] == pytest.approx(f1_score(truth, scores["detected"], zero_division=0.0))


def test_detectors_refuse_other_ids(run: Run, tmp_path: Path) -> None:
    samples = load(run["samples.parquet"])
    samples.loc[4, "id"] = "another"
    save_table(tmp_path / "samples.parquet", samples)
    with pytest.raises(InputError, match=r"first '000004'"):
        evaluate_detectors.main(
            scores=run["scores.parquet"],
            samples=tmp_path / "samples.parquet",
            detection=tmp_path / "d.parquet",
        )


def test_tsne_plane(run: Run, tmp_path: Path) -> None:
    made = run_twice(
        embed_tsne.main, tmp_path, {"tsne": "tsne.npy"}, latents=run["latents.npy"], seed=5
    )
    points = load_npy(made["tsne"])
    assert points.shape == (N, 2)
    assert points.dtype == np.float32
    assert np.isfinite(points).all()
    # Samples of one cloud stay together.
    centres = np.stack([points[k::3].mean(axis=0) for k in range(3)])
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == np.arange(N) % 3).mean() > 0.9


def test_umap_plane(run: Run, tmp_path: Path) -> None:
    made = run_twice(
        embed_plane.main,
        tmp_path,
        {"plane": "plane.npy"},
        latents=run["latents.npy"],
        neighbors=8,
        seed=5,
    )
    points = load_npy(made["plane"])
    assert points.shape == (N, 2)
    assert points.dtype == np.float32
    assert np.isfinite(points).all()


def test_clusters(run: Run, tmp_path: Path) -> None:
    made = run_twice(
        cluster_samples.main,
        tmp_path,
        {"clusters": "clusters.parquet"},
        plane=run["plane.npy"],
        latents=run["latents.npy"],
        encoding=run["encoding.parquet"],
        min_cluster_size=10,
        min_samples=3,
        scales=[5, 20],
        cmax_rows=1000,
    )
    table = load(made["clusters"])
    assert columns(table) == ["id", "cluster", "probability", "cmax", "scale_5", "scale_20"]
    assert kinds(table) == {
        "id": "str",
        "cluster": "int64",
        "probability": "float64",
        "cmax": "int64",
        "scale_5": "int64",
        "scale_20": "int64",
    }
    assert set(table["cluster"]) - {-1} == {0, 1, 2}
    for members in (table.index % 3 == k for k in range(3)):
        assert table.loc[members & (table["cluster"] >= 0), "cluster"].nunique() == 1
    assert (table.loc[table["cluster"] == -1, "probability"] == 0).all()
    assert table["probability"].between(0, 1).all()


def test_plane_and_clusters_start_from_the_same_neighbours(run: Run, tmp_path: Path) -> None:
    made = run_twice(
        find_neighbours.main,
        tmp_path,
        {"neighbours": "neighbours.npy", "distances": "distances.npy"},
        latents=run["latents.npy"],
        wanted=8,
    )
    assert load_npy(made["neighbours"]).shape == (N, 15)
    assert load_npy(made["neighbours"]).dtype == np.int32
    plane = tmp_path / "plane.npy"
    embed_plane.main(latents=run["latents.npy"], plane=plane, neighbors=8, seed=5, **made)
    alone = tmp_path / "alone.npy"
    embed_plane.main(latents=run["latents.npy"], plane=alone, neighbors=8, seed=5)
    np.testing.assert_array_equal(load_npy(plane), load_npy(alone))
    tables = []
    for name, given in (("graph", made), ("alone", {})):
        cluster_samples.main(
            plane=run["plane.npy"],
            latents=run["latents.npy"],
            encoding=run["encoding.parquet"],
            clusters=tmp_path / f"{name}.parquet",
            min_cluster_size=10,
            min_samples=3,
            scales=[5],
            # Fewer than there are: the tree grows from the neighbour graph.
            cmax_rows=30,
            **given,
        )
        tables.append(load(tmp_path / f"{name}.parquet"))
    assert tables[0].equals(tables[1])
    assert tables[0]["cmax"].notna().all()
    np.save(made["neighbours"], load_npy(made["neighbours"])[:-1])
    with pytest.raises(InputError, match="make both again"):
        embed_plane.main(latents=run["latents.npy"], plane=plane, neighbors=8, seed=5, **made)


def test_profile_and_sbs(run: Run, tmp_path: Path) -> None:
    made = run_twice(
        profile_clusters.main,
        tmp_path,
        {"profile": "profile.parquet", "sbs": "sbs.parquet"},
        latents=run["latents.npy"],
        clusters=run["clusters.parquet"],
        scores=run["scores.parquet"],
    )
    profile, sbs = load(made["profile"]), load(made["sbs"])
    assert columns(profile) == [
        "cluster",
        "size",
        "mean_distance",
        "max_distance",
        "sd_distance",
        "mean_cls",
        "mean_uniqueness",
        "mean_originality",
        "mean_stability",
        "creative",
    ]
    assert str(profile["creative"].dtype) == "bool"
    clusters, scores = load(run["clusters.parquet"]), load(run["scores.parquet"])
    sizes = clusters["cluster"].value_counts()
    assert profile.set_index("cluster")["size"].to_dict() == sizes.to_dict()
    means = scores.groupby(clusters["cluster"])["cls"].mean()
    np.testing.assert_allclose(profile.set_index("cluster")["mean_cls"], means)
    best = means.drop(-1, errors="ignore").idxmax()
    assert profile.loc[profile["creative"], "cluster"].tolist() == [best]
    assert columns(sbs) == ["partition", "share", "label", "n_clusters", "noise_share"]
    assert sbs["partition"].tolist() == ["plane", "cmax", "scale_5", "scale_20"]
    assert str(sbs["label"].dtype) == "Int64"
    row = sbs.iloc[0]
    assert row["share"] == pytest.approx(sizes.drop(-1, errors="ignore").max() / N)
    assert row["n_clusters"] == 3


def test_no_cluster_is_a_result(run: Run, tmp_path: Path) -> None:
    clusters = load(run["clusters.parquet"])
    for name in ("cluster", "cmax", "scale_5", "scale_20"):
        clusters[name] = -1
    save_table(tmp_path / "clusters.parquet", clusters)
    outputs: dict[str, Any] = {
        "profile": tmp_path / "profile.parquet",
        "sbs": tmp_path / "sbs.parquet",
    }
    profile_clusters.main(
        latents=run["latents.npy"],
        clusters=tmp_path / "clusters.parquet",
        scores=run["scores.parquet"],
        **outputs,
    )
    profile, sbs = load(outputs["profile"]), load(outputs["sbs"])
    assert profile["cluster"].tolist() == [-1]
    assert not profile["creative"].any()
    assert (sbs["share"] == 0).all()
    assert sbs["label"].isna().all()
    measure_bias.main(
        clusters=tmp_path / "clusters.parquet",
        attributes=run["attributes.parquet"],
        abi=tmp_path / "abi.parquet",
        definitions=["odds"],
    )
    assert len(load(tmp_path / "abi.parquet")) == 0
    tabulate_bias.main(
        abis=[tmp_path / "abi.parquet"],
        profiles=[outputs["profile"]],
        runs=[0],
        table=tmp_path / "bias.parquet",
        csv=tmp_path / "bias.csv",
        tests=tmp_path / "tests.parquet",
        tests_csv=tmp_path / "tests.csv",
    )
    assert len(load(tmp_path / "bias.parquet")) == 0
    assert len(load(tmp_path / "tests.parquet")) == 0


def test_bias(run: Run, tmp_path: Path) -> None:
    niches = pd.DataFrame({"id": [f"{i:06d}" for i in range(0, 60, 3)], "niche": 0})
    save_table(tmp_path / "subniches.parquet", niches)
    made = run_twice(
        measure_bias.main,
        tmp_path,
        {"abi": "abi.parquet"},
        clusters=run["clusters.parquet"],
        attributes=run["attributes.parquet"],
        definitions=["odds", "ratio"],
        resamples=50,
        subniches=tmp_path / "subniches.parquet",
        samples=run["samples.parquet"],
    )
    table = load(made["abi"])
    assert columns(table) == [
        "group",
        "n_members",
        "definition",
        "attribute",
        "value",
        "direction",
        "status",
        "estimate",
        "low",
        "high",
        "p",
        "q",
        "q_run",
        "risk_difference",
        "difference_low",
        "difference_high",
        "cohens_h",
        "magnitude",
        "agrees",
        "prevalence_members",
        "prevalence_rest",
    ]
    assert {"cluster 0", "cluster 1", "cluster 2", "sub-niche 0"} <= set(table["group"])
    assert len(table) == table["group"].nunique() * 2 * 3
    assert (table.loc[table["attribute"] == "Bald", "status"] == "constant").all()
    row = table[
        (table["group"] == "sub-niche 0")
        & (table["definition"] == "ratio")
        & (table["attribute"] == "Smiling")
    ].iloc[0]
    attributes = load(run["attributes.parquet"]).set_index("id")["Smiling"]
    inside = attributes[niches["id"]].mean()
    assert row["n_members"] == 20
    assert row["prevalence_members"] == pytest.approx(inside)
    assert row["prevalence_rest"] == pytest.approx(attributes.drop(niches["id"]).mean())
    assert row["value"] == pytest.approx(inside / (attributes.mean() + 1e-8))
    assert row["direction"] == "over"


def test_bias_takes_samples_as_independent_without_resamples(run: Run, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {
        "clusters": run["clusters.parquet"],
        "attributes": run["attributes.parquet"],
        "definitions": ["odds"],
    }
    samples = run["samples.parquet"]
    variants: list[dict[str, Any]] = [
        {"resamples": 0, "samples": samples},
        # A rule gives an empty list for an input that a study does not have.
        {"resamples": 40, "samples": [], "subniches": []},
        {"resamples": 40, "samples": samples},
    ]
    found = []
    for number, variant in enumerate(variants):
        path = tmp_path / f"{number}.parquet"
        measure_bias.main(**arguments, **variant, abi=path)
        found.append(load(path))
    pd.testing.assert_frame_equal(found[0], found[1])
    assert (found[0]["value"].dropna() == found[2]["value"].dropna()).all()
    assert not np.array_equal(found[0]["low"].dropna(), found[2]["low"].dropna())


def test_bias_refuses_ids_without_attributes(run: Run, tmp_path: Path) -> None:
    save_table(tmp_path / "a.parquet", load(run["attributes.parquet"]).iloc[1:])
    with pytest.raises(InputError, match=f"first '{N - 1:06d}'"):
        measure_bias.main(
            clusters=run["clusters.parquet"],
            attributes=tmp_path / "a.parquet",
            abi=tmp_path / "abi.parquet",
            definitions=["odds"],
        )


def test_label_attributes(tmp_path: Path) -> None:
    samples = pd.DataFrame(
        {"id": ["a", "b", "c"], "label": [2, 0, 2], "label_name": ["bird", "airplane", "bird"]}
    )
    save_table(tmp_path / "samples.parquet", samples)
    made = run_twice(
        label_attributes.main,
        tmp_path,
        {"attributes": "attributes.parquet"},
        samples=tmp_path / "samples.parquet",
    )
    table = load(made["attributes"])
    assert kinds(table) == {"id": "str", "airplane": "uint8", "bird": "uint8"}
    assert table["bird"].tolist() == [1, 0, 1]
    save_table(tmp_path / "samples.parquet", samples.assign(label=[2, 2, 2]))
    with pytest.raises(InputError, match="label '2' goes with more than one class"):
        label_attributes.main(
            samples=tmp_path / "samples.parquet", attributes=tmp_path / "a.parquet"
        )


def test_rankings(run: Run, tmp_path: Path) -> None:
    made = run_twice(
        rank_samples.main,
        tmp_path,
        {"rankings": "rankings.parquet"},
        scores=run["scores.parquet"],
        clusters=run["clusters.parquet"],
        lists={"creative": 12, "stereotypes": 9, "grey": 4, "generic_percentile": 50},
    )
    table = load(made["rankings"])
    assert columns(table) == [
        "list",
        "rank",
        "index",
        "id",
        "uniqueness",
        "originality",
        "stability",
        "cls",
        "cluster",
    ]
    scores = load(run["scores.parquet"])
    lists = dict(list(table.groupby("list")))
    assert list(dict.fromkeys(table["list"])) == [
        name for name in ("creative", "stereotypes", "grey", "generic") if name in lists
    ]
    top = scores.sort_values("cls", ascending=False, kind="stable")["id"].iloc[:12]
    assert lists["creative"]["id"].tolist() == top.tolist()
    low = scores.sort_values("originality", kind="stable")["id"].iloc[:9]
    assert lists["stereotypes"]["id"].tolist() == low.tolist()
    assert (lists["grey"]["cluster"] == -1).all() if "grey" in lists else True
    below = (scores["uniqueness"] < scores["uniqueness"].median()) & (
        scores["originality"] < scores["originality"].median()
    )
    assert sorted(lists["generic"]["index"]) == np.flatnonzero(below).tolist()
    for part in lists.values():
        assert part["rank"].tolist() == list(range(len(part)))
    assert (scores["id"].iloc[table["index"]].to_numpy() == table["id"]).all()


def test_subniches(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    # A crowd and two small groups far from it and from each other.
    plane = rng.normal(0, 0.4, (N, 2))
    plane[60:75] = rng.normal([8, 0], 0.02, (15, 2))
    plane[75:85] = rng.normal([0, 9], 0.02, (10, 2))
    save_npy(tmp_path / "plane.npy", plane.astype(np.float32))
    made = run_twice(
        find_subniches.main,
        tmp_path,
        {"subniches": "subniches.parquet", "profile": "profile.parquet"},
        plane=tmp_path / "plane.npy",
        scores=run["scores.parquet"],
        settings={
            "bandwidth": 0.5,
            "percentile": 45,
            "eps": 0.3,
            "min_samples": 5,
            "min_points": 8,
        },
    )
    members, profile = load(made["subniches"]), load(made["profile"])
    assert columns(members) == ["index", "id", "niche", "density"]
    assert columns(profile) == [
        "niche",
        "size",
        "mean_cls",
        "mean_uniqueness",
        "mean_originality",
    ]
    assert members.loc[members["niche"] == 0, "index"].tolist() == list(range(60, 75))
    assert members.loc[members["niche"] == 1, "index"].tolist() == list(range(75, 85))
    assert (members["density"] > 0).all()
    scores = load(run["scores.parquet"])
    assert profile["mean_cls"][0] == pytest.approx(scores["cls"].iloc[60:75].mean())


def test_no_subniche_is_a_result(run: Run, tmp_path: Path) -> None:
    outputs: dict[str, Any] = {
        "subniches": tmp_path / "s.parquet",
        "profile": tmp_path / "p.parquet",
    }
    settings = {
        "bandwidth": 0.5,
        "percentile": 0,
        "eps": 0.3,
        "min_samples": 5,
        "min_points": 20,
    }
    find_subniches.main(
        plane=run["plane.npy"], scores=run["scores.parquet"], **outputs, settings=settings
    )
    assert len(load(outputs["subniches"])) == len(load(outputs["profile"])) == 0


def test_identities(run: Run, tmp_path: Path) -> None:
    names = ("groups", "members", "tests", "pairs")
    made = run_twice(
        study_identities.main,
        tmp_path,
        {name: f"{name}.parquet" for name in names},
        latents=run["latents.npy"],
        scores=run["scores.parquet"],
        samples=run["samples.parquet"],
        images=30,
    )
    groups, members, tests, pairs = (load(made[name]) for name in names)
    assert columns(groups) == ["group", "identity", "n", "score", "mean", "sd"]
    assert columns(members) == ["group", "index", "id", "identity"]
    assert columns(tests) == ["score", "comparison", "test", "statistic", "p", "low", "high"]
    assert columns(pairs) == [
        "space",
        "auc",
        "n_same",
        "n_different",
        "low",
        "high",
        "silhouette",
    ]
    assert set(groups["group"]) == {"intra A", "intra B", "inter", "mixed"}
    assert len(groups) == 4 * 3
    identity = load(run["samples.parquet"])["identity"]
    scores = load(run["scores.parquet"])
    by_group = dict(list(members.groupby("group")))
    assert by_group["intra A"]["identity"].nunique() == 1
    assert by_group["inter"]["identity"].is_unique
    assert not set(by_group["inter"]["identity"]) & set(by_group["mixed"]["identity"])
    assert by_group["mixed"]["identity"].nunique() == 2
    assert (identity[members["index"]].to_numpy() == members["identity"]).all()
    assert (members["identity"] >= 0).all()
    for row in groups.to_dict("records"):
        values = scores[row["score"]].iloc[by_group[row["group"]]["index"]]
        assert row["n"] == len(values)
        assert row["mean"] == pytest.approx(values.mean())
        assert row["sd"] == pytest.approx(values.std())
    assert set(tests["test"]) == {
        "levene",
        "mann-whitney",
        "kolmogorov-smirnov",
        "variance-difference",
    }
    assert set(tests["comparison"]) == {
        f"intra {k} – {other}" for k in "AB" for other in ("inter", "mixed")
    }
    assert tests.loc[tests["test"] != "variance-difference", "p"].between(0, 1).all()
    assert {"latents", "uniqueness", "originality", "stability"} <= set(pairs["space"])
    sizes = identity[identity >= 0].value_counts()
    assert (pairs["n_same"] == (sizes * (sizes - 1) // 2).sum()).all()
    assert pairs["auc"].between(0, 1).all()


# --- tables over runs --------------------------------------------------------------------------


def funnel(tp: int, fp: int) -> pd.DataFrame:
    rows = []
    for first, last in ((90.0, 45.0), (90.0, 50.0), (80.0, 45.0)):
        selected = tp + fp
        rows.append(
            {
                "uniqueness_percentile": first,
                "stability_percentile": last,
                "selected": selected,
                "tp": tp,
                "fp": fp,
                "fn": 200 - tp,
                "precision": tp / selected if selected else np.nan,
                "recall": tp / 200,
                "f1": 2 * tp / (selected + 200),
                "prevalence": 0.5,
            }
        )
    return pd.DataFrame(rows)


def test_funnel_table(tmp_path: Path) -> None:
    paths = []
    for number, (tp, fp) in enumerate([(10, 10), (0, 0), (4, 12), (1, 1)]):
        paths.append(tmp_path / f"{number}.parquet")
        save_table(paths[-1], funnel(tp, fp))
    made = run_twice(
        tabulate_funnel.main,
        tmp_path,
        {"table": "funnel.parquet", "csv": "funnel.csv"},
        funnels=paths,
        methods=["intended", "intended", "intended", "executed"],
        runs=[0, 1, 2, 0],
        views=["whole"] * 4,
    )
    table = load(made["table"])
    assert len(table) == 2 * 3
    row = table.iloc[0]
    assert row["n"] == 3
    assert row["tp_mean"] == pytest.approx(14 / 3)
    assert row["tp_sd"] == pytest.approx(np.std([10, 0, 4], ddof=1))
    # Over the runs that selected anything.
    assert row["precision_mean"] == pytest.approx((0.5 + 0.25) / 2)
    assert row["baseline_precision"] == 0.5
    assert row[["published_tp", "published_fp", "published_fn"]].tolist() == [15, 0, 185]
    assert row["published_f1"] == pytest.approx(0.1395, abs=5e-5)
    assert "zenodo" in row["published_source"]
    assert table.loc[1:2, "published_tp"].isna().all()
    assert np.isnan(table["tp_sd"].iloc[3])
    lines = made["csv"].read_text().splitlines()
    assert len(lines) == 7
    assert lines[0].startswith("view,method,uniqueness_percentile")


def test_detector_table(run: Run, tmp_path: Path) -> None:
    evaluate_detectors.main(
        scores=run["scores.parquet"],
        samples=run["samples.parquet"],
        detection=tmp_path / "a.parquet",
    )
    first = load(tmp_path / "a.parquet")
    second = first.assign(roc_auc=first["roc_auc"] / 2)
    save_table(tmp_path / "b.parquet", second)
    made = run_twice(
        tabulate_detectors.main,
        tmp_path,
        {"table": "t.parquet", "csv": "t.csv"},
        detections=[tmp_path / "a.parquet", tmp_path / "b.parquet"],
        methods=["intended"] * 2,
        runs=[0, 1],
        views=["eyes"] * 2,
    )
    table = load(made["table"])
    assert len(table) == len(first)
    assert table["roc_auc_mean"].is_monotonic_decreasing
    assert (table["n"] == 2).all()
    rows = table.set_index("detector")
    auc = first.set_index("detector")["roc_auc"]
    np.testing.assert_allclose(rows["roc_auc_mean"][auc.index], 0.75 * auc)
    np.testing.assert_allclose(rows["roc_auc_sd"][auc.index], auc / 2 / np.sqrt(2))
    assert rows.loc["knn_density", ["earlier_roc_auc_low", "earlier_roc_auc_high"]].tolist() == [
        0.987,
        0.994,
    ]
    assert (table["baseline_roc_auc"] == 0.5).all()


def test_forensic_table(run: Run, tmp_path: Path) -> None:
    summary = load(run["summary.parquet"])
    other = summary.assign(value=summary["value"] + 1)
    save_table(tmp_path / "other.parquet", other)
    dimensions = pd.DataFrame({"dimension": [0, 1], "kl": [1.5, 0.25], "active": [True, False]})
    save_table(tmp_path / "dimensions.parquet", dimensions)
    profile_clusters.main(
        latents=run["latents.npy"],
        clusters=run["clusters.parquet"],
        scores=run["scores.parquet"],
        profile=tmp_path / "profile.parquet",
        sbs=tmp_path / "sbs.parquet",
    )
    arguments: dict[str, Any] = {
        "summaries": [run["summary.parquet"], tmp_path / "other.parquet"],
        "dimensions": [tmp_path / "dimensions.parquet"] * 2,
        "views": ["whole"] * 2,
        "runs": [0, 1],
    }
    made = run_twice(
        tabulate_forensics.main,
        tmp_path,
        {"table": "t.parquet", "csv": "t.csv"},
        **arguments,
        sbs=[tmp_path / "sbs.parquet"] * 2,
    )
    table = load(made["table"])
    assert columns(table) == ["view", "quantity", "mean", "sd", "n"]
    rows = table.set_index("quantity")
    assert rows.loc["n", "mean"] == N + 0.5
    assert rows.loc["n", "sd"] == pytest.approx(np.sqrt(0.5))
    assert rows.loc["active_dimensions", "mean"] == 1
    assert rows.loc["kl_total", "mean"] == 1.75
    assert rows.loc["clusters_plane", "mean"] == 3
    assert (table["n"] == 2).all()
    tabulate_forensics.main(
        **arguments, sbs=[], table=tmp_path / "u.parquet", csv=tmp_path / "u.csv"
    )
    shorter = load(tmp_path / "u.parquet")
    assert not shorter["quantity"].str.startswith("sbs_").any()
    with pytest.raises(InputError, match="dimensions: 1 tables and 2 view"):
        tabulate_forensics.main(
            **{**arguments, "dimensions": [tmp_path / "dimensions.parquet"]},
            table=tmp_path / "u.parquet",
            csv=tmp_path / "u.csv",
        )


def abi_rows(direction: str, q: float, group: str = "cluster 0") -> pd.DataFrame:
    names = ["Smiling", "Young"]
    return pd.DataFrame(
        {
            "group": group,
            "n_members": 20,
            "definition": ["odds", "odds"],
            "attribute": names,
            "value": [4.0, 1.0],
            "direction": [direction, "neutral"],
            "status": "ok",
            "estimate": [3.9 if direction == "over" else 0.2, 1.0],
            "low": 1.1 if direction == "over" else 0.1,
            "high": 5.0 if direction == "over" else 0.9,
            "p": q,
            "q": q,
            "q_run": q,
            "risk_difference": 0.3,
            "difference_low": 0.1,
            "difference_high": 0.5,
            "cohens_h": 0.6,
            "magnitude": "medium",
            "agrees": True,
            "prevalence_members": 0.5,
            "prevalence_rest": 0.2,
        }
    )


def test_bias_table(tmp_path: Path) -> None:
    weak = abi_rows("over", 0.01).assign(attribute=["Bald", "Male"], estimate=[1.2, 1.0])
    ratio = abi_rows("over", 0.001).assign(definition="ratio")
    first = pd.concat([weak, abi_rows("over", 0.01), ratio, abi_rows("under", 0.2, "cmax")])
    second = pd.concat([abi_rows("over", 0.5), abi_rows("over", 0.001, "cluster 1")])
    third = abi_rows("under", 0.001)
    paths, profiles = [], []
    for number, table in enumerate((first, second, third)):
        paths.append(tmp_path / f"abi-{number}.parquet")
        profiles.append(tmp_path / f"profile-{number}.parquet")
        save_table(paths[-1], table)
        profile = pd.DataFrame(
            {"cluster": [-1, 0, 1], "mean_cls": [0.1, 0.2, 0.3], "creative": [False, False, True]}
        )
        save_table(profiles[-1], profile)
    made = run_twice(
        tabulate_bias.main,
        tmp_path,
        {"table": "bias.parquet", "csv": "bias.csv", "tests": "t.parquet", "tests_csv": "t.csv"},
        abis=paths,
        profiles=profiles,
        runs=[0, 1, 2],
    )
    table = load(made["table"])
    assert table[["run", "group", "attribute", "direction"]].to_numpy().tolist() == [
        [0, "cluster 0", "Smiling", "over"],
        [0, "cluster 0", "Bald", "over"],
        [1, "cluster 1", "Smiling", "over"],
        [2, "cluster 0", "Smiling", "under"],
    ]
    assert table["runs_found"].tolist() == [2, 1, 2, 1]
    assert (table["n_runs"] == 3).all()
    assert table["creative"].tolist() == [False, False, True, False]
    assert table["mean_cls"].tolist() == [0.2, 0.2, 0.3, 0.2]
    tests = load(made["tests"])
    assert tests["run"].tolist() == [0] * 8 + [1] * 4 + [2] * 2
    assert set(tests["definition"]) == {"odds", "ratio"}


def test_ranking_stability(run: Run, tmp_path: Path) -> None:
    scores = load(run["scores.parquet"])
    rng = np.random.default_rng(0)
    paths = [run["scores.parquet"]]
    for number in (1, 2):
        noisy = scores.assign(cls=scores["cls"] + rng.normal(0, 0.1, N)).iloc[::-1]
        paths.append(tmp_path / f"{number}.parquet")
        save_table(paths[-1], noisy)
    made = run_twice(
        tabulate_rankings.main,
        tmp_path,
        {"table": "t.parquet", "csv": "t.csv"},
        scores=paths,
        runs=[0, 1, 2],
    )
    table = load(made["table"])
    assert columns(table) == ["score", "mean", "sd", "n", "baseline"]
    rows = table.set_index("score")
    assert rows.loc["uniqueness", "mean"] == pytest.approx(1.0)
    tables = [load(path).set_index("id")["cls"] for path in paths]
    pairs = [
        spearmanr(tables[a], tables[b][tables[a].index]).statistic
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    assert rows.loc["cls", "mean"] == pytest.approx(np.mean(pairs))
    assert rows.loc["cls", "sd"] == pytest.approx(np.std(pairs, ddof=1))
    assert rows.loc["cls", "n"] == 3
    tabulate_rankings.main(
        scores=paths[:1], runs=[0], table=tmp_path / "u.parquet", csv=tmp_path / "u.csv"
    )
    alone = load(tmp_path / "u.parquet")
    assert (alone["n"] == 0).all()
    assert alone["mean"].isna().all()
    save_table(paths[2], scores.iloc[1:])
    with pytest.raises(InputError, match="first '000000'"):
        tabulate_rankings.main(
            scores=paths, runs=[0, 1, 2], table=tmp_path / "u.parquet", csv=tmp_path / "u.csv"
        )
