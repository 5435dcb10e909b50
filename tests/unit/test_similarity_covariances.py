"""Bins of ranks, tile by tile: against exact ranks, whatever the values, the tiles and threads."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import rankdata

from latent_microscope.errors import InputError
from latent_microscope.similarity import RDM, bins, compare, covariances, rdm, rdms
from latent_microscope.similarity.bins import Variable, grams, variables
from latent_microscope.similarity.covariances import BINS, influences
from latent_microscope.similarity.frames import BITS, Frame, LabelRDM, Tiled
from latent_microscope.similarity.ranks import average_ranks
from latent_microscope.similarity.rdms import (
    Distances,
    Ints,
    n_pairs,
    pairs_among,
    pairs_within,
    tiles,
)

N = 380  # 72,010 pairs


def frame(n: int) -> Frame:
    return Frame(np.arange(n) % 3, np.random.default_rng(n).random(n) < 0.5)


def values(kind: str, size: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    return {
        "uniform": rng.random(size),
        "ties": rng.integers(0, 40, size) / 7.0,
        "two": np.where(rng.random(size) < 0.1, 0.0, np.sqrt(2.0)),
        "one": np.full(size, 0.25),
        "narrow": 1.0 + 1e-5 * rng.random(size),
        "adjacent": 1.0 + rng.integers(0, 300, size) * np.finfo(np.float32).eps,
        "wide": np.exp(rng.normal(0, 12, size)),
        "signed": np.concatenate([rng.normal(size=size - 2), [0.0, -0.0]]),
    }[kind].astype(np.float32)


def of_pairs(one: Variable, n: int, part: str) -> np.ndarray:
    """The mid-rank of each pair, in condensed order, plus 1/2."""
    square = np.zeros((n, n))
    for rows, others in tiles(n):
        square[rows, others] = one.midranks(part)[one.tile(rows, others)[0]] + 0.5
    return square[np.triu_indices(n, 1)]


@pytest.mark.parametrize(
    "kind", ["uniform", "ties", "two", "one", "narrow", "adjacent", "wide", "signed"]
)
@pytest.mark.parametrize(("n", "sampled"), [(N, 1 << 17), (N, 20_000), (40, 1 << 17)])
def test_midranks_of_bins(kind: str, n: int, sampled: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact where all values are in the sample and few, or few and often equal; else close."""
    monkeypatch.setattr(bins, "_SAMPLED", sampled)
    x, shared = values(kind, n_pairs(n)), frame(n)
    one = Variable(RDM(x), shared)
    exact = n == 40 or kind in ("ties", "two", "one", "adjacent")
    every = np.arange(x.size)
    parts = (every, pairs_within(shared.labels), pairs_among(shared.disputed))
    for part, chosen in zip(BITS, parts, strict=True):
        expected = (rankdata(x[chosen]) - 0.5) / x[chosen].size
        error = np.abs(of_pairs(one, n, part)[chosen] - expected).max()
        assert error < (1e-9 if exact else 1 / 500)
        assert one.midranks(part) @ one.counts[list(BITS).index(part)] == pytest.approx(0, abs=1e-7)


