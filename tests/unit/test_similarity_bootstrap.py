"""Bootstrap of comparisons against explicit resampling; semi-partial correlations."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, rankdata, spearmanr

from latent_microscope.errors import InputError
from latent_microscope.seeds import rng as stream
from latent_microscope.similarity import (
    RDM,
    bootstrap_compare,
    compare,
    partial_compare,
    ranks,
    rdm,
    resampling,
)
from latent_microscope.similarity.behaviour import softmax
from latent_microscope.similarity.bootstrap import BootstrapResult
from latent_microscope.similarity.rdms import pairs_within
from latent_microscope.similarity.resampling import image_weights, reranked_sums, weighted_sums
from latent_microscope.similarity.variance import semipartial_correlations
from latent_microscope.similarity.votes import vote_shares
from latent_microscope.statistics.summaries import holm, max_t

N = 40


class World:
    """Votes, their RDM and three models: good, bad and the label."""

    def __init__(self, n: int = N, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.labels = np.arange(n) % 4
        truth = softmax(2.5 * np.eye(4)[self.labels] + rng.normal(size=(n, 4)))
        self.counts = rng.multinomial(51, truth)
        self.reference = rdm(vote_shares(self.counts))
        self.models = {
            "good": rdm(truth),
            "bad": rdm(truth + 0.5 * rng.random((n, 4))),
            "label": rdm(np.eye(4)[self.labels]),
        }


@pytest.fixture
def world() -> World:
    return World()


def resampled_pairs(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images of each pair of the resample, own copies dropped: the long way."""
    images = np.repeat(np.arange(weights.size), weights)
    a, b = np.triu_indices(images.size, 1)
    i, j = images[a], images[b]
    return i[i != j], j[i != j]


def column(table: pd.DataFrame, name: str) -> np.ndarray:
    return table[name].to_numpy(dtype=np.float64)


def brute_draws(world: World, result: BootstrapResult, method: str) -> np.ndarray:
    weights = image_weights(N, len(result.draws), stream(0, "bootstrap_images"))
    reference = world.reference.square()
    out = np.empty_like(result.draws)
    for draw, row in enumerate(weights):
        i, j = resampled_pairs(row)
        y = reference[i, j].astype(np.float64)
        for place, model in enumerate(world.models.values()):
            x = model.square()[i, j].astype(np.float64)
            if method == "spearman":
                out[draw, place] = spearmanr(x, y).statistic
            elif method == "pearson":
                out[draw, place] = pearsonr(x, y).statistic
            elif method == "cosine":
                out[draw, place] = x @ y / np.sqrt(x @ x * (y @ y))
            else:
                out[draw, place] = compare(x, y, method)
    return out


@pytest.mark.parametrize("method", ["spearman", "rho-a", "pearson", "cosine"])
def test_draws_are_those_of_explicit_resampling(world: World, method: str) -> None:
    result = bootstrap_compare(world.models, world.reference, None, 15, method=method)
    expected = brute_draws(world, result, method)
    np.testing.assert_allclose(result.draws, expected, atol=3e-6)
    points = [compare(m, world.reference, method) for m in world.models.values()]
    np.testing.assert_array_equal(column(result.scores, "score"), points)


def test_a_sample_is_as_large_as_the_whole() -> None:
    weights = image_weights(9, 400, stream(0, "size"))
    assert (weights.sum(axis=1) == 9).all()
    np.testing.assert_allclose(weights.mean(axis=0), 1.0, atol=0.2)


