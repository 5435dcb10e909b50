"""The alignment steps and their tables: each ``main()`` on small made-up images and votes."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from alignment_study import (  # type: ignore[import-not-found]
    CLASSES,
    N,
    Study,
    inputs_of,
    made_study,
)
from scipy.spatial.distance import jensenshannon, pdist
from scipy.special import softmax
from scipy.stats import entropy, rankdata, spearmanr
from step_helpers import (  # type: ignore[import-not-found]
    columns,
    kinds,
    load,
    run_twice,
)

import compare_rdms
import compute_rdm
import gather_rsa
import import_external
import label_features
import make_human_features
import measure_behaviour
import pixel_features
import tabulate_alignment
import tabulate_behaviour
from latent_microscope.artefacts import load_npy, save_npy, save_table
from latent_microscope.errors import InputError
from latent_microscope.similarity import compare, linear_cka
from latent_microscope.similarity.rdms import class_rdm
from latent_microscope.tables.rsa import COMPARISON_COLUMNS, RSA_COLUMNS


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return made_study(tmp_path / "study")


def test_label_and_class_mean_features(study: Study, tmp_path: Path) -> None:
    outputs: dict[str, Any] = {"features": "features.npy", "ids": "features.parquet"}
    made = run_twice(label_features.main, tmp_path / "label", outputs, **study.people, kind="label")
    features = load_npy(made["features"])
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, np.eye(3)[study.labels])
    assert load(made["ids"])["id"].tolist()[:2] == ["test-00000", "test-00001"]
    made = run_twice(
        label_features.main, tmp_path / "mean", outputs, **study.people, kind="class_mean"
    )
    means = np.stack([study.shares[study.labels == k].mean(axis=0) for k in range(3)])
    np.testing.assert_allclose(load_npy(made["features"]), means[study.labels], rtol=1e-6)
    with pytest.raises(InputError, match="kind 'other'"):
        label_features.main(
            **study.people, kind="other", features=tmp_path / "f", ids=tmp_path / "i"
        )


def test_human_features_are_vote_shares(study: Study, tmp_path: Path) -> None:
    made = run_twice(
        make_human_features.main,
        tmp_path,
        {"features": "features.npy", "ids": "features.parquet"},
        **study.people,
    )
    features = load_npy(made["features"])
    assert features.dtype == np.float64
    np.testing.assert_array_equal(features, study.shares)
    assert kinds(load(made["ids"])) == {"id": "str"}


def test_votes_must_fit_the_samples(study: Study, tmp_path: Path) -> None:
    outputs: dict[str, Any] = {"features": tmp_path / "f.npy", "ids": tmp_path / "i.parquet"}
    votes = load(study["votes.parquet"])
    wrong = {
        "first 'test-00003'": votes[votes["id"] != "test-00003"],
        "column 0 is 'dog'": votes.rename(columns={"cat": "dog", "dog": "cat"}),
        "whole non-negative counts": votes.assign(cat=votes["cat"] / 20),
    }
    for message, table in wrong.items():
        save_table(tmp_path / "votes.parquet", table)
        with pytest.raises(InputError, match=message):
            make_human_features.main(
                votes=tmp_path / "votes.parquet", samples=study["samples.parquet"], **outputs
            )


def test_pixels(study: Study, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n = 1500  # two batches
    images = rng.integers(0, 256, (n, 4, 5, 3), dtype=np.uint8)
    save_npy(tmp_path / "images.npy", images)
    samples = pd.DataFrame({"id": [f"test-{i:05d}" for i in range(n)], "label": 0})
    save_table(tmp_path / "samples.parquet", samples)
    made = run_twice(
        pixel_features.main,
        tmp_path,
        {"features": "features.npy", "ids": "features.parquet"},
        images=tmp_path / "images.npy",
        samples=tmp_path / "samples.parquet",
    )
    features = load_npy(made["features"])
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, images.reshape(n, -1).astype(np.float32) / 255)
    assert columns(load(made["ids"])) == ["id"]
    with pytest.raises(InputError, match=r"images\.npy: uint8 of shape \(1500, 4, 5, 3\)"):
        pixel_features.main(
            images=tmp_path / "images.npy",
            samples=study["samples.parquet"],
            features=tmp_path / "f.npy",
            ids=tmp_path / "i.parquet",
        )


# --- models from elsewhere ---------------------------------------------------------------------


def bring(study: Study, folder: Path, file: Path, **options: Any) -> np.ndarray:
    made = run_twice(
        import_external.main,
        folder,
        {"features": "features.npy", "ids": "features.parquet"},
        file=file,
        samples=study["samples.parquet"],
        **options,
    )
    assert load(made["ids"])["id"].equals(load(study["samples.parquet"])["id"])
    rows = load_npy(made["features"])
    assert rows.dtype == np.float32
    return rows


def test_external_by_id(study: Study, tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(N)
    ids = np.array([f"test-{i:05d}" for i in range(N)])
    more = np.concatenate([ids[order], ["test-99999"]])
    rows = np.concatenate([study.logits[order], [[0, 0, 0]]])
    np.savez(tmp_path / "a.npz", ids=more, net=rows, other=rows + 1)
    np.testing.assert_array_equal(
        bring(study, tmp_path / "npz", tmp_path / "a.npz", array="net"), study.logits
    )
    table = pd.DataFrame(rows, columns=["x", "y", "z"]).assign(id=more)
    save_table(tmp_path / "a.parquet", table)
    np.testing.assert_array_equal(
        bring(study, tmp_path / "parquet", tmp_path / "a.parquet", holds="features"), study.logits
    )


def test_external_by_position(
    study: Study, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    np.save(tmp_path / "a.npy", study.logits)
    with caplog.at_level("INFO", logger="latent_microscope"):
        found = bring(study, tmp_path / "npy", tmp_path / "a.npy")
    np.testing.assert_array_equal(found, study.logits)
    assert "row i is taken for image i" in caplog.text
    np.savez(tmp_path / "a.npz", net=study.logits, labels=study.labels)
    np.testing.assert_array_equal(bring(study, tmp_path / "npz", tmp_path / "a.npz"), study.logits)


def test_external_logits_are_written_twice(study: Study, tmp_path: Path) -> None:
    made = run_twice(
        import_external.main,
        tmp_path,
        {"features": "f.npy", "ids": "f.parquet", "logits": "l.npy"},
        file=study["logits.npy"],
        samples=study["samples.parquet"],
    )
    assert made["features"].read_bytes() == made["logits"].read_bytes()


def test_external_mistakes(study: Study, tmp_path: Path) -> None:
    np.save(tmp_path / "short.npy", study.logits[:-1])
    bad = study.logits.copy()
    bad[9, 0] = np.nan
    np.save(tmp_path / "nan.npy", bad)
    np.savez(tmp_path / "two.npz", a=study.logits, b=study.logits)
    np.savez(tmp_path / "shifted.npz", a=study.logits, labels=np.roll(study.labels, 1))
    ids = [f"test-{i:05d}" for i in range(N)]
    np.savez(tmp_path / "lacking.npz", a=study.logits, ids=["x", *ids[1:]])
    np.savez(tmp_path / "twice.npz", a=study.logits, ids=[ids[1], *ids[1:]])
    np.savez(tmp_path / "flat.npz", a=study.logits[:, 0])
    (tmp_path / "text.csv").write_text("1,2\n")
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    mistakes = {
        "short.npy": f"{N - 1} rows and no ids, for {N} images",
        "nan.npy": r"row 9 \(id test-00009\)",
        "two.npz": "set `array` to one of a, b",
        "shifted.npz": "image 'test-00000' is not ours",
        "lacking.npz": "first the id 'test-00000'",
        "twice.npz": "'test-00001' stands in it more than once",
        "flat.npz": "a matrix of numbers",
        "text.csv": r"as \.npy, \.npz or \.parquet",
        "broken.npz": r"not a readable \.npz",
        "missing.npz": "no such file",
    }
    outputs: dict[str, Any] = {"features": tmp_path / "f.npy", "ids": tmp_path / "i.parquet"}
    for name, message in mistakes.items():
        with pytest.raises(InputError, match=message):
            import_external.main(file=tmp_path / name, samples=study["samples.parquet"], **outputs)
        assert not outputs["features"].exists()
    with pytest.raises(InputError, match="no logits to write"):
        import_external.main(
            file=study["logits.npy"],
            samples=study["samples.parquet"],
            **outputs,
            holds="features",
            logits=tmp_path / "l.npy",
        )


# --- RDMs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["euclidean", "correlation", "cosine"])
@pytest.mark.parametrize("transform", ["none", "softmax"])
def test_rdm(study: Study, tmp_path: Path, metric: str, transform: str) -> None:
    made = run_twice(
        compute_rdm.main,
        tmp_path,
        {"rdm": "net-features-seed0.npy", "rdm_ids": "net-features-seed0.ids.parquet"},
        features=study["logits.npy"],
        ids=study["samples.parquet"],
        metric=metric,
        transform=transform,
    )
    rdm = load_npy(made["rdm"])
    assert rdm.dtype == np.float32
    rows = study.logits.astype(np.float64)
    rows = softmax(rows, axis=1) if transform == "softmax" else rows
    np.testing.assert_allclose(rdm, pdist(rows, metric), atol=1e-5)
    ids = load(made["rdm_ids"])
    assert ids["id"].tolist() == load(study["samples.parquet"])["id"].tolist()
    assert (ids["metric"] == metric).all()


def test_rdm_mistakes(study: Study, tmp_path: Path) -> None:
    outputs: dict[str, Any] = {"rdm": tmp_path / "r.npy", "rdm_ids": tmp_path / "r.ids.parquet"}
    inputs: dict[str, Any] = {"features": study["logits.npy"], "ids": study["samples.parquet"]}
    with pytest.raises(InputError, match=r"must be named .*r\.ids\.parquet"):
        compute_rdm.main(**inputs, rdm=outputs["rdm"], rdm_ids=tmp_path / "other.parquet")
    with pytest.raises(InputError, match="transform 'tanh'"):
        compute_rdm.main(**inputs, **outputs, transform="tanh")
    save_npy(tmp_path / "short.npy", study.logits[1:])
    with pytest.raises(InputError, match=f"has {N - 1} rows"):
        compute_rdm.main(features=tmp_path / "short.npy", ids=study["samples.parquet"], **outputs)
    bad = study.logits.copy()
    bad[3] = np.inf
    save_npy(tmp_path / "bad.npy", bad)
    with pytest.raises(InputError, match="test-00003"):
        compute_rdm.main(features=tmp_path / "bad.npy", ids=study["samples.parquet"], **outputs)
    assert not outputs["rdm"].exists()


COMPARED = {"comparisons": "c.parquet", "similarity": "s.parquet"}


def partial(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    ab, ac, bc = (spearmanr(x, y).statistic for x, y in ((a, b), (a, c), (b, c)))
    return (ab - ac * bc) / np.sqrt((1 - ac**2) * (1 - bc**2))


def explained(y: np.ndarray, *others: np.ndarray) -> float:
    x = np.stack([np.ones(len(y)), *(rankdata(o) for o in others)], axis=1)
    ranks = rankdata(y)
    left = ranks - x @ np.linalg.lstsq(x, ranks, rcond=None)[0]
    return 1 - left.var() / ranks.var()


def test_comparison(study: Study, tmp_path: Path) -> None:
    net = study.rdm("net", study.logits)
    inputs = inputs_of(study, net=net)
    made = run_twice(compare_rdms.main, tmp_path, COMPARED, **inputs)
    table = load(made["comparisons"])
    assert columns(table) == COMPARISON_COLUMNS
    assert table["model"].tolist() == ["net", "label"]
    row = table.iloc[0]
    assert row[["layer", "seed", "metric", "method"]].tolist() == [
        "features",
        0,
        "euclidean",
        "spearman",
    ]
    human, other, label = (load_npy(path) for path in inputs["rdms"])
    i, j = np.triu_indices(N, 1)
    same = study.labels[i] == study.labels[j]
    disputed = (study.votes > 0).sum(axis=1) > 1
    assert 0 < disputed.sum() < N
    both = disputed[i] & disputed[j]
    classes = [class_rdm(x, study.labels) for x in (study.shares, study.logits)]
    expected = {
        "value": spearmanr(human, other).statistic,
        "partial_label": partial(human, other, label),
        "within_class": spearmanr(human[same], other[same]).statistic,
        "non_unanimous": spearmanr(human[both], other[both]).statistic,
        "label_only": spearmanr(human, label).statistic,
        "tau_a": compare(human, other, "tau-a"),
        "rho_a": compare(human, other, "rho-a"),
        "cosine": human @ other / np.sqrt(human @ human * (other @ other)),
        "unique_variance": explained(human, other, label) - explained(human, label),
        "class_level": spearmanr(classes[0].values, classes[1].values).statistic,
        "cka": linear_cka(study.shares, study.logits),
        "self_rho_a": compare(other, other, "rho-a"),
    }
    for name, value in expected.items():
        assert row[name] == pytest.approx(value, abs=1e-6), name
    assert row["n_images"] == N
    assert row["n_pairs"] == N * (N - 1) // 2
    row = table.iloc[1]
    assert row["value"] == row["label_only"]
    assert row["rho_a"] <= row["self_rho_a"] < 1
    assert row[["partial_label", "within_class"]].isna().all()
    compare_rdms.main(
        **{**inputs, "tau": False, "threads": 2},
        comparisons=tmp_path / "c.parquet",
        similarity=tmp_path / "s.parquet",
    )
    again = load(tmp_path / "c.parquet")
    assert again["tau_a"].isna().all()
    pd.testing.assert_frame_equal(again.drop(columns="tau_a"), table.drop(columns="tau_a"))


def test_similarity_of_all_models(study: Study, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    nets = {"net": study.logits, "noise": rng.normal(size=(N, 4))}
    inputs = inputs_of(study, **{name: study.rdm(name, rows) for name, rows in nets.items()})
    # A second run of the net: no rival of the first, and not in the matrix.
    other = study.rdm("again", study.logits + 0.1 * rng.normal(size=(N, 3)).astype(np.float32))
    more = inputs_of(study, net=other)
    for key in ("rdms", "rdm_ids", "features", "feature_ids", "layers", "transforms"):
        inputs[key] = [*inputs[key], more[key][1]]
    inputs["models"].append("net")
    inputs["runs"].append(1)
    made = run_twice(compare_rdms.main, tmp_path, COMPARED, **inputs)
    square = load(made["similarity"])
    assert columns(square) == ["model_a", "model_b", "value"]
    names = ["human", "net-features", "noise-features", "label-features"]
    assert square["model_a"].unique().tolist() == names
    square = square.pivot(index="model_a", columns="model_b", values="value").loc[names, names]
    values = [load_npy(path) for path in inputs["rdms"]]
    expected = spearmanr(np.stack(values[:4], axis=1)).statistic
    np.testing.assert_allclose(square, expected, atol=1e-9)
    assert (np.diag(square) == 1).all()
    unique = load(made["comparisons"])["unique_variance"]
    human, net, noise, label, second = values
    assert unique[0] == pytest.approx(
        explained(human, net, noise, label) - explained(human, noise, label), abs=1e-9
    )
    assert unique[3] == pytest.approx(
        explained(human, second, noise, label) - explained(human, noise, label), abs=1e-9
    )
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".tmp")] == []


def test_comparison_refuses_other_ids(study: Study, tmp_path: Path) -> None:
    ids = load(study["samples.parquet"])["id"].tolist()
    options: dict[str, Any] = {key: tmp_path / name for key, name in COMPARED.items()}
    moved = study.rdm("moved", study.logits, [ids[1], ids[0], *ids[2:]])
    with pytest.raises(InputError, match="different ids"):
        compare_rdms.main(**inputs_of(study, net=moved), **options)
    fine = inputs_of(study, net=study.rdm("net", study.logits))
    with pytest.raises(InputError, match="holds euclidean distances, not cosine"):
        compare_rdms.main(**{**fine, "metric": "cosine"}, **options)
    with pytest.raises(InputError, match="must be named"):
        compare_rdms.main(**{**fine, "rdm_ids": fine["rdm_ids"][::-1]}, **options)
    with pytest.raises(InputError, match="give one of each"):
        compare_rdms.main(**{**fine, "models": ["human", "net"]}, **options)
    with pytest.raises(InputError, match=r"\('label', 'features', 0\) is given twice"):
        compare_rdms.main(**{**fine, "models": ["human", "label", "label"]}, **options)
    save_table(tmp_path / "ids.parquet", pd.DataFrame({"id": ids[::-1]}))
    wrong = [*fine["feature_ids"]]
    wrong[1] = tmp_path / "ids.parquet"
    with pytest.raises(InputError, match=r"net\.npy: its ids are not those of its RDM"):
        compare_rdms.main(**{**fine, "feature_ids": wrong}, **options)
    fewer = load(study["samples.parquet"]).iloc[:-1]
    save_table(tmp_path / "samples.parquet", fewer)
    votes = load(study["votes.parquet"])
    save_table(tmp_path / "votes.parquet", votes[votes["id"].isin(fewer["id"])])
    people = {"samples": tmp_path / "samples.parquet", "votes": tmp_path / "votes.parquet"}
    with pytest.raises(InputError, match=f"RDMs are over {N} images, the votes over {N - 1}"):
        compare_rdms.main(**{**fine, **people}, **options)


def test_gathered_rsa(tmp_path: Path) -> None:
    base = dict.fromkeys(COMPARISON_COLUMNS, 0.1)
    table = pd.DataFrame([{**base, "model": "b", "seed": 1}, {**base, "model": "a", "seed": 0}])
    save_table(tmp_path / "comparisons.parquet", table)
    save_table(tmp_path / "ceiling.parquet", pd.DataFrame({"lower": [0.7], "upper": [0.9]}))
    arguments: dict[str, Any] = {"comparisons": tmp_path / "comparisons.parquet"}
    made = run_twice(
        gather_rsa.main,
        tmp_path,
        {"rsa": "rsa.parquet"},
        **arguments,
        ceiling=tmp_path / "ceiling.parquet",
    )
    table = load(made["rsa"])
    assert columns(table) == RSA_COLUMNS
    assert table["model"].tolist() == ["b", "a"]
    assert (table["ceiling_lower"] == 0.7).all()
    assert (table["ceiling_upper"] == 0.9).all()
    save_table(tmp_path / "none.parquet", pd.DataFrame({"lower": [], "upper": []}))
    with pytest.raises(InputError, match="exactly one ceiling"):
        gather_rsa.main(**arguments, ceiling=tmp_path / "none.parquet", rsa=tmp_path / "r.parquet")


# --- behaviour ---------------------------------------------------------------------------------

BEHAVIOUR = ("behaviour", "intervals", "images", "confusions", "shared")


def behaviour_of(study: Study, folder: Path, **options: Any) -> dict[str, Any]:
    save_npy(study["sharp.npy"], study.logits * 5)
    arguments: dict[str, Any] = {
        "logits": [study["logits.npy"], study["sharp.npy"]],
        "names": ["net", "net"],
        "runs": [0, 1],
        **study.people,
        "folds": 4,
        "draws": 0,
        "seed": 2,
        **options,
    }
    made = run_twice(
        measure_behaviour.main,
        folder,
        {name: f"{name}.parquet" for name in BEHAVIOUR},
        **arguments,
    )
    return {name: load(made[name]) for name in BEHAVIOUR}


def test_behaviour(study: Study, tmp_path: Path) -> None:
    table = behaviour_of(study, tmp_path)["behaviour"]
    assert columns(table) == [
        "model",
        "seed",
        "accuracy",
        "cross_entropy",
        "cross_entropy_calibrated",
        "temperature",
        "jensen_shannon",
        "kl",
        "second_best_accuracy",
        "entropy_spearman",
        "error_consistency",
    ]
    dtypes = kinds(table)
    assert dtypes.pop("model") == "str"
    assert dtypes.pop("seed") == "int64"
    assert set(dtypes.values()) == {"float64"}
    assert table["model"].tolist() == [
        "net",
        "net",
        "human",
        "human_majority",
        "label",
        "class_mean",
        "uniform",
    ]
    assert table["seed"].tolist() == [0, 1, -1, -1, -1, -1, -1]
    p, q = softmax(study.logits.astype(np.float64), axis=1), study.shares
    row = table.iloc[0]
    assert row["accuracy"] == (p.argmax(axis=1) == study.labels).mean()
    assert row["cross_entropy"] == pytest.approx(-(q * np.log(p)).sum(axis=1).mean())
    assert row["kl"] == pytest.approx(np.mean([entropy(a, b) for a, b in zip(q, p, strict=True)]))
    assert row["jensen_shannon"] == pytest.approx((jensenshannon(p, q, axis=1) ** 2).mean())
    # Five times sharper logits want a five times higher temperature and then say the same.
    assert table["temperature"][1] == pytest.approx(5 * row["temperature"], rel=1e-4)
    assert table["cross_entropy_calibrated"][1] == pytest.approx(
        row["cross_entropy_calibrated"], rel=1e-6
    )
    rows = table.set_index("model")
    right = q[np.arange(N), study.labels]
    assert rows.loc["human", "accuracy"] == pytest.approx(right.mean())
    assert rows.loc["human", "cross_entropy"] == pytest.approx(entropy(q, axis=1).mean())
    assert rows.loc["human_majority", "accuracy"] == pytest.approx(
        (study.votes.argmax(axis=1) == study.labels).mean()
    )
    assert rows.loc["label", "accuracy"] == 1
    assert rows.loc["label", "cross_entropy"] == np.inf
    assert rows.loc["uniform", "cross_entropy"] == pytest.approx(np.log(3))
    least = rows.loc["human", "cross_entropy"]
    assert least < rows.loc["class_mean", "cross_entropy"] < np.log(3)
    assert (table["cross_entropy"].dropna() >= least).all()


def test_behaviour_by_image(study: Study, tmp_path: Path) -> None:
    table = behaviour_of(study, tmp_path)["images"]
    assert columns(table) == [
        "id",
        "label_name",
        "human_entropy",
        "human_accuracy",
        "model",
        "seed",
        "model_entropy",
        "jensen_shannon",
    ]
    assert len(table) == 2 * N
    p, q = softmax(study.logits.astype(np.float64), axis=1), study.shares
    first = table[table["seed"] == 0]
    assert first["id"].tolist() == load(study["samples.parquet"])["id"].tolist()
    assert first["label_name"].tolist() == [CLASSES[k] for k in study.labels]
    np.testing.assert_allclose(first["human_entropy"], entropy(q, axis=1))
    np.testing.assert_allclose(first["human_accuracy"], q[np.arange(N), study.labels])
    np.testing.assert_allclose(first["model_entropy"], entropy(p, axis=1))
    np.testing.assert_allclose(first["jensen_shannon"], jensenshannon(p, q, axis=1) ** 2)


def test_confusions(study: Study, tmp_path: Path) -> None:
    made = behaviour_of(study, tmp_path)
    table, shared = made["confusions"], made["shared"]
    assert columns(table) == [
        "source",
        "seed",
        "true",
        "predicted",
        "count",
        "share",
        "difference",
    ]
    assert len(table) == 3 * 9
    human = table[table["source"] == "human"].reset_index(drop=True)
    assert (human["seed"] == -1).all()
    assert (human["difference"] == 0).all()
    expected = np.stack([study.votes[study.labels == k].sum(axis=0) for k in range(3)])
    np.testing.assert_array_equal(human["count"].to_numpy().reshape(3, 3), expected)
    sums = table.groupby(["source", "seed", "true"])["share"].sum()
    np.testing.assert_allclose(sums, 1)
    model = table[(table["source"] == "net") & (table["seed"] == 0)].reset_index(drop=True)
    assert model["count"].sum() == N
    guesses = study.logits.argmax(axis=1)
    cats_as_dogs = ((study.labels == 0) & (guesses == 1)).sum()
    cell = model[(model["true"] == "cat") & (model["predicted"] == "dog")].iloc[0]
    assert cell["count"] == cats_as_dogs
    np.testing.assert_allclose(model["difference"], model["share"] - human["share"])
    assert columns(shared) == [
        "true",
        "predicted",
        "human",
        "model",
        "seed",
        "share_human",
        "share_model",
    ]
    part = shared[shared["seed"] == 0]
    assert len(part) == 6
    assert (part["true"] != part["predicted"]).all()
    assert part[["share_human", "share_model"]].min(axis=1).is_monotonic_decreasing
    cell = part[(part["true"] == "cat") & (part["predicted"] == "dog")].iloc[0]
    assert cell["human"] == expected[0, 1]
    assert cell["share_model"] == pytest.approx(cats_as_dogs / 16)


def test_behaviour_without_classifiers(study: Study, tmp_path: Path) -> None:
    made = behaviour_of(study, tmp_path, logits=[], names=[], runs=[])
    assert len(made["images"]) == len(made["shared"]) == 0
    assert columns(made["shared"])[0] == "true"
    assert set(made["confusions"]["source"]) == {"human"}
    assert "human" in set(made["behaviour"]["model"])


def test_behaviour_mistakes(study: Study, tmp_path: Path) -> None:
    outputs: dict[str, Any] = {name: tmp_path / name for name in BEHAVIOUR}
    save_npy(tmp_path / "short.npy", study.logits[1:])
    bad = study.logits.copy()
    bad[6, 1] = np.nan
    save_npy(tmp_path / "nan.npy", bad)
    for path, message in (
        ("short.npy", f"net: logits of shape .*{N} images"),
        ("nan.npy", "00006"),
    ):
        with pytest.raises(InputError, match=message):
            measure_behaviour.main(
                logits=[tmp_path / path], names=["net"], runs=[0], **study.people, **outputs
            )
    with pytest.raises(InputError, match="1 logits, 2 names"):
        measure_behaviour.main(
            logits=[study["logits.npy"]], names=["a", "b"], runs=[0], **study.people, **outputs
        )
    with pytest.raises(InputError, match="folds 1 must lie"):
        measure_behaviour.main(
            logits=[study["logits.npy"]],
            names=["net"],
            runs=[0],
            **study.people,
            **outputs,
            folds=1,
        )


# --- tables over runs --------------------------------------------------------------------------


def rsa_rows() -> pd.DataFrame:
    rows = []
    for model, layer, values in (
        ("philnet", "features", [0.3, 0.5]),
        ("published_vgg15", "probabilities", [0.494]),
        ("label", "features", [0.52]),
    ):
        for seed, value in enumerate(values):
            row = dict.fromkeys(COMPARISON_COLUMNS, value / 2) | {"model": model, "layer": layer}
            row |= {"seed": seed, "metric": "euclidean", "method": "spearman", "value": value}
            row |= {"label_only": 0.52, "ceiling_lower": 0.7, "ceiling_upper": 0.9}
            rows.append(row | {"n_images": 100, "n_pairs": 4950})
    table = pd.DataFrame(rows)
    table.loc[table["model"] == "label", "partial_label"] = np.nan
    return table


def test_alignment_table(tmp_path: Path) -> None:
    save_table(tmp_path / "euclidean.parquet", rsa_rows())
    save_table(tmp_path / "cosine.parquet", rsa_rows().assign(metric="cosine"))
    rsa = [tmp_path / "euclidean.parquet", tmp_path / "cosine.parquet"]
    made = run_twice(
        tabulate_alignment.main,
        tmp_path,
        {"table": "t.parquet", "csv": "t.csv"},
        rsa=rsa,
    )
    table = load(made["table"])
    for name in ("model", "layer", "metric", "mean", "sd", "n", "partial", "within_class"):
        assert name in table
    assert table["metric"].tolist() == ["euclidean"] * 3 + ["cosine"] * 3
    part = table.iloc[:3]
    assert part["model"].tolist() == ["label", "published_vgg15", "philnet"]
    rows = part.set_index("model")
    assert rows.loc["philnet", "mean"] == pytest.approx(0.4)
    assert rows.loc["philnet", "sd"] == pytest.approx(0.2 / np.sqrt(2))
    assert rows.loc["philnet", "n"] == 2
    assert np.isnan(rows.loc["label", "sd"])
    assert np.isnan(rows.loc["label", "partial"])
    assert rows.loc["philnet", "above_label"] == pytest.approx(-0.12)
    assert rows.loc["philnet", "ceiling_upper"] == 0.9
    assert rows["published"].fillna(-1).tolist() == [0.52, 0.494, -1]
    assert "Peterson" in rows.loc["label", "published_source"]
    # Published with the Euclidean distance only.
    assert table["published"].iloc[3:].isna().all()
    assert not table["simulated_votes"].any()
    tabulate_alignment.main(
        rsa=rsa, table=tmp_path / "t.parquet", csv=tmp_path / "t.csv", simulated=True
    )
    table = load(tmp_path / "t.parquet")
    assert table["published"].isna().all()
    assert table["simulated_votes"].all()


def test_behaviour_table(study: Study, tmp_path: Path) -> None:
    behaviour = behaviour_of(study, tmp_path)["behaviour"]
    save_table(tmp_path / "b.parquet", behaviour)
    made = run_twice(
        tabulate_behaviour.main,
        tmp_path / "table",
        {"table": "t.parquet", "csv": "t.csv"},
        behaviour=tmp_path / "b.parquet",
    )
    table = load(made["table"])
    rows = table.set_index("model")
    runs = behaviour[behaviour["model"] == "net"]
    assert rows.loc["net", "n"] == 2
    assert rows.loc["net", "cross_entropy_mean"] == pytest.approx(runs["cross_entropy"].mean())
    assert rows.loc["net", "cross_entropy_sd"] == pytest.approx(runs["cross_entropy"].std())
    assert rows.loc["label", "cross_entropy_mean"] == np.inf
    floor = behaviour.loc[behaviour["model"] == "human", "cross_entropy"].iloc[0]
    assert (table["floor_cross_entropy"] == floor).all()
    assert rows.loc["human", "published_cross_entropy"] == 0.1545
    assert rows.loc["human", "published_accuracy"] == 0.9523
    assert rows.loc["VGG-15 (literature)", "n"] == 0
    assert rows.loc["VGG-15 (literature)", "published_cross_entropy"] == 0.35
    assert rows.loc["VGG-15 (literature)", "published_before_tuning"] == 0.78
    assert np.isnan(rows.loc["VGG-15 (literature)", "accuracy_mean"])
    tabulate_behaviour.main(
        behaviour=tmp_path / "b.parquet",
        table=tmp_path / "t.parquet",
        csv=tmp_path / "t.csv",
        simulated=True,
    )
    table = load(tmp_path / "t.parquet")
    assert table["published_cross_entropy"].isna().all()
    assert not table["model"].str.contains("literature").any()
    assert table["simulated_votes"].all()
