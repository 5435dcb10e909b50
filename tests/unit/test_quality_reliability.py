"""Agreement of rankings: against scipy and brute force, known answers, and what noise gives."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import friedmanchisquare, rankdata, spearmanr
from scipy.stats import t as t_distribution

from latent_microscope.commands.results import default_settings
from latent_microscope.errors import InputError
from latent_microscope.forensics import reliability as measured
from latent_microscope.forensics.rankings import creative_latent_score
from latent_microscope.forensics.reliability import (
    chance_jaccard,
    intra_class,
    kendall_w,
    list_overlaps,
    noise_ranks,
    pairs_of,
    percentiles,
    prediction_band,
    rank_correlations,
    repeatability,
    top_rows,
)
from latent_microscope.forensics.restarts import (
    reference_uniqueness,
    run_column_orders,
    run_restart_scores,
)
from latent_microscope.forensics.sample_scores import uniqueness
from latent_microscope.forensics.scoring import run_scores
from latent_microscope.forensics.sources import fit_sources, run_sources, unmix
from latent_microscope.seeds import derive
from latent_microscope.seeds import rng as rng_of
from latent_microscope.tables.reliability import (
    COLUMN_ORDER,
    NOISE_DRAWS,
    column_orders,
    gather,
    reliability_table,
    score_intervals,
)


def repeats(n=400, m=4, share=0.8, seed=0):
    """Signal plus independent noise: the correlation of two columns is ``share``."""
    rng = np.random.default_rng(seed)
    signal, noise = rng.normal(size=(n, 1)), rng.normal(size=(n, m))
    return np.sqrt(share) * signal + np.sqrt(1 - share) * noise


def test_rank_correlations_are_spearmans():
    scores = repeats()
    scores[:9, 1] = scores[9, 1]  # ties
    pairs = list(combinations(range(4), 2))
    expected = [spearmanr(scores[:, a], scores[:, b]).statistic for a, b in pairs]
    np.testing.assert_allclose(rank_correlations(percentiles(scores), pairs), expected, rtol=1e-12)
    constant = np.column_stack([np.ones(5), np.arange(5.0)])
    assert np.isnan(rank_correlations(percentiles(constant), [(0, 1)])).all()


def test_percentiles_run_from_0_to_100_and_ties_share():
    np.testing.assert_allclose(
        percentiles(np.array([[3.0], [1.0], [2.0], [2.0], [9.0]]))[:, 0], [75, 0, 37.5, 37.5, 100]
    )


def test_pairs_within_and_between_groups():
    assert pairs_of([0, 0, 1], within=True) == [(0, 1)]
    assert pairs_of([0, 0, 1], within=False) == [(0, 2), (1, 2)]


def test_lists_and_what_chance_gives():
    scores = np.array([[4.0, 1], [3, 9], [2, 8], [1, 7], [0, 0]])
    shared, jaccard = list_overlaps(top_rows(scores, 2), [(0, 1)])
    assert (shared[0], jaccard[0]) == (0.5, 1 / 3)
    lowest = top_rows(scores, 2, largest=False)
    assert [rows.tolist() for rows in lowest] == [[3, 4], [0, 4]]
    rng = np.random.default_rng(0)
    made = []
    for _ in range(3000):
        a, b = (set(rng.permutation(30)[:12]) for _ in range(2))
        made.append(len(a & b) / len(a | b))
    assert chance_jaccard(30, 12) == pytest.approx(np.mean(made), abs=0.006)
    assert chance_jaccard(10, 10) == pytest.approx(1.0)


def test_kendall_w_is_friedmans_and_matches_spearman():
    scores = repeats(n=60)
    n, m = scores.shape
    statistic = friedmanchisquare(*scores).statistic  # samples are the treatments
    assert kendall_w(scores) == pytest.approx(statistic / (m * (n - 1)), rel=1e-9)
    rho = np.mean([spearmanr(scores[:, a], scores[:, b])[0] for a, b in combinations(range(m), 2)])
    assert rho == pytest.approx((m * kendall_w(scores) - 1) / (m - 1), rel=1e-9)
    tied = np.round(scores)
    statistic = friedmanchisquare(*tied).statistic
    assert kendall_w(tied) == pytest.approx(statistic / (m * (n - 1)), rel=1e-9)
    assert np.isnan(kendall_w(scores[:, :1]))


def test_icc_of_shrout_and_fleiss():
    """Six targets, four judges: ICC(3,1) 0.71, ICC(3,4) 0.91 (Shrout and Fleiss 1979, Table 4)."""
    ratings = np.array(
        [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    )
    assert intra_class(ratings) == pytest.approx((0.7148, 0.9093), abs=1e-4)
    assert np.isnan(intra_class(ratings[:, :1])).all()
    assert intra_class(np.column_stack([ratings[:, 0], ratings[:, 0] + 3])) == (1.0, 1.0)


def test_icc_is_the_share_of_signal():
    assert intra_class(repeats(n=4000, m=3, share=0.7))[0] == pytest.approx(0.7, abs=0.02)


def test_interval_of_repeatability_is_that_of_spearmans_coefficient():
    # Two replicates without ties: the ICC of percentiles is Spearman's correlation.
    scores = repeats(n=3000, m=2, share=0.6)
    found = repeatability([scores])
    assert found.single == pytest.approx(spearmanr(*scores.T).statistic, abs=1e-12)
    # Standard error of its z, from the same two normal variables drawn again and again.
    drawn = [spearmanr(*repeats(3000, 2, 0.6, seed).T).statistic for seed in range(1, 400)]
    expected = np.std(np.arctanh(drawn)) * t_distribution.ppf(0.975, 49)
    half = (np.arctanh(found.high) - np.arctanh(found.low)) / 2
    assert half == pytest.approx(expected, rel=0.3)
    assert np.arctanh(found.low) + half == pytest.approx(np.arctanh(found.single))
    few = repeats(n=12, m=2, share=0.6)
    without = [spearmanr(*np.delete(few, k, axis=0).T).statistic for k in range(12)]
    error = np.sqrt(11 * np.var(np.arctanh(without)))  # Efron's jackknife
    ends = np.arctanh(spearmanr(*few.T).statistic) + np.array([-1, 1]) * 2.20099 * error
    found_few = repeatability([few])
    assert (found_few.low, found_few.high) == pytest.approx(tuple(np.tanh(ends)), rel=1e-5)
    same = repeatability([np.column_stack([scores[:, 0], scores[:, 0]])])
    assert (same.single, same.low, same.high) == pytest.approx((1.0, 1.0, 1.0))
    two = repeatability([scores, repeats(n=3000, m=3, share=0.9)])
    assert found.single < two.low < two.single < two.high < 0.9
    assert np.isnan(repeatability([]).low)


def test_interval_of_repeatability_of_tied_scores():
    scores = repeats(n=30, m=3, share=0.6).round()
    assert len(np.unique(scores)) < 10
    singles = [intra_class(percentiles(np.delete(scores, k, axis=0)))[0] for k in range(30)]
    spread = np.sqrt(29 * np.var(np.arctanh(singles))) * t_distribution.ppf(0.975, 29)
    centre = np.arctanh(intra_class(percentiles(scores))[0])
    found = repeatability([scores])
    ends = np.tanh([centre - spread, centre + spread])
    assert (found.low, found.high) == pytest.approx(tuple(ends), rel=1e-12)


def test_nothing_agrees_where_nothing_varies():
    assert np.isnan(intra_class(np.ones((5, 3)))).all()


def test_band_holds_a_further_replicate():
    scores = repeats(n=5000, m=3, share=0.6)
    ranks = percentiles(scores)
    centres, low, high = prediction_band(ranks[:, :2], [(0, 1)])
    inside = np.interp(ranks[:, 0], centres, low) <= ranks[:, 2]
    inside &= ranks[:, 2] <= np.interp(ranks[:, 0], centres, high)
    assert inside.mean() == pytest.approx(0.95, abs=0.015)
    assert [part.size for part in prediction_band(ranks, [])] == [0, 0, 0]
    for level in (-0.5, 1.5):
        with pytest.raises(InputError, match="level"):
            prediction_band(ranks, [(0, 1)], level=level)
    # Places: five at least, fifty at most.
    assert prediction_band(ranks[:30, :2], [(0, 1)])[0].tolist() == [10.0, 30.0, 50.0, 70.0, 90.0]
    assert len(centres) == 50
    # Forty values are at ranks 1 to 41 of 41: the 2.5 % quantile lies just above the least of them.
    even = np.column_stack([np.linspace(0, 100, 20), np.linspace(100, 0, 20)])
    middle = [end[2] for end in prediction_band(even, [(0, 1)])]
    assert middle == pytest.approx([50.0, 50.0, 50.0])


@pytest.mark.parametrize(("n", "width"), [(30, 34), (120, 24), (600, 21)])
def test_the_band_of_few_samples_is_as_narrow_as_that_of_many(n, width):
    inside, widths = [], []
    for seed in range(12):
        ranks = percentiles(repeats(n=n, m=3, share=0.99, seed=seed))
        centres, low, high = prediction_band(ranks[:, :2], [(0, 1)])
        ends = [np.interp(ranks[:, 0], centres, end) for end in (low, high)]
        inside.append(((ends[0] <= ranks[:, 2]) & (ranks[:, 2] <= ends[1])).mean())
        widths.append(np.median(ends[1] - ends[0]))
    assert 0.92 < np.mean(inside) < 0.985
    assert np.mean(widths) < width  # 17 of 5,000 samples


def test_noise_keeps_groups_together_and_breaks_them_apart():
    ranks = percentiles(repeats(n=2000, m=4, share=0.9))
    shuffled = noise_ranks(ranks, [0, 0, 1, 1], np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(shuffled, axis=0), np.sort(ranks, axis=0))
    pairs = [(0, 1), (2, 3)]
    np.testing.assert_allclose(
        rank_correlations(shuffled, pairs), rank_correlations(ranks, pairs), rtol=1e-12
    )
    assert np.abs(rank_correlations(shuffled, [(0, 2), (1, 3)])).max() < 0.1


@pytest.mark.parametrize("variant", ["script", "notebook"])
def test_all_rows_as_reference_give_uniqueness_itself(variant):
    sources = np.random.default_rng(3).laplace(size=(300, 6))
    exact = uniqueness(sources, variant)
    np.testing.assert_allclose(
        reference_uniqueness(sources, np.arange(300), variant), exact, rtol=1e-6
    )
    some = np.sort(np.random.default_rng(0).choice(300, 150, replace=False))
    assert spearmanr(reference_uniqueness(sources, some, variant), exact).statistic > 0.995


def test_unmixings_give_the_sources_of_their_restart():
    rng = np.random.default_rng(5)
    latents = rng.laplace(size=(500, 4)) @ rng.normal(size=(4, 6)) * 3 + 7
    latents[:, 5] = 2.5  # constant
    fit = fit_sources(latents, 3, n_restarts=3, seed=2, max_rows=400)
    best = int(fit.restarts["restart"][fit.restarts["chosen"]].item())
    assert fit.unmixings.shape == (3, 3, 7)
    np.testing.assert_allclose(unmix(latents, fit.unmixings[best]), fit.sources, atol=1e-9)
    fit.unmixings[1] = np.nan
    ids = np.arange(500).astype(str).astype(object)
    scores = run_restart_scores(latents, ids, fit.restarts, fit.unmixings, root_seed=0)
    assert scores["restart_1"].isna().all()
    np.testing.assert_allclose(scores[f"restart_{best}"], uniqueness(fit.sources), rtol=1e-6)
    with pytest.raises(InputError, match="dimensions"):
        unmix(latents[:, :4], fit.unmixings[0])


def runs(shares, n=300, seeds=(0, 1), restarts=3) -> tuple[Any, Any, Any]:
    """Scores of runs; ``shares``: what the runs share of each score."""
    rng = np.random.default_rng(9)
    ids = [f"{i:04d}" for i in range(n)]
    signal = {name: rng.normal(size=n) for name in shares}
    tables, restart_tables = [], []
    for seed in seeds:
        table = pd.DataFrame({"id": ids})
        for name, share in shares.items():
            table[name] = np.sqrt(share) * signal[name] + np.sqrt(1 - share) * rng.normal(size=n)
        u = table["uniqueness"].to_numpy()
        table["cls"] = creative_latent_score(u, table["originality"].to_numpy(), 0.5)
        extra = pd.DataFrame({"id": ids, "chosen": 0})
        for r in range(restarts):
            extra[f"restart_{r}"] = u + 0.3 * (r > 0) * rng.normal(size=n)
        tables.append(table.sample(frac=1, random_state=seed))  # joined by id
        restart_tables.append(extra)
    return tables, restart_tables, list(seeds)


SHARES = {"uniqueness": 0.9, "originality": 0.8, "stability": 0.1}
LISTS = {
    "uniqueness": (30, True),
    "originality": (20, False),
    "stability": (30, True),
    "cls": (30, True),
}


def test_table_of_a_study():
    _, replicates = gather(*runs(SHARES), 0.5)
    table: Any = reliability_table(replicates, LISTS).set_index(["score", "over"])
    assert table.index.tolist() == [
        ("uniqueness", "VAE seeds"), ("uniqueness", "ICA restarts"), ("uniqueness", "both"),
        ("originality", "VAE seeds"), ("stability", "VAE seeds"), ("cls", "VAE seeds"),
        ("cls", "ICA restarts"), ("cls", "both"),
    ]  # fmt: skip
    assert table["pairs"].tolist() == [1, 6, 9, 1, 1, 1, 6, 9]
    stability = table.loc[("stability", "VAE seeds")]
    assert stability["status"] == "mostly noise"
    assert "more than half" in stability["note"]
    values = replicates["stability"].values
    assert stability["spearman_mean"] == pytest.approx(spearmanr(*values.T).statistic)
    assert stability["spearman_mean"] < 0.3
    assert table.loc[("originality", "VAE seeds"), "list"] == "lowest 20"
    assert table.loc[("uniqueness", "VAE seeds"), "status"] == "ok"
    assert np.isnan(table.loc[("uniqueness", "both"), "icc"])
    within = [spearmanr(block[:, a], block[:, b]).statistic
              for block in np.split(replicates["uniqueness"].values, 2, axis=1)
              for a, b in combinations(range(3), 2)]  # fmt: skip
    assert table.loc[("uniqueness", "ICA restarts"), "spearman_mean"] == pytest.approx(
        np.mean(within)
    )


def test_column_orders_are_compared_within_a_vae():
    scores, restarts, seeds = runs(SHARES)
    ids, replicates = gather(scores, restarts, seeds, 0.5)
    rng = np.random.default_rng(1)
    moved = []
    for own in scores:
        parts = [own.assign(order=k, stability=-own["stability"]) for k in (1, 2)]
        parts[0]["uniqueness"] += 0.5 * rng.normal(size=len(own))
        moved.append(pd.concat(parts).drop(columns="cls").sample(frac=1, random_state=0))
    orders = column_orders(ids, scores, moved, seeds)
    assert list(orders) == ["uniqueness", "originality", "stability"]
    assert orders["stability"].seeds.tolist() == [0, 0, 0, 1, 1, 1]
    assert orders["stability"].chosen.tolist() == [True, False, False] * 2
    table: Any = reliability_table(replicates, LISTS, orders).set_index(["score", "over"])
    assert ("cls", COLUMN_ORDER) not in table.index
    assert ("stability", COLUMN_ORDER) not in table.index
    assert table.loc[("originality", COLUMN_ORDER), "pairs"] == 6
    assert table.loc[("originality", COLUMN_ORDER), "spearman_min"] == pytest.approx(1.0)
    assert table.loc[("stability", NOISE_DRAWS), "spearman_mean"] == pytest.approx(-1 / 3)
    u = orders["uniqueness"].values
    wanted = [spearmanr(u[:, a], u[:, b]).statistic for a, b in ((0, 1), (0, 2), (1, 2))]
    wanted += [spearmanr(u[:, a], u[:, b]).statistic for a, b in ((3, 4), (3, 5), (4, 5))]
    assert table.loc[("uniqueness", COLUMN_ORDER), "spearman_mean"] == pytest.approx(
        np.mean(wanted)
    )
    without: Any = reliability_table(replicates, LISTS).set_index(["score", "over"])
    kept = table.drop(index=[COLUMN_ORDER, NOISE_DRAWS], level="over")
    pd.testing.assert_frame_equal(kept, without)


def test_scores_of_columns_in_another_order():
    rng = np.random.default_rng(5)
    z = rng.laplace(size=(120, 4)) @ rng.normal(size=(4, 6))
    ids = np.array([f"{i:03d}" for i in range(120)], dtype=object)
    given = default_settings({"embeddings": {"file": "z.npy"}}, seed=3, sources={"restarts": 2})
    settings = given.study["sources"], given.study["scores"]
    found = run_column_orders(z, ids, *settings, 2, root_seed=3)
    assert list(found) == ["id", "order", "uniqueness", "originality", "stability", "cls"]
    assert found["order"].tolist() == [1] * 120 + [2] * 120
    assert found["id"].tolist() == [*ids, *ids]
    fit = run_sources(z, settings[0], root_seed=3)
    own, _ = run_scores(fit.sources, z, ids, fit.restarts, settings[1], root_seed=3)
    for _, part in found.groupby("order"):
        np.testing.assert_allclose(part["originality"], own["originality"], rtol=1e-9)
        assert not np.allclose(part["stability"], own["stability"], rtol=1e-12, atol=0)
        np.testing.assert_allclose(part["stability"], own["stability"], rtol=1e-2)
    first, second = (part["stability"].to_numpy() for _, part in found.groupby("order"))
    assert not np.array_equal(first, second)
    with pytest.raises(InputError, match="orders"):
        run_column_orders(z, ids, *settings, 0, root_seed=3)
    columns = rng_of(derive(3, "score_column_orders", 0), 1).permutation(6)
    moved = np.ascontiguousarray(z[:, columns])
    fit = run_sources(moved, settings[0], root_seed=3)
    table, _ = run_scores(fit.sources, moved, ids, fit.restarts, settings[1], root_seed=3)
    for name in ("uniqueness", "originality", "cls"):
        np.testing.assert_allclose(found[name][:120], table[name], rtol=1e-9)


@pytest.mark.parametrize("variant", ["script", "notebook"])
def test_column_orders_of_many_samples_compare_with_some_rows(monkeypatch, variant):
    rng = np.random.default_rng(6)
    z, ids = rng.laplace(size=(400, 5)), np.arange(400).astype(str).astype(object)
    given = default_settings({"embeddings": {"file": "z.npy"}}, seed=3, sources={"restarts": 1})
    settings = given.study["sources"], given.study["scores"] | {"variant": variant}
    exact = run_column_orders(z, ids, *settings, root_seed=3)
    monkeypatch.setattr("latent_microscope.forensics.restarts._EXACT_ROWS", 300)
    monkeypatch.setattr("latent_microscope.forensics.restarts._REFERENCE_ROWS", 100)
    some = run_column_orders(z, ids, *settings, root_seed=3)
    assert not np.allclose(some["uniqueness"], exact["uniqueness"], rtol=1e-6)
    assert spearmanr(some["uniqueness"], exact["uniqueness"]).statistic > 0.99
    same = ["id", "order", "originality", "stability"]
    pd.testing.assert_frame_equal(some[same], exact[same])


def test_intervals_of_a_study():
    ids, replicates = gather(*runs(SHARES), 0.5)
    table: Any = score_intervals(ids, replicates, seed=1)
    assert len(table) == 4 * len(ids)
    u = table[table["score"] == "uniqueness"]
    ranks = (rankdata(replicates["uniqueness"].values, axis=0) - 1) / (len(ids) - 1) * 100
    np.testing.assert_allclose(u["low"], ranks.min(axis=1))
    np.testing.assert_allclose(u["median"], np.median(ranks, axis=1))
    assert (u["replicates"].iloc[0], u["vaes"].iloc[0]) == (6, 2)
    wide = table.assign(width=table["high"] - table["low"]).groupby("score")["width"].median()
    noise = (table["noise_high"] - table["noise_low"]).groupby(table["score"]).median()
    assert wide["uniqueness"] < 0.7 * noise["uniqueness"]
    assert wide["stability"] > 0.7 * noise["stability"]
    pd.testing.assert_frame_equal(table, score_intervals(ids, replicates, seed=1))


def test_one_seed_says_that_nothing_is_known():
    ids, replicates = gather(*runs(SHARES, seeds=(4,)), 0.5)
    table: Any = reliability_table(replicates, LISTS).set_index(["score", "over"])
    assert table.loc[("originality", "VAE seeds"), "status"] == "unknown"
    assert np.isnan(table.loc[("originality", "VAE seeds"), "spearman_mean"])
    assert table.loc[("uniqueness", "both"), "status"] == "unknown"
    assert table.loc[("uniqueness", "ICA restarts"), "pairs"] == 3
    intervals: Any = score_intervals(ids, replicates, seed=1).set_index("score")
    assert intervals.loc["originality", ["low", "high", "next_low", "noise_low"]].isna().all().all()
    assert intervals.loc["uniqueness", "low"].notna().all()
    assert intervals.loc["uniqueness", "next_low"].isna().all()


def test_runs_of_other_samples_are_refused():
    scores, restarts, seeds = runs(SHARES)
    scores[1] = scores[1].iloc[1:]
    with pytest.raises(InputError):
        gather(scores, restarts, seeds, 0.5)
    with pytest.raises(InputError, match="one of each"):
        gather(scores[:1], restarts, seeds, 0.5)


def test_ties_at_the_end_of_a_list_do_not_look_repeatable():
    rng = np.random.default_rng(0)
    rare = (rng.random((1000, 3)) < 0.05).astype(float)
    shared, _ = list_overlaps(top_rows(rare, 100), pairs_of([0, 1, 2], within=False))
    assert shared.max() < 0.2
    constant, _ = list_overlaps(top_rows(np.ones((1000, 2)), 100), [(0, 1)])
    assert constant[0] == pytest.approx(0.1, abs=0.07)


def test_a_band_of_many_values_is_read_from_some_of_them(monkeypatch):
    ranks = percentiles(repeats(n=3000))
    pairs = pairs_of(range(ranks.shape[1]), within=False)
    _, low, high = prediction_band(ranks, pairs)
    monkeypatch.setattr(measured, "_MOST_VALUES", 5000)
    _, some_low, some_high = prediction_band(ranks, pairs)
    np.testing.assert_allclose(some_high - some_low, high - low, rtol=0.35)
    np.testing.assert_allclose((some_high - some_low).mean(), (high - low).mean(), rtol=0.05)
