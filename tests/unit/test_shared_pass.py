"""Calls one after another share a pass; cores and parts change no byte of it."""

import hashlib
from threading import get_ident

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from latent_microscope import (
    attractor_density,
    authentic_signatures,
    detect_authentic,
    knn_density,
    originality,
    overlaps,
    width,
)
from latent_microscope.forensics import populations
from latent_microscope.forensics.latent_scans import ScanSettings, scan_latents
from latent_microscope.neighbours import pairs, shared
from latent_microscope.neighbours.blocks import in_parallel
from latent_microscope.neighbours.means import scan_sources

Z = np.random.default_rng(0).normal(size=(300, 6))
Z[[7, 8]] = Z[6]


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of rows of the passes over all pairs."""
    done: list[int] = []

    own = pairs.scan_part

    def part(points, *arguments, **options):
        done.append(len(points))
        return own(points, *arguments, **options)

    monkeypatch.setattr(pairs, "scan_part", part)
    shared._kept.clear()
    return done


def test_public_functions_share_one_pass(
    passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for clusters of the detector, of so many rows at most, in an order of their own."""
    monkeypatch.setattr(populations, "_MAX_ROWS", 100)
    calls = {
        "knn": lambda z, **own: knn_density(z, **own),
        "attractors": lambda z, **own: attractor_density(z, 0.5, **own),
        "originality": lambda z, **own: originality(z, radius=0.5, **own),
        "signatures": lambda z, **own: authentic_signatures(z, radius=0.5, **own)["originality"],
        "detector": lambda z, **own: detect_authentic(z, **own)[1],
        "overlaps": lambda z, **own: overlaps(z, **own)["distance"],
    }
    together = {name: np.array(call(Z)) for name, call in calls.items()}
    assert passes == [300, 100]
    for name, call in calls.items():
        np.testing.assert_array_equal(together[name], call(Z, block_size=64), err_msg=name)


def test_a_changed_array_is_another_one(passes: list[int]) -> None:
    z = Z.copy()
    before = knn_density(z, 5)
    z[0] += 100.0
    after = knn_density(z, 5)
    assert passes == [300, 300]
    expected = np.sort(cdist(z, z), axis=1)[:, 1:6].mean(axis=1)
    np.testing.assert_allclose(after, 1.0 / (expected + 1e-8))
    assert before[0] > 5 * after[0]
    # The same values in another shape are no pass of theirs, more neighbours a new one.
    knn_density(z.reshape(600, 3), 5)
    knn_density(z, 30)
    assert passes == [300, 300, 600, 300]


def test_few_and_small_results_are_kept(passes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    for count in (50, 60, 70):
        knn_density(Z[:count], 5)
    assert len(shared._kept) == 2
    knn_density(Z[:70], 5)
    assert passes == [50, 60, 70]
    monkeypatch.setattr(shared, "_MOST_BYTES", 70 * 20 * 16 - 1)
    knn_density(Z[:70] + 1.0, 5)
    assert len(shared._kept) == 2
    assert passes == [50, 60, 70, 70]


def test_results_of_a_pass_cannot_be_changed(passes: list[int]) -> None:
    found = shared.nearest_distances(Z, 5)
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 0.0


@pytest.mark.parametrize("kind", ["latents", "sources"])
def test_cores_change_no_byte(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    z = np.random.default_rng(1).normal(size=(2500, 12))
    z[:500] = 5.0 + 0.01 * z[:500]
    hashes, used = set(), set()
    for cores in (1, 2, 4):
        monkeypatch.setattr(width, "granted", cores)
        if kind == "latents":
            scan = scan_latents(z, ScanSettings(10, 1.0, 0.9, 500, 500))
            found = [scan.neighbours.indices, scan.neighbours.distances, scan.counts]
            found += [
                scan.similar,
                scan.overlaps.to_numpy(),
                np.array(scan.overlaps.attrs["total"]),
            ]
        else:
            sources = scan_sources(z, similarity=0.5)
            found = [sources.mean_distance, sources.mean_cosine, sources.similar]
        hashes.add(hashlib.sha256(b"".join(array.tobytes() for array in found)).hexdigest())
        used.add(len(set(in_parallel(lambda _: get_ident(), range(64)))) > 1)
    assert len(hashes) == 1
    assert used == {True, False}
