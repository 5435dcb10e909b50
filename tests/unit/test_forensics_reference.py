"""Agreement with the values that the published code gives (skips where the file is absent)."""

from collections.abc import Mapping

import numpy as np
import pytest

from latent_microscope.forensics import (
    attractor_density,
    attribute_bias_index,
    isolated_cores,
    knn_density,
    originality,
    overlaps,
    uniqueness,
)
from shared_data import REFERENCE  # type: ignore[import-not-found]

FILE = REFERENCE / "heuristics_reference.npz"
RTOL = 1e-6

INPUTS = {"latents", "sources", "labels", "attributes", "radius"}
CORES = {f"cores_p{p}_{part}" for p in (90, 80, 65, 45) for part in ("index", "neighbors")}
ABI = {f"abi_{definition}_c{c}" for definition in ("odds", "ratio") for c in range(6)}
SCORES = {
    "uniqueness_script",
    "uniqueness_notebook",
    "knn_density_k10",
    "attractor_density",
    "originality_script",
    "originality_notebook",
    "overlap_pairs",
    "overlap_similarity",
}

pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason=f"no reference file {FILE}; set LATENT_MICROSCOPE_DATA"
)


@pytest.fixture(scope="module")
def reference() -> Mapping[str, np.ndarray]:
    with np.load(FILE, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def test_every_array_of_the_file_is_tested_here(reference):
    assert set(reference) == INPUTS | CORES | ABI | SCORES


@pytest.mark.parametrize("block_size", [None, 7, 300])
@pytest.mark.parametrize("variant", ["script", "notebook"])
def test_uniqueness(reference, variant, block_size):
    ours = uniqueness(reference["sources"], variant, block_size=block_size)
    np.testing.assert_allclose(ours, reference[f"uniqueness_{variant}"], rtol=RTOL)


@pytest.mark.parametrize("percentile", [90, 80, 65, 45])
def test_isolated_cores(reference, percentile):
    index, neighbors = isolated_cores(
        reference["sources"], reference["uniqueness_script"], percentile
    )
    np.testing.assert_array_equal(index, reference[f"cores_p{percentile}_index"])
    np.testing.assert_array_equal(neighbors, reference[f"cores_p{percentile}_neighbors"])


def test_densities(reference):
    latents, radius = reference["latents"], float(reference["radius"])
    np.testing.assert_allclose(knn_density(latents, 10), reference["knn_density_k10"], rtol=RTOL)
    np.testing.assert_allclose(
        attractor_density(latents, radius), reference["attractor_density"], rtol=RTOL
    )


@pytest.mark.parametrize("block_size", [None, 7])
@pytest.mark.parametrize("variant", ["script", "notebook"])
def test_originality_in_sample_order(reference, variant, block_size):
    ours = originality(
        reference["latents"], variant, radius=float(reference["radius"]), block_size=block_size
    )
    np.testing.assert_allclose(ours, reference[f"originality_{variant}"], rtol=RTOL)


def test_overlaps(reference):
    table = overlaps(reference["latents"])
    np.testing.assert_array_equal(table[["i", "j"]], reference["overlap_pairs"])
    np.testing.assert_allclose(table["similarity"], reference["overlap_similarity"], rtol=RTOL)
    assert table.attrs["total"] == len(reference["overlap_pairs"])


@pytest.mark.parametrize("cluster", range(6))
@pytest.mark.parametrize("definition", ["odds", "ratio"])
def test_attribute_bias_index(reference, definition, cluster):
    members = reference["labels"] == cluster
    table = attribute_bias_index(reference["attributes"], members, definition)
    np.testing.assert_allclose(
        table["value"], reference[f"abi_{definition}_c{cluster}"], rtol=RTOL, atol=0
    )
