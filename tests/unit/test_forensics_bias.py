"""Bias scores: the published formulas, their uncertainty, and resampled identities."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom, nchypergeom_fisher, norm
from scipy.stats import t as student

from latent_microscope.errors import InputError
from latent_microscope.forensics import attribute_bias_index, stereotypical_bias_score
from latent_microscope.forensics.bias import (
    attribute_bias,
    contingency,
    design_effect,
    magnitude,
    newcombe_interval,
)
from latent_microscope.statistics.summaries import benjamini_hochberg
from latent_microscope.statistics.two_by_two import (
    conditional_interval,
    conditional_p,
    ratio_interval,
)


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


def columns(*cells):
    """Cells as a table of floats."""
    a, b, c, d = (np.atleast_1d(np.asarray(cell, dtype=float)) for cell in cells)
    return a, b, c, d


def mid_tails(a, b, c, d, odds_ratio):
    """Lower and upper mid-p tail of the members with the attribute, by scipy's law."""
    law = nchypergeom_fisher(a + b + c + d, a + c, a + b, odds_ratio)
    return law.cdf(a - 1) + law.pmf(a) / 2, law.sf(a) + law.pmf(a) / 2


def test_stereotypical_bias_score():
    assert stereotypical_bias_score([0, 0, 1, -1, -1, -1, -1, 2]) == (0.25, 0)
    assert stereotypical_bias_score([-1, -1]) == (0.0, None)
    assert stereotypical_bias_score([5, 5, 3, 3]) == (0.5, 3)
    assert stereotypical_bias_score(np.array([7.0])) == (1.0, 7)
    with pytest.raises(InputError, match="labels must be whole numbers"):
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
            assert row["estimate"] == pytest.approx(np.exp(log_odds), rel=1e-9)
            assert mid_tails(a, b, c, d, row["low"])[1] == pytest.approx(0.025, rel=1e-6)
            assert mid_tails(a, b, c, d, row["high"])[0] == pytest.approx(0.025, rel=1e-6)
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
    # At this odds ratio half of all samples of ten have none with the attribute.
    share = 1 - 0.5**0.1
    assert table["estimate"][0] == pytest.approx(share / (1 - share) * 40.5 / 50.5)
    assert table["low"][0] == 0.0
    assert mid_tails(0, 10, 50, 40, table["high"][0])[0] == pytest.approx(0.025, rel=1e-6)
    assert table.loc[1:, ["estimate", "low", "high", "p", "q"]].isna().all(axis=None)
    # Constants are not tested, so they do not count as tests.
    assert table["q"][0] == table["p"][0]
    all_with, members = table_of(10, 0, 50, 40)
    over = attribute_bias_index(all_with, members)
    assert over["value"][0] > 1e6
    assert over["estimate"][0] < 20
    assert over["direction"][0] == "over"
    assert over["high"][0] == np.inf
    # If nobody else has it, all is possible up to members being all who have it.
    only, members = table_of(4, 6, 0, 90)
    ratio = attribute_bias_index(only, members, "ratio")
    assert ratio["high"][0] == pytest.approx(10.0)
    assert 1.0 < ratio["low"][0] < ratio["estimate"][0] < 10.0


def test_an_empty_cell_is_no_evidence_where_none_was_expected():
    attribute, members = table_of(0, 4, 10, 1986)
    row = attribute_bias_index(attribute, members).iloc[0]
    assert (row["direction"], row["status"], row["estimate"]) == ("neutral", "zero_cell", 1.0)
    assert row["low"] == 0.0
    assert row["high"] > 200.0
    assert row["p"] > 0.9


