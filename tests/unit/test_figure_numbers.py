"""Numbers that figures compute themselves."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.spatial.distance import pdist, squareform
from scipy.stats import rankdata
from sklearn.decomposition import PCA

from latent_microscope.errors import InputError
from latent_microscope.plots import style
from latent_microscope.plots.bias import strongest
from latent_microscope.plots.galleries import two_identities
from latent_microscope.plots.grids import Grid
from latent_microscope.plots.maps import biggest_clusters, by_cluster
from latent_microscope.plots.rdms import block_percentiles, class_order, percentile_table
from latent_microscope.statistics.pca import principal_plane


def test_block_percentiles_are_means_over_pairs() -> None:
    rng = np.random.default_rng(0)
    n, size = 40, 7
    values = pdist(rng.integers(0, 3, (n, 2)).astype(float)).astype(np.float32)
    pixel = rng.integers(0, size, n)
    square = squareform((rankdata(values) - 0.5) / values.size * 100)
    expected = np.full((size, size), np.nan)
    for a in range(size):
        for b in range(size):
            pairs = [square[i, j] for i in np.flatnonzero(pixel == a)
                     for j in np.flatnonzero(pixel == b) if i != j]  # fmt: skip
            expected[a, b] = np.mean(pairs) if pairs else np.nan
    np.testing.assert_allclose(block_percentiles(values, pixel, size), expected, atol=1e-9)


def test_percentile_table_of_many_values_is_close() -> None:
    values = np.random.default_rng(0).gamma(2, size=200_000).astype(np.float32)
    values[:50_000] = 1.0  # a tie of a quarter
    known, percent = percentile_table(values)
    assert known.size < 10_000
    exact = (rankdata(values) - 0.5) / values.size * 100
    np.testing.assert_allclose(np.interp(values, known, percent), exact, atol=0.05)


def test_class_order_follows_ids_and_classes() -> None:
    samples = pd.DataFrame(
        {"id": ["a", "b", "c", "d"], "label": [1, 0, 1, 0], "label_name": ["y", "x", "y", "x"]}
    )
    pixel, names, borders = class_order(samples, np.array(["d", "c", "b", "a"]), 4)
    assert pixel.tolist() == [1, 3, 0, 2]
    assert names == ["x", "y"]
    assert borders.tolist() == [0, 2, 4]
    with pytest.raises(InputError, match="'e'"):
        class_order(samples, np.array(["a", "e"]), 2)


def test_principal_plane_is_pca() -> None:
    latents = np.random.default_rng(2).normal(size=(50, 6)) * [5, 3, 1, 1, 1, 1]
    plane, shares = principal_plane(latents)
    pca = PCA(2).fit(latents)
    np.testing.assert_allclose(shares, pca.explained_variance_ratio_)
    np.testing.assert_allclose(np.abs(plane), np.abs(pca.transform(latents)), atol=1e-9)
    flat, none = principal_plane(np.ones((4, 1)))
    assert flat.shape == (4, 2)
    assert none.tolist() == [0, 0]


def test_clusters_are_counted_without_noise() -> None:
    labels = np.array([-1, 2, 2, 2, 0, 0, 5, 5, -1, -1, -1, -1])
    assert biggest_clusters(labels) == [2, 0, 5]
    assert biggest_clusters([-1, -1]) == []
    with style.look("clusters") as made:
        entries = by_cluster(Figure().subplots(), np.zeros((12, 2)), labels, made)
    texts = [text for _, text in entries]
    assert texts == ["cluster 2 (n = 3)", "cluster 0 (n = 2)", "cluster 5 (n = 2)", "noise (n = 5)"]
    assert len({colour for colour, _ in entries}) == 4


def test_strongest_attributes_by_distance_from_one() -> None:
    abi = pd.DataFrame(
        {
            "attribute": list("abcde"),
            "status": ["ok", "ok", "constant", "zero_cell", "ok"],
            "estimate": [2.0, 0.2, np.nan, 8.0, 1.1],
        }
    )
    assert list(strongest(abi, 3)["attribute"]) == ["d", "b", "a"]
    assert strongest(abi.iloc[2:3], 3).empty


def test_only_groups_of_one_person_are_identities() -> None:
    members = pd.DataFrame(
        {
            "group": ["intra A"] * 2 + ["intra B"] * 2 + ["inter"] * 2 + ["mixed"] * 2,
            "index": range(8),
            "identity": [4, 4, 9, 9, 1, 2, 4, 9],
        }
    )
    found = two_identities(members)
    assert [(group, rows.tolist()) for group, rows in found] == [
        ("intra A", [0, 1]),
        ("intra B", [2, 3]),
    ]


def test_grid_shows_each_image_where_it_belongs() -> None:
    colours = np.array([[200, 0, 0], [0, 200, 0], [0, 0, 200]], dtype=np.uint8)
    images = np.broadcast_to(colours[:, None, None], (3, 20, 20, 3))
    with style.look("overlaps"):
        page = style.Page(3.0, "title", width=6.0)
        grid = Grid(images, 2, 2.0)
        grid.draw(page, 0.5, 1.0)
        canvas = FigureCanvasAgg(page.figure)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    dpi = 150
    assert grid.height == pytest.approx(2.0, abs=0.05)
    for (x, y), colour in zip(((1.0, 1.5), (2.0, 1.5), (1.0, 2.5)), colours, strict=True):
        assert pixels[int(y * dpi), int(x * dpi)].tolist() == colour.tolist()
    assert pixels[int(2.5 * dpi), int(2.0 * dpi)].tolist() == [255, 255, 255]
