"""Neighbours that repeat, are the sample itself or infinitely far: found, and searched again."""

import logging

import numpy as np
import pytest

from latent_microscope.errors import InputError
from latent_microscope.explorer.maps import Source, load_map
from latent_microscope.forensics.clusters import latent_clusters, plane_neighbours, umap_plane
from latent_microscope.forensics.sources import standardise
from latent_microscope.io.artefacts import save_npy
from latent_microscope.io.inputs import save_ids
from latent_microscope.neighbours.blocks import Neighbours
from latent_microscope.neighbours.pairs import (
    faulty_rows,
    load_neighbours,
    neighbour_pass,
    repaired,
)

N, K = 120, 15
PLANTED = {"itself": 3, "twice": 20, "infinite": 41, "NaN": 77, "empty": 119}


def rows() -> np.ndarray:
    return standardise(np.random.default_rng(0).normal(size=(N, 5)))


def planted(found: Neighbours) -> Neighbours:
    distances, indices = found.distances.copy(), found.indices.copy()
    indices[PLANTED["itself"], 2] = PLANTED["itself"]
    indices[PLANTED["twice"], 5] = indices[PLANTED["twice"], 1]
    distances[PLANTED["infinite"], -1] = np.inf
    distances[PLANTED["NaN"], 0] = np.nan
    indices[PLANTED["empty"], 0] = -1
    return Neighbours(distances, indices)


def test_faulty_lists_are_found_and_repaired(caplog: pytest.LogCaptureFixture) -> None:
    right = neighbour_pass(rows(), k=K)
    assert faulty_rows(right.indices, right.distances).size == 0
    assert repaired(rows(), right) is right
    assert not caplog.records
    wrong = planted(right)
    assert faulty_rows(wrong.indices, wrong.distances).tolist() == [3, 20, 41, 77, 119]
    assert faulty_rows(wrong.indices).tolist() == [3, 20, 119]
    with caplog.at_level(logging.WARNING):
        found = repaired(rows(), wrong)
    np.testing.assert_array_equal(found.indices, right.indices)
    np.testing.assert_array_equal(found.distances, right.distances)
    assert "neighbours of 5 of 120 samples repeated" in caplog.text
    assert np.isnan(wrong.distances[77, 0])  # what came in is not written to


def test_maps_and_clusters_are_those_of_the_right_neighbours() -> None:
    z = rows()
    right = plane_neighbours(z, K)
    np.testing.assert_array_equal(
        umap_plane(z, seed=2, neighbours=planted(right)), umap_plane(z, seed=2, neighbours=right)
    )
    labels = latent_clusters(z, min_cluster_size=3, neighbours=right)
    found = latent_clusters(z, min_cluster_size=3, neighbours=planted(right))
    np.testing.assert_array_equal(found, labels)
    assert labels.max() > 0


def test_files_of_neighbours(tmp_path) -> None:
    indices, distances = tmp_path / "i.npy", tmp_path / "d.npy"
    wrong = planted(neighbour_pass(rows(), k=K))
    save_npy(indices, wrong.indices)
    save_npy(distances, wrong.distances)
    found = load_neighbours(indices, distances, N)
    assert found is not None
    np.testing.assert_array_equal(
        repaired(rows(), found).indices, plane_neighbours(rows(), K).indices
    )
    save_npy(indices, np.full((3, 3), 0))
    save_npy(distances, np.ones((3, 3)))
    with pytest.raises(InputError, match=r"i\.npy lists 3 neighbours among 3 samples"):
        load_neighbours(indices, distances, 3)


def test_the_explorer_shows_the_right_neighbours(tmp_path) -> None:
    ids = np.array([f"s{i}" for i in range(N)], dtype=object)
    place = {name: row for row, name in enumerate(ids)}
    save_npy(tmp_path / "z.npy", rows())
    save_ids(tmp_path / "z.parquet", ids)
    shown = []
    for near in (neighbour_pass(rows(), k=K), planted(neighbour_pass(rows(), k=K))):
        save_npy(tmp_path / "near.npy", near.indices.astype(np.int32))
        files = (tmp_path / "z.npy", tmp_path / "z.parquet", None, tmp_path / "near.npy")
        shown.append(load_map(Source("latents", *files), place, 6, tmp_path / "z.parquet"))
    assert shown[0]["neighbours"] == shown[1]["neighbours"]
