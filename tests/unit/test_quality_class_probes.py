"""Probes of many classes: exact values on separable data, false alarms on random data."""

import numpy as np
import pandas as pd
import pytest
from sklearn.covariance import ledoit_wolf

from latent_microscope.forensics import class_probes
from latent_microscope.forensics.class_probes import (
    COLUMNS,
    class_probe,
    class_probe_table,
    excess_hits,
    predicted_classes,
    spread_folds,
)


def test_separable_classes_are_all_named() -> None:
    random = np.random.default_rng(0)
    classes = random.permutation(np.repeat(np.arange(30), [14, *[4] * 29]))
    features = np.eye(30)[classes] + random.normal(0, 1e-3, (130, 30))
    row = class_probe({"latents": features, "pixels": random.normal(size=(130, 3))}, classes)
    assert (row["n"], row["classes"], row["tested"], row["tested_classes"]) == (130, 30, 130, 30)
    assert row["accuracy"] == 1.0
    assert row["balanced"] == pytest.approx(1.0)
    assert row["majority"] == 14 / 130
    assert row["chance"] == 1 / 30
    assert row["accuracy_pixels"] < 0.3
    assert row["p"] < 1e-9
    assert row["status"] == "degenerate"
    assert np.isnan([row[name] for name in ("low", "high", "balanced_low", "balanced_high")]).all()


@pytest.mark.parametrize(("swapped", "status"), [(4, "degenerate"), (5, "ok"), (75, "ok")])
def test_an_interval_needs_five_errors_and_five_right_answers(swapped: int, status: str) -> None:
    truth, random = np.arange(80) % 2, np.random.default_rng(0)
    classes = np.where(np.arange(80) < swapped, 1 - truth, truth)
    row = class_probe({"latents": 10.0 * truth[:, None] + random.normal(size=(80, 1))}, classes)
    assert row["accuracy"] == max(swapped, 80 - swapped) / 80  # all are swapped: so is the answer
    assert row["status"] == status
    assert np.isfinite([row["low"], row["balanced_high"]]).all() == (status == "ok")


def test_a_class_needs_samples_in_two_folds() -> None:
    random = np.random.default_rng(1)
    classes = np.concatenate([np.arange(40), np.repeat([40, 41, 42], 20), [43, 43]])
    features = random.normal(size=(102, 4)) + 4 * np.eye(44, 4, 40 - 43)[classes]
    with np.errstate(invalid="raise"):
        row = class_probe({"latents": features}, classes)
    assert (row["classes"], row["tested_classes"], row["tested"]) == (44, 4, 62)
    assert row["chance"] == 0.25
    assert row["majority"] == 20 / 62
    only = class_probe({"latents": features[:41]}, classes[:41])
    assert only["status"] == "separated"
    assert only["tested_classes"] == 0
    assert np.isnan([only["accuracy"], only["p"], only["chance"]]).all()
    one = class_probe({"latents": features[:41]}, np.zeros(41, dtype=np.int64))
    assert (one["status"], one["tested"], one["tested_classes"]) == ("constant", 0, 0)


def test_people_are_never_in_two_folds() -> None:
    random = np.random.default_rng(2)
    people = np.repeat(np.arange(40), 5)
    person = random.normal(size=(40, 60))[people] * 3
    features = person + random.normal(size=(200, 60))
    # A name is of one person: nothing could be learnt of it.
    assert class_probe({"latents": features}, people, people=people)["status"] == "separated"
    # Persons know themselves again where they are allowed to; their town is not in the features.
    town = random.integers(0, 4, 40)[people]
    fair = class_probe({"latents": features}, town, people=people)
    unfair = class_probe({"latents": features}, town)
    assert unfair["accuracy"] > 0.75
    assert fair["accuracy"] < 0.5
    assert unfair["p"] < 1e-6 < fair["p"]


@pytest.mark.parametrize("people", [0, 60])
def test_random_classes_raise_no_more_false_alarms_than_they_may(people: int) -> None:
    found = []
    for seed in range(80):
        random = np.random.default_rng(seed)
        who = random.integers(0, people, 240) if people else None
        classes, features = random.integers(0, 25, 240), random.normal(size=(240, 12))
        if who is not None:
            features += random.normal(size=(people, 12))[who]
            own = random.integers(0, 25, people)[who]
            classes = np.where(random.random(240) < 0.8, own, classes)
        found.append(class_probe({"latents": features}, classes, people=who, seed=seed))
    table = pd.DataFrame(found)
    assert (table["p"] <= 0.05).sum() <= 9  # more: p < 0.02 at 5 %
    assert 0.2 < (table["p"] <= 0.5).mean() < 0.8
    assert table["balanced"].mean() == pytest.approx(1 / 25, abs=0.012)
    known = table[table["status"] == "ok"]
    assert len(known) > 60
    inside = (known["balanced_low"] <= known["chance"]) & (
        known["chance"] <= known["balanced_high"]
    )
    assert inside.mean() >= 0.93


