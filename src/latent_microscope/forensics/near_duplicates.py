"""Near-duplicate images by their pixels, and different images with similar latents."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_matrix, in_range
from latent_microscope.forensics.hashes import (
    equal_images,
    hash_distances,
    nearest_by_hash,
    perceptual_hashes,
)
from latent_microscope.forensics.latent_scans import LEAST_SIMILARITY, LatentScan
from latent_microscope.forensics.photographs import Comparison, compare
from latent_microscope.neighbours.blocks import pair_cosines, pair_distances
from latent_microscope.neighbours.pairs import all_pairs

DIFFERENCE = 0.16
"""Most that two images of one photograph differ: changed copies of photographs reach 0.15."""
_NEAREST = 6
_MOST_BITS = 40  # of 128: changed copies differ in up to 34, unrelated images in about 64
_CROWDED = 0.2  # share of the hashes' pairs that look alike, from which chance is asked for
_FEWEST = 20
_TAIL = (0.3, 0.05)
_GAP = np.log(2.0)
_EDGE = 0.012  # of the half side: shifts that cannot be told from none
_BRIGHTER, _OFFSET = 0.05, 6.0
_SAME_LATENTS = 1e-3  # of the median distance to the nearest other
_BLOCK = 128

_MEASURES = ("difference", "similarity", "distance", "pixel_difference")
COLUMNS = {
    **dict.fromkeys(("i", "j"), "int64"),
    **dict.fromkeys(("id_i", "id_j", "verdict", "relation", "proposed_by"), "str"),
    "hash_bits": "float64",
    **dict.fromkeys(_MEASURES, "float64"),
    "compared": "int64",
}

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def pixel_differences(images: np.ndarray, i: Ints, j: Ints) -> Floats:
    """Root mean square difference of the pixels as they are, in [0, 1]."""
    out = np.empty(len(i))
    for start in range(0, len(i), _BLOCK):
        part = slice(start, start + _BLOCK)
        gap = (images[i[part]].astype(np.float64) - images[j[part]]) / 255.0
        out[part] = np.sqrt(np.square(gap).mean(axis=(1, 2, 3)))
    return out


def near_duplicates(
    latents: npt.ArrayLike,
    images: np.ndarray | None,
    ids: npt.ArrayLike,
    *,
    candidates: int = 2_000,
    near_matches: int = 24,
    difference: float = DIFFERENCE,
    scan: LatentScan | None = None,
) -> pd.DataFrame:
    """Pairs that show one photograph, and the closest other pairs by latents, as :data:`COLUMNS`.

    Pairs are proposed by equal pixels, by perceptual hashes of the image and its mirror image (the
    nearest of each image) and by latents (the nearest of each, and the ``candidates`` most similar
    pairs). The pixels decide: two aligned images differ by less than ``difference``, by less than
    all but one of the pairs that look alike when one image is turned upside down, and, where many
    of the proposed pairs look alike, by less than different images here do by chance
    (:func:`rarer_than_chance`); each for pairs at one place, cropped and moved ones apart.
    ``hash_bits`` are those that differ of 128; ``compared`` counts the pairs of images compared.

    Copies (equal pixels) and near-duplicates by rising difference, then near matches by falling
    cosine. Without images nothing is called a duplicate: latents are identical, or as good as
    identical, and what needs images is NaN. ``scan``: the pass over the latents, if done already.
    """
    matrix = as_matrix(latents, "latents")
    names = np.asarray(ids, dtype=object)
    count = int(in_range(candidates, "candidates", 1))
    in_range(difference, "difference", 0.0, 1.0)
    listed = int(in_range(near_matches, "near_matches", 0))
    if images is not None and not len(matrix) == len(images) == len(names):
        raise InputError(
            f"{len(matrix)} latents, {len(images)} images and {len(names)} ids; expected one "
            "of each per sample"
        )
    if scan is None:
        near, pairs = all_pairs(
            matrix, _NEAREST, overlap_threshold=LEAST_SIMILARITY, max_pairs=count
        )
        assert pairs is not None
        similar = pairs.pairs
    else:
        scan.require(matrix, k=_NEAREST, candidates=count)
        near, similar = scan.neighbours, scan.similar[:count]
    indices = near.indices[:, :_NEAREST]
    rows = np.repeat(np.arange(len(matrix)), indices.shape[1])
    proposed = {"latents": np.concatenate([similar, np.stack([rows, indices.ravel()], axis=1)])}
    if images is not None:
        hashes = perceptual_hashes(images)
        by_hash = nearest_by_hash(hashes, _NEAREST, _MOST_BITS)
        proposed["hash"] = np.concatenate([equal_images(images), by_hash])
    i, j, by = _union(proposed, len(matrix))
    table = pd.DataFrame({"i": i, "j": j, "proposed_by": by})
    table["similarity"], table["distance"] = (
        pair_cosines(matrix, i, j),
        pair_distances(matrix, i, j),
    )
    table[["difference", "pixel_difference", "hash_bits"]] = np.nan
    table["relation"], table["compared"] = "", 0
    if images is None:
        close = table["distance"] <= _SAME_LATENTS * np.median(near.distances[:, 0])
        equal = table["distance"].to_numpy() == 0.0  # not of all pairs: n rows many times
        equal[equal] = (matrix[i[equal]] == matrix[j[equal]]).all(axis=1)
        table["verdict"] = np.select(
            [equal, close], ["identical latents", "near-identical latents"], "near match"
        )
    else:
        table["hash_bits"] = hash_distances(hashes, i, j)
        table["compared"] = len(table)
        turned = nearest_by_hash(hashes, _NEAREST, _MOST_BITS, upside_down=True)
        _judge(table, images, turned, difference)
    return _listed(table, names, listed)


def _union(proposed: dict[str, Ints], n: int) -> tuple[Ints, Ints, npt.NDArray[np.object_]]:
    """Pairs i < j of all proposals, each once, and who proposed it: names joined by " + "."""
    keys = {}
    for name, pairs in proposed.items():
        low, high = np.sort(pairs, axis=1).T
        keys[name] = np.unique(low[low < high] * n + high[low < high])
    every = np.unique(np.concatenate(list(keys.values())))
    names = np.full(len(every), "", dtype=object)
    for name, some in keys.items():
        place = np.searchsorted(every, some)
        names[place] = [f"{before} + {name}" if before else name for before in names[place]]
    return every // n, every % n, names


def _judge(table: pd.DataFrame, images: np.ndarray, turned: Ints, limit: float) -> None:
    """Fill in verdict, relation and differences of pairs of images."""
    i, j = table["i"].to_numpy(), table["j"].to_numpy()
    found = compare(images, i, j)
    decoys = [
        values[concerned]
        for values, concerned in _by_relation(compare(images, *turned.T, upside_down=True))
    ]
    place, cropped = _kinds(found.place)
    same = np.zeros(len(found.rows), dtype=bool)
    difference = found.aligned.copy()
    first, second = i[found.rows], j[found.rows]
    by_hash = table["proposed_by"].str.contains("hash").to_numpy()
    crowded = by_hash[found.rows].sum() > _CROWDED * by_hash.sum()
    for number, (values, concerned) in enumerate(_by_relation(found)):
        rows = np.flatnonzero(concerned)
        by_chance = np.sort(decoys[number])[1:2]  # one is expected
        rare = np.ones(len(rows), dtype=bool)
        if crowded:
            rare = rarer_than_chance(values[rows], first[rows], second[rows])
        chosen = rows[rare & (values[rows] < min(limit, *by_chance, np.inf))]
        if number == 0:  # unless moving one image explains much of what is left
            chosen_here = chosen[values[chosen] < 2.0 * found.aligned[chosen]]
            place[chosen_here] = True
            difference[chosen_here] = values[chosen_here]
        same[chosen] = True
    table.loc[found.rows, "difference"] = difference
    shown = found.rows[same]
    table["verdict"] = "near match"
    table.loc[shown, "verdict"] = "near-duplicate"
    table.loc[shown, "relation"] = _relations(found, place, cropped)[same]
    equal = np.zeros(len(table), dtype=bool)
    near = np.flatnonzero(table["hash_bits"] == 0.0)
    equal[near] = pixel_differences(images, i[near], j[near]) == 0.0
    table.loc[equal, ["verdict", "relation"]] = "copy", "identical"
    table.loc[equal, "difference"] = 0.0


def _by_relation(found: Comparison) -> list[tuple[Floats, Mask]]:
    """Differences in place, of a part, and moved, and of which pairs they may count."""
    place, cropped = _kinds(found.place)
    return [
        (found.in_place, np.ones(len(place), dtype=bool)),
        (found.aligned, place | cropped),
        (found.aligned, ~(place | cropped)),
    ]


def rarer_than_chance(differences: Floats, i: Ints, j: Ints, expected: float = 0.1) -> Mask:
    """Pairs so alike that at most ``expected`` pairs of different images are.

    What counts is the logarithm of the difference, less half of that of the next best pair of
    either image: images that resemble many others must resemble a copy more. Pairs that stand out
    from the next best ones may be copies and are left out; the lower tail of the others,
    exponential (Weissman 1978, doi:10.1080/01621459.1978.10480104), is continued. All pairs where
    fewer than 20 are left, of which nothing can be said.
    """
    logs = np.log(np.maximum(differences, 1e-4))
    ends = pd.DataFrame({"row": np.concatenate([i, j]), "log": np.tile(logs, 2)})
    ends = ends.sort_values("log", kind="stable")
    second = ends[ends.groupby("row").cumcount() == 1].set_index("row")["log"]
    nexts = np.minimum(
        *(second.reindex(end).fillna(np.log(DIFFERENCE)).to_numpy() for end in (i, j))
    )
    scores = logs - 0.5 * nexts
    others = scores[logs > nexts - _GAP]
    if len(others) < _FEWEST or not np.ptp(others):
        return np.ones(len(logs), dtype=bool)
    shares = _TAIL[0], max(_TAIL[1], 2.0 / len(others))
    high, low = np.quantile(others, shares)
    slope = (high - low) / np.log(shares[0] / shares[1])
    return np.asarray(scores < low - slope * max(np.log(shares[1] * len(others) / expected), 0.0))


def _kinds(place: Floats) -> tuple[Mask, Mask]:
    """Pairs at one place, and those of which one image is a part of the other."""
    scale, shift = place[:, ::2], np.abs(place[:, 1::2])
    unmoved = ((np.abs(scale - 1.0) < _EDGE) & (shift < _EDGE)).all(axis=1)
    inside = (scale + shift <= 1.0 + _EDGE).all(axis=1)
    around = ((1.0 + shift) / scale <= 1.0 + _EDGE).all(axis=1)
    return np.asarray(unmoved), np.asarray((inside | around) & ~unmoved)


def _relations(found: Comparison, place: Mask, cropped: Mask) -> npt.NDArray[np.object_]:
    """What was done to one image of each pair, as far as it can be measured."""
    light = (np.abs(found.gain - 1.0) > _BRIGHTER) | (np.abs(found.offset) > _OFFSET)
    parts = {
        "mirrored": found.mirrored,
        "cropped": cropped & ~place,
        "moved": ~(cropped | place),
        "brightness": light,
    }
    words = [
        ", ".join(name for name, holds in zip(parts, row, strict=True) if holds)
        for row in zip(*parts.values(), strict=True)
    ]
    return np.array([word or "compressed or rescaled" for word in words], dtype=object)


def _listed(table: pd.DataFrame, names: npt.NDArray[np.object_], near_matches: int) -> pd.DataFrame:
    """The pairs that are listed, in order, with ids."""
    order = ["difference", "similarity", "i", "j"]
    same = table["verdict"] != "near match"
    ordered = table[same].sort_values(order, ascending=[True, False, True, True])
    similar = table[~same & table["proposed_by"].str.contains("latents")]
    similar = similar[similar["similarity"] > LEAST_SIMILARITY]
    others = similar.sort_values(order[1:], ascending=[False, True, True]).head(near_matches)
    listed = pd.concat([ordered, others], ignore_index=True)
    for end in ("i", "j"):
        listed[f"id_{end}"] = names[listed[end]]
    return listed[list(COLUMNS)].astype(COLUMNS)
