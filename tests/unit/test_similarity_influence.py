"""Influence of each image: derivatives by brute force, and bootstraps that rank anew."""

import numpy as np
import pytest
from scipy.stats import rankdata

from latent_microscope.errors import InputError
from latent_microscope.seeds import rng as stream
from latent_microscope.similarity import RDM, bootstrap_compare, compare, linear_cka, rdm
from latent_microscope.similarity import influence as influence_module
from latent_microscope.similarity.behaviour import softmax
from latent_microscope.similarity.bins import variables
from latent_microscope.similarity.covariances import BINS, Numbers, influences
from latent_microscope.similarity.frames import Frame, LabelRDM, Tiled
from latent_microscope.similarity.influence import (
    Influence,
    cross_covariances,
    linear_draws,
    rank_covariance_of_images,
)
from latent_microscope.similarity.rdms import pairs_among, pairs_within
from latent_microscope.similarity.resampling import image_weights
from latent_microscope.similarity.votes import vote_shares

N = 30


def votes(n: int = N) -> tuple[np.ndarray, np.ndarray, RDM, RDM]:
    generator = np.random.default_rng(1)
    labels = np.arange(n) % 3
    truth = softmax(
        3 * np.eye(3)[labels] * generator.random((n, 1)) + generator.normal(size=(n, 3))
    )
    counts = generator.multinomial(12, truth)
    return labels, counts, rdm(vote_shares(counts)), rdm(truth)


def weighted(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Mid-ranks as shares of the weight: the definition."""
    below = (w * (x[:, None] > x[None, :])).sum(axis=1)
    same = (w * (x[:, None] == x[None, :])).sum(axis=1)
    return (below + 0.5 * same) / w.sum()


def covariance(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    return float(np.sum(w * weighted(x, w) * weighted(y, w)) / w.sum()) - 0.25


def derivative(function, n: int, chosen: np.ndarray) -> np.ndarray:
    """Change of a function of the pairs' weights per additional copy of each image."""
    i, j = np.triu_indices(n, 1)
    step = 1e-5
    out = np.empty(n)
    for image in range(n):
        w = np.ones(n)
        w[image] += step
        up = function((w[i] * w[j])[chosen])
        w[image] -= 2 * step
        out[image] = (up - function((w[i] * w[j])[chosen])) / (2 * step)
    return out


def influence(
    human: RDM, model: RDM, labels: np.ndarray, disputed: np.ndarray, *, tau: bool = False
) -> Numbers:
    frame = Frame(labels, disputed)
    found = variables([human, model, LabelRDM(labels)], frame, bins=BINS)
    return influences(found, frame, tau=tau)


@pytest.mark.parametrize("part", ["whole", "within_class", "non_unanimous"])
def test_influence_on_ranks_is_the_derivative(part: str) -> None:
    labels, counts, human, model = votes()
    disputed = (counts > 0).sum(axis=1) > 1
    chosen = {
        "whole": np.arange(len(human)),
        "within_class": pairs_within(labels),
        "non_unanimous": pairs_among(disputed),
    }[part]
    x, y = human.values[chosen], model.values[chosen]
    numbers = influence(human, model, labels, disputed)
    for at, u, v in (((0, 1), x, y), ((0, 0), x, x), ((1, 1), y, y)):
        found = numbers[part, *at]
        assert found.value == pytest.approx(covariance(u, v, np.ones(len(u))), abs=1e-7)
        expected = derivative(lambda w, u=u, v=v: covariance(u, v, w), N, chosen)
        np.testing.assert_allclose(found.images, expected, atol=2e-7)
        assert abs(found.images.sum()) < 1e-9


def test_any_number_of_models_has_the_numbers_of_one() -> None:
    labels, counts, human, model = votes()
    frame = Frame(labels, (counts > 0).sum(axis=1) > 1)
    others = [rdm(np.random.default_rng(k).normal(size=(N, 3))) for k in range(14)]
    matrices: list[Tiled] = [human, *others, model, LabelRDM(labels)]  # 17 variables
    many = influences(variables(matrices, frame, bins=BINS), frame, tau=False)
    one = influence(human, model, labels, (counts > 0).sum(axis=1) > 1)["whole", 0, 1]
    found = many["whole", 0, 15]
    assert found.value == pytest.approx(one.value, rel=1e-9)
    np.testing.assert_allclose(found.images, one.images, atol=1e-9)


def test_a_part_without_pairs_hides_no_other() -> None:
    _, _, human, model = votes()
    numbers = influence(human, model, np.arange(N), np.ones(N, dtype=bool))
    assert ("within_class", 0, 1) not in numbers
    disputed, whole = numbers["non_unanimous", 0, 1], numbers["whole", 0, 1]  # the same pairs
    assert disputed.value == pytest.approx(whole.value)
    np.testing.assert_allclose(disputed.images, whole.images, atol=1e-7)


def test_influence_on_signs_is_the_derivative() -> None:
    _, _, human, model = votes(20)
    # Few enough values for every one to have a bin of its own.
    x, y = np.round(human.values, 1), np.round(model.values * 4).astype(np.float32) / np.float32(4)
    labels = np.zeros(20, dtype=np.int64)
    numbers = influence(RDM(x), RDM(y), labels, labels > 0, tau=True)

    def tau(w: np.ndarray) -> float:
        s = np.sign(x[:, None] - x) * np.sign(y[:, None] - y)
        return float(w @ s @ w) / w.sum() ** 2

    found = numbers["sign", 0, 1]
    pairs = len(x)
    assert found.value == pytest.approx(compare(x, y, "tau-a") * (pairs - 1) / pairs, abs=1e-6)
    expected = derivative(tau, 20, np.arange(pairs))
    np.testing.assert_allclose(found.images, expected, atol=1e-6)


def test_influence_on_products_and_on_cka() -> None:
    _, counts, human, model = votes()
    labels = np.zeros(N, dtype=np.int64)
    with np.errstate(invalid="raise"):  # no pair is of two disputed images
        found = influence(human, model, labels, labels > 0)["product", 0, 1]
    x, y = human.values.astype(np.float64), model.values.astype(np.float64)
    assert found.value == pytest.approx(np.mean(x * y))
    expected = derivative(lambda w: float(np.sum(w * x * y) / w.sum()), N, np.arange(len(x)))
    np.testing.assert_allclose(found.images, expected, atol=1e-8)
    features = np.random.default_rng(0).normal(size=(N, 5))
    shares = vote_shares(counts)
    first, cross = cross_covariances(features, [features, shares])
    own = [first.value, cross_covariances(shares, [shares])[0].value]
    assert cross.value / np.sqrt(own[0] * own[1]) == pytest.approx(linear_cka(features, shares))

    def squared(w: np.ndarray) -> float:
        a, b = (f - np.average(f, axis=0, weights=w) for f in (features, shares))
        return float(np.sum(((a * w[:, None]).T @ b / w.sum()) ** 2))

    step, whole = 1e-5, squared(np.ones(N))  # the influences are of features in their own scale
    for image in range(3):
        w = np.ones(N)
        w[image] += step
        up = squared(w)
        w[image] -= 2 * step
        change = (up - squared(w)) / (2 * step) / whole
        assert cross.images[image] / cross.value == pytest.approx(change, rel=1e-4)


def test_influence_on_ranks_of_images() -> None:
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 8, 50), generator.normal(size=50)
    found = rank_covariance_of_images(x, y)
    ranks = np.stack([rankdata(x), rankdata(y)])
    assert found.value == pytest.approx(np.cov(ranks, ddof=0)[0, 1] / 50**2)
    step = 1e-5
    for image in (0, 7, 49):
        w = np.ones(50)
        w[image] += step
        up = covariance(x, y, w)
        w[image] -= 2 * step
        expected = (up - covariance(x, y, w)) / (2 * step)
        assert found.images[image] == pytest.approx(expected, abs=1e-8)