def test_binned_ranks_change_little(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above 65,534 pairs ranks come from 4096 bins; here from 256 of 780."""
    exact = bootstrap_compare(world.models, world.reference, None, 20)
    monkeypatch.setattr(ranks, "_MOST_BINS", 100)
    monkeypatch.setattr(ranks, "_BINS", 256)
    binned = bootstrap_compare(world.models, world.reference, None, 20)
    difference = np.abs(binned.draws - exact.draws).max()
    assert 0 < difference < 1e-3


def test_binned_ranks_of_many_pairs() -> None:
    """Above 362 images: the draws of scipy to 1e-5."""
    world = World(400)
    result = bootstrap_compare({"bad": world.models["bad"]}, world.reference, None, 2)
    (row, _) = image_weights(400, 2, stream(0, "bootstrap_images"))
    i, j = np.triu_indices(400, 1)
    pair_weights = row[i] * row[j]
    x = np.repeat(world.models["bad"].values, pair_weights)
    y = np.repeat(world.reference.values, pair_weights)
    assert result.draws[0, 0] == pytest.approx(spearmanr(x, y).statistic, abs=1e-5)


def test_weighted_sums_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, N * (N - 1) // 2)).astype(np.float32)
    weights = image_weights(N, 5, rng)
    i, j = np.triu_indices(N, 1)
    expected = [(w[i] * w[j] * x.astype(float) * y).sum() for w in weights]
    for rows in (1, 7, 128):
        monkeypatch.setattr(resampling, "_ROWS", rows)
        np.testing.assert_allclose(weighted_sums(x, y, weights), expected, rtol=1e-4)


def test_sums_of_ranks_are_those_asked_for() -> None:
    """Of four variables only the product of the second and third, and of the third and fourth."""
    rng = np.random.default_rng(0)
    bins = rng.integers(0, 5, (4, N * (N - 1) // 2)).astype(np.uint16)
    row = image_weights(N, 1, rng)[0]
    needed = np.zeros((4, 4), dtype=bool)
    needed[1, 2] = needed[2, 3] = True
    found = reranked_sums(bins, 5, np.empty(0, dtype=bool), row, needed)
    i, j = np.triu_indices(N, 1)
    weight = (row[i] * row[j]).astype(float)
    total = weight.sum()
    mass = np.array([[weight[one == b].sum() for b in range(5)] for one in bins])
    ranks = [
        ((2 * np.cumsum(m) - m - total) / total)[one] for m, one in zip(mass, bins, strict=True)
    ]
    variables = np.stack([np.ones(weight.size), *ranks])
    expected = (variables * weight) @ variables.T
    asked = np.eye(5, dtype=bool)
    asked[0] = asked[:, 0] = asked[2, 3] = asked[3, 2] = asked[3, 4] = asked[4, 3] = True
    np.testing.assert_allclose(found[asked], expected[asked], atol=1e-5 * total)
    assert not found[~asked].any()


def test_a_scale_of_the_dissimilarities_changes_no_correlation(world: World) -> None:
    """Squares of such numbers are no float32."""
    models = {"good": world.models["good"]}
    for method in ("pearson", "cosine"):
        plain = bootstrap_compare(models, world.reference, None, 5, method=method).draws
        for scale in (1e25, 1e-25):
            other = RDM((scale * models["good"].values).astype(np.float32), world.reference.ids)
            found = bootstrap_compare({"good": other}, world.reference, None, 5, method=method)
            np.testing.assert_allclose(found.draws, plain, atol=3e-6)


def test_same_seed_same_numbers_and_threads_change_none(world: World) -> None:
    arguments = (world.models, world.reference, None, 12)
    first = bootstrap_compare(*arguments)
    second = bootstrap_compare(*arguments, threads=2)
    pd.testing.assert_frame_equal(first.scores, second.scores, check_exact=True)
    pd.testing.assert_frame_equal(first.differences, second.differences, check_exact=True)
    assert (bootstrap_compare(*arguments, seed=1).draws != first.draws).any()


def test_votes_are_nested_in_images(world: World) -> None:
    """Votes drawn again on top would count their noise twice: counts have no effect."""
    plain = bootstrap_compare(world.models, world.reference, None, 12)
    with pytest.warns(DeprecationWarning, match="no effect"):
        given = bootstrap_compare(world.models, world.reference, world.counts, 12)
    np.testing.assert_array_equal(given.draws, plain.draws)


def test_tables(world: World) -> None:
    result = bootstrap_compare(world.models, world.reference, None, 200)
    scores = result.scores
    assert scores["model"].tolist() == ["good", "bad", "label"]
    assert (column(scores, "low") < column(scores, "score")).all()
    assert (column(scores, "score") < column(scores, "high")).all()
    np.testing.assert_allclose(column(scores, "sd"), result.draws.std(axis=0, ddof=1))
    low, high = np.percentile(result.draws, [2.5, 97.5], axis=0)
    np.testing.assert_allclose(column(scores, "low"), low)
    np.testing.assert_allclose(column(scores, "high"), high)
    table = result.differences
    pairs = list(zip(table["model_a"], table["model_b"], strict=True))
    assert pairs == [("good", "bad"), ("good", "label"), ("bad", "label")]
    difference = result.draws[:, 0] - result.draws[:, 1]
    low, high = np.percentile(difference, [2.5, 97.5])
    assert column(table, "low")[0] == pytest.approx(low)
    assert column(table, "high")[0] == pytest.approx(high)
    point = column(scores, "score")
    assert column(table, "difference")[0] == point[0] - point[1]
    assert column(table, "p")[0] == pytest.approx(2 / 201)  # beyond all draws
    first, second = np.triu_indices(3, 1)
    drawn = result.draws[:, first] - result.draws[:, second]
    np.testing.assert_array_equal(
        column(table, "p_adjusted"),
        np.maximum(max_t(drawn, column(table, "difference")), column(table, "p")),
    )
    for correction in ("holm", "bh"):
        other = bootstrap_compare(
            world.models, world.reference, None, 200, correction=correction
        ).differences
        np.testing.assert_array_equal(column(other, "p"), column(table, "p"))
        assert (column(other, "p_adjusted") * (1 + 1e-12) >= column(other, "p")).all()
        if correction == "holm":
            np.testing.assert_allclose(column(other, "p_adjusted"), holm(column(other, "p")))
    paired = column(table, "high") - column(table, "low")
    width = column(scores, "high") - column(scores, "low")
    # The same images for both: closer together than two separate intervals say.
    assert paired[0] < width[0] + width[1]


def test_a_model_equals_itself(world: World) -> None:
    twin = {"a": world.models["bad"], "b": world.models["bad"]}
    table = bootstrap_compare(twin, world.reference, None, 50).differences
    assert column(table, "difference")[0] == column(table, "low")[0] == 0.0
    assert column(table, "p_adjusted")[0] == 1.0


def test_controls(world: World) -> None:
    label = world.models["label"]
    models = {"good": world.models["good"], "bad": world.models["bad"]}
    result = bootstrap_compare(models, world.reference, None, 5, controls=[label])
    points = [partial_compare(m, world.reference, label) for m in models.values()]
    np.testing.assert_allclose(column(result.scores, "score"), points, atol=1e-12)
    row = image_weights(N, 5, stream(0, "bootstrap_images"))[3]
    i, j = resampled_pairs(row)
    values = [m.square()[i, j] for m in (models["bad"], world.reference, label)]
    expected = partial_compare(values[0], values[1], values[2])
    assert result.draws[3, 1] == pytest.approx(expected, abs=1e-6)


def test_nothing_is_left_of_a_model_that_is_held_constant(world: World) -> None:
    label, good = world.models["label"], world.models["good"]
    models = {"label": label, "good": good}
    held = bootstrap_compare(models, world.reference, None, 50, controls=label)
    assert np.isnan(held.draws[:, 0]).all()
    assert np.isfinite(held.draws[:, 1]).all()
    assert held.differences.iloc[0, 2:].isna().all()
    twins = bootstrap_compare({**models, "twin": good}, world.reference, None, 50, unique=True)
    assert (twins.draws[:, 1:] == 0.0).all()
    assert (twins.draws[:, 0] != 0.0).all()


@pytest.mark.parametrize("method", ["spearman", "rho-a", "pearson", "cosine"])
def test_pairs(world: World, method: str) -> None:
    within = pairs_within(world.labels)
    mask = np.zeros(len(world.reference), dtype=bool)
    mask[within] = True
    models = {"good": world.models["good"]}
    result = bootstrap_compare(models, world.reference, None, 4, method=method, pairs=within)
    same = bootstrap_compare(models, world.reference, None, 4, method=method, pairs=mask)
    np.testing.assert_array_equal(result.draws, same.draws)
    row = image_weights(N, 4, stream(0, "bootstrap_images"))[1]
    i, j = resampled_pairs(row)
    inside = world.labels[i] == world.labels[j]
    x = models["good"].square()[i[inside], j[inside]]
    y = world.reference.square()[i[inside], j[inside]]
    assert result.draws[1, 0] == pytest.approx(compare(x, y, method), abs=3e-6)
    expected = compare(models["good"], world.reference, method, pairs=within)
    assert column(result.scores, "score")[0] == expected


@pytest.mark.filterwarnings("error")
def test_one_pair_has_a_cosine_where_both_of_its_images_are_drawn(world: World) -> None:
    models = {"good": world.models["good"]}
    drawn = bootstrap_compare(models, world.reference, None, 30, method="cosine", pairs=[0]).draws
    both = image_weights(N, 30, stream(0, "bootstrap_images"))[:, :2].min(axis=1) > 0
    assert 0 < both.sum() < 30
    np.testing.assert_allclose(drawn[:, 0], np.where(both, 1.0, np.nan), rtol=1e-6)


def test_a_constant_model_has_no_score(world: World) -> None:
    within = pairs_within(world.labels)
    models = {"label": world.models["label"], "good": world.models["good"]}
    result = bootstrap_compare(models, world.reference, None, 10, pairs=within)
    assert np.isnan(result.draws[:, 0]).all()
    assert np.isnan(result.scores.iloc[0, 1:].to_numpy(dtype=np.float64)).all()
    assert np.isfinite(result.draws[:, 1]).all()
    assert np.isnan(column(result.differences, "p_adjusted")[0])


def r_squared(y: np.ndarray, xs: list[np.ndarray]) -> float:
    design = np.stack([np.ones(y.size), *map(rankdata, xs)], axis=1)
    target = rankdata(y)
    residual = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    return float(1 - residual.var() / target.var())


def test_semipartial_correlations(world: World) -> None:
    """The squared value is the drop of R squared, the sign that of the coefficient."""
    opposed = rdm(-np.random.default_rng(1).random((N, 3)))
    models = {**world.models, "noise": opposed}
    found = semipartial_correlations(models, world.reference)
    values = {name: m.values for name, m in models.items()}
    whole = r_squared(world.reference.values, list(values.values()))
    design = np.stack([np.ones(len(opposed)), *map(rankdata, values.values())], axis=1)
    weights = np.linalg.lstsq(design, rankdata(world.reference.values), rcond=None)[0][1:]
    for place, name in enumerate(values):
        rest = [v for other, v in values.items() if other != name]
        drop = whole - r_squared(world.reference.values, rest)
        assert found[name] ** 2 == pytest.approx(drop, abs=1e-9)
        assert np.sign(found[name]) == np.sign(weights[place])
    assert {np.sign(v) for v in found.values()} == {-1.0, 1.0}
    twins = {"a": world.models["good"], "b": world.models["good"]}
    assert set(semipartial_correlations(twins, world.reference).values()) == {0.0}
    alone = semipartial_correlations({"good": world.models["good"]}, world.reference)["good"]
    assert alone == pytest.approx(compare(world.models["good"], world.reference))


def test_semipartial_correlations_with_controls_that_say_the_same(world: World) -> None:
    label, good = world.models["label"], {"good": world.models["good"]}
    once = semipartial_correlations(good, world.reference, controls=[label])
    twice = semipartial_correlations(good, world.reference, controls=[label, label])
    assert twice["good"] == pytest.approx(once["good"], abs=1e-9)


def test_nothing_is_semipartial_to_a_constant(world: World) -> None:
    flat, good = np.ones(len(world.reference)), world.models["good"].values
    found = semipartial_correlations({"flat": flat, "good": good}, world.reference.values)
    assert np.isnan(found["flat"])
    assert found["good"] == pytest.approx(compare(good, world.reference.values), abs=1e-9)
    assert np.isnan(semipartial_correlations({"good": good}, flat)["good"])


def test_semipartial_correlations_are_bootstrapped(world: World) -> None:
    models = {"good": world.models["good"], "bad": world.models["bad"]}
    label = world.models["label"]
    result = bootstrap_compare(models, world.reference, None, 4, unique=True, controls=[label])
    expected = semipartial_correlations(models, world.reference, controls=[label])
    np.testing.assert_allclose(column(result.scores, "score"), list(expected.values()))
    i, j = resampled_pairs(image_weights(N, 4, stream(0, "bootstrap_images"))[2])
    named = {name: m.square()[i, j] for name, m in models.items()}
    resampled = semipartial_correlations(
        named, world.reference.square()[i, j], controls=[label.square()[i, j]]
    )
    np.testing.assert_allclose(result.draws[2], list(resampled.values()), atol=1e-6)


def test_coverage_of_the_interval_over_images() -> None:
    """The score of the population lies in the interval about as often as said (95 %)."""
    rng = np.random.default_rng(5)

    def sample(n: int) -> tuple[RDM, RDM]:
        x = rng.normal(size=(n, 3))
        return rdm(x), rdm(x + rng.normal(size=(n, 3)))

    truth = compare(*sample(1500))
    hits = []
    for seed in range(40):
        model, reference = sample(50)
        result = bootstrap_compare({"m": model}, reference, None, 100, seed)
        hits.append(column(result.scores, "low")[0] < truth < column(result.scores, "high")[0])
    assert np.mean(hits) >= 0.8


def test_mistakes(world: World) -> None:
    models, reference = world.models, world.reference
    with pytest.raises(InputError, match="RDM"):
        bootstrap_compare({}, reference)
    with pytest.raises(InputError, match="tau-a"):
        bootstrap_compare(models, reference, method="tau-a")
    with pytest.raises(InputError, match="bonferroni"):
        bootstrap_compare(models, reference, correction="bonferroni")
    with pytest.raises(InputError, match="pearson"):
        bootstrap_compare(models, reference, method="pearson", unique=True)
    with pytest.raises(InputError, match="n_draws"):
        bootstrap_compare(models, reference, None, 1)
    other = RDM(reference.values, np.arange(N) + 1)
    with pytest.raises(InputError, match="position 0: 0 and 1"):
        bootstrap_compare(models, other)
    assert bootstrap_compare([models["good"]], reference, None, 3).differences.empty
