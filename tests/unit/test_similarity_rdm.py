"""RDMs against scipy, and the faults they must name."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_table
from latent_microscope.similarity import RDM, rdm
from latent_microscope.similarity import distances as distances_module
from latent_microscope.similarity import rdms as rdms_module
from latent_microscope.similarity.files import ids_path, load_rdm, write_rdm
from latent_microscope.similarity.rdms import (
    class_rdm,
    condensed_index,
    n_images,
    n_pairs,
    pairs_among,
    pairs_within,
)

METRICS = ["euclidean", "cosine", "correlation", "jensenshannon"]


def features(metric: str, n: int, d: int, seed: int = 0) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(n, d))
    return np.exp(2 * x) if metric == "jensenshannon" else x


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("d", [2, 10, 17, 100])
def test_equals_scipy(metric: str, d: int) -> None:
    x = features(metric, 83, d)
    ours = rdm(x, metric)
    assert ours.values.dtype == np.float32
    np.testing.assert_allclose(ours.values, pdist(x, metric).astype(np.float32), atol=2e-7)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "correlation"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_close_rows_far_from_the_origin(metric: str, scale: float, offset: float) -> None:
    """Neither a common offset nor the scale costs the small distances their digits."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 64))
    x[10:20] = x[:10] + 1e-5 * rng.normal(size=(10, 64))
    x = (x + offset) * scale
    exact = pdist(x.astype(np.longdouble).astype(np.float64), metric)
    ours = rdm(x, metric).values
    assert np.abs(ours - exact.astype(np.float32)).max() <= max(1e-5, 1.2e-7 * exact.max())
    if metric == "euclidean":
        np.testing.assert_allclose(ours, exact, rtol=2e-7)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("d", [5, 50])
def test_identical_rows_give_exactly_zero_and_others_do_not(metric: str, d: int) -> None:
    x = features(metric, 40, d, seed=2)
    x[25] = x[3]
    x[39] = x[3]
    square = rdm(x, metric).square()
    assert square[3, 25] == square[3, 39] == square[25, 39] == 0.0
    assert (square == 0.0).sum() == 40 + 6
    np.testing.assert_array_equal(square, square.T)


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
def test_parallel_rows_tie_at_zero(metric: str) -> None:
    x = features(metric, 6, 20, seed=3)
    x[1] = 3.7 * x[0]
    x[2] = x[0] / 9.1
    square = rdm(x, metric).square()
    assert square[0, 1] == square[0, 2] == square[1, 2] == 0.0


def test_jensenshannon_is_accurate_near_zero_and_takes_zeros() -> None:
    p = np.array([[0.5, 0.5, 0.0], [0.5 + 1e-9, 0.5 - 1e-9, 0.0], [0.0, 0.0, 1.0]])
    values = rdm(p, "jensenshannon").values
    # For small differences JSD = sum (p-q)^2 / (8 m).
    assert values[0] == pytest.approx(np.sqrt(2 * 1e-18 / (8 * 0.5)), rel=1e-5)
    assert values[1] == pytest.approx(np.sqrt(np.log(2)), rel=1e-6)
    # An answer that only one of two nearly equal rows gives adds half its share times log 2.
    p = np.array([[0.5, 0.5, 0.0], [0.5 - 1e-9, 0.5, 1e-9]])
    expected = np.sqrt(0.5e-9 * np.log(2))
    assert rdm(p, "jensenshannon").values[0] == pytest.approx(expected, rel=1e-5)


@given(
    st.sampled_from(METRICS),
    st.integers(2, 12),
    st.integers(2, 40),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=40, deadline=None)
def test_properties(metric: str, n: int, d: int, seed: int) -> None:
    """Permuting images permutes the RDM; the values lie in the metric's range."""
    x = features(metric, n, d, seed) if d > 2 or metric != "correlation" else features(metric, n, 3)
    order = np.random.default_rng(seed).permutation(n)
    one, two = rdm(x, metric), rdm(x[order], metric, ids=order)
    np.testing.assert_allclose(one.select(order).values, two.values, atol=1e-6)
    assert one.values.min() >= 0.0
    limit = {"cosine": 2.0, "correlation": 2.0, "jensenshannon": np.sqrt(np.log(2)) + 1e-7}
    assert one.values.max() <= limit.get(metric, np.inf)


def test_tiles_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    x = features("euclidean", 61, 40)
    whole = {m: rdm(np.abs(x), m).values for m in METRICS}
    monkeypatch.setattr(rdms_module, "_SIDE", 7)
    for metric, values in whole.items():
        np.testing.assert_allclose(rdm(np.abs(x), metric).values, values, rtol=2e-7)


