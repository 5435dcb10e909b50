"""Known facts of CIFAR-10H and of five published networks, on the real files (skipped without)."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from latent_microscope.similarity import compare, noise_ceiling, rdm
from latent_microscope.similarity.behaviour import (
    cross_entropy,
    error_consistency,
    human_error_consistency,
    softmax,
    vote_entropy,
)
from latent_microscope.similarity.comparison import RankedRDM, rank_rdm
from latent_microscope.similarity.temperature import fit_temperature
from latent_microscope.similarity.votes import class_mean_votes, vote_shares
from shared_data import DATA  # type: ignore[import-not-found]

FOLDER = DATA / "cifar10h"

pytestmark = pytest.mark.skipif(
    not (FOLDER / "published_predictions.npz").exists(),
    reason=f"needs the CIFAR-10H files in {FOLDER}",
)

PUBLISHED_CROSS_ENTROPY = {
    "densenet": 0.6727,
    "resnet110": 0.8746,
    "preact164": 0.7763,
    "resnext": 0.4700,
    "vgg15": 0.7772,
}


@pytest.fixture(scope="module")
def counts() -> np.ndarray:
    return np.load(FOLDER / "cifar10h-counts.npy", allow_pickle=False)


@pytest.fixture(scope="module")
def published() -> dict[str, np.ndarray]:
    with np.load(FOLDER / "published_predictions.npz", allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.fixture(scope="module")
def human(counts: np.ndarray) -> RankedRDM:
    return rank_rdm(rdm(vote_shares(counts)))


def test_votes(counts: np.ndarray, published: dict[str, np.ndarray]) -> None:
    labels = published["labels"]
    shares = vote_shares(counts)
    right = shares[np.arange(10_000), labels]
    assert counts.sum() == 511_000
    assert (counts.sum(axis=1).min(), counts.sum(axis=1).max()) == (47, 63)
    assert right.mean() == pytest.approx(0.9523, abs=5e-5)
    assert (shares.argmax(axis=1) == labels).mean() == pytest.approx(0.9921, abs=5e-5)
    assert (shares.max(axis=1) == 1.0).mean() == pytest.approx(0.439, abs=5e-4)
    assert vote_entropy(counts).mean() == pytest.approx(0.1545, abs=5e-5)
    assert (right < 0.5).sum() == 122
    by_class = [right[labels == c].mean() for c in range(10)]
    assert by_class[4] == min(by_class) == pytest.approx(0.905, abs=5e-4)
    assert by_class[3] == pytest.approx(0.915, abs=5e-4)
    assert by_class[7] == max(by_class) == pytest.approx(0.979, abs=5e-4)
    assert shares[2405].argmax() == 6
    assert labels[2405] == 3


def test_cross_entropies(counts: np.ndarray, published: dict[str, np.ndarray]) -> None:
    shares = vote_shares(counts)
    for name, expected in PUBLISHED_CROSS_ENTROPY.items():
        assert cross_entropy(published[name], shares) == pytest.approx(expected, abs=1e-4)
        temperature = fit_temperature(published[name], shares)
        assert temperature > 1.5
        assert cross_entropy(published[name], shares, temperature) < 0.4
    oracle = np.log(class_mean_votes(counts, published["labels"]))
    assert cross_entropy(oracle, shares) == pytest.approx(0.2565, abs=5e-5)


def test_people_agree_on_errors_more_than_networks_do(
    counts: np.ndarray, published: dict[str, np.ndarray]
) -> None:
    labels = published["labels"]
    people = human_error_consistency(counts, labels)
    for name in PUBLISHED_CROSS_ENTROPY:
        correct = published[name].argmax(axis=1) == labels
        assert 0.1 < error_consistency(correct, counts, labels) < people


def test_all_images_densenet_and_label(
    human: RankedRDM, published: dict[str, np.ndarray], counts: np.ndarray
) -> None:
    labels = published["labels"]
    one_hot = rank_rdm(rdm(np.eye(10)[labels]))
    assert compare(one_hot, human) == pytest.approx(0.520, abs=5e-4)
    assert compare(one_hot, human, "rho-a") == pytest.approx(0.270, abs=5e-4)
    densenet = rdm(softmax(published["densenet"]))
    assert compare(densenet, human) == pytest.approx(0.526, abs=5e-4)
    del densenet
    class_mean = rdm(class_mean_votes(counts, labels))
    assert compare(class_mean, human) == pytest.approx(0.451, abs=5e-4)


@pytest.mark.parametrize(("metric", "expected"), [("euclidean", 0.726), ("correlation", 0.644)])
def test_all_images_split_half(counts: np.ndarray, metric: str, expected: float) -> None:
    """One split has a standard deviation of 0.003."""
    ceiling = noise_ceiling(counts, metric, n_splits=1, seed=1, n_simulated=2)
    assert ceiling.lower == pytest.approx(expected, abs=0.009)
    assert ceiling.upper == pytest.approx(0.917 if metric == "euclidean" else 0.885, abs=0.005)
    assert ceiling.status == ""
    if metric == "euclidean":
        assert ceiling.ceiling == pytest.approx(0.897, abs=0.008)


def test_two_thousand_images_equal_scipy(
    counts: np.ndarray, published: dict[str, np.ndarray]
) -> None:
    some = slice(0, 2000)
    reference = rdm(vote_shares(counts)[some])
    scores = {}
    for name in ("vgg15", "resnext"):
        model = rdm(softmax(published[name])[some])
        scores[name] = compare(model, reference)
        expected = spearmanr(model.values, reference.values).statistic
        assert scores[name] == pytest.approx(expected, abs=1e-9)
    assert 0.4 < scores["vgg15"] < scores["resnext"] < 0.6
