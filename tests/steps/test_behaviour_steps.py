"""Predictions of models against votes, by image and by class, and the table over runs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alignment_study import (  # type: ignore[import-not-found]
    CLASSES,
    N,
    Study,
)
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from scipy.stats import entropy
from step_helpers import (  # type: ignore[import-not-found]
    columns,
    kinds,
    load,
    run_twice,
    tabulator,
)

import measure_behaviour
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_npy, save_table

BEHAVIOUR = ("behaviour", "intervals", "images", "confusions", "shared")


def behaviour_of(study: Study, folder: Path, **options: Any) -> dict[str, Any]:
    save_npy(study["sharp.npy"], study.logits * 5)
    arguments: dict[str, Any] = {
        "logits": [study["logits.npy"], study["sharp.npy"]],
        "names": ["net", "net"],
        "seeds": [0, 1],
        **study.people,
        "folds": 4,
        "draws": 0,
        "root_seed": 2,
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
        "status",
    ]
    dtypes = kinds(table)
    assert dtypes.pop("model") == dtypes.pop("status") == "str"
    assert dtypes.pop("seed") == "int64"
    assert set(dtypes.values()) == {"float64"}
    assert table["model"].tolist() == [
        "net",
        "net",
        "human",
        "human_majority",
        "perfect",
        "label",
        "class_mean",
        "uniform",
    ]
    assert table["seed"].tolist() == [0, 1, -1, -1, -1, -1, -1, -1]
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
    # People do not reproduce their own votes; a perfect model comes between.
    people, perfect = rows.loc["human"], rows.loc["perfect"]
    assert people["entropy_spearman"] < perfect["entropy_spearman"] < 1
    assert 0 < people["second_best_accuracy"] < 1
    assert people["jensen_shannon"] > perfect["jensen_shannon"] > 0
    assert people["cross_entropy"] < perfect["cross_entropy"]
    assert perfect["kl"] == pytest.approx(perfect["cross_entropy"] - people["cross_entropy"])
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
    made = behaviour_of(study, tmp_path, logits=[], names=[], seeds=[])
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
                logits=[tmp_path / path], names=["net"], seeds=[0], **study.people, **outputs
            )
    with pytest.raises(InputError, match="1 logits, 2 names"):
        measure_behaviour.main(
            logits=[study["logits.npy"]], names=["a", "b"], seeds=[0], **study.people, **outputs
        )
    with pytest.raises(InputError, match="folds 1 must lie"):
        measure_behaviour.main(
            logits=[study["logits.npy"]],
            names=["net"],
            seeds=[0],
            **study.people,
            **outputs,
            folds=1,
        )


def test_behaviour_table(study: Study, tmp_path: Path) -> None:
    behaviour = behaviour_of(study, tmp_path)["behaviour"]
    save_table(tmp_path / "b.parquet", behaviour)
    made = run_twice(
        tabulator("tabulate_behaviour"),
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
    assert rows.loc["VGG-15 (literature, tuned on votes)", "n"] == 0
    assert rows.loc["VGG-15 (literature, tuned on votes)", "published_cross_entropy"] == 0.35
    assert rows.loc["VGG-15 (literature, tuned on votes)", "published_before_tuning"] == 0.78
    assert np.isnan(rows.loc["VGG-15 (literature, tuned on votes)", "accuracy_mean"])
    assert rows.loc["resnext (published predictions)", "published_cross_entropy"] == 0.47
    tabulator("tabulate_behaviour")(
        behaviour=tmp_path / "b.parquet",
        table=tmp_path / "t.parquet",
        csv=tmp_path / "t.csv",
        simulated=True,
    )
    table = load(tmp_path / "t.parquet")
    assert table["published_cross_entropy"].isna().all()
    assert not table["model"].str.contains("literature").any()
    assert table["simulated_votes"].all()