@pytest.mark.parametrize("metric", METRICS)
def test_features_too_large_to_keep_are_read_in_tiles(
    metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.abs(features("euclidean", 61, 40)) + 3.0
    kept = rdm(x, metric).values
    monkeypatch.setattr(distances_module, "_KEEP_BYTES", 8 * 61 * 40 - 1)
    monkeypatch.setattr(distances_module, "_TILE_BYTES", 8 * 40 * 7)
    monkeypatch.setattr(rdms_module, "_SIDE", 25)
    rows = distances_module.Rows(x)
    assert list(rows.tiles(slice(2, 60))) == [(low, min(low + 7, 60)) for low in range(2, 60, 7)]
    np.testing.assert_array_equal(rows[5:9], x[5:9])
    np.testing.assert_allclose(rdm(x, metric).values, kept, rtol=2e-7)


def test_input_is_not_changed_and_dtypes_agree() -> None:
    x = np.random.default_rng(4).integers(0, 255, size=(20, 30)).astype(np.uint8)
    before = x.copy()
    a = rdm(x, "correlation")
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(a.values, rdm(x.astype(np.float64), "correlation").values)
    y = x.astype(np.float64)
    rdm(y, "cosine")
    np.testing.assert_array_equal(y, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("metric", METRICS)
def test_non_finite_names_the_id(metric: str, bad: float) -> None:
    x = features(metric, 10, 6)
    x[7, 2] = bad
    with pytest.raises(InputError, match=r"img_7.*column 2"):
        rdm(x, metric, ids=[f"img_{i}" for i in range(10)])


def test_rows_without_a_distance_name_the_id() -> None:
    x = features("cosine", 10, 6)
    ids = np.arange(100, 110)
    zero, flat, negative = x.copy(), x.copy(), np.abs(x)
    zero[4] = 0.0
    flat[5] = 0.1
    negative[6, 0] = -1.0
    with pytest.raises(InputError, match="104"):
        rdm(zero, "cosine", ids=ids)
    with pytest.raises(InputError, match="105"):
        rdm(flat, "correlation", ids=ids)
    with pytest.raises(InputError, match="106"):
        rdm(negative, "jensenshannon", ids=ids)
    with pytest.raises(InputError, match="104"):
        rdm(np.abs(zero), "jensenshannon", ids=ids)
    assert rdm(zero, "euclidean", ids=ids).n == 10


@pytest.mark.parametrize("d", [3, 512])
def test_float32_constant_rows_have_zero_variance(d: int) -> None:
    x = features("correlation", 4, d).astype(np.float32)
    x[2] = np.float32(0.1)
    with pytest.raises(InputError, match="id 2 "):
        rdm(x, "correlation")


def test_other_mistakes() -> None:
    x = features("cosine", 5, 3)
    with pytest.raises(InputError, match="cityblock"):
        rdm(x, "cityblock")
    with pytest.raises(InputError, match="id 3 "):
        rdm(x, ids=[0, 1, 2, 3, 3])
    with pytest.raises(InputError, match="4 ids"):
        rdm(x, ids=[0, 1, 2, 3])
    with pytest.raises(InputError, match="101"):
        rdm(np.ones((3, 101)), "jensenshannon")
    with pytest.raises(InputError, match="shape"):
        rdm(x[:1])
    with pytest.raises(InputError, match="ids 0 and 1"):
        rdm([[1e200], [0.0]])
    with pytest.raises(InputError, match=r"\(3,\)"):
        rdm(x, out=np.empty(3, np.float32))


@pytest.mark.parametrize("d", [3, 40])
def test_euclidean_distances_scale_with_the_features(d: int) -> None:
    x = features("euclidean", 30, d)
    exact = rdm(x).values
    for power in (-96, -30, 60):
        scaled = rdm(x * 2.0**power).values
        np.testing.assert_array_equal(scaled, exact * np.float32(2.0**power))


@pytest.mark.parametrize("d", [3, 40])
@pytest.mark.parametrize("scale", [2.0**-110, 1e-50, 1e-170, 1e-300])
def test_distances_too_small_for_float32_are_no_zeros(d: int, scale: float) -> None:
    x = features("euclidean", 30, d)
    with pytest.raises(InputError, match="scale the features up"):
        rdm(x * scale)
    with pytest.raises(InputError, match="scale the dissimilarities up"):
        RDM(pdist(x) * scale)
    # Small beside the other features, and equal: neither is in the way.
    x[3] = x[4] + scale
    assert rdm(x).square()[3, 4] == 0.0
    assert not rdm(np.full((3, d), scale)).values.any()
    assert not RDM(pdist(np.ones((3, d)))).values.any()
    with pytest.raises(InputError, match="scale the dissimilarities down"):
        RDM(np.full(3, 1e39))


def test_rdm_type() -> None:
    x = features("euclidean", 7, 3)
    matrix = rdm(x, ids=list("abcdefg"))
    assert isinstance(matrix, RDM)
    assert (matrix.n, len(matrix), matrix.metric) == (7, 21, "euclidean")
    np.testing.assert_array_equal(np.asarray(matrix), matrix.values)
    assert np.asarray(matrix, dtype=np.float64).dtype == np.float64
    np.testing.assert_array_equal(matrix.square(), squareform(matrix.values))
    part = matrix.select(["e", "b", "g"])
    square = matrix.square()
    np.testing.assert_array_equal(part.values, [square[4, 1], square[4, 6], square[1, 6]])
    with pytest.raises(InputError, match="id z "):
        matrix.select(["a", "z"])
    with pytest.raises(InputError, match="4"):
        RDM(np.zeros(4, np.float32))
    with pytest.raises(InputError, match=r"\(3, 3\)"):
        RDM(np.zeros((3, 3), np.float32))


def test_class_rdm() -> None:
    x = features("correlation", 30, 6)
    labels = np.arange(30) % 3
    means = np.stack([x[labels == c].mean(axis=0) for c in range(3)])
    matrix = class_rdm(x, labels, "correlation")
    np.testing.assert_allclose(matrix.values, pdist(means, "correlation"), atol=1e-6)
    assert class_rdm(x, labels).ids.tolist() == [0, 1, 2]
    with pytest.raises(InputError, match="29 labels"):
        class_rdm(x, labels[1:])


@given(st.integers(2, 40), st.integers(0, 1000))
def test_pair_positions(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(n, 1)
    np.testing.assert_array_equal(condensed_index(j, i, n), np.arange(n_pairs(n)))
    assert n_images(n_pairs(n)) == n
    labels = rng.integers(0, 3, n)
    np.testing.assert_array_equal(pairs_within(labels), np.flatnonzero(labels[i] == labels[j]))
    chosen = rng.random(n) < 0.5
    np.testing.assert_array_equal(pairs_among(chosen), np.flatnonzero(chosen[i] & chosen[j]))


@pytest.mark.parametrize("ids", [np.arange(9) * 3, np.array([f"id{i}" for i in range(9)])])
def test_files(tmp_path: Path, ids: np.ndarray) -> None:
    x = features("cosine", 9, 4)
    path = tmp_path / "model.npy"
    matrix, written = rdm(x, "cosine", ids), write_rdm(path, x, "cosine", ids)
    back = load_rdm(path)
    assert isinstance(back.values, np.memmap)
    for one in (written, back):
        assert one.metric == "cosine"
        np.testing.assert_array_equal(one.values, matrix.values)
        np.testing.assert_array_equal(one.ids, ids)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.ids.parquet", "model.npy"]
    save_table(ids_path(path), pd.DataFrame({"id": ids[:-1]}))
    with pytest.raises(InputError, match=r"model\.npy.*8 ids"):
        load_rdm(path)
    ids_path(path).unlink()
    with pytest.raises(InputError, match=r"model\.ids\.parquet"):
        load_rdm(path)


def test_failed_write_leaves_nothing(tmp_path: Path) -> None:
    x = features("cosine", 9, 4)
    x[3] = 0.0
    with pytest.raises(InputError, match="id 3"):
        write_rdm(tmp_path / "a.npy", x, "cosine")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("order", ["ascending", "random"])
def test_some_images_without_a_copy(order: str) -> None:
    """As the RDM of their features, and of some of these again."""
    x = features("euclidean", 700, 4)
    places = np.random.default_rng(0).permutation(700)[:600]
    places = np.sort(places) if order == "ascending" else places
    expected = squareform(pdist(x[places]))
    whole = rdm(x)
    np.testing.assert_allclose(whole.at(places).square(), expected, atol=1e-6)
    again = np.arange(599, -1, -2)
    for one in (whole.among(places), rdms_module.Distances(x, keep=False).among(places)):
        for some, square in ((one, expected), (one.among(again), expected[np.ix_(again, again)])):
            n = len(square)
            assert some.n == n
            found = np.zeros((n, n))
            for rows, others in rdms_module.tiles(n):
                found[rows, others] = some.tile(rows, others)
            at = np.triu_indices(n, 1)
            np.testing.assert_allclose(found[at], square[at], atol=1e-6)


def test_an_rdm_in_a_file_leaves_no_pages_in_memory(tmp_path: Path) -> None:
    """Of 33 MB."""

    def mapped() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("RssFile"))

    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc")
    values = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.float32, (n_pairs(4100),))
    values[:] = 1.0
    del values
    matrix = rdms_module.RDM(np.load(tmp_path / "a.npy", mmap_mode="r"))
    before, places = mapped(), np.random.default_rng(0).permutation(4100)[:2000]
    assert (matrix.at(places).values == 1.0).all()
    view = matrix.among(np.sort(places))
    for rows, others in rdms_module.tiles(view.n):
        view.tile(rows, others)
    for rows, others in rdms_module.tiles(matrix.n):
        matrix.tile(rows, others)
    assert mapped() - before < 8
