"""Profiles layer by layer, class-level distances, and maps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from saving import saved  # type: ignore[import-not-found]
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr

from formulas import rho_a  # type: ignore[import-not-found]
from latent_microscope.errors import InputError
from latent_microscope.io.inputs import HumanVotes
from latent_microscope.plots.matrices import classical_scaling, leaf_order, onto
from latent_microscope.plots.rdms import class_order, dendrogram_order, panel_columns
from latent_microscope.similarity.rdms import RDM, rdm
from latent_microscope.tables.layers import _ceilings as ceilings
from latent_microscope.tables.layers import (
    balanced,
    joined_profiles,
    layer_profile,
    tabulate_layers,
)
from latent_microscope.tables.rsa import class_distances, class_means


def test_balanced_takes_the_first_of_each_class() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 0, 2, 2, 1])
    assert balanced(labels, 6).tolist() == [0, 1, 4, 5, 6, 8]
    assert balanced(labels, 100).tolist() == list(range(11))
    counts = np.bincount(labels[balanced(labels, 8)])
    assert counts.max() - counts.min() <= 1


def some_votes(n: int = 60) -> HumanVotes:
    rng = np.random.default_rng(5)
    labels = np.arange(n) % 3
    shares = 0.2 / 2 + (0.8 - 0.1) * np.eye(3)[labels]
    counts = np.array([rng.multinomial(50, row / row.sum()) for row in shares])
    ids = np.array([f"i{k:03d}" for k in range(n)], dtype=object)
    return HumanVotes(ids, labels, ["a", "b", "c"], counts)


def test_profile_is_the_correlation_of_each_layer() -> None:
    votes = some_votes()
    rng = np.random.default_rng(1)
    shares = votes.answers / 50.0
    layers = {"pixels": rng.normal(size=(60, 5)), "last": shares + rng.normal(0, 0.05, (60, 3))}
    files = [(name, array.astype(np.float32)) for name, array in layers.items()]
    table = layer_profile(files, votes, "euclidean")
    assert table["layer"].tolist() == ["pixels", "last"]
    assert table["depth"].tolist() == [0.0, 1.0]
    assert table["width"].tolist() == [5, 3]
    human = pdist(shares).astype(np.float32)
    same = pdist(votes.labels[:, None]) == 0
    for row, (name, _) in zip(table.itertuples(), files, strict=True):
        theirs = pdist(layers[name].astype(np.float32)).astype(np.float32)
        assert row.spearman == pytest.approx(spearmanr(human, theirs).statistic, abs=1e-4)
        assert row.value == pytest.approx(rho_a(human, theirs), abs=1e-4)
        within = rho_a(human[same], theirs[same])
        assert row.within_class_rho_a == pytest.approx(within, abs=1e-3)
    assert table["value"][1] > table["label_only"][1] > table["value"][0]


def test_layers_table_has_means_ceilings_and_notes(tmp_path: Path) -> None:
    votes = some_votes()
    x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    one = layer_profile([("x", x)], votes)
    runs = [joined_profiles([one.assign(value=v)], "net", seed) for seed, v in ((0, 0.2), (1, 0.4))]
    names = np.asarray(votes.classes)[votes.labels]
    samples = pd.DataFrame({"id": votes.ids, "label": votes.labels, "label_name": names})
    counts = pd.DataFrame(votes.answers, columns=votes.classes).assign(id=votes.ids)
    *profiles, judged, known = saved(tmp_path, *runs, counts, samples)
    people = {"votes": judged, "samples": known}
    table = tabulate_layers(
        profiles=profiles, **people, wanted=100, splits=3, notes={"net": "random weights"}
    )
    row = table.iloc[0]
    assert (row["model"], row["n"], row["note"]) == ("net", 2, "random weights")
    assert row["value_mean"] == pytest.approx(0.3)
    assert row["value_sd"] == pytest.approx(np.std([0.2, 0.4], ddof=1))
    assert 0 < row["value_ceiling_lower"] < row["value_ceiling_upper"] <= 1
    assert row["partial_label_ceiling_lower"] < row["value_ceiling_lower"]
    with pytest.raises(InputError, match="of 30"):
        tabulate_layers(profiles=profiles, **people, wanted=30)
    with pytest.raises(InputError, match="no profile"):
        tabulate_layers(profiles=[], **people, wanted=30)


def test_class_means_and_distances() -> None:
    rng = np.random.default_rng(2)
    features, labels = rng.normal(size=(1201, 4)), rng.integers(0, 3, 1201)
    means = class_means(features, labels)
    expected = np.stack([features[labels == k].mean(0) for k in range(3)])
    np.testing.assert_allclose(means, expected)
    soft = np.exp(features) / np.exp(features).sum(1, keepdims=True)
    np.testing.assert_allclose(
        class_means(features, labels, "softmax"),
        np.stack([soft[labels == k].mean(0) for k in range(3)]),
    )
    table = class_distances(means, ["a", "b", "c"], "euclidean")
    assert list(zip(table["class_a"], table["class_b"], strict=True)) == [
        ("a", "b"), ("a", "c"), ("b", "c")
    ]  # fmt: skip
    np.testing.assert_allclose(table["value"], pdist(expected), rtol=1e-5)
    assert class_distances(np.ones((3, 4)), ["a", "b", "c"], "correlation")["value"].isna().all()
    with pytest.raises(InputError, match="class 1"):
        class_means(features, labels * 2)


def test_classical_scaling_finds_a_plane_again() -> None:
    plane = np.random.default_rng(3).normal(size=(9, 2))
    found, kept = classical_scaling(squareform(pdist(plane)))
    np.testing.assert_allclose(pdist(found), pdist(plane), atol=1e-9)
    assert kept == pytest.approx(1.0)
    back = onto(found, plane - plane.mean(0))
    np.testing.assert_allclose(back, plane - plane.mean(0), atol=1e-9)
    assert classical_scaling(np.zeros((4, 4)))[1] == 0.0


def test_dendrogram_keeps_like_things_together() -> None:
    points = np.array([[0.0], [10.0], [0.1], [10.1], [0.2]])
    order = leaf_order(pdist(points))
    assert {frozenset(order[:3].tolist()), frozenset(order[3:].tolist())} in (
        {frozenset({0, 2, 4}), frozenset({1, 3})},
    ) or {frozenset(order[:2].tolist()), frozenset(order[2:].tolist())} == {
        frozenset({1, 3}),
        frozenset({0, 2, 4}),
    }


def test_dendrogram_order_of_classes_and_images() -> None:
    rng = np.random.default_rng(4)
    centres = np.array([0.0, 50.0, 1.0, 51.0])
    labels = np.repeat(np.arange(4), 6)
    halves = np.tile([0.0, 5.0], 12)  # two groups in each class, mixed
    x = centres[labels] + 0.01 * rng.normal(size=24) + 0.05 * halves
    matrix = rdm(x[:, None], "euclidean", [f"i{k}" for k in range(24)])
    within, classes = dendrogram_order(matrix, labels)
    assert {frozenset(classes[:2].tolist()), frozenset(classes[2:].tolist())} == {
        frozenset({0, 2}),
        frozenset({1, 3}),
    }
    for label in range(4):
        own = within[labels == label]
        assert sorted(own) == list(range(6))
        near = halves[labels == label][np.argsort(own)]
        assert (np.diff(near) != 0).sum() == 1, "the two groups are not kept together"


def test_class_order_by_a_tree() -> None:
    ids = np.array([f"i{k}" for k in range(12)])
    samples = pd.DataFrame({"id": ids, "label": np.arange(12) % 3, "label_name": list("abc") * 4})
    x = np.array([0.0, 9.0, 1.0])[np.arange(12) % 3] + np.linspace(0, 0.1, 12)
    tree = rdm(x[:, None], "euclidean", ids)
    pixel, names, borders = class_order(samples, ids, 12, tree=tree)
    assert names in (["a", "c", "b"], ["b", "c", "a"])
    assert sorted(pixel) == list(range(12))
    for place, name in enumerate(names):
        own = pixel[samples["label_name"].to_numpy() == name]
        assert borders[place] <= own.min() <= own.max() < borders[place + 1]
    turned = class_order(samples, ids[::-1], 12, tree=tree)[0]
    assert (turned[::-1] == pixel).all()
    assert isinstance(tree, RDM)


def test_columns_leave_few_gaps() -> None:
    assert [panel_columns(k) for k in (1, 5, 6, 8, 9, 10, 12)] == [1, 5, 3, 4, 3, 5, 4]


def test_a_class_for_each_image_has_no_pairs_within_classes() -> None:
    votes = some_votes(12)
    alone = replace(votes, labels=np.arange(12), classes=[f"c{k}" for k in range(12)])
    alone = replace(alone, answers=np.random.default_rng(0).multinomial(20, np.ones(12) / 12, 12))
    found = ceilings(alone, "euclidean", 3, 0)
    assert np.isnan(found["within_class_rho_a_ceiling"])
    assert np.isfinite(found["value_ceiling_lower"])
