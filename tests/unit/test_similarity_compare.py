"""Ranks, comparisons, partial comparisons and CKA against scipy, rsatoolbox and brute force."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kendalltau, pearsonr, rankdata, spearmanr

from latent_microscope import similarity
from latent_microscope.errors import InputError
from latent_microscope.similarity import (
    RDM,
    compare,
    comparison,
    linear_cka,
    partial_compare,
    rdm,
)
from latent_microscope.similarity import ranks as ranks_module
from latent_microscope.similarity.comparison import METHODS, correlations, rank_rdm
from latent_microscope.similarity.frames import Frame
from latent_microscope.similarity.measures import MEASURES, measures, side
from latent_microscope.similarity.ranks import average_ranks
from latent_microscope.similarity.rdms import pairs_within

NAMES = {
    "spearman": "spearman",
    "pearson": "corr",
    "rho-a": "rho-a",
    "tau-a": "tau-a",
    "cosine": "cosine",
}


def test_the_package_offers_functions_not_modules() -> None:
    """A submodule of the same name would hide the function once it is imported."""
    for name in similarity.__all__:
        assert callable(getattr(similarity, name))
    with pytest.raises(AttributeError, match="tau"):
        similarity.tau  # noqa: B018


def check_ranks(values: np.ndarray) -> None:
    ranks = average_ranks(values)
    expected = rankdata(values)
    np.testing.assert_array_equal(ranks.doubled, 2 * expected)
    centred = 2 * expected - (values.size + 1)
    assert ranks.variation == pytest.approx(np.sum(centred**2), rel=1e-12, abs=1e-9)
    _, counts = np.unique(values, return_counts=True)
    assert ranks.tied_pairs == np.sum(counts * (counts - 1) // 2)


def test_ranks_past_32_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """From 2^31 pairs on doubled ranks need 64 bits, and tau-a is refused."""
    rng = np.random.default_rng(0)
    a, b = (rdm(rng.normal(size=(12, 3))).values for _ in range(2))
    wanted = {method: compare(a, b, method) for method in METHODS}
    monkeypatch.setattr(ranks_module, "_NARROW", 66)
    assert average_ranks(a[:-1]).doubled.dtype == np.uint32
    for values in (a, a.astype(np.float64)):
        assert average_ranks(values).doubled.dtype == np.uint64
        check_ranks(values)
    for method in set(METHODS) - {"tau-a"}:
        assert compare(a, b, method) == wanted[method]
    with pytest.raises(InputError, match=r"tau-a of 66 pairs.*choose rho-a"):
        compare(a, b, "tau-a")


@given(
    arrays(
        np.float32,
        st.integers(1, 60),
        elements=st.one_of(
            st.floats(allow_nan=False, allow_infinity=False, width=32),
            st.sampled_from([0.0, -0.0, 1.0, -1.0, 1.401298464324817e-45, 3.4028234663852886e38]),
        ),
    )
)
@settings(deadline=None)
def test_ranks_of_any_float32(values: np.ndarray) -> None:
    check_ranks(values)
    check_ranks(values.astype(np.float64))


@pytest.mark.parametrize("decimals", [1, 3, 5, 20])
@pytest.mark.parametrize("shift", [0.0, -0.7])
def test_ranks_of_long_arrays(decimals: int, shift: float) -> None:
    """Long enough for buckets that are counted and for buckets that are sorted."""
    rng = np.random.default_rng(decimals)
    values: np.ndarray = np.concatenate(
        [rng.random(150_000), rng.normal(size=1000) * np.power(10.0, rng.integers(-30, 30, 1000))]
    )
    check_ranks(np.round(values + shift, decimals).astype(np.float32))


def test_ranks_of_a_constant_and_of_two_values() -> None:
    check_ranks(np.full(100_000, 0.25, np.float32))
    check_ranks((np.arange(100_000) % 10 == 0).astype(np.float32))


@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", METHODS)
def test_non_finite_is_an_error(bad: float, dtype: type, method: str) -> None:
    values: np.ndarray = np.linspace(0, 1, 10).astype(dtype)
    values[4] = bad
    with pytest.raises(InputError, match="NaN"):
        compare(values, np.arange(10.0), method)


def two_rdms(n: int, *, tied: bool, seed: int = 0) -> tuple[RDM, RDM]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    y = x + rng.normal(size=(n, 4))
    if tied:
        x, y = np.round(x), (y > 0).astype(float)
    return rdm(x), rdm(y)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("n", [60, 200])
def test_equals_scipy(n: int, tied: bool) -> None:
    a, b = two_rdms(n, tied=tied)
    assert compare(a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-10)
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    assert compare(a, b, "pearson") == pytest.approx(pearsonr(x, y).statistic, abs=1e-10)
    cosine = x @ y / np.sqrt(x @ x * (y @ y))
    assert compare(a, b, "cosine") == pytest.approx(cosine, abs=1e-10)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_equals_rsatoolbox(method: str, tied: bool) -> None:
    toolbox = pytest.importorskip("rsatoolbox.rdm")
    a, b = two_rdms(100, tied=tied, seed=5)
    theirs = toolbox.compare(
        toolbox.RDMs(np.asarray(a, np.float64)),
        toolbox.RDMs(np.asarray(b, np.float64)),
        method=NAMES[method],
    )
    assert compare(a, b, method) == pytest.approx(float(theirs[0, 0]), abs=1e-6)


@given(st.integers(2, 40), st.integers(1, 6), st.integers(0, 10_000))
@settings(deadline=None)
def test_tau_a_by_brute_force(size: int, levels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, levels, (2, size)).astype(np.float32)
    i, j = np.triu_indices(size, 1)
    expected = np.mean(np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]))
    assert compare(a, b, "tau-a") == pytest.approx(expected, abs=1e-12)


def test_tau_without_ties_is_scipys() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 5000))
    assert compare(a, b, "tau-a") == pytest.approx(kendalltau(a, b).statistic, abs=1e-12)


def test_rho_a_is_the_mean_over_random_tie_breaking() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 4, 200).astype(np.float32)
    b = (a + rng.integers(0, 3, 200)).astype(np.float32)
    draws = []
    for _ in range(2000):
        noise = rng.random((2, 200)) * 0.5
        draws.append(spearmanr(a + noise[0], b + noise[1]).statistic)
    error = np.std(draws) / np.sqrt(len(draws))
    assert compare(a, b, "rho-a") == pytest.approx(np.mean(draws), abs=5 * error)
    assert compare(a, a, "rho-a") < 1.0 - 0.01


@pytest.mark.parametrize("method", METHODS)
def test_invariants(method: str) -> None:
    a, b = two_rdms(70, tied=True)
    assert compare(a, b, method) == pytest.approx(compare(b, a, method), abs=1e-14)
    order = np.random.default_rng(1).permutation(70)
    same = compare(a.select(order), b.select(order), method)
    assert same == pytest.approx(compare(a, b, method), abs=1e-12)
    scaled = RDM(2.0 * a.values, a.ids)
    assert compare(scaled, b, method) == pytest.approx(compare(a, b, method), abs=1e-6)
    if method not in ("rho-a", "tau-a"):
        assert compare(a, a, method) == pytest.approx(1.0, abs=1e-12)


def test_spearman_sees_only_the_order() -> None:
    a, b = two_rdms(70, tied=False)
    stretched = np.exp(np.asarray(a, np.float64))
    for method in ("spearman", "rho-a", "tau-a"):
        assert compare(stretched, b, method) == pytest.approx(compare(a, b, method), abs=1e-12)
    assert compare(-stretched, b) == pytest.approx(-compare(a, b), abs=1e-12)


def test_a_constant_rdm_has_no_correlation() -> None:
    values = np.random.default_rng(0).random(45)
    for constant in (0.1, 0.0, 1e6):
        flat = np.full(45, constant)
        assert np.isnan(compare(flat, values, "pearson"))
        assert np.isnan(compare(flat, values, "spearman"))
        assert compare(flat, values, "rho-a") == pytest.approx(0.0, abs=1e-12)


def test_one_pair_and_no_distance_have_no_correlation() -> None:
    for method in ("spearman", "rho-a", "tau-a", "pearson"):
        assert np.isnan(compare([1.0], [2.0], method))
    with np.errstate(all="raise"):
        assert np.isnan(compare(np.zeros(6), np.arange(6.0), "cosine"))
        assert np.isnan(compare(np.ones(6), np.arange(6.0), "spearman"))


def test_different_images_are_an_error() -> None:
    x = np.random.default_rng(0).normal(size=(6, 3))
    a = rdm(x, ids=[1, 2, 3, 4, 5, 6])
    for method in METHODS:
        with pytest.raises(InputError, match="position 5: 6 and 7"):
            compare(a, rdm(x, ids=[1, 2, 3, 4, 5, 7]), method)
    with pytest.raises(InputError, match="position 0: 1 and 2"):
        compare(a, rdm(x, ids=[2, 1, 3, 4, 5, 6]))
    with pytest.raises(InputError, match="6 and 5 images"):
        compare(a, rdm(x[:5], ids=[1, 2, 3, 4, 5]))
    with pytest.raises(InputError, match="position"):
        compare(a, rdm(x, ids=list("123456")))
    with pytest.raises(InputError, match="position"):
        compare(rank_rdm(a), rank_rdm(rdm(x, ids=[1, 2, 3, 4, 5, 7])))
    with pytest.raises(InputError, match="position"):
        partial_compare(a, a, [a, rdm(x, ids=[1, 2, 3, 4, 5, 7])])
    with pytest.raises(InputError, match="15 and 10 pairs"):
        compare(a, np.arange(10.0))
    with pytest.raises(InputError, match=r"not of shape \(6, 6\)"):
        compare(a, a.square())
    with pytest.raises(InputError, match="kendall"):
        compare(a, a, "kendall")


@pytest.mark.parametrize("method", METHODS)
def test_chosen_pairs(method: str) -> None:
    a, b = two_rdms(50, tied=True)
    labels = np.arange(50) % 4
    within = pairs_within(labels)
    expected = compare(a.values[within], b.values[within], method)
    assert compare(a, b, method, pairs=within) == expected
    mask = np.zeros(len(a), bool)
    mask[within] = True
    assert compare(a, b, method, pairs=mask) == expected
    assert expected != compare(a, b, method)


def test_ranking_once_gives_the_same_numbers() -> None:
    a, b = two_rdms(50, tied=True)
    for method in ("spearman", "rho-a", "tau-a"):
        assert compare(rank_rdm(a), b, method) == compare(a, b, method)
    some, others = np.arange(20), np.arange(1, 21)
    with pytest.raises(InputError, match="over other pairs"):
        compare(rank_rdm(a, pairs=some), b, pairs=others)
    with pytest.raises(InputError, match="pairs"):
        compare(rank_rdm(a), b, pairs=np.arange(20))
    with pytest.raises(InputError, match="pearson"):
        compare(rank_rdm(a), b, "pearson")


def residual_correlation(a: np.ndarray, b: np.ndarray, controls: list[np.ndarray]) -> float:
    """Partial Spearman by regression of ranks, the long way."""
    design = np.stack([np.ones(a.size), *map(rankdata, controls)], axis=1)
    left = [
        r - design @ np.linalg.lstsq(design, r, rcond=None)[0] for r in (rankdata(a), rankdata(b))
    ]
    return float(pearsonr(*left).statistic)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_the_scale_changes_no_correlation(scale: float) -> None:
    a, b = two_rdms(30, tied=False)
    assert compare(scale * a.values, b, "pearson") == pytest.approx(compare(a, b, "pearson"))
    assert np.isnan(compare(np.full(len(a), 0.1 * scale), b, "pearson"))


def test_correlations_of_small_covariances() -> None:
    found, variances = correlations(np.array([[0.25, 0.1, 0.0], [0.1, 0.16, 0.0], [0.0] * 3]))
    np.testing.assert_allclose(found, [[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0] * 3])
    assert variances.tolist() == [0.25, 0.16, 0.0]


def test_partial_compare() -> None:
    rng = np.random.default_rng(3)
    n = 60
    labels = np.repeat(np.arange(6), 10)
    one_hot = np.eye(6)[labels]
    a = rdm(one_hot + 0.5 * rng.normal(size=(n, 6)))
    b = rdm(one_hot + 0.5 * rng.normal(size=(n, 6)))
    label, other = rdm(one_hot), rdm(rng.normal(size=(n, 3)))
    expected = residual_correlation(a.values, b.values, [label.values])
    assert partial_compare(a, b, label) == pytest.approx(expected, abs=1e-9)
    assert partial_compare(a, b, [label]) == partial_compare(a, b, label)
    assert compare(a, b) > expected + 0.05
    both = residual_correlation(a.values, b.values, [label.values, other.values])
    assert partial_compare(a, b, [label, other]) == pytest.approx(both, abs=1e-9)
    assert partial_compare(a, b, (label, other, label)) == pytest.approx(both, abs=1e-7)
    # rho-ab.c from the three correlations
    ab, ac, bc = compare(a, b), compare(a, label), compare(b, label)
    formula = (ab - ac * bc) / np.sqrt((1 - ac**2) * (1 - bc**2))
    assert partial_compare(a, b, label) == pytest.approx(formula, abs=1e-10)


def test_partial_compare_at_the_edges() -> None:
    a, b = two_rdms(30, tied=False)
    constant = np.ones(len(a))
    assert partial_compare(a, b, constant) == pytest.approx(compare(a, b), abs=1e-12)
    assert partial_compare(a, b, []) == pytest.approx(compare(a, b), abs=1e-12)
    assert np.isnan(partial_compare(a, b, a))
    assert np.isnan(partial_compare(constant, b, a))
    near = 1.0 - 1e-12  # but for rounding a linear function of the control: the first, the second
    for first, second in ((near, 0.5), (0.5, near)):
        gram = np.array([[1.0, 0.5, first], [0.5, 1.0, second], [first, second, 1.0]])
        assert np.isnan(comparison.partial_correlation(gram))
    within = pairs_within(np.arange(30) % 3)
    some = partial_compare(a, b, np.square(b.values) + a.values, pairs=within)
    v = [x[within] for x in (a.values, b.values, np.square(b.values) + a.values)]
    assert some == pytest.approx(residual_correlation(v[0], v[1], [v[2]]), abs=1e-9)


def brute_cka(x: np.ndarray, y: np.ndarray) -> float:
    n = len(x)
    h = np.eye(n) - 1 / n
    k, m = h @ x @ x.T @ h, h @ y @ y.T @ h
    return float(np.sum(k * m) / np.sqrt(np.sum(k * k) * np.sum(m * m)))


@pytest.mark.parametrize(("p", "q"), [(3, 5), (3, 80), (80, 90)])
def test_linear_cka(p: int, q: int) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, p)) + 5, rng.normal(size=(40, q))
    y[:, :3] += x[:, :3]
    assert linear_cka(x, y) == pytest.approx(brute_cka(x, y), abs=1e-12)
    assert linear_cka(x, y) == pytest.approx(linear_cka(y, x), abs=1e-12)
    rotation = np.linalg.qr(rng.normal(size=(p, p)))[0]
    assert linear_cka(x, 1e3 * x @ rotation + 2.0) == pytest.approx(1.0, abs=1e-10)


def test_cka_of_wide_features_is_read_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """By columns or by images, whatever the blocks; float32 of a large offset, scales far apart."""
    rng = np.random.default_rng(0)
    x = (1e3 + rng.normal(size=(50, 30))).astype(np.float32)
    y = 1e-90 * (rng.normal(size=(50, 7)) + x[:, :7])
    expected = brute_cka(x.astype(np.float64) - 1e3, 1e90 * y)
    sums = comparison.gram_products(x, y)
    for size, most in product((1 << 26, 8 * 30 * 7, 1), (1 << 26, 1)):
        monkeypatch.setattr(comparison, "_BLOCK_BYTES", size)  # … of 7 images, of one
        monkeypatch.setattr(comparison, "_MOST_PRODUCTS", most)
        assert linear_cka(x, y) == pytest.approx(expected, abs=1e-7)
        np.testing.assert_allclose(comparison.gram_products(x, y), sums, rtol=1e-9, atol=1e-12)


def test_linear_cka_mistakes() -> None:
    x = np.random.default_rng(0).normal(size=(10, 3))
    assert np.isnan(linear_cka(x, np.full((10, 2), 0.1)))
    with pytest.raises(InputError, match="10 and 9 rows"):
        linear_cka(x, x[:9])
    with pytest.raises(InputError, match="finite"):
        linear_cka(x, np.where(x > 1, np.nan, x))


def compared(
    disputed: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    *,
    metric: str = "euclidean",
    tau: bool = True,
    cka: bool = True,
) -> dict[str, float]:
    shared = Frame(np.arange(len(x)) % 4, disputed)
    one, other = (side(values, metric) for values in (x, y))
    return measures([one], [other], shared, tau=tau, cka=cka).values[0][0]


def test_measures_are_what_their_names_say() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 4
    x, y = (np.eye(4)[labels] + rng.normal(size=(40, 4)) for _ in range(2))
    disputed = rng.random(40) < 0.5
    a, b = rdm(x).values.astype(float), rdm(y).values.astype(float)
    label = rdm(np.eye(4)[labels]).values
    i, j = np.triu_indices(40, 1)
    parts = {"within_class": labels[i] == labels[j], "non_unanimous": disputed[i] & disputed[j]}
    means = [np.stack([one[labels == k].mean(axis=0) for k in range(4)]) for one in (x, y)]

    def rho_a(p: np.ndarray, q: np.ndarray) -> float:
        n = p.size
        centre = (n + 1) / 2
        return 12 * float((rankdata(p) - centre) @ (rankdata(q) - centre)) / (n**3 - n)

    expected = {
        "rho_a": rho_a(a, b),
        "spearman": spearmanr(a, b).statistic,
        "tau_a": kendalltau(a, b).statistic,
        "cosine": a @ b / np.sqrt(a @ a * (b @ b)),
        "partial_label": residual_correlation(a, b, [label]),
        **{name: spearmanr(a[part], b[part]).statistic for name, part in parts.items()},
        **{f"{name}_rho_a": rho_a(a[part], b[part]) for name, part in parts.items()},
        "class_level": spearmanr(*(rdm(one).values for one in means)).statistic,
        "cka": brute_cka(x, y),
    }
    found = compared(disputed, x, y)
    assert sorted(found) == sorted(expected) == sorted(MEASURES)
    assert found == pytest.approx(expected, abs=1e-6)
    without = compared(disputed, x, y, tau=False, cka=False)
    assert {name for name, value in without.items() if np.isnan(value)} == {"tau_a", "cka"}


def test_tau_of_very_many_pairs_is_of_classes_of_rank() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4))
    both = [side(x, "euclidean")], [side(x + rng.normal(size=(60, 4)), "euclidean")]
    shared = Frame(np.zeros(60, np.int64), np.ones(60, bool))
    exact, close = (
        measures(*both, shared, tau=True, sort_pairs=most).values[0][0]["tau_a"]
        for most in (1770, 1769)
    )
    assert close != exact
    assert close == pytest.approx(exact, abs=4e-3)


def test_measures_want_the_images_of_the_frame() -> None:
    x = np.random.default_rng(0).normal(size=(9, 2))
    with pytest.raises(InputError, match="8 images"):
        measures([side(x, "euclidean")], [], Frame(np.zeros(8, np.int64), np.ones(8, bool)))


@pytest.mark.parametrize(("images", "missing"), [(0, True), (2, True), (3, False)])
def test_a_part_of_one_pair_has_no_measure(images: int, missing: bool) -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 20, 3))
    found = compared(np.arange(20) < images, x, y)
    unknown = {"non_unanimous", "non_unanimous_rho_a"} if missing else set()
    assert {name for name, value in found.items() if np.isnan(value)} == unknown


def test_classes_of_constant_means_have_no_level() -> None:
    """One side is enough: then the class means have no correlation distance."""
    rng = np.random.default_rng(2)
    half, y = rng.integers(1, 99, (8, 3)), rng.normal(size=(16, 3))
    x = np.concatenate([half, -half]).astype(float)
    for one, other in ((x, y), (y, x)):
        found = compared(np.ones(16, bool), one, other, metric="correlation")
        assert {name for name, value in found.items() if np.isnan(value)} == {"class_level"}


def test_correlations_from_sums_of_products() -> None:
    values = np.random.default_rng(0).normal(size=(3, 40)) * [[1.0], [5.0], [0.2]]
    centred = values - values.mean(axis=1, keepdims=True)
    found, squares = correlations(centred @ centred.T)
    np.testing.assert_allclose(found, np.corrcoef(values), rtol=1e-12)
    np.testing.assert_allclose(squares, (centred**2).sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize("shape", [(4,), (4, 3, 2)])
def test_cka_takes_matrices(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="images, columns"):
        linear_cka(np.ones(shape), np.ones((4, 2)))


def test_cka_of_nothing() -> None:
    assert np.isnan(linear_cka(np.zeros((5, 0)), np.eye(5)))
    with pytest.raises(InputError, match=r"\(images, columns\)"):
        linear_cka(np.zeros((0, 3)), np.zeros((0, 3)))
