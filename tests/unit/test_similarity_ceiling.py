"""Noise ceilings in worlds whose truth is known."""

import numpy as np
import pytest
from scipy.special import gammaln
from scipy.stats import dirichlet_multinomial

from latent_microscope.errors import InputError
from latent_microscope.seeds import rng as stream
from latent_microscope.similarity import (
    ceiling,
    compare,
    noise_ceiling,
    partial_compare,
    populations,
    rdm,
)
from latent_microscope.similarity.behaviour import softmax
from latent_microscope.similarity.ceiling import (
    TOO_FEW,
    UNANIMOUS,
    UNLIKE,
    Rows,
    Score,
    ceiling_status,
    root_spearman_brown,
    share_error,
    simulated_ceilings,
)
from latent_microscope.similarity.populations import Population, fit_population, log_likelihood
from latent_microscope.similarity.rdms import pairs_within
from latent_microscope.similarity.votes import halve_votes, vote_shares


def world(
    n: int = 120, votes: int = 51, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 4
    truth = softmax(2.5 * np.eye(4)[labels] + rng.normal(size=(n, 4)))
    return rng.multinomial(votes, truth), truth, labels


@pytest.mark.filterwarnings("error")
def test_root_spearman_brown() -> None:
    assert root_spearman_brown(0.726) == pytest.approx(0.917, abs=5e-4)
    assert root_spearman_brown(1.0) == 1.0
    assert np.isnan(root_spearman_brown([-1.0, -0.2, 0.0])).all()


def test_ceiling_is_the_mean_of_its_draws() -> None:
    counts, _, _ = world()
    result = noise_ceiling(counts, n_splits=4, seed=3, n_simulated=0)
    assert result.draws.shape == (4,)
    assert len(set(result.draws)) == 4
    assert result.lower == result.draws.mean()
    assert result.spread == pytest.approx(result.draws.std(ddof=1))
    assert result.upper == root_spearman_brown(result.lower)
    assert result.lower < result.upper < 1
    again = noise_ceiling(counts, n_splits=2, seed=3, n_simulated=0)
    np.testing.assert_array_equal(again.draws, result.draws[:2])
    assert noise_ceiling(counts, n_splits=2, seed=4, n_simulated=0).lower != again.lower
    first, second = halve_votes(counts, stream(3, "noise_ceiling", 0))
    by_hand = compare(rdm(vote_shares(first)), rdm(vote_shares(second)))
    assert result.draws[0] == by_hand
    assert np.isnan(noise_ceiling(counts, n_splits=1, n_simulated=0).spread)


def test_a_split_of_many_images_takes_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, _, labels = world(400)
    whole = noise_ceiling(counts, n_splits=3, n_simulated=0)
    monkeypatch.setattr(ceiling, "_MOST_SPLIT", 200)
    found = noise_ceiling(counts, n_splits=3, n_simulated=0)
    generator = stream(0, "noise_ceiling", 0)
    halves = [vote_shares(half) for half in halve_votes(counts, generator)]
    rows = np.sort(generator.permutation(400)[:200])
    first, second = (rdm(half[rows]) for half in halves)
    assert found.draws[0] == compare(first, second)
    np.testing.assert_allclose(found.draws, whole.draws, atol=0.05)
    within = noise_ceiling(counts, n_splits=3, n_simulated=0, pairs=pairs_within(labels))
    assert np.isfinite(within.draws).all()


def test_upper_is_near_the_score_of_the_truth_and_rises_with_votes() -> None:
    uppers = []
    for votes in (20, 80, 320):
        counts, truth, _ = world(votes=votes)
        result = noise_ceiling(counts, n_splits=4, n_simulated=0)
        reached = compare(rdm(truth), rdm(vote_shares(counts)))
        assert result.lower < reached
        assert result.upper == pytest.approx(reached, abs=0.06)
        uppers.append(result.upper)
    assert uppers == sorted(uppers)


def test_controls_and_pairs() -> None:
    counts, _, labels = world()
    label = rdm(np.eye(4)[labels])
    plain = noise_ceiling(counts, n_splits=2, n_simulated=1)
    partial = noise_ceiling(counts, n_splits=2, controls=[label], n_simulated=1)
    one, two = (rdm(vote_shares(h)) for h in halve_votes(counts, stream(0, "noise_ceiling", 0)))
    assert partial.draws[0] == pytest.approx(partial_compare(one, two, label), abs=1e-12)
    assert partial.lower < plain.lower
    assert partial.lower < partial.ceiling < plain.ceiling
    within = pairs_within(labels)
    inside = noise_ceiling(counts, n_splits=2, pairs=within, n_simulated=0)
    assert inside.draws[0] == compare(one, two, pairs=within)
    with pytest.raises(InputError, match="pearson"):
        noise_ceiling(counts, method="pearson", controls=[label])


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "jensenshannon", "correlation"])
@pytest.mark.parametrize("method", ["spearman", "pearson", "rho-a"])
def test_every_metric_and_method(metric: str, method: str) -> None:
    counts, _, _ = world()
    found = noise_ceiling(counts, metric, method, n_splits=1, n_simulated=1)
    assert 0 < found.lower < found.ceiling < 1


