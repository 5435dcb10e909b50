"""Numbers that figures compute themselves."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy.spatial.distance import pdist, squareform
from scipy.stats import rankdata, spearmanr
from sklearn.decomposition import PCA

from latent_microscope.errors import InputError
from latent_microscope.plots import style
from latent_microscope.plots.bias import strongest
from latent_microscope.plots.galleries import two_identities
from latent_microscope.plots.grids import Grid
from latent_microscope.plots.maps import biggest_clusters, by_cluster, name_points
from latent_microscope.plots.rdms import (
    block_percentiles,
    class_order,
    percentile_table,
    plot_rdms,
)
from latent_microscope.plots.similarity import plot_model_similarity
from latent_microscope.plots.style import Look
from latent_microscope.similarity.files import save_rdm
from latent_microscope.similarity.rdms import RDM
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


def test_pairs_that_nobody_judged_have_no_percentile() -> None:
    rng = np.random.default_rng(1)
    n, size = 12, 5
    values = pdist(rng.normal(size=(n, 2))).astype(np.float32)
    pixel = np.arange(n) * size // n
    values[rng.random(values.size) < 0.3] = np.nan
    values[[0, 1, 11]] = np.nan  # the first three images, which share the first pixel
    known = np.isfinite(values)
    percent = np.full(values.size, np.nan)
    percent[known] = (rankdata(values[known]) - 0.5) / known.sum() * 100
    square = squareform(percent, checks=False)
    np.fill_diagonal(square, np.nan)
    expected = np.full((size, size), np.nan)
    for a in range(size):
        for b in range(size):
            block = square[np.ix_(pixel == a, pixel == b)]
            expected[a, b] = np.nanmean(block) if np.isfinite(block).any() else np.nan
    assert np.isnan(expected[0, 0])
    np.testing.assert_allclose(block_percentiles(values, pixel, size), expected, atol=1e-6)


def test_rdms_of_samples_without_classes_follow_the_dendrogram(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    groups = rng.permutation(np.repeat([0.0, 9.0], 8))  # two groups, in random order
    ids = np.array([f"s{i}" for i in range(16)])
    human = pdist(groups[:, None] + rng.normal(size=(16, 1))).astype(np.float32)
    human[[3, 50]] = np.nan
    for name, values in (("human", human), ("net", rng.random(120).astype(np.float32))):
        save_rdm(tmp_path / f"{name}.npy", RDM(values, ids))
    pd.DataFrame({"id": ids}).to_parquet(tmp_path / "samples.parquet")
    figure = plot_rdms(
        human=tmp_path / "human.npy",
        models=[tmp_path / "net.npy"],
        samples=tmp_path / "samples.parquet",
        title="x",
        labels=["net-features"],
        look=Look("rdms"),
    )
    words = " ".join(text.get_text() for text in figure.findobj(Text))
    assert "120 pairs, 2 not judged" in words
    assert "ordered by the annotators' dendrogram;" in words
    drawn: Any = figure.axes[0].images[0].get_array()
    picture = drawn.filled(np.nan)
    assert np.nanmax(picture[:8, :8]) < np.nanmin(picture[:8, 8:])


def test_a_map_shows_every_annotator_and_names_models(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = ["human", "net", "annotator 1", "annotator 2", "other"]
    rdms = rng.normal(size=(5, 60)) + rng.normal(size=60)
    rows = [
        {"model_a": a, "model_b": b, "value": spearmanr(rdms[i], rdms[j])[0], "metric": metric}
        for metric in ("euclidean", "cosine")
        for i, a in enumerate(names)
        for j, b in enumerate(names if metric == "euclidean" else names[:1])
    ]
    pd.DataFrame(rows).to_parquet(tmp_path / "m.parquet")
    figure = plot_model_similarity(
        similarity=tmp_path / "m.parquet", title="x", look=Look("x"), metric="euclidean"
    )
    cells, plane = figure.axes[0], figure.axes[-1]
    assert len(cells.get_yticks()) == 3
    assert sorted(len(np.asarray(dots.get_offsets())) for dots in plane.collections) == [2, 3]
    assert "single annotators" in plane.get_xlabel()
    assert {text.get_text() for text in plane.texts} == {"annotators", "net", "other"}


def test_names_avoid_points_without_a_name() -> None:
    ax = Figure().add_subplot()
    ax.set(xlim=(0, 4), ylim=(0, 2))
    name_points(ax, np.array([[1.0, 1.0], [1.2, 1.0]]), ["first"], 7, inches=(4, 2))
    (text,) = ax.texts
    assert text.get_position()[0] < 1.0  # to the right there is a point
    name_points(ax, np.array([[1.0, 1.0]]), ["first"], 7, inches=(4, 2))
    assert ax.texts[1].get_position()[0] > 1.0


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
            "identity_name": ["Ann", "Ann", "9", "9", "1", "2", "Ann", "9"],
        }
    )
    found = two_identities(members)
    assert [(group, rows.tolist()) for group, rows in found] == [
        ("intra A: Ann", [0, 1]),
        ("intra B: 9", [2, 3]),
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
