"""Tables over runs: each ``main()`` on small synthetic runs."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from scored_run import (  # type: ignore[import-not-found]
    N,
    Run,
)
from step_helpers import (  # type: ignore[import-not-found]
    columns,
    load,
    run_twice,
    tabulator,
)

import evaluate_detectors
import profile_clusters
from latent_microscope import registry
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_table

MEASURED = [score.name for score in registry.scores()]


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
        tabulator("tabulate_funnel"),
        tmp_path,
        {"table": "funnel.parquet", "csv": "funnel.csv"},
        funnels=paths,
        methods=["intended", "intended", "intended", "executed"],
        seeds=[0, 1, 2, 0],
        crops=["whole"] * 4,
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
    assert lines[0].startswith("crop,method,uniqueness_percentile")


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
        tabulator("tabulate_detectors"),
        tmp_path,
        {"table": "t.parquet", "csv": "t.csv"},
        detections=[tmp_path / "a.parquet", tmp_path / "b.parquet"],
        methods=["intended"] * 2,
        seeds=[0, 1],
        crops=["eyes"] * 2,
    )
    table = load(made["table"])
    assert len(table) == len(first)
    assert table["roc_auc_mean"].is_monotonic_decreasing
    assert (table["n"] == 2).all()
    rows = table.set_index("detector")
    auc = first.set_index("detector")["roc_auc"]
    np.testing.assert_allclose(rows["roc_auc_mean"][auc.index], 0.75 * auc)
    np.testing.assert_allclose(rows["roc_auc_sd"][auc.index], auc / 2 / np.sqrt(2))
    assert rows.loc[
        "knn_density", ["reference_roc_auc_low", "reference_roc_auc_high"]
    ].tolist() == [
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
        measured=["uniqueness", "originality", "stability", "cls"],
    )
    arguments: dict[str, Any] = {
        "summaries": [run["summary.parquet"], tmp_path / "other.parquet"],
        "dimensions": [tmp_path / "dimensions.parquet"] * 2,
        "crops": ["whole"] * 2,
        "seeds": [0, 1],
    }
    made = run_twice(
        tabulator("tabulate_forensics"),
        tmp_path,
        {"table": "t.parquet", "csv": "t.csv"},
        **arguments,
        sbs=[tmp_path / "sbs.parquet"] * 2,
    )
    table = load(made["table"])
    assert columns(table) == ["crop", "quantity", "mean", "sd", "n"]
    rows = table.set_index("quantity")
    assert rows.loc["n", "mean"] == N + 0.5
    assert rows.loc["n", "sd"] == pytest.approx(np.sqrt(0.5))
    assert rows.loc["active_dimensions", "mean"] == 1
    assert rows.loc["kl_total", "mean"] == 1.75
    assert rows.loc["clusters_plane", "mean"] == 3
    assert (table["n"] == 2).all()
    tabulator("tabulate_forensics")(
        **arguments, sbs=[], table=tmp_path / "u.parquet", csv=tmp_path / "u.csv"
    )
    shorter = load(tmp_path / "u.parquet")
    assert not shorter["quantity"].str.startswith("sbs_").any()
    with pytest.raises(InputError, match=r"dimensions: 1 tables .* 2 crop"):
        tabulator("tabulate_forensics")(
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
            "q": [q, 0.6],
            "q_seed": q,
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
    weak = abi_rows("over", 0.01).assign(attribute=["Bald", "Male"], estimate=[1.2, 1.1], q=0.018)
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
        tabulator("tabulate_bias"),
        tmp_path,
        {"table": "bias.parquet", "csv": "bias.csv", "tests": "t.parquet", "tests_csv": "t.csv"},
        abis=paths,
        profiles=profiles,
        seeds=[0, 1, 2],
    )
    table = load(made["table"])
    assert table[["seed", "group", "attribute", "direction"]].to_numpy().tolist() == [
        [0, "cluster 0", "Smiling", "over"],
        [0, "cluster 0", "Bald", "over"],
        [0, "cluster 0", "Male", "neutral"],
        [1, "cluster 1", "Smiling", "over"],
        [2, "cluster 0", "Smiling", "under"],
    ]
    assert table["seeds_found"].tolist() == [2, 1, 1, 2, 1]
    assert (table["n_seeds"] == 3).all()
    assert table["creative"].tolist() == [False, False, False, True, False]
    assert table["mean_cls"].tolist() == [0.2, 0.2, 0.2, 0.3, 0.2]
    tests = load(made["tests"])
    assert tests["seed"].tolist() == [0] * 8 + [1] * 4 + [2] * 2
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
        tabulator("tabulate_rankings"),
        tmp_path,
        {"table": "t.parquet", "csv": "t.csv"},
        scores=paths,
        measured=MEASURED,
        seeds=[0, 1, 2],
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
    tabulator("tabulate_rankings")(
        scores=paths[:1],
        measured=MEASURED,
        seeds=[0],
        table=tmp_path / "u.parquet",
        csv=tmp_path / "u.csv",
    )
    alone = load(tmp_path / "u.parquet")
    assert (alone["n"] == 0).all()
    assert alone["mean"].isna().all()
    save_table(paths[2], scores.iloc[1:])
    with pytest.raises(InputError, match="first '000000'"):
        tabulator("tabulate_rankings")(
            scores=paths,
            measured=MEASURED,
            seeds=[0, 1, 2],
            table=tmp_path / "u.parquet",
            csv=tmp_path / "u.csv",
        )