def test_mistakes() -> None:
    counts, _, _ = world(10)
    with pytest.raises(InputError, match="n_splits"):
        noise_ceiling(counts, n_splits=0)
    counts[4] = [1, 0, 0, 0]
    with pytest.raises(InputError, match="Row 4"):
        noise_ceiling(counts)


def test_log_likelihood_is_the_dirichlet_multinomial_of_scipy() -> None:
    counts = np.array([[3, 0, 2], [1, 1, 0], [0, 7, 0]])
    centres = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    found = log_likelihood(counts, centres, 4.0)
    for i, row in enumerate(counts):
        # Without the number of orders of the votes.
        orders = gammaln(row.sum() + 1) - gammaln(row + 1).sum()
        expected = [dirichlet_multinomial(4.0 * c, row.sum()).logpmf(row) for c in centres]
        np.testing.assert_allclose(found[i] + orders, expected)
    near = log_likelihood(counts, centres, np.inf)
    np.testing.assert_allclose(log_likelihood(counts, centres, 1e8), near, atol=1e-4)


def test_the_strength_of_a_dirichlet_population_is_recovered() -> None:
    rng = np.random.default_rng(0)
    centre = np.array([0.4, 0.3, 0.3])
    counts = rng.multinomial(20, rng.dirichlet(20.0 * centre, 1500))
    found = fit_population(counts, rng)
    # The variance around a centre p is p (1 - p) / (s + 1), the centres vary as well.
    centres = (found.shares.mean(axis=0)[:, None] * found.centres).sum(axis=0)
    inside = (found.centres * (1.0 - found.centres)).sum(axis=1) / (found.strengths + 1.0)
    between = ((found.centres - centres) ** 2).sum(axis=1)
    variance = float(found.shares.mean(axis=0) @ (inside + between))
    assert variance == pytest.approx((centre * (1.0 - centre)).sum() / 21.0, rel=0.1)
    same = fit_population(rng.multinomial(20, centre, size=1500), rng)
    assert np.isinf(same.strengths).all()
    np.testing.assert_array_equal(same.draw(counts, rng), np.repeat(same.centres, 1500, axis=0))


def test_a_truth_varies_as_its_population_does() -> None:
    """Draws vary as the truth does; a posterior mean varies less and must not stand for it."""
    rng = np.random.default_rng(4)
    truth = rng.dirichlet([3.0, 2.0, 1.0], 3000)
    counts = rng.multinomial(4, truth)
    variance = truth.var(axis=0).sum()
    drawn = fit_population(counts, rng).draw(counts, rng)
    np.testing.assert_allclose(drawn.sum(axis=1), 1.0)
    assert drawn.var(axis=0).sum() == pytest.approx(variance, rel=0.1)
    # Given the votes: as close to them as the truth is.
    far = np.mean((truth - vote_shares(counts)) ** 2)
    assert np.mean((drawn - vote_shares(counts)) ** 2) == pytest.approx(far, rel=0.1)


def test_groups_come_from_the_votes_only_where_they_differ() -> None:
    counts, _, labels = world(400)
    population = fit_population(counts, np.random.default_rng(0))
    centres = np.unique(population.centres, axis=0)
    assert centres.shape == (5, 4)  # of four classes, and of images without an answer
    answers = population.centres.argmax(axis=1)[:28]  # seven strengths of each
    likely = answers[population.shares[:, :28].argmax(axis=1)]
    assert (likely == labels).mean() > 0.85
    assert (likely == counts.argmax(axis=1)).mean() > 0.95
    same = np.random.default_rng(0).multinomial(20, np.full(4, 0.25), size=400)
    assert len(np.unique(fit_population(same, np.random.default_rng(0)).centres, axis=0)) == 1


