"""Sources, scores, overlaps, signatures, detectors: each ``main()`` on a small synthetic run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from scored_run import (  # type: ignore[import-not-found]
    SCORE_COLUMNS,
    SETTINGS,
    D,
    N,
    Run,
    latents,
    scoring,
)
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from step_helpers import (  # type: ignore[import-not-found]
    columns,
    kinds,
    load,
    run_twice,
)

import compute_factors
import compute_sources
import embed_tsne
import embed_umap
import evaluate_detectors
import find_duplicates
import find_neighbours
import find_signatures
import scan_latents
import scan_part
import score_column_orders
import score_samples
import select_candidates
from latent_microscope.errors import InputError
from latent_microscope.forensics.density import attractor_density, knn_density, radius_of_distances
from latent_microscope.forensics.heuristics import overlaps
from latent_microscope.forensics.rankings import creative_latent_score
from latent_microscope.forensics.sample_scores import originality, uniqueness
from latent_microscope.io.artefacts import load_npy, save_npy, save_table
from latent_microscope.neighbours.pairs import neighbour_pass


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
        root_seed=1,
        seed=2,
    )
    sources, restarts = load_npy(made["sources"]), load(made["restarts"])
    assert sources.shape == (N, 4)
    assert sources.dtype == np.float64
    assert columns(restarts) == [
        "restart",
        "random_state",
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
            seed=number,
        )
        seeds.append(load(tmp_path / "s.parquet")["random_state"].tolist())
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
        root_seed=3,
        seed=1,
    )
    scores = load(made["scores"])
    assert columns(scores) == SCORE_COLUMNS
    dtypes = kinds(scores)
    assert dtypes.pop("id") == "str"
    assert dtypes.pop("neighbors") == "int64"
    assert dtypes.pop("detected") == "bool"
    assert dtypes.pop("copies") == "int64"
    assert scores.index[scores["copies"] == 1].tolist() == [2, 5]
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
    radius = radius_of_distances(neighbour_pass(z, k=10).distances)
    np.testing.assert_allclose(scores["attractor_density_adaptive"], attractor_density(z, radius))
    unit = s / np.linalg.norm(s, axis=1, keepdims=True)
    assert scores["neighbors"].tolist() == ((unit @ unit.T > 0.6).sum(1) - 1).tolist()
    np.testing.assert_allclose(scores["norm"], np.linalg.norm(z, axis=1))
    expected = creative_latent_score(scores["uniqueness"], scores["originality"], 0.3)
    np.testing.assert_allclose(scores["cls"], expected)


def test_sampled_pairs_come_with_their_errors(run: Run, tmp_path: Path) -> None:
    exact = load(run["scores.parquet"])
    score_samples.main(
        **scoring(run),
        scores=tmp_path / "scores.parquet",
        summary=tmp_path / "summary.parquet",
        settings=SETTINGS | {"pairs": "sampled", "sampled_rows": 60},
        root_seed=3,
    )
    found = load(tmp_path / "scores.parquet")
    touched = ["uniqueness_script", "uniqueness_notebook", "neighbors", "cls"]
    assert columns(found) == [*SCORE_COLUMNS, *(f"{name}_error" for name in touched)]
    for name in touched:
        gap, bound = (found[name] - exact[name]).abs(), found[f"{name}_error"]
        assert (bound > 0.0).all()
        # One draw, whose errors are much the same for all samples.
        assert (gap <= 2.0 * bound).mean() > 0.9, name
        assert name != "neighbors" or (gap > 0.1 * bound).mean() > 0.1
    rest = [name for name in SCORE_COLUMNS if name not in {*touched, "uniqueness"}]
    assert found[rest].equals(exact[rest])


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
    assert (found["with_copies"], found["only_copies_near"]) == (2, 0)
    assert found["radius"] == 0.01
    assert found["adaptive_radius"] == pytest.approx(
        radius_of_distances(neighbour_pass(z, k=10).distances)
    )
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
            root_seed=3,
            seed=number,
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
    with pytest.raises(InputError, match=f"{bad}: {N - 1} rows.*encoding.*{N} ids"):
        score_samples.main(**{**scoring(run), name: tmp_path / bad}, **outputs, settings=SETTINGS)
    array[17, 1] = np.nan
    save_npy(tmp_path / bad, array)
    with pytest.raises(InputError, match=r"row 17 \(id 000017\)"):
        score_samples.main(**{**scoring(run), name: tmp_path / bad}, **outputs, settings=SETTINGS)
    assert not outputs["scores"].exists()


@pytest.mark.parametrize("step", [compute_sources, compute_factors, embed_umap, embed_tsne])
def test_nan_in_latents_names_the_row(tmp_path: Path, step: Any) -> None:
    z = latents()
    z[8, 2] = np.inf
    save_npy(tmp_path / "latents.npy", z)
    outputs = {
        compute_sources: ("sources", "restarts", "unmixings"),
        compute_factors: ("factors",),
        embed_umap: ("umap",),
        embed_tsne: ("tsne",),
    }[step]
    with pytest.raises(InputError, match=r"latents\.npy: row 8 "):
        step.main(latents=tmp_path / "latents.npy", **{name: tmp_path / name for name in outputs})


SCAN = {
    "nearest": "nearest.npy",
    "nearest_distances": "nearest-distances.npy",
    "nearest_counts": "nearest-counts.npy",
    "overlaps": "overlaps.parquet",
    "similar": "similar.npy",
}
PARTS = ("indices", "distances", "pairs")


def of_run(run: Run) -> dict[str, Any]:
    return {"latents": run["latents.npy"], "encoding": run["encoding.parquet"]}


def parts_of(run: Run, folder: Path, count: int, **options: Any) -> list[Path]:
    files: list[Path] = []
    for part in range(1, count + 1):
        made: dict[str, Any] = {name: folder / f"{part}-{name}.npy" for name in PARTS}
        z = run["latents.npy"]
        scan_part.main(latents=z, **made, part=part, parts=count, **options)
        files += made.values()
    return files


def test_one_pass_over_the_latents(run: Run, tmp_path: Path) -> None:
    settings = SETTINGS | {"overlap_pairs": 15}
    made = run_twice(
        scan_latents.main, tmp_path, SCAN, **of_run(run), settings=settings, candidates=30
    )
    z = load_npy(run["latents.npy"]).astype(np.float64)
    exact = neighbour_pass(z, k=20)
    np.testing.assert_array_equal(load_npy(made["nearest"]), exact.indices)
    np.testing.assert_array_equal(load_npy(made["nearest_distances"]), exact.distances)
    radii = (0.01, radius_of_distances(exact.distances[:, :10]))
    expected = np.stack([attractor_density(z, radius) * N for radius in radii], axis=1)
    np.testing.assert_allclose(load_npy(made["nearest_counts"]), expected)
    table = load(made["overlaps"])
    assert columns(table) == ["i", "j", "id_i", "id_j", "similarity", "distance", "total"]
    own = overlaps(z, 0.8, 15)
    assert table[list(own)].equals(own)
    assert table["total"].tolist() == [own.attrs["total"]] * 15
    assert (table["id_i"].astype(int) == table["i"]).all()
    np.testing.assert_array_equal(load_npy(made["similar"]), overlaps(z, 0.5, 30)[["i", "j"]])
    for step, outputs, more in (
        (find_signatures, ["signatures"], {**of_run(run), "settings": SETTINGS}),
        (score_samples, ["scores", "summary"], {**scoring(run), "settings": SETTINGS}),
        (find_duplicates, ["duplicates"], {**of_run(run), "candidates": 30}),
    ):
        tables = []
        for scan in (None, list(made.values())):
            files = {name: tmp_path / f"{name}.parquet" for name in outputs}
            step.main(**more, **files, scan=scan)
            tables.append([load(path) for path in files.values()])
        for alone, shared in zip(*tables, strict=True):
            assert alone.equals(shared)
    with pytest.raises(InputError, match=r"has no similar beside it"):
        find_duplicates.main(**more, duplicates=tmp_path / "s", scan=list(made.values())[:-1])


@pytest.mark.parametrize("count", [2, 3])
def test_a_pass_in_parts_gives_the_same_bytes(run: Run, tmp_path: Path, count: int) -> None:
    asked: dict[str, Any] = {"settings": SETTINGS, "candidates": 30}
    made = {}
    for name, parts in (("whole", None), ("parts", parts_of(run, tmp_path, count, **asked))):
        made[name] = [tmp_path / f"{name}-{file}" for file in SCAN.values()]
        outputs: dict[str, Any] = dict(zip(SCAN, made[name], strict=True))
        scan_latents.main(**of_run(run), **outputs, **asked, parts=parts)
    found = []
    for parts in (None, parts_of(run, tmp_path, count, wanted=8)):
        files: dict[str, Any] = {
            name: tmp_path / f"plane-{name}.npy" for name in ("neighbours", "distances")
        }
        find_neighbours.main(latents=run["latents.npy"], **files, wanted=8, parts=parts)
        found.append([path.read_bytes() for path in files.values()])
    assert found[0] == found[1]
    for whole, gathered in zip(*made.values(), strict=True):
        assert whole.read_bytes() == gathered.read_bytes()


def test_column_orders_take_the_distances_of_the_pass(run: Run, tmp_path: Path) -> None:
    made: dict[str, Any] = {name: tmp_path / file for name, file in SCAN.items()}
    scan_latents.main(**of_run(run), **made, settings=SETTINGS)
    tables = []
    for scan in (None, list(made.values())):
        score_column_orders.main(
            **of_run(run),
            scores=tmp_path / "s.parquet",
            sources={"components": 3, "restarts": 1, "fit_rows": 60},
            settings=SETTINGS,
            scan=scan,
        )
        tables.append(load(tmp_path / "s.parquet"))
    np.testing.assert_allclose(tables[1]["originality"], tables[0]["originality"], rtol=1e-9)
    assert tables[1][["uniqueness", "stability"]].equals(tables[0][["uniqueness", "stability"]])


def test_no_overlaps_is_an_empty_table_of_the_same_kind(run: Run, tmp_path: Path) -> None:
    made: dict[str, Any] = {name: tmp_path / file for name, file in SCAN.items()}
    scan_latents.main(**of_run(run), **made, settings=SETTINGS | {"overlap_threshold": 1.0})
    table = load(made["overlaps"])
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
        root_seed=3,
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
