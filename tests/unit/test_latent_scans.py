"""Passes over latents from files: parts that belong together, settings and latents that fit."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latent_microscope.errors import InputError
from latent_microscope.forensics.heuristics import ScoreSettings, score_all
from latent_microscope.forensics.latent_scans import (
    LatentScan,
    ScanSettings,
    load_parts,
    load_scan,
    save_part,
    scan_facts,
    scan_latents,
)
from latent_microscope.forensics.near_duplicates import near_duplicates
from latent_microscope.forensics.restarts import run_column_orders
from latent_microscope.io.artefacts import save_npy, save_table
from latent_microscope.neighbours.pairs import scan_part

Z = np.random.default_rng(0).normal(size=(90, 6))
Z[:30] = Z[0]  # copies: rows that are no part's to search
ASKED = ScanSettings(10, 0.5, 0.99, 100, 50)
WHOLE = scan_latents(Z, ASKED)


def saved(folder: Path, number: int, count: int, asked: ScanSettings = ASKED) -> list[Path]:
    files = [folder / f"{number + 1}-of-{count}-{name}.npy" for name in ("i", "d", "pairs")]
    which = number, count
    found = scan_part(Z, asked.listed, overlaps=asked.pairs, block_size=16, part=which)
    save_part(files, found, which, Z, asked.pairs)
    return files


def opened(files: list[Path], latents: np.ndarray = Z, asked: ScanSettings = ASKED) -> LatentScan:
    return scan_latents(latents, asked, load_parts(files, latents, asked.listed, asked.pairs))


@pytest.mark.parametrize("count", [1, 3])
def test_parts_with_copies_give_the_whole(tmp_path: Path, count: int) -> None:
    parts = [saved(tmp_path, number, count) for number in range(count)]
    for order in (parts, parts[::-1]):
        found = opened([file for files in order for file in files])
        np.testing.assert_array_equal(found.neighbours.indices, WHOLE.neighbours.indices)
        np.testing.assert_array_equal(found.neighbours.distances, WHOLE.neighbours.distances)
        assert found.overlaps.equals(WHOLE.overlaps)
        assert found.overlaps.attrs["total"] == WHOLE.overlaps.attrs["total"]


def test_parts_are_mapped_not_read(tmp_path: Path) -> None:
    ((near, _),) = load_parts(saved(tmp_path, 0, 1), Z, ASKED.listed, ASKED.pairs)
    assert isinstance(near.indices, np.memmap)
    assert isinstance(near.distances, np.memmap)


def test_parts_that_are_not_all_of_one_pass_are_refused(tmp_path: Path) -> None:
    one, two, three = (saved(tmp_path, number, 3) for number in range(3))
    half = saved(tmp_path, 0, 2)
    for files, message in (
        (one + two, r"1-of-3-i\.npy: one of 3 parts, of which 3 is missing"),
        (one, r"1-of-3-i\.npy: .* 2, 3 are missing"),
        (one + two + three + one, r"1-of-3-i\.npy: part 1 of 3; so is .*1-of-3-i\.npy"),
        (two + half + three, r"1-of-2-i\.npy: part 1 of 2; give each part once"),
        (one[:2], r"1-of-3-d\.npy: 2 files of parts"),
        ([one[0], one[1], one[1]], r"1-of-3-d\.npy: not the pairs of a part"),
    ):
        with pytest.raises(InputError, match=message):
            opened(files)
    files = one + two + three
    with pytest.raises(InputError, match=r"1-of-3-i\.npy: a part of a pass over other latents"):
        opened(files, Z + 1.0)
    with pytest.raises(InputError, match=r"20 neighbours, not 90 and 30"):
        opened(files, asked=replace(ASKED, k=30))
    with pytest.raises(InputError, match=r"other settings of overlaps"):
        opened(files, asked=replace(ASKED, threshold=0.9))
    with pytest.raises(InputError, match=r"other settings of overlaps"):
        load_parts(files, Z, ASKED.listed)


def file_of(folder: Path, scan: LatentScan) -> list[Path]:
    arrays = {
        "nearest": scan.neighbours.indices,
        "nearest-distances": scan.neighbours.distances,
        "nearest-counts": scan.counts,
        "similar": scan.similar,
    }
    for name, array in arrays.items():
        save_npy(folder / f"{name}.npy", array)
    table = scan.overlaps.assign(total=scan.overlaps.attrs["total"])
    table.attrs |= scan_facts(scan)
    save_table(folder / "overlaps.parquet", table)
    return [*(folder / f"{name}.npy" for name in arrays), folder / "overlaps.parquet"]


def test_a_pass_with_other_settings_or_of_other_latents_is_refused(tmp_path: Path) -> None:
    files = file_of(tmp_path, WHOLE)
    scan = load_scan(files, len(Z))
    assert scan is not None
    own = ScoreSettings(radius=0.5, overlap_threshold=0.99, max_pairs=100)
    alone = score_all(Z[:, :3], Z, own)
    np.testing.assert_array_equal(
        score_all(Z[:, :3], Z, own, scan=scan).attractor_density, alone.attractor_density
    )
    for settings, message in (
        (replace(own, k=50), "made with k 20, not 50"),
        (replace(own, radius=2.0), "made with radius 0.5, not 2.0"),
        (replace(own, overlap_threshold=0.9), "made with threshold 0.99, not 0.9"),
        (replace(own, max_pairs=1000), "made with max_pairs 100, not 1000"),
    ):
        with pytest.raises(InputError, match=rf"overlaps\.parquet: {message}; make the pass"):
            score_all(Z[:, :3], Z, settings, scan=scan)
    for other in (Z + 1.0, Z[:, ::-1]):
        with pytest.raises(InputError, match=r"overlaps\.parquet: a pass over other latents"):
            score_all(Z[:, :3], other, own, scan=scan)
    ids = np.arange(len(Z)).astype(str).astype(object)
    near_duplicates(Z, None, ids, candidates=50, scan=scan)
    with pytest.raises(InputError, match=r"overlaps\.parquet: made with candidates 50, not 60"):
        near_duplicates(Z, None, ids, candidates=60, scan=scan)
    with pytest.raises(InputError, match=r"^scan: a pass over other latents"):
        run_column_orders(Z + 1.0, ids, {}, {"k": 5, "radius": 1.0}, root_seed=0, scan=WHOLE)
    # All that there is was found.
    few = scan_latents(Z[30:], replace(ASKED, k=59, threshold=0.999))
    few.require(Z[30:], k=100, max_pairs=10**6)


def test_a_pass_that_does_not_say_what_it_is_of_is_refused(tmp_path: Path) -> None:
    files = file_of(tmp_path, WHOLE)
    save_table(files[-1], WHOLE.overlaps.assign(total=1))
    with pytest.raises(InputError, match=r"overlaps\.parquet: does not say"):
        load_scan(files, len(Z))


def test_settings_of_numpy_and_signs_of_zeros_change_nothing(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(30, 3))
    rows[4, 1] = 0.0
    plain = scan_latents(rows, ScanSettings(3, 0.5, 0.9, 10))
    rows[4, 1] = -0.0
    numpy = scan_latents(rows, ScanSettings(np.int64(3), np.float64(0.5), 0.9, 10))  # type: ignore[arg-type]
    assert json.dumps(scan_facts(numpy)) == json.dumps(scan_facts(plain))