@pytest.mark.parametrize("seed", range(3))
def test_estimates_are_never_against_the_counts_and_p_agrees_with_the_interval(seed):
    rng = np.random.default_rng(seed)
    present = rng.random((300, 400)) < rng.choice([0.005, 0.02, 0.2, 0.6], 400)
    members = np.arange(300) < rng.choice([3, 8, 40])
    a, b, c, d = contingency(present, members)
    for people in (None, np.arange(300) // 2):
        tables = attribute_bias(present, members, identities=people)
        for table in tables.values():
            side = np.sign(np.log(table["estimate"].to_numpy()))
            tested = table["p"].notna().to_numpy()
            assert (side * np.sign(a * d - b * c) >= 0)[tested].all()
            against = {"over": -1, "under": 1}
            for word, wrong in against.items():
                assert not (table["direction"].eq(word) & (np.sign(a * d - b * c) == wrong)).any()
            assert (table["low"] <= table["estimate"] * (1 + 1e-9))[tested].all()
            assert (table["estimate"] <= table["high"] * (1 + 1e-9))[tested].all()
            assert table["agrees"].mean() > 0.99
        assert tables["odds"]["agrees"].all()


def test_everybody_a_member_is_undefined_and_nobody_an_error():
    attributes, _ = sample()
    table = attribute_bias_index(attributes, np.ones(400, dtype=bool))
    assert set(table["status"]) == {"constant"}
    assert table["p"].isna().all()
    with pytest.raises(InputError, match="members"):
        attribute_bias_index(attributes, np.zeros(400, dtype=bool))


def test_score_interval_of_the_ratio_against_its_definition():
    # Neither the counts nor the ends come from our formulas: the likelihood is searched.
    a, b, c, d = 7.0, 20.0, 15.0, 150.0
    for end in ratio_interval(columns(a, b, c, d)):
        ratio = np.exp(end[0])
        outside = np.linspace(1e-6, min(1.0, 1.0 / ratio) - 1e-6, 2_000_001)
        inside = ratio * outside
        likelihood = (
            a * np.log(inside)
            + b * np.log1p(-inside)
            + c * np.log(outside)
            + d * np.log1p(-outside)
        )
        q = outside[likelihood.argmax()]
        p = ratio * q
        variance = (p * (1 - p) / (a + b) + ratio**2 * q * (1 - q) / (c + d)) * 192 / 191
        z = (a / (a + b) - ratio * c / (c + d)) / np.sqrt(variance)
        assert abs(z) == pytest.approx(1.959964, abs=1e-3)


def test_p_is_twice_the_smaller_mid_p_tail():
    """Of every table of cells up to 3, and of tables too large to sum the whole law."""
    small = np.stack(np.meshgrid(*[np.arange(4)] * 4), axis=-1).reshape(-1, 4)
    small = small[np.all([small[:, [i, j]].any(axis=1) for i, j in ((0, 1), (2, 3))], axis=0)]
    large = np.array([[3000, 2000, 2500, 2600], [2600, 2500, 2000, 3000], [9000, 70, 8000, 50]])
    for a, b, c, d in (small.T, large.T):
        law = hypergeom(a + b + c + d, a + c, a + b)
        tails = np.minimum(law.cdf(a - 1), law.sf(a)) + law.pmf(a) / 2.0
        expected = np.minimum(2.0 * tails, 1.0)
        np.testing.assert_allclose(conditional_p(columns(a, b, c, d)), expected, rtol=1e-8)


def test_interval_of_the_smallest_tables_is_that_of_scipys_law():
    for cells in ((1, 2, 2, 1), (2, 1, 1, 3), (1, 1, 1, 1), (3, 2, 1, 2)):
        low, high = (float(np.exp(end[0])) for end in conditional_interval(columns(*cells)))
        assert mid_tails(*cells, low)[1] == pytest.approx(0.025, rel=1e-6)
        assert mid_tails(*cells, high)[0] == pytest.approx(0.025, rel=1e-6)


def test_fractional_counts_lie_between_whole_ones():
    p = conditional_p(columns([3.0, 3.5, 4.0], [9] * 3, [2] * 3, [40] * 3))
    assert p[0] > p[1] > p[2]
    few, many = (conditional_p(columns(8, 9, 2, 40), df) for df in (4, 1e9))
    exact = conditional_p(columns(8, 9, 2, 40))
    assert many[0] == pytest.approx(exact[0], rel=1e-5)
    assert few[0] == pytest.approx(2 * student.sf(-norm.ppf(exact[0] / 2), 4), rel=1e-9)


def people_of(sizes, seed, within=0.9):
    """Codes of people, and 300 attributes and members that cling to them."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(sizes)), sizes)
    shared = rng.normal(size=(len(sizes), 301))[codes]
    values = np.sqrt(within) * shared + np.sqrt(1 - within) * rng.normal(size=(len(codes), 301))
    return codes, values[:, 1:] < -0.5, values[:, 0] < -0.3


def test_p_of_people_keeps_its_level_where_images_do_not():
    hits, naive = [], []
    for seed in range(8):
        codes, present, members = people_of([5] * 80, seed)
        hits.append((attribute_bias_index(present, members, identities=codes)["p"] <= 0.05).mean())
        naive.append((attribute_bias_index(present, members)["p"] <= 0.05).mean())
    assert np.mean(naive) > 0.25
    assert 0.01 < np.mean(hits) < 0.06


def test_every_number_of_few_people_has_their_design_effect_and_freedom():
    codes, present, members = people_of(np.arange(5, 25), 3, within=0.4)
    effect, freedom = design_effect(present, members, codes)
    known = ~np.isnan(effect)
    assert known.mean() > 0.5
    assert (freedom[known] < 16.0).all()  # 20 people
    counts = columns(*(cell[known] / effect[known] for cell in contingency(present, members)))
    t = student.ppf(0.975, freedom[known])
    tables = {k: v[known] for k, v in attribute_bias(present, members, identities=codes).items()}
    p = conditional_p(counts, freedom[known])
    np.testing.assert_allclose(tables["odds"]["p"], p)
    assert tables["odds"]["agrees"].all()
    assert (p <= 0.05).any()
    a, b, c, d = counts
    ratios, sides = np.exp(ratio_interval(counts, freedom[known])), newcombe_interval(a, b, c, d, t)
    share = members.mean()
    for column, end in (("low", 0), ("high", 1)):
        wanted = ratios[end] / (share * ratios[end] + 1.0 - share)
        null = np.where(p > 0.05, 1.0, wanted)
        extended = (np.minimum, np.maximum)[end](wanted, null)
        np.testing.assert_allclose(tables["ratio"][column], extended)
        null = np.where(p > 0.05, 0.0, sides[end])
        extended = (np.minimum, np.maximum)[end](sides[end], null)
        np.testing.assert_allclose(tables["ratio"][f"difference_{column}"], extended)
    # Student's t, not the normal law: the interval of 4 degrees is as wide as its quantile says.
    wide, narrow = (np.diff(conditional_interval(counts, df), axis=0)[0] for df in (4.0, 1e9))
    np.testing.assert_allclose(wide / narrow, 2.776 / 1.960, rtol=0.25)


def test_copies_of_people_are_no_more_evidence_than_people():
    # Eight copies of each person are 8 n samples, but no more evidence than n.
    attributes, members = sample(300, 6, seed=4)
    people = np.repeat(np.arange(300), 8)
    copies = attribute_bias_index(attributes[people], members[people], identities=people)
    once = attribute_bias_index(attributes, members)
    width = np.log(copies["high"] / copies["low"])
    np.testing.assert_allclose(width, np.log(once["high"] / once["low"]), rtol=0.08)
    np.testing.assert_allclose(copies["p"], once["p"], atol=0.04)
    effect, freedom = design_effect(attributes.astype(bool)[people], members[people], people)
    np.testing.assert_allclose(effect, 8.0, rtol=0.06)
    assert (freedom > 80).all()


def test_unequal_people_are_tested_with_power():
    codes = np.repeat(np.arange(20), np.arange(11, 31))
    rng = np.random.default_rng(0)
    members = rng.random(len(codes)) < 0.4
    hat = rng.random(len(codes)) < np.where(members, 0.9, 0.1)
    row = attribute_bias_index(hat[:, None], members, identities=codes).iloc[0]
    assert row["status"] == "ok"
    assert row["p"] < 1e-8
    assert row["low"] > 50.0


def test_one_person_with_half_of_the_images_is_untestable_never_p_1():
    codes, present, members = people_of([100] + [1] * 100, 1, within=0.5)
    table = attribute_bias_index(present, members, identities=codes)
    assert set(table["status"]) == {"untestable"}
    assert table[["low", "high", "p", "q"]].isna().all(axis=None)
    assert np.isfinite(table["estimate"]).all()
    # Others are adjusted among those that were tested.
    mixed = np.column_stack([present[:, :2], np.zeros(len(codes), bool)])
    assert attribute_bias_index(mixed, members)["q"].notna().tolist() == [True, True, False]


def test_names_of_people_do_not_matter():
    codes, present, members = people_of([3] * 60, 2)
    first = attribute_bias_index(present, members, identities=codes)
    named = [f"person {i:05d}" for i in codes]
    assert attribute_bias_index(present, members, identities=named).equals(first)


def test_mid_p_keeps_its_level():
    rng = np.random.default_rng(0)
    attributes = rng.random((300, 2000)) < 0.3
    p = attribute_bias_index(attributes, np.arange(300) < 60)["p"]
    assert 0.035 < (p < 0.05).mean() < 0.065


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
    for table in attribute_bias(attributes, members, identities=people).values():
        sign = np.sign(np.log(table["estimate"]))
        np.testing.assert_array_equal(np.sign(table["cohens_h"]), sign)
        inside = (table["difference_low"] <= table["risk_difference"]) & (
            table["risk_difference"] <= table["difference_high"]
        )
        assert inside.all()
        assert table["agrees"].all()
    constant = attribute_bias(np.ones(400), members[:400], ("odds",))["odds"].iloc[0]
    assert np.isnan(constant["cohens_h"])
    assert constant["magnitude"] == "undefined"
    everybody = attribute_bias(attributes, np.ones(800, bool), identities=people)
    assert everybody["odds"]["difference_low"].isna().all()
