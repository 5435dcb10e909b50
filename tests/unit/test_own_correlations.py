"""Rank correlations of numeric attributes: value, interval, people."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata, spearmanr, t

from latent_microscope.custom.correlations import correlation_table
from latent_microscope.seeds import rng as stream

SCORES = ("uniqueness", "originality", "stability", "knn_density", "cls")


def made(n: int, slope: float, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    scores = pd.DataFrame({name: slope * x + random.normal(size=n) for name in SCORES})
    return pd.DataFrame({"age": x}), scores


def test_values_are_those_of_scipy_and_intervals_hold_them() -> None:
    numbers, scores = made(300, 0.5)
    table = correlation_table(numbers, [scores, scores], [0, 1], None, seed=0)
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
def test_interval_and_p_are_those_of_people_drawn_again(sign: int) -> None:
    """Ranks stay those of all samples; Student's t with one less than the people."""
    numbers, scores = made(24, 0.7)
    people = np.repeat(np.arange(8), 3)
    row = correlation_table(numbers, [sign * scores], [0], people, seed=3).iloc[0]
    x, y = rankdata(numbers["age"]), rankdata(sign * scores[row["score"]])
    draws = stream(3, "correlations").multinomial(8, np.full(8, 1 / 8), size=1000)
    drawn = [np.corrcoef(np.repeat([x, y], copies[people], axis=1))[0, 1] for copies in draws]
    spread = np.arctanh(np.clip(drawn, -0.999999, 0.999999)).std(ddof=1) * np.sqrt(8 / 7)
    centre = np.arctanh(spearmanr(x, y)[0])
    reach = t.ppf(0.975, 7) * spread
    assert row["low"] == pytest.approx(np.tanh(centre - reach), abs=1e-9)
    assert row["high"] == pytest.approx(np.tanh(centre + reach), abs=1e-9)
    assert row["p"] == pytest.approx(2 * t.sf(abs(centre) / spread, 7), rel=1e-7)


def test_nothing_is_found_where_nothing_is() -> None:
    wrong = 0
    for seed in range(40):
        numbers, scores = made(80, 0.0, seed)
        table = correlation_table(numbers, [scores], [0], None, seed=seed)
        wrong += int((table["q"] <= 0.05).any())
    assert wrong <= 6


def test_copies_of_people_widen_the_interval() -> None:
    numbers, scores = made(60, 0.5)
    again = [pd.concat([part] * 5, ignore_index=True) for part in (numbers, scores)]
    people = np.tile(np.arange(60), 5)
    alone = correlation_table(numbers, [scores], [0], None, seed=0)
    taken = correlation_table(again[0], [again[1]], [0], people, seed=0)
    naive = correlation_table(again[0], [again[1]], [0], None, seed=0)
    widths = [(t["high"] - t["low"]).mean() for t in (alone, taken, naive)]
    assert abs(widths[1] / widths[0] - 1) < 0.1
    assert widths[2] < 0.6 * widths[0]
    assert taken["units"].tolist() == [60] * 5


def test_few_people_are_no_evidence() -> None:
    """Ages and scores differ from person to person, and have nothing to do with each other."""
    wrong = np.zeros(3)
    for seed in range(60):
        random = np.random.default_rng(seed)
        for place, count in enumerate((2, 3, 6)):
            people = np.arange(60) % count
            age = random.normal(size=count)[people] + random.normal(size=60)
            score = random.normal(size=count)[people] + random.normal(size=60)
            scores = pd.DataFrame(dict.fromkeys(SCORES, score))
            table = correlation_table(pd.DataFrame({"age": age}), [scores], [0], people, seed=seed)
            wrong[place] += table["p"][0] <= 0.05
    assert (wrong / 60 <= 0.2).all(), wrong
    alone = correlation_table(pd.DataFrame({"age": age}), [scores], [0], people * 0, seed=0)
    assert alone[["low", "high", "p"]].isna().all().all()
    assert set(alone["status"]) == {"not available: needs at least 2 people"}
    assert set(table["status"]) == {""}


def test_without_numbers_the_table_is_empty_and_a_constant_is_undefined() -> None:
    numbers, scores = made(30, 1.0)
    assert correlation_table(numbers[[]], [scores], [0], None, seed=0).empty
    flat = correlation_table(numbers * 0, [scores], [0], None, seed=0)
    assert flat[["spearman", "low", "p", "q"]].isna().all().all()
    assert set(flat["status"]) == {"not available: the attribute or score is constant"}
    two = correlation_table(numbers[:2], [scores[:2]], [0], None, seed=0)
    assert set(two["status"]) == {"not available: needs at least 3 samples"}
