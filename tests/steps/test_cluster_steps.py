"""Planes, clusters, bias, lists, sub-niches, identities: each ``main()`` on a synthetic run."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scored_run import (  # type: ignore[import-not-found]
    N,
    Run,
)
from step_helpers import (  # type: ignore[import-not-found]
    columns,
    kinds,
    load,
    run_twice,
    tabulator,
)

import cluster_samples
import embed_tsne
import embed_umap
import find_neighbours
import find_subniches
import label_attributes
import measure_bias
import profile_clusters
import rank_samples
import study_identities
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, save_npy, save_table

MAIN = ["uniqueness", "originality", "stability", "cls"]


def test_tsne_plane(run: Run, tmp_path: Path) -> None:
    made = run_twice(
        embed_tsne.main, tmp_path, {"tsne": "tsne.npy"}, latents=run["latents.npy"], root_seed=5
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
        embed_umap.main,
        tmp_path,
        {"umap": "umap.npy"},
        latents=run["latents.npy"],
        neighbors=8,
        root_seed=5,
    )
    points = load_npy(made["umap"])
    assert points.shape == (N, 2)
    assert points.dtype == np.float32
    assert np.isfinite(points).all()


def test_clusters(run: Run, tmp_path: Path) -> None:
    made = run_twice(
        cluster_samples.main,
        tmp_path,
        {"clusters": "clusters.parquet"},
        umap=run["umap.npy"],
        latents=run["latents.npy"],
        encoding=run["encoding.parquet"],
        min_cluster_size=10,
        min_samples=3,
        scales=[5, 20],
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
    plane = tmp_path / "umap.npy"
    embed_umap.main(latents=run["latents.npy"], umap=plane, neighbors=8, root_seed=5, **made)
    alone = tmp_path / "alone.npy"
    embed_umap.main(latents=run["latents.npy"], umap=alone, neighbors=8, root_seed=5)
    np.testing.assert_array_equal(load_npy(plane), load_npy(alone))
    tables = []
    for name, given in (("graph", made), ("alone", {})):
        cluster_samples.main(
            umap=run["umap.npy"],
            latents=run["latents.npy"],
            encoding=run["encoding.parquet"],
            clusters=tmp_path / f"{name}.parquet",
            min_cluster_size=10,
            min_samples=3,
            scales=[5],
            **given,
        )
        tables.append(load(tmp_path / f"{name}.parquet"))
    assert tables[0].equals(tables[1])
    assert tables[0]["cmax"].notna().all()
    np.save(made["neighbours"], load_npy(made["neighbours"])[:-1])
    with pytest.raises(InputError, match="make both again"):
        embed_umap.main(latents=run["latents.npy"], umap=plane, neighbors=8, root_seed=5, **made)


def test_profile_and_sbs(run: Run, tmp_path: Path) -> None:
    made = run_twice(
        profile_clusters.main,
        tmp_path,
        {"profile": "profile.parquet", "sbs": "sbs.parquet"},
        latents=run["latents.npy"],
        clusters=run["clusters.parquet"],
        scores=run["scores.parquet"],
        measured=MAIN,
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
        measured=MAIN,
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
    tabulator("tabulate_bias")(
        abis=[tmp_path / "abi.parquet"],
        profiles=[outputs["profile"]],
        seeds=[0],
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
        "q_seed",
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


def test_bias_takes_samples_as_independent(run: Run, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {
        "clusters": run["clusters.parquet"],
        "attributes": run["attributes.parquet"],
        "definitions": ["odds"],
    }
    samples = run["samples.parquet"]
    variants: list[dict[str, Any]] = [
        {"by_person": False, "samples": samples},
        # A rule gives an empty list for an input that a study does not have.
        {"samples": [], "subniches": []},
        {"samples": samples},
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
    with pytest.raises(InputError, match="label '2'"):
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
    save_npy(tmp_path / "umap.npy", plane.astype(np.float32))
    made = run_twice(
        find_subniches.main,
        tmp_path,
        {"subniches": "subniches.parquet", "profile": "profile.parquet"},
        umap=tmp_path / "umap.npy",
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
        umap=run["umap.npy"], scores=run["scores.parquet"], **outputs, settings=settings
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
    assert columns(groups) == ["group", "identity", "n", "score", "mean", "sd", "identity_name"]
    assert columns(members) == ["group", "index", "id", "identity", "identity_name"]
    assert (members["identity_name"] == members["identity"].astype(str)).all()
    named = load(run["samples.parquet"])
    named["identity_name"] = "p" + named["identity"].astype(str)
    save_table(tmp_path / "named.parquet", named)
    named_outputs: dict[str, Any] = {n: tmp_path / f"named-{n}.parquet" for n in names}
    study_identities.main(
        **named_outputs,
        latents=run["latents.npy"],
        scores=run["scores.parquet"],
        samples=tmp_path / "named.parquet",
        images=30,
    )
    shown = load(tmp_path / "named-groups.parquet")
    assert (shown["identity_name"] != "").tolist() == (shown["identity"] >= 0).tolist()
    people = shown[shown["identity"] >= 0]
    assert (people["identity_name"] == "p" + people["identity"].astype(str)).all()
    first = ["score", "comparison", "test", "statistic", "p", "low", "high", "status"]
    assert columns(tests) == first
    assert columns(pairs) == [
        "space",
        "auc",
        "n_same",
        "n_different",
        "n_same_all",
        "low",
        "high",
        "status",
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
    assert (pairs["n_same_all"] == pairs["n_same"]).all()
    assert pairs["auc"].between(0, 1).all()