def test_draws_follow_those_that_rank_anew() -> None:
    n, n_draws = 300, 300
    labels, _, human, model = votes(n)
    theirs = bootstrap_compare({"m": model}, human, None, n_draws).draws[:, 0]
    drawn = linear_draws(influence(human, model, labels, labels > 0), n, n_draws, 0)
    ours = drawn["whole", 0, 1] / np.sqrt(drawn["whole", 0, 0] * drawn["whole", 1, 1])
    assert np.corrcoef(ours, theirs)[0, 1] > 0.98
    assert ours.std() == pytest.approx(theirs.std(), rel=0.05)
    np.testing.assert_allclose(
        np.quantile(ours, [0.025, 0.975]),
        np.quantile(theirs, [0.025, 0.975]),
        atol=0.1 * 4 * theirs.std(),
    )


def test_a_draw_moves_by_the_copies_of_each_image() -> None:
    number = Influence(1.0, np.array([1.0, -1, 0, 0, 0]))
    drawn = linear_draws({"a": number}, 5, 10, 0)["a"]
    weights = image_weights(5, 10, stream(0, "bootstrap_images"))
    assert (weights.sum(axis=1) == 5).all()
    np.testing.assert_allclose(drawn, 1 + weights[:, 0] - weights[:, 1])


def test_a_bootstrap_needs_four_images() -> None:
    assert image_weights(4, 10, stream(0, "images")).shape == (10, 4)
    with pytest.raises(InputError, match="over 3 images: not available: needs at least 4 images"):
        image_weights(3, 10, stream(0, "images"))


@pytest.mark.parametrize("at_a_time", [1 << 24, 60])
def test_samples_are_the_same_however_many_at_a_time(
    at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(influence_module, "_WEIGHTS", at_a_time)
    images = np.arange(20.0) - 9.5
    drawn = linear_draws({"a": Influence(2.0, images)}, 20, 50, 3)["a"]
    weights = image_weights(20, 50, stream(3, "bootstrap_images"))
    np.testing.assert_allclose(drawn, 2.0 + (weights - 1) @ images, atol=1e-12)
