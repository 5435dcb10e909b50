"""Bias scores: the published formulas, their uncertainty, and resampled identities."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom

from latent_microscope.errors import InputError
from latent_microscope.forensics import attribute_bias_index, stereotypical_bias_score
from latent_microscope.forensics.bias import (
    attribute_bias,
    contingency,
    influence,
    log_estimate,
    log_variance,
    magnitude,
    mid_p,
)
from latent_microscope.forensics.bias_resampling import (
    bootstrap_counts,
    effective_identities,
    expanded_percentiles,
    identity_codes,
    permutation_p,
)
from latent_microscope.statistics.summaries import benjamini_hochberg


def sample(n=400, m=6, seed=0):
    rng = np.random.default_rng(seed)
    members = rng.random(n) < 0.3
    share = np.linspace(0.15, 0.75, m)
    attributes = (rng.random((n, m)) < share + 0.15 * members[:, None]).astype(int)
    return attributes, members


def table_of(a, b, c, d):
    """One attribute with these counts: members with, without; rest with, without."""
    attribute = np.repeat([1, 0, 1, 0], [a, b, c, d])
    members = np.repeat([True, True, False, False], [a, b, c, d])
    return attribute, members


def test_stereotypical_bias_score():
    assert stereotypical_bias_score([0, 0, 1, -1, -1, -1, -1, 2]) == (0.25, 0)
    assert stereotypical_bias_score([-1, -1]) == (0.0, None)
    assert stereotypical_bias_score([5, 5, 3, 3]) == (0.5, 3)
    assert stereotypical_bias_score(np.array([7.0])) == (1.0, 7)
    with pytest.raises(InputError, match=r"labels.*-1"):
        stereotypical_bias_score([0.5, 1.0])
    with pytest.raises(InputError, match="labels has shape"):
        stereotypical_bias_score([])


@pytest.mark.parametrize("definition", ["odds", "ratio"])
def test_values_against_loops(definition):
    attributes, members = sample()
    table = attribute_bias_index(attributes, members, definition)
    for j, row in enumerate(table.to_dict("records")):
        x = attributes[:, j]
        a, b = np.sum(x[members] == 1), np.sum(x[members] == 0)
        c, d = np.sum(x[~members] == 1), np.sum(x[~members] == 0)
        e = 1e-6
        if definition == "odds":
            value = ((a + e) / (b + e)) / ((c + e) / (d + e))
            over, under = 1.15, 0.85
            log_odds = np.log((a + 0.5) * (d + 0.5) / ((b + 0.5) * (c + 0.5)))
            half = 1.959964 * np.sqrt(sum(1 / (cell + 0.5) for cell in (a, b, c, d)))
            assert row["estimate"] == pytest.approx(np.exp(log_odds), rel=1e-9)
            assert row["low"] == pytest.approx(np.exp(log_odds - half), rel=1e-6)
            assert row["high"] == pytest.approx(np.exp(log_odds + half), rel=1e-6)
        else:
            value = x[members].mean() / (x.mean() + 1e-8)
            over, under = 1.10, 0.90
        assert row["value"] == pytest.approx(value, rel=1e-9)
        expected = "over" if value > over else "under" if value < under else "neutral"
        assert row["direction"] == expected
        assert row["status"] == "ok"
        assert row["low"] < row["estimate"] < row["high"]
    assert set(table["direction"]) >= {"over"}
    np.testing.assert_allclose(table["q"], benjamini_hochberg(table["p"]))


def test_columns_and_names():
    attributes, members = sample()
    table = attribute_bias_index(attributes, members)
    assert list(table.columns) == [
        "attribute", "value", "direction", "status", "estimate", "low", "high", "p", "q",
    ]  # fmt: skip
    assert table["attribute"].tolist() == [f"attribute_{j}" for j in range(6)]
    frame = pd.DataFrame(attributes, columns=list("fedcba"))
    assert attribute_bias_index(frame, members)["attribute"].tolist() == list("fedcba")
    named = attribute_bias_index(attributes, members, names=list("uvwxyz"))
    assert named["attribute"].tolist() == list("uvwxyz")


def test_codings_agree():
    attributes, members = sample()
    plain = attribute_bias_index(attributes, members)
    assert attribute_bias_index(2 * attributes - 1, members).equals(plain)
    assert attribute_bias_index(attributes.astype(bool), members).equals(plain)
    assert attribute_bias_index(attributes[:, 0], members)["value"][0] == plain["value"][0]


def test_zero_cells_and_constants():
    zero, members = table_of(0, 10, 50, 40)
    attributes = np.column_stack([zero, np.ones(100), np.zeros(100)])
    table = attribute_bias_index(attributes, members)
    assert table["status"].tolist() == ["zero_cell", "constant", "constant"]
    assert table["direction"].tolist() == ["under", "undefined", "undefined"]
    assert table["value"][0] == pytest.approx(1e-6 * 40 / (10 * 50), rel=1e-4)
    assert table["estimate"][0] == pytest.approx(0.5 * 40.5 / (10.5 * 50.5))
    assert table.loc[1:, ["estimate", "low", "high", "p", "q"]].isna().all(axis=None)
    # Constants are not tested, so they do not count as tests.
    assert table["q"][0] == table["p"][0]
    all_with, members = table_of(10, 0, 50, 40)
    over = attribute_bias_index(all_with, members)
    assert over["value"][0] > 1e6
    assert over["estimate"][0] < 20
    assert over["direction"][0] == "over"


def test_everybody_a_member_is_undefined_and_nobody_an_error():
    attributes, _ = sample()
    table = attribute_bias_index(attributes, np.ones(400, dtype=bool))
    assert set(table["status"]) == {"constant"}
    assert table["p"].isna().all()
    with pytest.raises(InputError, match="members"):
        attribute_bias_index(attributes, np.zeros(400, dtype=bool))


@pytest.mark.parametrize("cells", [(3, 7, 20, 30), (0, 5, 5, 90), (8, 2, 1, 9), (5, 5, 5, 5)])
def test_mid_p_against_enumeration(cells):
    a = cells[0]
    n, with_attribute, m = sum(cells), a + cells[2], a + cells[1]
    support = np.arange(max(0, m + with_attribute - n), min(m, with_attribute) + 1)
    mass = hypergeom(n, with_attribute, m).pmf(support)
    lower = mass[support < a].sum() + 0.5 * mass[support == a].sum()
    upper = mass[support > a].sum() + 0.5 * mass[support == a].sum()
    ours = mid_p(*(np.array([float(cell)]) for cell in cells))
    assert ours[0] == pytest.approx(min(1.0, 2 * min(lower, upper)), rel=1e-9)


def test_mid_p_keeps_its_level():
    rng = np.random.default_rng(0)
    attributes = rng.random((300, 2000)) < 0.3
    p = attribute_bias_index(attributes, np.arange(300) < 60)["p"]
    assert 0.035 < (p < 0.05).mean() < 0.065


@pytest.mark.parametrize("definition", ["odds", "ratio"])
def test_variance_of_the_log_estimate_against_simulation(definition):
    rng = np.random.default_rng(1)
    a = rng.binomial(200, 0.3, size=20_000).astype(float)
    c = rng.binomial(600, 0.5, size=20_000).astype(float)
    draws = log_estimate(a, 200 - a, c, 600 - c, definition)
    cells = [np.array([x]) for x in (60.0, 140.0, 300.0, 300.0)]
    expected = log_variance(cells[0], cells[1], cells[2], cells[3], definition)
    assert draws.var() == pytest.approx(expected[0], rel=0.05)


def test_identities_of_one_image_change_little():
    attributes, members = sample(600)
    plain = attribute_bias_index(attributes, members)
    single = attribute_bias_index(attributes, members, identities=np.arange(600), seed=1)
    np.testing.assert_array_equal(single["value"], plain["value"])
    np.testing.assert_array_equal(single["estimate"], plain["estimate"])
    np.testing.assert_allclose(np.log(single["low"]), np.log(plain["low"]), atol=0.12)
    np.testing.assert_allclose(np.log(single["high"]), np.log(plain["high"]), atol=0.15)
    np.testing.assert_allclose(single["p"], plain["p"], atol=0.05)


def test_repeated_people_widen_the_interval_and_raise_p():
    # Eight copies of each person are 8 n samples, but no more evidence than n.
    attributes, members = sample(200, 3, seed=4)
    people = np.repeat(np.arange(200), 8)
    copies, inside = attributes[people], members[people]
    naive = attribute_bias_index(copies, inside)
    robust = attribute_bias_index(copies, inside, identities=people)
    once = attribute_bias_index(attributes, members, identities=np.arange(200))
    width = np.log(robust["high"] / robust["low"])
    assert (width > 2.0 * np.log(naive["high"] / naive["low"])).all()
    np.testing.assert_allclose(width, np.log(once["high"] / once["low"]), rtol=0.2)
    np.testing.assert_allclose(robust["p"], once["p"], atol=0.05)


def test_permutation_p_keeps_its_level_for_correlated_people():
    rng = np.random.default_rng(2)
    people = np.repeat(np.arange(80), 5)
    attribute = (rng.random((80, 400)) < 0.4)[people]
    members = (rng.random(80) < 0.3)[people]
    naive = attribute_bias_index(attribute, members)["p"]
    robust = attribute_bias_index(attribute, members, identities=people, n_resamples=400)["p"]
    assert (naive < 0.05).mean() > 0.2
    assert (robust < 0.05).mean() < 0.08


def test_resampling_is_seeded_and_blind_to_names():
    attributes, members = sample()
    people = np.arange(400) // 3
    first = attribute_bias_index(attributes, members, identities=people, seed=1)
    named = [f"person {i:05d}" for i in people]
    assert attribute_bias_index(attributes, members, identities=named, seed=1).equals(first)
    other = attribute_bias_index(attributes, members, identities=people, seed=2)
    assert not other["low"].equals(first["low"])


def test_zero_cells_keep_at_least_the_analytic_interval():
    attribute, members = table_of(0, 6, 30, 64)
    plain = attribute_bias_index(attribute, members)
    robust = attribute_bias_index(attribute, members, identities=np.arange(100))
    assert robust["low"][0] <= plain["low"][0]
    assert robust["high"][0] >= plain["high"][0]
    # Six members without the attribute are weak evidence, however often one resamples them.
    assert robust["p"][0] > 0.05


def test_a_cluster_of_one_person_can_miss_from_a_resample():
    attributes, _ = sample(60, 2)
    members = np.arange(60) < 3
    people = np.where(members, 0, np.arange(60))
    codes = identity_codes(people, 60)
    counts = bootstrap_counts(attributes.astype(bool), members, codes, 200, 0)
    assert all(np.isnan(part).any() for part in counts)
    p = permutation_p(attributes.astype(bool), members, codes, 200, 0)
    assert ((p > 0) & (p <= 1)).all()


def test_bad_input_is_named():
    attributes, members = sample()
    mixed = attributes.astype(float)
    mixed[5, 2] = 0.5
    with pytest.raises(InputError, match="row 5, column 'attribute_2'"):
        attribute_bias_index(mixed, members)
    mixed[5, 2] = np.nan
    with pytest.raises(InputError, match="row 5"):
        attribute_bias_index(mixed, members)
    with pytest.raises(InputError, match="shape"):
        attribute_bias_index(attributes, members[:10])
    with pytest.raises(InputError, match="dtype"):
        attribute_bias_index(attributes, members.astype(int))
    with pytest.raises(InputError, match="'lift'"):
        attribute_bias_index(attributes, members, "lift")
    with pytest.raises(InputError, match="identities"):
        attribute_bias_index(attributes, members, identities=[1, 2])
    with pytest.raises(InputError, match="2 attribute names for 6"):
        attribute_bias_index(attributes, members, names=["a", "b"])


def test_effective_identities():
    codes = np.repeat(np.arange(50), 2)
    alike = np.ones((100, 1))
    assert effective_identities(alike, codes)[0] == pytest.approx(50.0)
    one = np.where(codes == 0, 1000.0, 0.001)[:, None]
    assert effective_identities(one, codes)[0] == pytest.approx(1.0, rel=1e-6)
    assert effective_identities(np.zeros((100, 1)), codes)[0] == 1.0


def test_expanded_percentiles_are_percentiles_for_many_identities():
    draws = np.random.default_rng(0).normal(size=(4000, 2))
    low, high = expanded_percentiles(draws, np.array([1e9, 6.0]))
    np.testing.assert_allclose([low[0], high[0]], np.quantile(draws[:, 0], [0.025, 0.975]))
    # Student's law of 6 degrees reaches 2.447 standard deviations.
    np.testing.assert_allclose([low[1], high[1]], [-2.447, 2.447], atol=0.2)
    draws[:, 1] = np.nan
    assert np.isnan(expanded_percentiles(draws, np.ones(2))[0][1])


def test_the_bootstrap_of_counts_against_a_loop():
    attributes, members = sample(60, 2)
    codes = np.arange(60) // 2
    counts = bootstrap_counts(attributes.astype(bool), members, codes, 400, 0)
    np.testing.assert_allclose(sum(counts), np.full((400, 2), 60.0))
    cells = (attributes[members].sum(axis=0), (1 - attributes[members]).sum(axis=0))
    for drawn, cell in zip(counts, cells, strict=False):
        # Mean and variance of a sum over resampled people.
        np.testing.assert_allclose(np.nanmean(drawn, axis=0), cell, rtol=0.06)
    a = np.bincount(codes, weights=attributes[:, 0] * members)
    assert np.nanvar(counts[0][:, 0]) == pytest.approx(30 * a.var(), rel=0.25)


def test_effect_sizes_against_formulas():
    attribute, members = table_of(56, 14, 48, 32)
    row = attribute_bias(attribute, members, ("odds",))["odds"].iloc[0]
    # Newcombe 1998, table II, example (a): 56/70 - 48/80, method 10: 0.0524 to 0.3339.
    assert row["risk_difference"] == pytest.approx(0.2)
    assert row["difference_low"] == pytest.approx(0.0524, abs=5e-5)
    assert row["difference_high"] == pytest.approx(0.3339, abs=5e-5)
    assert row["cohens_h"] == pytest.approx(2 * np.arcsin(0.8**0.5) - 2 * np.arcsin(0.6**0.5))
    assert row["magnitude"] == "small"
    assert bool(row["agrees"])
    assert magnitude([0.0, -0.2, 0.5, -0.9, np.nan]).tolist() == [
        "negligible", "small", "medium", "large", "undefined",
    ]  # fmt: skip


def test_effect_sizes_share_the_direction_of_the_index():
    attributes, members = sample(800, 8)
    people = np.arange(800) // 2
    for table in attribute_bias(attributes, members, identities=people, n_resamples=300).values():
        sign = np.sign(np.log(table["estimate"]))
        np.testing.assert_array_equal(np.sign(table["cohens_h"]), sign)
        inside = (table["difference_low"] <= table["risk_difference"]) & (
            table["risk_difference"] <= table["difference_high"]
        )
        assert inside.all()
        assert table["agrees"].mean() >= 0.75
    constant = attribute_bias(np.ones(400), members[:400], ("odds",))["odds"].iloc[0]
    assert np.isnan(constant["cohens_h"])
    assert constant["magnitude"] == "undefined"
    everybody = attribute_bias(attributes, np.ones(800, bool), identities=people, n_resamples=9)
    assert everybody["odds"]["difference_low"].isna().all()


@pytest.mark.parametrize("effect", ["odds", "ratio", "difference"])
def test_influence_adds_up_to_the_binomial_variance(effect):
    attributes, members = sample(4000, 3)
    present = attributes.astype(bool)
    squares = (influence(present, members, effect) ** 2).sum(axis=0)
    cells = contingency(present, members)
    if effect == "difference":
        a, b, c, d = cells
        expected = a * b / (a + b) ** 3 + c * d / (c + d) ** 3
    else:
        expected = log_variance(*cells, effect)
    np.testing.assert_allclose(squares, expected, rtol=0.02)


def test_definitions_share_their_resamples_and_p():
    attributes, members = sample()
    people = np.arange(400) // 3
    both = attribute_bias(attributes, members, identities=people, n_resamples=100, seed=5)
    for definition, table in both.items():
        alone = attribute_bias_index(
            attributes, members, definition, identities=people, n_resamples=100, seed=5
        )
        pd.testing.assert_frame_equal(alone, table[list(alone.columns)])
    np.testing.assert_array_equal(both["odds"]["p"], both["ratio"]["p"])


def test_far_permutation_p_is_close_to_the_exact_one():
    counts = [(40, 9), (400, 40), (1000, 70), (400, 5)]
    present = np.zeros((2000, len(counts)), dtype=bool)
    members = np.arange(2000) < 100
    for j, (total, inside) in enumerate(counts):
        present[:inside, j] = True
        present[100 : 100 + total - inside, j] = True
    p = permutation_p(present, members, np.arange(2000), 400, 0)
    exact = mid_p(*contingency(present, members))
    # A skewed count of few (40 in all): a normal tail would be far too small.
    assert np.abs(np.log(p[:3] / exact[:3])).max() < np.log(3)
    assert (p > 0).all()
    assert p[3] < 0.001
