"""Layers chosen on one half of the images and scored on the other, nested in the bootstrap."""

import numpy as np
import pytest

from latent_microscope.errors import InputError
from latent_microscope.seeds import rng
from latent_microscope.similarity import RDM, compare, layer_choice, rdm
from latent_microscope.similarity.layer_choice import leaderboard

N = 40


def network(generator: np.random.Generator, x: np.ndarray, *noise: float) -> dict[str, RDM]:
    return {
        f"layer {i}": rdm(x + generator.normal(size=x.shape) * sd) for i, sd in enumerate(noise)
    }


def study(seed: int, n: int = N) -> tuple[np.ndarray, RDM, np.random.Generator]:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 3))
    return x, rdm(x + generator.normal(size=x.shape) * 0.6), generator


def test_halves_by_hand() -> None:
    x, reference, generator = study(0)
    layers = network(generator, x, 0.5, 1.5, 3.0)
    found = leaderboard({"net": [layers]}, reference, 4, seed=3, n_halvings=6)
    order = rng(3, "halvings").random((6, N))
    expected, chosen = [], []
    for row in order:
        place = row.argsort(kind="stable").argsort(kind="stable")
        halves = [np.flatnonzero(place < N // 2), np.flatnonzero(place >= N // 2)]
        scores = np.array(
            [
                [
                    compare(
                        RDM(part(m, half), np.array([str(i) for i in half]), "euclidean"),
                        RDM(part(reference, half), np.array([str(i) for i in half]), "euclidean"),
                        "rho-a",
                    )
                    for m in layers.values()
                ]
                for half in halves
            ]
        )
        best = scores.argmax(axis=1)
        chosen += best.tolist()
        expected.append((scores[0, best[1]] + scores[1, best[0]]) / 2)
    row = found.scores.iloc[0]
    assert row["score"] == pytest.approx(np.mean(expected), abs=1e-6)
    assert row["layer"] == f"layer {np.bincount(chosen).argmax()}"
    assert row["chosen"] == pytest.approx(np.bincount(chosen).max() / 12)
    assert row["layers"] == 3
    assert row["best"] == pytest.approx(compare(layers[row["layer"]], reference, "rho-a"))


def part(matrix: RDM, rows: np.ndarray) -> np.ndarray:
    square = matrix.square()[np.ix_(rows, rows)]
    return np.asarray(square[np.triu_indices(len(rows), 1)])


def test_each_sample_is_halved_five_times(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, halved = [], layer_choice._halved

    def watched(*of) -> np.ndarray:  # type: ignore[no-untyped-def]
        sizes.append(len(of[1]))
        return halved(*of)

    monkeypatch.setattr(layer_choice, "_halved", watched)
    x, reference, generator = study(0)
    leaderboard({"net": [network(generator, x, 0.5)]}, reference, 3, n_halvings=4)
    assert sizes == [4, 15]


def test_the_best_of_equal_layers_is_no_better_than_one() -> None:
    """Chosen and scored on the same images it would look 0.05 better (mean over worlds)."""
    honest, naive = [], []
    for seed in range(12):
        x, reference, generator = study(seed)
        networks = {
            "one": [network(generator, x, 1.0)],
            "many": [network(generator, x, *[1.0] * 8)],
        }
        found = leaderboard(networks, reference, 2, seed).scores
        honest.append(found["score"].diff().iloc[1])
        naive.append(found["best"].diff().iloc[1])
    assert abs(np.mean(honest)) < 0.02
    assert np.mean(naive) > np.mean(honest) + 0.02


def test_intervals_hold_the_expected_score_and_are_not_wide() -> None:
    """Over 400 worlds: coverage 0.96 to 1.00, width 1.12 to 1.25 of the score's own spread."""
    points, low, high = [], [], []
    for seed in range(40):
        x, reference, generator = study(seed, 30)
        layers = [network(generator, x, 2.0, 1.5, 0.5, 0.85)]
        row = leaderboard({"net": layers}, reference, 60, seed).scores.iloc[0]
        points.append(row["score"])
        low.append(row["low"])
        high.append(row["high"])
    inside = (np.array(low) < np.mean(points)) & (np.mean(points) < np.array(high))
    assert inside.mean() >= 0.85  # a binomial band of 0.95
    ratio = (np.mean(high) - np.mean(low)) / (3.92 * np.std(points))
    assert 0.8 < ratio < 1.6


def test_seeds_choose_one_layer_together_and_threads_change_nothing() -> None:
    x, reference, generator = study(1)
    seeds = [network(generator, x, 0.5, 2.0) for _ in range(2)]
    other = [network(generator, x, 1.0)]
    one, two = (
        leaderboard({"net": seeds, "other": other}, reference, 20, 5, threads=t) for t in (1, 2)
    )
    np.testing.assert_array_equal(one.draws, two.draws)
    assert one.draws.shape == (20, 2)
    assert one.scores["layer"].tolist() == ["layer 0", "layer 0"]
    both = [compare(net["layer 0"], reference, "rho-a") for net in seeds]
    assert one.scores["best"][0] == pytest.approx(np.mean(both))
    assert len(one.differences) == 1
    gap = one.scores["score"].iloc[0] - one.scores["score"].iloc[1]
    assert one.differences["difference"][0] == pytest.approx(gap)


def test_a_layer_without_a_score_is_not_chosen() -> None:
    x, reference, generator = study(2)
    layers = network(generator, x, 1.0) | {"flat": rdm(np.ones((N, 2)))}
    found = leaderboard({"net": [layers]}, reference, 5, 1).scores.iloc[0]
    assert (found["layer"], found["chosen"]) == ("layer 0", 1.0)


def test_mistakes() -> None:
    x, reference, generator = study(3)
    layers = network(generator, x, 1.0)
    with pytest.raises(InputError, match="cannot choose layers"):
        leaderboard({"net": [layers]}, reference, method="cosine")
    with pytest.raises(InputError, match="network 'net': give the same layers"):
        leaderboard({"net": [layers, {"other": layers["layer 0"]}]}, reference)
    with pytest.raises(InputError, match="network 'net': give the same layers"):
        leaderboard({"net": []}, reference)
    few = rdm(x[:10])
    with pytest.raises(InputError, match="choice of layers on 10 images"):
        leaderboard({"net": [{"a": few}]}, few)