@pytest.mark.parametrize(("gain", "centres"), [(9.5, 1), (10.5, 4)])
def test_groups_have_to_be_worth_their_parameters(
    gain: float, centres: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two more groups have ten more parameters where there are six classes."""
    counts = np.eye(6, dtype=np.int64)[np.arange(90) % 3] * 40 + 1
    monkeypatch.setattr(
        populations, "_best", lambda counts, centres, shares: gain if len(centres) > 1 else 0.0
    )
    found = fit_population(counts, np.random.default_rng(0))
    assert len(np.unique(found.centres, axis=0)) == centres


def test_components_are_drawn_by_their_shares() -> None:
    centres, shares = np.eye(3), np.tile([0.1, 0.3, 0.6], (4000, 1))
    one = Population(centres, np.full(3, np.inf), shares)
    drawn = one.draw(np.zeros((4000, 3), dtype=np.int64), np.random.default_rng(0))
    np.testing.assert_allclose(drawn.mean(axis=0), shares[0], atol=0.03)


@pytest.mark.parametrize("votes", [[4] * 100 + [100] * 100, [30] * 200])
def test_identical_images_have_no_ceiling_above_0(votes: list[int]) -> None:
    found = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(votes, [0.4, 0.3, 0.2, 0.1])
        result = noise_ceiling(counts, n_splits=1, n_simulated=2, seed=seed)
        assert result.status == ""
        found.append(result.ceiling)
    assert np.mean(found) < 0.05
    assert min(found) == 0.0


def over(rows: Rows | None) -> Score:
    def score(a: np.ndarray, b: np.ndarray) -> list[float]:
        x, y = (rdm(one if rows is None else one[rows]) for one in (a, b))
        return [compare(x, y, method) for method in ("rho-a", "spearman")]

    return score


def test_the_ceiling_of_images_that_no_single_strength_describes() -> None:
    """With one strength for all images it was 0.08 too low, by either measure."""
    rng = np.random.default_rng(1)
    truth = softmax(2.5 * np.eye(10)[np.arange(600) % 10] + rng.normal(size=(600, 10)))
    counts = rng.multinomial(10, truth)
    found = simulated_ceilings(counts, over, 1, 0)
    true = over(None)(truth, vote_shares(counts))
    assert [one.value for one in found] == pytest.approx(true, abs=0.04)
    assert found[0].simulated_halves == pytest.approx(found[0].halves, abs=0.01)
    again = simulated_ceilings(counts, over, 1, 0, threads=2)
    assert again == found


def test_halves_of_the_votes_correct_a_wrong_population(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, _, _ = world(400, votes=10)

    def wrong(factor: float) -> float:
        def fit(votes: np.ndarray, generator: np.random.Generator) -> Population:
            found = fit_population(votes, generator)
            return Population(found.centres, factor * found.strengths, found.shares)

        monkeypatch.setattr(ceiling, "fit_population", fit)
        (rho_a, _) = simulated_ceilings(counts, over, 2, 0)
        return rho_a.value

    def uncorrected(factor: float) -> float:
        rng = np.random.default_rng(0)
        truth = fit_population(counts, rng).draw(counts, rng, factor)
        return compare(rdm(truth), rdm(vote_shares(counts)), "rho-a")

    right = wrong(1.0)
    for factor, error in ((4.0, -0.035), (0.25, 0.044)):
        assert uncorrected(factor) - right == pytest.approx(error, abs=0.015)
        assert abs(wrong(factor) - right) < 0.7 * abs(error)
    (rho_a, _) = simulated_ceilings(counts, over, 1, 0)
    assert rho_a.status == ""
    same = Population(np.full((1, 4), 0.25), np.array([np.inf]), np.ones((400, 1)))
    monkeypatch.setattr(ceiling, "fit_population", lambda *_: same)
    (rho_a, _) = simulated_ceilings(counts, over, 1, 0)
    assert rho_a.status == UNLIKE
    assert np.isnan(rho_a.value)


def test_simulated_votes_that_have_no_distances_leave_no_ceiling() -> None:
    def refuses(rows: Rows | None) -> Score:
        def score(a: np.ndarray, b: np.ndarray) -> float:
            if np.any((a > 0) & (a < 1 / 60)):  # no share of 51 votes
                raise InputError("no distances")
            return 0.5

        return score

    (one,) = simulated_ceilings(world()[0], refuses, 1, 0)
    assert np.isnan([one.value, one.sd]).all()


def test_many_images_are_simulated_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, _, labels = world(400, votes=20)
    label = rdm(np.eye(4)[labels])
    everything = simulated_ceilings(counts, over, 3, 0)
    monkeypatch.setattr(ceiling, "_MOST_IMAGES", 200)
    some = simulated_ceilings(counts, over, 3, 0)
    for a, b in zip(everything, some, strict=True):
        assert a.value == pytest.approx(b.value, abs=0.03)
        assert a.value != b.value
        assert a.halves == pytest.approx(b.halves, abs=0.03)
    # Exactly: controls and pairs of the images taken.
    rows = np.flatnonzero(np.arange(400) % 4 < 2)
    shares = vote_shares(counts)
    pairs = pairs_within(labels)[::-1]
    chosen = ceiling._comparison(400, "euclidean", "spearman", [label], None).over(rows)
    x, y = rdm(shares[rows]), rdm(shares[rows] ** 2)
    held = rdm(np.eye(4)[labels[rows]])
    assert chosen(shares, shares**2) == pytest.approx(partial_compare(x, y, held), abs=1e-12)
    chosen = ceiling._comparison(400, "euclidean", "rho-a", [], pairs).over(rows)
    by_hand = compare(x, y, "rho-a", pairs=pairs_within(labels[rows]))
    assert chosen(shares, shares**2) == by_hand
    other = rdm(shares[:, :1])
    chosen = ceiling._comparison(400, "euclidean", "spearman", [other], pairs).over(rows)
    inside = pairs_within(labels[rows])
    held = rdm(shares[rows, :1])
    wanted = partial_compare(x, y, held, pairs=inside)
    assert chosen(shares, shares**2) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("method", ["spearman", "rho-a"])
def test_the_ceiling_is_the_score_of_the_truth(method: str) -> None:
    """Four votes each, in a population that is not Dirichlet; root Spearman-Brown says 0.19."""
    errors, halves = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        truth = softmax(rng.normal(size=(300, 10)))
        counts = rng.multinomial(4, truth)
        result = noise_ceiling(counts, method=method, n_splits=1, n_simulated=2, seed=seed)
        true = compare(rdm(truth), rdm(vote_shares(counts)), method)
        errors.append(result.ceiling - true)
        halves.append(result.lower - true)
    assert abs(np.mean(errors)) < 0.04
    assert np.mean(halves) < -0.15


def test_a_ceiling_of_too_few_votes_is_not_available() -> None:
    counts = np.random.default_rng(0).multinomial(2, [0.4, 0.6], size=30)
    result = noise_ceiling(counts, n_splits=1)
    assert np.isnan(result.ceiling)
    assert result.status == TOO_FEW
    assert np.isfinite(result.lower)
    # Two answers have one dimension, three equal ones two.
    assert share_error(counts) == pytest.approx(np.sqrt(2 / (30 * 0.5)))
    three = np.full((8, 3), 4)
    assert share_error(three) == pytest.approx(np.sqrt(2 / (2 * 8 * 11 / 12)))
    assert np.isnan(noise_ceiling(world(20)[0], n_splits=1, n_simulated=0).ceiling)
    # Four classes: 20 images of each, or 10 with 20 votes.
    for n, votes, status in ((80, 8, ""), (79, 8, TOO_FEW), (40, 20, ""), (39, 20, TOO_FEW)):
        labels = np.arange(n) % 4
        some = (votes - 2) * np.eye(4, dtype=int)[labels] + 2 * np.eye(4, dtype=int)[labels - 1]
        assert ceiling_status(some, 0.9) == status
    # As few votes per image tell little, whatever the ceiling.
    for votes, status in ((4, ""), (3, TOO_FEW)):
        labels = np.arange(80) % 4
        some = (votes - 2) * np.eye(4, dtype=int)[labels] + 2 * np.eye(4, dtype=int)[labels - 1]
        assert share_error(some) > 0.08
        assert ceiling_status(some, 0.9) == status
    clear = 9 * np.eye(3, dtype=int)[np.arange(60) % 3]
    clear[:3] = [6, 3, 0]  # 57 of 60 images: 95 %
    assert ceiling_status(clear, 0.9) == ""
    clear[2] = [0, 0, 9]
    assert ceiling_status(clear, 0.9) == UNANIMOUS


def test_images_are_drawn_from_each_of_three_components() -> None:
    shares = np.repeat(np.eye(3), 4, axis=0)
    world = Population(np.eye(3), np.full(3, np.inf), shares)
    drawn = world.draw(np.zeros((12, 3), dtype=np.int64), np.random.default_rng(0))
    np.testing.assert_array_equal(drawn, shares)


def test_soft_labels_are_their_own_shares() -> None:
    soft = np.array([[0.25, 0.75, 0.0], [0.1, 0.2, 0.7]])
    np.testing.assert_array_equal(vote_shares(soft), soft)
    np.testing.assert_allclose(vote_shares(4.0 * soft[:1]), soft[:1])