def test_intervals_contain_what_other_samples_give() -> None:
    means = np.random.default_rng(0).normal(size=(12, 6))

    def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(seed)
        classes = random.integers(0, 12, n)
        return means[classes] + random.normal(size=(n, 6)), classes

    rows = pd.DataFrame(
        [class_probe({"latents": x}, y) for x, y in (drawn(300, s) for s in range(60))]
    )
    truth = rows["accuracy"].mean()
    assert ((rows["low"] <= truth) & (truth <= rows["high"])).mean() >= 0.9
    assert (rows["p"] < 1e-6).all()


def test_answers_are_those_of_the_formula() -> None:
    random = np.random.default_rng(3)
    classes = random.integers(0, 4, 90) * 7
    features = random.normal(size=(90, 5)) @ random.normal(size=(5, 5)) + 0.3 * classes[:, None]
    train = np.arange(90) < 60
    equal, frequent = predicted_classes(features, classes, train, np.arange(60, 90))
    x = (features - features[train].mean(axis=0)) / features[train].std(axis=0)
    means = np.array([x[train & (classes == c)].mean(axis=0) for c in (0, 7, 14, 21)])
    rest = x[train] - means[classes[train] // 7]
    inverse = np.linalg.inv(ledoit_wolf(rest, assume_centered=True)[0] * 60 / 56)
    off = x[60:, None] - means
    distance = np.einsum("ijk,kl,ijl->ij", off, inverse, off)
    sizes = np.bincount(classes[train] // 7)
    assert equal.tolist() == (7 * distance.argmin(axis=1)).tolist()
    assert frequent.tolist() == (7 * (distance - 2 * np.log(sizes)).argmin(axis=1)).tolist()


def test_excess_hits_are_hits_beyond_those_of_independent_answers() -> None:
    random = np.random.default_rng(4)
    classes, answers = random.integers(0, 5, 70), random.integers(0, 7, 70)
    expected = (classes == answers).mean() - np.mean(classes[:, None] == answers[None])
    assert excess_hits(classes, answers).mean() == pytest.approx(expected)


def test_folds_spread_each_class() -> None:
    classes = np.random.default_rng(5).integers(0, 50, 333)
    folds = spread_folds(classes, 5, 0)
    assert np.ptp(np.bincount(folds, minlength=5)) <= 1
    for one in np.unique(classes):
        sizes = np.bincount(folds[classes == one], minlength=5)
        assert np.ptp(sizes) <= 1
    assert (folds != spread_folds(classes, 5, 1)).any()


def test_a_table_of_attributes() -> None:
    random = np.random.default_rng(6)
    classes = random.integers(0, 6, 200)
    table = pd.DataFrame(
        {"town": classes.astype(str), "one": "x", "tag": random.integers(0, 9, 200)}
    )
    features = {"latents": np.eye(6)[classes] * 3 + random.normal(size=(200, 6))}
    found = class_probe_table(features, table)
    assert list(found.columns) == list(COLUMNS)
    assert found["attribute"].tolist() == ["town", "one", "tag"]
    assert found["status"].tolist() == ["ok", "constant", "ok"]
    town = found.iloc[0]
    assert town["low"] < town["accuracy"] < town["high"] < 1.0
    assert town["q"] == pytest.approx(2 * town["p"])
    few = class_probe_table({"latents": features["latents"][:15]}, table[["town"]][:15])
    assert few["status"].tolist() == ["few"]
    empty = class_probe_table(features, table[[]])
    assert empty.empty
    assert empty.dtypes.astype(str).to_dict() == COLUMNS


@pytest.mark.parametrize(
    ("recalls", "each"),
    [((1.0, 0.5, 0.0), 0), ((0.95, 0.6, 0.3), 0), ((0.9, 0.6) * 40, 2), ((0.9, 0.6) * 40, 4)],
)
@pytest.mark.parametrize("images", [1, 3])
def test_the_error_of_balanced_accuracy_is_not_the_spread_of_the_classes(
    monkeypatch: pytest.MonkeyPatch, recalls: tuple[float, ...], each: int, images: int
) -> None:
    """Nor less where a class has but few people, each with images that are all right or wrong."""
    random, chance = np.random.default_rng(0), np.array(recalls)
    own = np.repeat(np.arange(80), each) if each else random.choice(3, size=400, p=[0.5, 0.3, 0.2])
    classes, people = np.repeat(own, images), np.repeat(np.arange(len(own)), images)
    n, m = len(classes), len(recalls)

    def answers(_features, own, _train, held):
        right = random.random(n)[people[held]] < chance[own[held]]
        said = np.where(right, own[held], (own[held] + 1) % m)
        return said, said

    monkeypatch.setattr(class_probes, "predicted_classes", answers)
    rows = [
        class_probe({"latents": np.zeros((n, 1))}, classes, people=people if images > 1 else None)
        for _ in range(200)
    ]
    balanced = np.array([row["balanced"] for row in rows])
    ends = np.array([[row["balanced_low"], row["balanced_high"]] for row in rows])
    low, high = (np.log(end / (1.0 - end)) for end in ends.T)
    error = (high - low) / (2.0 * 1.966) * balanced * (1.0 - balanced) / np.sqrt(1.0 + 5.0 / 4.0)
    assert error.mean() == pytest.approx(balanced.std(), rel=0.15)
