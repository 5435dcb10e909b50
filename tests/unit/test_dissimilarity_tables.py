"""Tables of models beside dissimilarities: intervals, paired tests, annotators, similar RDMs."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import rankdata, spearmanr, t, ttest_1samp, ttest_rel

from latent_microscope.seeds import rng as stream
from latent_microscope.similarity.bootstrap import bootstrap_compare
from latent_microscope.similarity.observers import (
    crossed_intervals,
    observer_ceiling,
    observer_differences,
    observer_draws,
    observer_scores,
)
from latent_microscope.similarity.rdms import RDM
from latent_microscope.statistics.summaries import benjamini_hochberg, holm
from latent_microscope.tables import dissimilarity
from latent_microscope.tables.dissimilarity import (
    annotators_table,
    mean_rdm,
    models_table,
    similarity_table,
)

N, PEOPLE, DRAWS = 12, 5, 60
RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(N, 4))
LABELS = np.arange(N) % 3
MODELS = {
    "good": RDM(pdist(X + 0.3 * RANDOM.normal(size=X.shape)).astype(np.float32)),
    "other": RDM(pdist(X[:, :2]).astype(np.float32)),
    "noise": RDM(pdist(RANDOM.normal(size=X.shape)).astype(np.float32)),
}


def judged(people: int = PEOPLE, missing: float = 0.0) -> list[RDM]:
    random = np.random.default_rng(people)
    every = []
    for _ in range(people):
        values = pdist(X * random.gamma(2.0, 0.5, 4)) * random.lognormal(0.0, 0.3, N * (N - 1) // 2)
        values[random.random(values.size) < missing] = np.nan
        every.append(RDM(values.astype(np.float32)))
    return every


def test_intervals_over_images_and_over_annotators() -> None:
    people = judged()
    table, _ = similarity_table(people, MODELS, None, n_draws=DRAWS, seed=2)
    each = [bootstrap_compare(MODELS, one, n_draws=DRAWS, seed=2, method="rho-a") for one in people]
    points = np.array([one.scores["score"] for one in each])
    drawn = np.mean([one.draws for one in each], axis=0)
    rows = table[table["method"] == "rho-a"]
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(rows["low_images"], low)
    np.testing.assert_allclose(rows["high_images"], high)
    wanted = ttest_1samp(points, 0.0).confidence_interval(0.95)
    np.testing.assert_allclose(rows["low_annotators"], wanted.low)
    np.testing.assert_allclose(rows["high_annotators"], wanted.high)
    np.testing.assert_allclose(rows["value"], points.mean(axis=0), atol=1e-7)
    assert set(rows["generalises_to"]) == {"images and annotators"}
    assert (rows[["status", "annotators_status", "ceiling_status"]] == "").all(axis=None)
    assert (rows["high"] - rows["low"] >= wanted.high - wanted.low - 1e-12).all()


def test_paired_tests_are_those_of_the_differences() -> None:
    people = judged()
    table, found = similarity_table(people, MODELS, LABELS, n_draws=DRAWS, seed=2)
    pairs = [("good", "other"), ("good", "noise"), ("good", "true label"), ("other", "noise")]
    pairs += [("other", "true label"), ("noise", "true label")]
    assert list(zip(found["model_a"], found["model_b"], strict=True)) == pairs
    label = dissimilarity.label_of(LABELS, people[0].ids)
    assert label is not None
    every = MODELS | {"true label": label}
    points, draws = observer_draws(every, people, "rho-a", n_draws=DRAWS, seed=2)
    place = {name: k for k, name in enumerate(every)}
    for row in found.to_dict("records"):
        a, b = place[row["model_a"]], place[row["model_b"]]
        gap, drawn = points[:, a] - points[:, b], draws[:, :, a] - draws[:, :, b]
        paired = ttest_rel(points[:, a], points[:, b])
        assert row["p_annotators"] == pytest.approx(paired.pvalue)
        ends = paired.confidence_interval(0.95)
        assert (row["low_annotators"], row["high_annotators"]) == pytest.approx(
            (ends.low, ends.high)
        )
        whose = stream(2, "bootstrap_observers").integers(0, PEOPLE, (DRAWS, PEOPLE))
        both = np.array([drawn[i, who].mean() for i, who in enumerate(whose)]).var(ddof=1)
        images, others = drawn.mean(axis=1).var(ddof=1), gap.var(ddof=1) / PEOPLE
        least = max(images, others)
        sd = np.sqrt(np.clip(2 * (images + others) - both, least, max(both, least)))
        assert row["sd"] == pytest.approx(sd)
        assert row["p"] == pytest.approx(2 * t.sf(abs(gap.mean()) / sd, PEOPLE - 1))
        assert row["high"] == pytest.approx(gap.mean() + t.ppf(0.975, PEOPLE - 1) * sd)
        beyond = min(np.sum(drawn.mean(axis=1) <= 0), np.sum(drawn.mean(axis=1) >= 0))
        assert row["p_images"] == pytest.approx(min(1.0, 2 * (beyond + 1) / (DRAWS + 1)))
    np.testing.assert_allclose(found["p_adjusted"], holm(found["p"]))
    assert set(found["correction"]) == {"holm"}
    assert found["difference"].iloc[2] == pytest.approx(
        table["value"].iloc[6] - table["label_only"].iloc[6], abs=1e-7
    )
    assert (found["n_pairs"] == N * (N - 1) // 2).all()
    _, other = similarity_table(people, MODELS, LABELS, n_draws=DRAWS, seed=2, correction="bh")
    np.testing.assert_allclose(other["p_adjusted"], benjamini_hochberg(other["p"]))


def test_tests_over_annotators_are_those_of_rsatoolbox() -> None:
    rsatoolbox = pytest.importorskip("rsatoolbox")
    people = judged()
    _, found = similarity_table(people, MODELS, None, n_draws=DRAWS, seed=0)
    data = rsatoolbox.rdm.RDMs(np.array([one.values for one in people], float))
    models = [
        rsatoolbox.model.ModelFixed(name, np.asarray(one.values, float))
        for name, one in MODELS.items()
    ]
    result = rsatoolbox.inference.eval_fixed(models, data, method="rho-a")
    upper = np.triu_indices(3, 1)
    wanted = result.test_pairwise("t-test")[upper]
    np.testing.assert_allclose(found["p_annotators"], wanted, rtol=1e-4)


def test_one_matrix_has_intervals_over_images_only() -> None:
    alone = judged(1)
    table, found = similarity_table(alone, MODELS, None, n_draws=DRAWS, seed=2)
    once = bootstrap_compare(MODELS, alone[0], n_draws=DRAWS, seed=2, method="rho-a")
    rows = table[table["method"] == "rho-a"]
    for ends in (["low", "high"], ["low_images", "high_images"]):
        np.testing.assert_allclose(rows[ends], once.scores[["low", "high"]])
    np.testing.assert_allclose(rows["sd"], once.scores["sd"])
    assert rows[["low_annotators", "high_annotators", "ceiling_lower"]].isna().all(axis=None)
    assert set(rows["generalises_to"]) == {"images"}
    for column in ("annotators_status", "ceiling_status"):
        assert set(rows[column]) == {"not available: needs at least 2 annotators"}
    for column in ("difference", "low", "high", "p", "p_adjusted"):
        np.testing.assert_allclose(found[column], once.differences[column], atol=1e-7)
    assert found["p_annotators"].isna().all()
    assert set(found["correction"]) == {"max-t"}
    assert annotators_table(alone, MODELS)["with_all"].isna().all()


def test_without_draws_nothing_is_tested() -> None:
    table, found = similarity_table(judged(), MODELS, LABELS, n_draws=0, seed=0)
    assert found.empty
    assert {"p_adjusted", "n_pairs", "low_images"} <= set(found.columns)
    assert table["status"].str.contains(r"inference\.draws is 0").all()
    assert table[["low", "high", "low_annotators"]].isna().all(axis=None)
    assert (table["generalises_to"] == "").all()
    assert table["ceiling_upper"].notna().all()


def test_one_model_without_a_label_has_no_pair() -> None:
    one = {"good": MODELS["good"]}
    table, found = similarity_table(judged(), one, np.zeros(N), n_draws=DRAWS, seed=0)
    assert found.empty
    assert table["low"].notna().all()
    with_label = similarity_table(judged(), one, LABELS, n_draws=DRAWS, seed=0)[1]
    assert with_label["model_b"].tolist() == ["true label"]


def test_a_sample_that_cannot_be_scored_is_left_out() -> None:
    points = np.array([[0.1], [0.3], [0.2]])
    draws = np.random.default_rng(0).normal(0.2, 0.1, (50, 3, 1))
    holes = draws.copy()
    holes[4, 1, 0] = holes[9] = np.nan
    found = crossed_intervals(points, holes, seed=0).iloc[0]
    assert np.isfinite(found).all()
    means = np.array([np.nanmean(one) for k, one in enumerate(holes[:, :, 0]) if k != 9])
    assert found["low_images"] == pytest.approx(np.quantile(means, 0.025))
    paired = observer_differences(
        ["a", "b"], np.tile(points, 2), np.tile(holes, 2), seed=0, correction="max-t"
    )
    assert paired["difference"].tolist() == [0.0]
    assert paired["p"].tolist() == [1.0]


def test_agreement_of_annotators_is_the_ceiling() -> None:
    people = judged(missing=0.2)
    table = annotators_table(people, MODELS)
    assert tuple(table[["with_others", "with_all"]].mean()) == pytest.approx(
        observer_ceiling(people, "rho-a")
    )
    known = np.array([np.isfinite(one.values) for one in people])
    assert table["n_pairs"].tolist() == known.sum(axis=1).tolist()
    assert table["n_missing"].tolist() == (~known).sum(axis=1).tolist()
    scores = np.array([observer_scores(MODELS, [one], "rho-a") for one in people])
    assert table["best_model"].tolist() == [list(MODELS)[k] for k in scores.argmax(axis=1)]
    np.testing.assert_allclose(table["best_value"], scores.max(axis=1))


def test_every_two_rdms_over_the_pairs_that_both_have() -> None:
    people = judged(missing=0.3)
    table = models_table(people, MODELS, LABELS).set_index(["model_a", "model_b"])
    names = ["human", *MODELS, "true label", *(f"annotator {k}" for k in range(1, PEOPLE + 1))]
    assert table.index.get_level_values(0).unique().tolist() == names
    assert len(table) == len(names) ** 2
    both = np.isfinite(people[0].values) & np.isfinite(people[3].values)
    row: Any = table.loc[("annotator 4", "annotator 1")]
    assert row["n_pairs"] == both.sum()
    wanted = spearmanr(people[0].values[both], people[3].values[both]).statistic
    assert row["value"] == pytest.approx(wanted)
    alone = models_table(people[:1], MODELS, None)
    assert alone["model_a"].unique().tolist() == ["human", *MODELS]


def test_what_annotators_have_in_common_is_their_mean_rank() -> None:
    people = judged()
    ranks = np.mean([rankdata(one.values) for one in people], axis=0)
    np.testing.assert_allclose(mean_rdm(people).values, ranks, rtol=1e-6)
    assert mean_rdm(people[:1]) is people[0]
    holes = [RDM(np.where(np.arange(66) == 5, np.nan, one.values)) for one in people]
    assert np.flatnonzero(np.isnan(mean_rdm(holes).values)).tolist() == [5]


def test_counts_of_missing_judgements_are_in_every_table() -> None:
    people = judged(missing=0.3)
    known = np.array([np.isfinite(one.values) for one in people])
    for table in similarity_table(people, MODELS, LABELS, n_draws=20, seed=0):
        assert isinstance(table, pd.DataFrame)
        assert (table["n_missing"] == (~known).sum()).all()
        assert (table["n_pairs"] == known.any(axis=0).sum()).all()
        assert (table["n_observers"] == PEOPLE).all()