def test_bins_of_a_rare_part_come_from_all_of_its_pairs() -> None:
    """Classes of two of 2,000 images: a sample of the images would hold few of these pairs."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(2000) // 2
    x = 5 * rng.normal(size=(1000, 4))[labels] + 0.3 * rng.normal(size=(2000, 4))
    pair = (x, x + 0.2 * rng.normal(size=x.shape))
    shared = Frame(labels, labels < 20)
    found = grams(variables([Distances(one) for one in pair], shared), shared)
    chosen = {"within_class": pairs_within(labels), "non_unanimous": pairs_among(labels < 20)}
    for part, among in chosen.items():
        gram = found[part]
        value = gram[0, 1] / np.sqrt(gram[0, 0] * gram[1, 1])
        assert value == pytest.approx(compare(rdm(pair[0]), rdm(pair[1]), pairs=among), abs=1e-12)


@pytest.mark.parametrize(("beyond", "kept"), [(-1, True), (0, True), (1, False)])
def test_tiles_of_few_images_are_kept(
    beyond: int, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bins, "_KEPT", n_pairs(40) - beyond)
    one, at = Variable(RDM(values("uniform", n_pairs(40))), frame(40)), next(iter(tiles(40)))
    before, _ = one.tile(*at)
    assert (one.tile(*at)[0] is before) == kept


def test_sums_of_many_equal_terms_keep_their_digits() -> None:
    """All pairs of a tile in one bin, as of images sorted by class."""
    terms, sums = np.full((1 << 18, 16), 0.37, dtype=np.float32), np.zeros((8, 16))
    bins_of_pairs = np.full(len(terms), 3, dtype=np.uint16)
    covariances._add_rows(bins_of_pairs, terms, np.empty((8, 16), np.float32), sums)
    np.testing.assert_allclose(sums[3], np.float64(np.float32(0.37)) * len(terms), rtol=1e-5)
    assert not sums[[0, 1, 2, 4, 5, 6, 7]].any()


def test_an_error_names_the_model() -> None:
    bad = RDM(np.full(n_pairs(4), np.nan, dtype=np.float32))
    with pytest.raises(InputError, match=r"^net, features, seed 1: The RDM contains a NaN"):
        variables([rdm(np.eye(4)), bad], frame(4), names=["human", "net, features, seed 1"])


def test_an_error_of_some_images_names_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: RDM, places: Ints) -> None:
        raise InputError("no such images")

    monkeypatch.setattr(RDM, "among", refuse)
    with pytest.raises(InputError, match=r"^net, features, seed 1: no such images"):
        variables([rdm(np.eye(4))], frame(3), places=np.arange(3), names=["net, features, seed 1"])


def test_errors_without_a_name_are_told_as_they_are() -> None:
    bad = RDM(np.full(n_pairs(4), np.nan, dtype=np.float32))
    for names in ((), ("human", "")):
        with pytest.raises(InputError, match=r"^The RDM contains a NaN"):
            variables([rdm(np.eye(4)), bad], frame(4), names=names)


def test_the_concordance_of_classes_is_that_of_their_pairs() -> None:
    x, y = np.random.default_rng(0).integers(0, 6, (2, 400)) ** 2
    joint = np.zeros((26, 26), dtype=np.int64)
    np.add.at(joint, (x, y), 1)
    signs = [np.sign(one[:, None] - one[None, :]) for one in (x, y)]
    expected = np.sum(signs[0] * signs[1]) / 400**2
    assert expected != 0
    assert bins.concordance(joint) == pytest.approx(expected, rel=1e-12)


def test_parts_of_few_values_do_not_outgrow_the_numbers_of_bins() -> None:
    """Each of two parts has fewer than 65,536 values, and both together with the whole more."""
    n = 640
    rng = np.random.default_rng(0)
    labels, disputed = np.arange(n) % 10, rng.random(n) < 0.561
    x = rng.normal(size=(n, 20)) + 2 * np.eye(10)[labels] @ rng.normal(size=(10, 20))
    pair = (x, x + rng.normal(size=(n, 20)))
    shared = Frame(labels, disputed)
    found = grams(variables([Distances(one) for one in pair], shared), shared)
    every = np.arange(n_pairs(n))
    chosen = (every, pairs_within(labels), pairs_among(disputed))
    for part, among in zip(BITS, chosen, strict=True):
        gram = found[part]
        value = gram[0, 1] / np.sqrt(gram[0, 0] * gram[1, 1])
        exact = compare(rdm(pair[0]), rdm(pair[1]), "spearman", pairs=among)
        assert value == pytest.approx(exact, abs=1e-5)


def test_values_equal_but_within_classes_are_the_least_exact() -> None:
    n = 365  # just more than have a bin of their own for each value
    rng = np.random.default_rng(0)
    labels = rng.permutation(n) % 6
    x, y = rng.random(n_pairs(n), dtype=np.float32), np.ones(n_pairs(n), np.float32)
    within = pairs_within(labels)
    y[within] = 1e-3 * rng.random(within.size)
    shared = Frame(labels, labels < 0)
    gram = grams(variables([RDM(x), RDM(y)], shared), shared)["whole"]
    exact = compare(RDM(x), RDM(y), "spearman")
    assert gram[0, 1] / np.sqrt(gram[0, 0] * gram[1, 1]) == pytest.approx(exact, rel=0, abs=3e-5)


@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
def test_ranks_want_finite_values(bad: float) -> None:
    x = values("uniform", n_pairs(N))
    x[77] = bad
    with pytest.raises(InputError, match="NaN"):
        average_ranks(x)
    with pytest.raises(InputError, match="NaN"):
        Variable(RDM(x), frame(N))


def study(n: int, k: int) -> list[np.ndarray]:
    """Features of every kind: continuous, tied, of two values, and one of a single value."""
    rng = np.random.default_rng(n)
    labels = np.eye(3)[np.arange(n) % 3]
    features = [labels, np.zeros((n, 2)), rng.integers(0, 3, (n, 2))]
    return features + [labels + rng.normal(0, 0.3 + 0.1 * i, (n, 3)) for i in range(k - 3)]


def prepared(
    features: Sequence[np.ndarray], n_bins: int = 4096, threads: int = 1
) -> list[Variable]:
    n = len(features[0])
    matrices: list[Tiled] = [Distances(one) for one in features]
    matrices.append(LabelRDM(frame(n).labels))
    return variables(matrices, frame(n), bins=n_bins, threads=threads)


def test_grams_are_the_correlations_of_exact_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 1,600 images, more than are sampled: within 1e-6 of exact ranks, ties among them."""
    n, shared = 1600, frame(1600)
    features = [study(n, 5)[place] for place in (0, 2, 3, 4)]
    found = grams(prepared(features), shared)
    matrices = [rdm(one) for one in features]
    parts = (None, pairs_within(shared.labels), pairs_among(shared.disputed))
    for part, pairs in zip(BITS, parts, strict=True):
        number = float(shared.n_pairs[part])
        assert number == (n_pairs(n) if pairs is None else pairs.size)
        for i, j in [(1, 2), (2, 3), (1, 3), (0, 2)]:
            exact = compare(matrices[i], matrices[j], "rho-a", pairs=pairs)
            value = 12 * found[part][i, j] / (number - 1 / number)
            assert value == pytest.approx(exact, abs=1e-6), (part, i, j)
    product = np.sum(matrices[1].values.astype(float) * matrices[2].values)
    assert found["values"][1, 2] == pytest.approx(product, rel=1e-12)
    # The label RDM has the ranks of its one-hot features.
    np.testing.assert_allclose(found["whole"][0], found["whole"][-1], rtol=1e-12)


def test_tiles_and_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    features, shared = study(N, 12), frame(N)

    def run(threads: int) -> tuple:
        found = prepared(features, BINS, threads)
        return (
            grams(found, shared, threads=threads)["whole"],
            influences(found, shared, tau=True, threads=threads),
        )

    gram, numbers = run(1)
    again, same = run(3)
    np.testing.assert_array_equal(again, gram)
    for name, one in numbers.items():
        assert same[name].value == one.value
        np.testing.assert_array_equal(same[name].images, one.images)
    monkeypatch.setattr(rdms, "_SIDE", 57)
    tiled, others = run(1)
    np.testing.assert_allclose(tiled, gram, atol=1e-6)
    for name, one in numbers.items():
        assert others[name].value == pytest.approx(one.value, abs=1e-7)
        size = np.abs(one.images).max()
        np.testing.assert_allclose(others[name].images, one.images, atol=1e-9 + 1e-4 * size)
