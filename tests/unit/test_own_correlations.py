"""Rank correlations of numeric attributes: value, interval, people."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata, spearmanr, t

from latent_microscope.custom.correlations import correlation_table
from latent_microscope.forensics.bias_simulations import people_codes

SCORES = ("uniqueness", "originality", "stability", "knn_density", "cls")


def made(n: int, slope: float, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    scores = pd.DataFrame({name: slope * x + random.normal(size=n) for name in SCORES})
    return pd.DataFrame({"age": x}), scores


def test_values_are_those_of_scipy_and_intervals_hold_them() -> None:
    numbers, scores = made(300, 0.5)
    table = correlation_table(numbers, [scores, scores], [0, 1], None)
    assert table["seed"].tolist() == [0] * 5 + [1] * 5
    for row in table.to_dict("records"):
        wanted = spearmanr(numbers["age"], scores[str(row["score"])])[0]
        assert abs(row["spearman"] - wanted) < 1e-12
        assert row["low"] < wanted < row["high"]
        # Of independent samples the standard error on Fisher's scale is near 1 / sqrt(n - 3).
        width = np.arctanh(row["high"]) - np.arctanh(row["low"])
        assert 0.75 < width / (2 * 1.96 / np.sqrt(297)) < 1.35
    assert (table["q"] < 1e-6).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_interval_and_p_are_those_of_sums_within_people(sign: int) -> None:
    """Fisher's z moves by the influence of each sample; Student's t with one less than people."""
    numbers, scores = made(120, 0.7)
    people = np.repeat(np.arange(40), 3)
    row = correlation_table(numbers, [sign * scores], [0], people).iloc[0]
    x, y = (
        (rankdata(part) - 60.5) / rankdata(part).std()
        for part in (numbers["age"], sign * scores[row["score"]])
    )
    r = float(np.mean(x * y))
    moved = (x * y - r * (x**2 + y**2) / 2) / (1 - r**2)
    within = [np.corrcoef(moved.reshape(40, 3)[:, pair], rowvar=False)[0, 1]
              for pair in ([0, 1], [0, 2], [1, 2])]  # fmt: skip
    robust = np.sum(moved.reshape(40, 3).sum(axis=1) ** 2) / 120**2 * 40 / 39
    working = (1 + 2 * max(np.mean(within), 0)) / 120
    spread = np.sqrt(max(robust, working))
    centre = np.arctanh(spearmanr(x, y)[0])
    width = np.arctanh(row["high"]) - np.arctanh(row["low"])
    assert width == pytest.approx(2 * t.ppf(0.975, 39) * spread * np.sqrt(39 / 37), rel=0.03)
    assert np.arctanh(row["high"]) + np.arctanh(row["low"]) == pytest.approx(2 * centre)
    assert row["p"] < 1e-3


@pytest.mark.parametrize(
    ("kind", "count", "least"),
    [("ten", 9, 0.0), ("twenty", 9, 0.9), ("celeba", 0, 1.0), ("ranked", 0, 0.0), ("half", 0, 0.0)],
)
def test_false_alarms_are_rare_whatever_the_people(kind: str, count: int, least: float) -> None:
    """As many people as covariates, or one with half of the samples, leave no interval."""
    alarms: list[bool] = []
    known: list[bool] = []
    for seed in range(30):
        random = np.random.default_rng(seed)
        codes = np.arange(200) % 10 if kind == "ten" else people_codes(300, kind, random)
        values = np.sqrt(0.8) * random.normal(size=(codes.max() + 1, 12 + count))[codes]
        values += np.sqrt(0.2) * random.normal(size=values.shape)
        table = correlation_table(
            pd.DataFrame(values[:, :6]).add_prefix("a"),
            [pd.DataFrame(values[:, 6:12]).add_prefix("s")],
            [0],
            codes,
            covariates=pd.DataFrame(values[:, 12:]) if count else None,
        )
        low, high = ("partial_low", "partial_high") if count else ("low", "high")
        alarms += ((table[low] > 0) | (table[high] < 0)).tolist()
        known += table[low].notna().tolist()
        outside = (table["low"] > 0) | (table["high"] < 0)
        assert (outside == (table["p"] <= 0.05)).all()
    assert np.mean(known) >= least if least else not any(known)
    assert np.mean(alarms) < 0.07


def test_a_perfect_correlation_has_an_interval() -> None:
    numbers, _ = made(50, 0.0)
    row = correlation_table(numbers, [numbers.rename(columns={"age": "cls"})], [0], None).iloc[0]
    assert row["spearman"] == pytest.approx(1.0)
    assert 0.99 < row["low"] < row["high"] <= 1.0
    assert row["p"] < 1e-20


def test_nothing_is_found_where_nothing_is() -> None:
    wrong = 0
    for seed in range(40):
        numbers, scores = made(80, 0.0, seed)
        table = correlation_table(numbers, [scores], [0], None)
        wrong += int((table["q"] <= 0.05).any())
    assert wrong <= 6


def test_copies_of_people_widen_the_interval() -> None:
    numbers, scores = made(60, 0.5)
    again = [pd.concat([part] * 5, ignore_index=True) for part in (numbers, scores)]
    people = np.tile(np.arange(60), 5)
    alone = correlation_table(numbers, [scores], [0], None)
    taken = correlation_table(again[0], [again[1]], [0], people)
    naive = correlation_table(again[0], [again[1]], [0], None)
    widths = [(t["high"] - t["low"]).mean() for t in (alone, taken, naive)]
    assert abs(widths[1] / widths[0] - 1) < 0.1
    assert widths[2] < 0.6 * widths[0]
    assert taken["units"].tolist() == [60] * 5


def test_few_people_are_no_evidence() -> None:
    """Ages and scores differ from person to person, and have nothing to do with each other."""
    wrong = np.zeros(2)
    for seed in range(60):
        random = np.random.default_rng(seed)
        for place, count in enumerate((7, 6)):
            people = np.arange(60) % count
            age = random.normal(size=count)[people] + random.normal(size=60)
            score = random.normal(size=count)[people] + random.normal(size=60)
            scores = pd.DataFrame(dict.fromkeys(SCORES, score))
            table = correlation_table(pd.DataFrame({"age": age}), [scores], [0], people)
            wrong[place] += table["p"][0] <= 0.05
    assert wrong[0] <= 6
    alone = correlation_table(pd.DataFrame({"age": age}), [scores], [0], people * 0)
    assert alone[["low", "high", "p"]].isna().all().all()
    needed = "not available: needs at least 7 people, none with most of the samples"
    assert set(alone["status"]) == set(table["status"]) == {needed}
    assert table[["low", "high", "p"]].isna().all().all()


def test_without_numbers_the_table_is_empty_and_a_constant_is_undefined() -> None:
    numbers, scores = made(30, 1.0)
    assert correlation_table(numbers[[]], [scores], [0], None).empty
    flat = correlation_table(numbers * 0, [scores], [0], None)
    assert flat[["spearman", "low", "p", "q"]].isna().all().all()
    assert set(flat["status"]) == {"not available: the attribute or score is constant"}
    two = correlation_table(numbers[:2], [scores[:2]], [0], None)
    assert set(two["status"]) == {"not available: needs at least 3 samples"}
