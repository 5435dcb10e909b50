"""Near-duplicates: planted copies are found, different images are not, latents claim little."""

import numpy as np
import pandas as pd
import pytest
from benchmarks.planted import KINDS, digits, drawn_faces, latents_of, planted, scored, tiles
from PIL import Image
from saving import saved  # type: ignore[import-not-found]

from latent_microscope.errors import InputError
from latent_microscope.forensics.hashes import (
    equal_images,
    hash_distances,
    nearest_by_hash,
    perceptual_hashes,
)
from latent_microscope.forensics.near_duplicates import (
    COLUMNS,
    near_duplicates,
    pixel_differences,
    rarer_than_chance,
)
from latent_microscope.forensics.photographs import compare
from latent_microscope.tables.duplicates import tabulate_duplicates


def photographs(n=40, side=32, seed=0):
    """Images of many random blobs."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side
    out = np.empty((n, side, side, 3))
    for i in range(n):
        image = rng.uniform(0.3, 0.7, 3) + np.zeros((side, side, 3))
        for _ in range(14):
            cx, cy, width = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.03, 0.1)
            blob = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * width**2))
            image += blob[..., None] * rng.uniform(-0.5, 0.5, 3)
        out[i] = image
    return (255 * np.clip(out, 0, 1)).astype(np.uint8)


def cropped(image, left, top, right, bottom):
    height, width = image.shape[:2]
    box = (left * width, top * height, width - right * width, height - bottom * height)
    made = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC, box=box)
    return np.asarray(made)


def changed():
    """Photographs; 30 is a copy of 0, 31 brighter, 32 cropped, 33 mirrored with less contrast."""
    images = photographs()
    images[30] = images[0]
    images[31] = np.clip(images[1] * 0.8 + 50, 0, 255).astype(np.uint8)
    images[32] = cropped(images[2], 0.05, 0.02, 0.03, 0.0)
    images[33] = (images[3, :, ::-1] * 0.4 + 90).astype(np.uint8)
    return images


COPIES = {("000", "030"), ("001", "031"), ("002", "032"), ("003", "033")}
IDS = [f"{i:03d}" for i in range(40)]


def found(seed=0):
    rng = np.random.default_rng(seed)
    latents = rng.normal(size=(40, 8))
    latents[30] = latents[0]
    latents[31] = latents[1] + 0.01
    latents[20] = 2 * latents[21]  # the model takes two photographs for one
    return near_duplicates(latents, changed(), IDS, candidates=60, near_matches=3)


def test_hashes_see_the_mirror_image_and_what_is_upside_down():
    images = photographs(4)
    images[1], images[2] = images[0, :, ::-1], images[0, ::-1]
    hashes = perceptual_hashes(images)
    assert hashes.shape == (4, 2, 2, 2)
    np.testing.assert_array_equal(hashes[1, 0, 0], hashes[0, 0, 1])
    np.testing.assert_array_equal(hashes[2, 0, 0], hashes[0, 1, 0])
    assert hash_distances(hashes, np.array([0]), np.array([1]))[0] == 0
    assert hash_distances(hashes, np.array([0]), np.array([3]))[0] > 40
    assert [0, 1] in nearest_by_hash(hashes, 1, 40).tolist()
    assert [0, 2] in nearest_by_hash(hashes, 1, 40, upside_down=True).tolist()
    assert [0, 2] not in nearest_by_hash(hashes, 1, 40).tolist()
    grey = perceptual_hashes(np.repeat(images[..., :1], 1, axis=3))
    assert grey.shape == hashes.shape


def test_the_nearest_hashes_are_those_of_all_pairs():
    hashes = np.random.default_rng(0).integers(0, 2**63, (50, 2, 2, 2)).astype(np.uint64)
    bits = np.array([
        [[sum(int(a ^ b).bit_count() for a, b in zip(hashes[i, 0, 0], hashes[j, 0, side],
              strict=True)) for j in range(50)] for i in range(50)] for side in (0, 1)
    ])  # fmt: skip
    bits[:, np.arange(50), np.arange(50)] = 999
    wanted = {(min(i, j), max(i, j)) for side in bits for i in range(50)
              for j in np.flatnonzero(side[i] < np.sort(side[i])[3])}  # fmt: skip
    got = {(i, j) for i, j in nearest_by_hash(hashes, 3, 128).tolist()}
    assert wanted <= got
    assert len(nearest_by_hash(hashes, 3, int(bits.min()) - 1)) == 0
    assert len(nearest_by_hash(hashes, 3, int(bits.min()))) >= 1


def test_equal_pixels_are_chained():
    images = photographs(6)
    images[2] = images[4] = images[5] = images[1]
    assert equal_images(images).tolist() == [[1, 2], [2, 4], [4, 5]]


def test_a_crop_is_aligned_and_different_images_are_not():
    images = photographs(20, side=64)
    images[10] = cropped(images[0], 0.05, 0.02, 0.03, 0.0)
    images[11] = images[1, :, ::-1]
    images[12] = np.clip(images[2] * 1.25, 0, 255).astype(np.uint8)
    i, j = np.array([0, 1, 2, 3]), np.array([10, 11, 12, 13])
    seen = compare(images, i, j)
    assert seen.rows.tolist() == [0, 1, 2]
    assert seen.mirrored.tolist() == [False, True, False]
    # The crop shows 0.98 of the height from 0.02 on, and 0.92 of the width from 0.05 on.
    np.testing.assert_allclose(seen.place[0], [1 / 0.98, -0.02 / 0.98, 1 / 0.92, -0.02 / 0.92],
                               atol=0.004)  # fmt: skip
    assert seen.in_place[0] > 0.1 > 0.01 > seen.aligned[0]
    assert seen.aligned[1] < 0.001
    assert seen.in_place[2] < 0.02
    assert seen.gain[2] == pytest.approx(1.2, abs=0.06)
    assert len(compare(images, i[3:], j[3:]).rows) == 0
    upside = images.copy()
    upside[10] = upside[0, ::-1]
    assert compare(upside, i[:1], j[:1], upside_down=True).aligned[0] < 0.001
    assert len(compare(upside, i[:1], j[:1]).rows) == 0


def test_another_colour_is_another_image():
    images = photographs(2)
    images[0] = 255
    images[0, 8:24, 8:24] = 255, 0, 0
    images[1] = 255
    images[1, 8:24, 8:24] = 0, 0, 255
    assert compare(images, np.array([0]), np.array([1])).in_place[0] > 0.3


def test_a_hue_that_differs_counts_unless_it_is_saturated():
    drawn = drawn_faces(1)[0]
    images = np.stack([drawn] * 3)
    images[1, 20:, :, 0] = np.clip(images[1, 20:, :, 0].astype(int) + 30, 0, 245)  # redder
    images[2] = np.clip(images[2] * 1.35, 0, 255).astype(np.uint8)  # brighter: light colours fade
    seen = compare(images, np.array([0, 0]), np.array([1, 2]))
    assert seen.in_place[0] > 0.16 > 0.05 > seen.in_place[1]


def test_a_small_part_that_differs_counts():
    images = photographs(2, side=64)
    images[1] = images[0]
    images[1, 36:48, 36:48] = 255 - images[1, 36:48, 36:48]
    assert compare(images, np.array([0]), np.array([1])).in_place[0] > 0.16
    gaps = pixel_differences(images, np.array([0, 0]), np.array([0, 1]))
    expected = np.sqrt(((images[0] / 255.0 - images[1] / 255.0) ** 2).mean())
    assert gaps.tolist() == [0.0, pytest.approx(expected)]


def test_duplicates_are_found_by_latents_or_by_pixels():
    table = found()
    assert list(table.columns) == list(COLUMNS)
    same = table[table["verdict"] != "near match"]
    assert set(zip(same["id_i"], same["id_j"], strict=True)) == COPIES
    assert table["verdict"].iloc[0] == "copy"
    assert same["difference"].is_monotonic_increasing
    relations = same.set_index("id_i")["relation"].to_dict()
    assert relations["000"] == "identical"
    assert (relations["001"], relations["002"]) == ("brightness", "cropped")
    assert relations["003"] == "mirrored, brightness"
    assert same["proposed_by"].str.contains("hash").all()
    alike = table[table["verdict"] == "near match"]
    assert len(alike) == 3
    assert (alike["id_i"].iloc[0], alike["id_j"].iloc[0]) == ("020", "021")
    assert alike["similarity"].iloc[0] == pytest.approx(1.0)
    assert (table["compared"] > 40).all()
    with pytest.raises(InputError, match="one of each"):
        near_duplicates(np.zeros((3, 2)), photographs(4), ["a", "b", "c"])


def test_no_difference_is_allowed_but_for_copies():
    latents = np.random.default_rng(0).normal(size=(40, 8))
    table = near_duplicates(latents, changed(), IDS, near_matches=0, difference=0.0)
    assert table[["id_i", "verdict"]].to_numpy().tolist() == [["000", "copy"]]


def test_flat_images_are_only_copies_if_equal():
    images = np.full((4, 32, 32, 3), 9, np.uint8)
    images[2:] = [[[[200]]], [[[90]]]]
    latents = np.random.default_rng(0).normal(size=(4, 2))
    table = near_duplicates(latents, images, list("abcd"), near_matches=0)
    assert table[["id_i", "id_j", "verdict"]].to_numpy().tolist() == [["a", "b", "copy"]]


@pytest.mark.parametrize("dimensions", [2, 512])
@pytest.mark.parametrize(("images", "each"), [(tiles, 4), (lambda: digits()[:200], 2)])
def test_planted_copies_are_found_whatever_the_latents(images, each, dimensions):
    made, truth = planted(images(), each, np.random.default_rng(1))
    told = scored(made, latents_of(made, dimensions), truth)
    assert told["planted"] == len(KINDS) * each
    assert told["recall"] >= 0.9
    assert told["precision"] >= 0.95
    assert told[["exact", "mirror", "jpeg"]].eq(1.0).all()


def test_drawings_of_one_person_are_different_images():
    images = drawn_faces(15, 10)
    table = near_duplicates(latents_of(images, 16), images, np.arange(150).astype(str))
    assert (table["verdict"] != "near match").sum() <= 6  # of 675 pairs of one person
    assert table["compared"].iloc[0] > 500


@pytest.mark.parametrize("latents", [2, 512])
def test_latents_that_say_nothing_propose_no_false_pairs(latents):
    images = drawn_faces(10, 10)
    z = np.random.default_rng(0).normal(size=(100, latents))
    table = near_duplicates(z, images, np.arange(100).astype(str), near_matches=0)
    assert len(table) <= 6


def test_what_is_rarer_than_chance():
    rng = np.random.default_rng(0)
    i, j = rng.integers(0, 100, (2, 600))
    differences = np.exp(-rng.exponential(0.5, 600)) * 0.5
    assert rarer_than_chance(differences, i, j).sum() <= 1
    differences[7] = 0.001
    assert rarer_than_chance(differences, i, j)[7]
    assert rarer_than_chance(differences[:10], i[:10], j[:10]).all()


def test_list_to_act_on(tmp_path):
    tables = [found(0), found(1)]
    identity = np.arange(40)
    identity[30], identity[31], identity[33] = 0, 1, -1
    samples = pd.DataFrame({"id": IDS, "identity": identity})
    attributes = pd.DataFrame({"id": samples["id"], "Bald": 0, "Young": 1})
    attributes.loc[31, "Young"] = 0
    *runs, people, facts = saved(tmp_path, *tables, samples, attributes)
    table = tabulate_duplicates(duplicates=runs, seeds=[0, 1], samples=people, attributes=facts)
    same = table[table["verdict"] != "near match"].set_index("id_i")
    assert same["same"].to_dict() == {"000": "yes", "001": "yes", "002": "no", "003": "unknown"}
    assert same["differing"].to_dict() == {"000": "", "001": "Young", "002": "", "003": ""}
    assert same["relation"]["002"] == "cropped"
    assert "correct one" in str(same.loc["002", "action"])
    assert (same["seeds_found"] == 2).all()
    assert same["group"].nunique() == 4
    assert (table["group"][table["verdict"] == "near match"] == -1).all()
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    assert (table["compared"] == max(one["compared"].max() for one in tables)).all()
    three = tables[0].iloc[[0]].assign(id_i="030", id_j="035", verdict="near-duplicate")
    one = saved(tmp_path / "one", pd.concat([tables[0], three]))
    joined = tabulate_duplicates(duplicates=one, seeds=[0], samples=people, attributes=facts)
    groups = joined[joined["group"] >= 0].set_index("id_j")["group"]
    assert groups["030"] == groups["035"]
    fewer = saved(tmp_path / "fewer", samples.iloc[1:])[0]
    with pytest.raises(InputError, match=r"duplicates: .*'000'"):
        tabulate_duplicates(duplicates=runs, seeds=[0, 1], samples=fewer)


def test_latents_alone_show_no_duplicates(tmp_path):
    latents = np.random.default_rng(0).normal(size=(30, 3))
    latents[[4, 7, 9]] = latents[3], latents[5] + 1e-6, 2 * latents[8]
    table = near_duplicates(latents, None, IDS[:30], near_matches=2)
    first = table.iloc[:2][["id_i", "id_j", "verdict"]].to_numpy().tolist()
    assert sorted(first) == [
        ["003", "004", "identical latents"], ["005", "007", "near-identical latents"],
    ]  # fmt: skip
    assert table["verdict"].tolist()[2:] == ["near match"] * 2
    assert (table["id_i"][2], table["id_j"][2]) == ("008", "009")
    assert table[["difference", "pixel_difference", "hash_bits"]].isna().all(axis=None)
    samples = pd.DataFrame({"id": IDS[:30], "identity": np.arange(30)})
    run, people = saved(tmp_path, table, samples)
    listed = tabulate_duplicates(duplicates=[run], seeds=[0], samples=people, pictures=False)
    assert (
        listed["verdict"].tolist()
        == ["identical latents", "near-identical latents"] + ["near match"] * 2
    )
    assert listed["action"][0] == "same latents but different labels: look at the samples"
    with pytest.raises(InputError, match="near_matches"):
        near_duplicates(latents, None, IDS[:30], near_matches=-1)


def test_no_pair_at_all_is_an_empty_table(tmp_path):
    ids = np.array(list("01234567"), dtype=object)
    found = near_duplicates(np.eye(8), None, ids)
    assert found.empty
    samples = pd.DataFrame({"id": ids.astype(str), "label": 0, "label_name": "a"})
    paths = [saved(tmp_path / name, table) for name, table in (("d", found), ("s", samples))]
    assert tabulate_duplicates(duplicates=paths[:1], seeds=[0], samples=paths[1]).empty
