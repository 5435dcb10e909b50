"""Near-duplicate images, and different images that a model places together."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.ndimage import gaussian_filter

from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_matrix, in_range
from latent_microscope.forensics.probes import thumbnails
from latent_microscope.neighbours.blocks import pair_cosines, pair_distances
from latent_microscope.neighbours.similar import similar_pairs

DETAIL = 0.8
"""One photograph by its details alone. Looked at on 10,000 aligned faces, where different people
reach 0.77 (all pairs above 0.8 are one person), and on the CIFAR-10 test images, where pairs above
0.75 are one photograph, cropped, recoloured or compressed."""
DETAIL_SUPPORTED = 0.6
SIMILARITY_SUPPORTED = 0.95
"""Or by details and latents together: details above 0.6 and a latent cosine above 0.95."""
CENTRE = 0.5
"""The centre alone must agree, too: different photographs in the same frame do not."""
_LEAST_SIMILARITY = 0.5  # of candidates
_SIDE = 8
_BLOCK = 128

COLUMNS = {
    "i": "int64",
    "j": "int64",
    "id_i": "str",
    "id_j": "str",
    "verdict": "str",
    "detail": "float64",
    "detail_centre": "float64",
    "similarity": "float64",
    "distance": "float64",
    "pixel_difference": "float64",
}

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def _details(images: np.ndarray) -> npt.NDArray[np.float32]:
    """Grey images without what varies slowly: (m, H, W), float32."""
    grey = images.astype(np.float32).mean(axis=-1)
    width = images.shape[1] / 16.0
    return grey - gaussian_filter(grey, (0.0, width, width))


def detail_correlation(
    images: np.ndarray, i: Ints, j: Ints, *, shift: int | None = None, margin: int = 0
) -> Floats:
    """Correlation of the fine structure of two images at the best shift.

    Brightness, contrast, colour casts and smooth gradients do not count, so that two pictures of
    an empty sky are not alike, and a recoloured copy is.

    Args:
        images: uint8 (n, H, W, C), may be memory-mapped.
        i: Rows of the first images.
        j: Rows of the second ones.
        shift: Largest shift in pixels along either axis; by default a sixteenth of the side.
        margin: Pixels left out along each edge.

    Returns:
        Correlations, −1 to 1; 0 where an image has no structure. 1 for equal images.
    """
    side = images.shape[1]
    inner = slice(margin, side - margin), slice(margin, images.shape[2] - margin)
    most = max(1, side // 16) if shift is None else int(in_range(shift, "shift", 0, side - 1))
    out = np.empty(len(i))
    for start in range(0, len(i), _BLOCK):
        part = slice(start, start + _BLOCK)
        first, second = (_details(images[rows[part]])[:, *inner] for rows in (i, j))
        best = np.full(len(first), -1.0)
        for dy in range(-most, most + 1):
            for dx in range(-most, most + 1):
                best = np.maximum(best, _correlation(_cut(first, dy, dx), _cut(second, -dy, -dx)))
        equal = (images[i[part]] == images[j[part]]).all(axis=(1, 2, 3))
        out[part] = np.where(equal, 1.0, best)
    return out


def _cut(block: npt.NDArray[np.float32], dy: int, dx: int) -> npt.NDArray[np.float32]:
    """The part of each image that overlaps with another one shifted by (dy, dx)."""
    height, width = block.shape[1:]
    return block[
        :, max(dy, 0) : height + min(dy, 0), max(dx, 0) : width + min(dx, 0)
    ].reshape(len(block), -1)  # fmt: skip


def _correlation(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> Floats:
    a = a - a.mean(axis=1, keepdims=True)
    b = b - b.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.einsum("ij,ij->i", a, a) * np.einsum("ij,ij->i", b, b)).astype(np.float64)
    product = np.einsum("ij,ij->i", a, b).astype(np.float64)
    return np.divide(product, norms, out=np.zeros(len(a)), where=norms > 1e-3)


def pixel_differences(images: np.ndarray, i: Ints, j: Ints) -> Floats:
    """Root mean square difference of the pixels, in [0, 1]."""
    out = np.empty(len(i))
    for start in range(0, len(i), _BLOCK):
        part = slice(start, start + _BLOCK)
        gap = (images[i[part]].astype(np.float64) - images[j[part]]) / 255.0
        out[part] = np.sqrt(np.square(gap).mean(axis=(1, 2, 3)))
    return out


def candidate_pairs(latents: Floats, images: np.ndarray, count: int) -> tuple[Ints, Ints]:
    """The ``count`` most similar pairs by latents, and as many by small thumbnails.

    What the model takes for different may be the same photograph, so both are asked.

    Returns:
        Rows i < j of either, in order, each pair once.
    """
    small = thumbnails(images, _SIDE).astype(np.float64)
    small -= small.mean(axis=1, keepdims=True)
    found = [similar_pairs(points, _LEAST_SIMILARITY, count)[0] for points in (latents, small)]
    pairs = np.unique(np.concatenate(found).reshape(-1, 2), axis=0).astype(np.int64)
    return pairs[:, 0], pairs[:, 1]


def near_duplicates(
    latents: npt.ArrayLike,
    images: np.ndarray,
    ids: npt.ArrayLike,
    *,
    candidates: int = 2_000,
    look_alikes: int = 24,
    detail: float = DETAIL,
) -> pd.DataFrame:
    """Pairs that are one photograph, and the closest other pairs by latents.

    Args:
        latents: (n, d) latent means.
        images: uint8 (n, H, W, C), may be memory-mapped.
        ids: n ids.
        candidates: Most similar pairs to look at, by latents and by thumbnails each.
        look_alikes: Most look-alikes listed.
        detail: Detail correlation that shows one photograph by itself.

    Returns:
        Table with :data:`COLUMNS`. ``verdict``: ``copy`` (every pixel equal), ``near-duplicate``
        (detail correlation at least ``detail``, or at least 0.6 with a latent cosine of at least
        0.95; and at least 0.5 without an eighth of the side along each edge, ``detail_centre``, NaN
        where it was not asked for),
        ``look-alike`` (the highest latent cosines among the others: other photographs, or copies
        changed too much to be sure). Copies and near-duplicates by falling detail correlation,
        then look-alikes by falling cosine.
        ``distance`` is Euclidean in latent space, ``pixel_difference`` root mean square in [0, 1].

    Raises:
        InputError: Arrays of different lengths, or an option out of range.
    """
    matrix = as_matrix(latents, "latents")
    names = np.asarray(ids, dtype=object)
    if not len(matrix) == len(images) == len(names):
        raise InputError(
            f"{len(matrix)} latents, {len(images)} images and {len(names)} ids; give one of each "
            "a sample"
        )
    count = int(in_range(candidates, "candidates", 1))
    in_range(detail, "detail", 0.0, 1.0)
    i, j = candidate_pairs(matrix, images, count)
    details = detail_correlation(images, i, j)
    centre = np.full(len(i), np.nan)
    asked = details >= min(detail, DETAIL_SUPPORTED)
    margin = images.shape[1] // 8
    centre[asked] = detail_correlation(images, i[asked], j[asked], margin=margin)
    table = pd.DataFrame(
        {
            "i": i,
            "j": j,
            "id_i": names[i],
            "id_j": names[j],
            "detail": details,
            "detail_centre": centre,
            "similarity": pair_cosines(matrix, i, j),
            "distance": pair_distances(matrix, i, j),
            "pixel_difference": pixel_differences(images, i, j),
        }
    )
    supported = (table["detail"] >= DETAIL_SUPPORTED) & (
        table["similarity"] >= SIMILARITY_SUPPORTED
    )
    same = ((table["detail"] >= detail) | supported) & (table["detail_centre"] >= CENTRE)
    copy = table["pixel_difference"] == 0.0
    table["verdict"] = np.select([copy, same], ["copy", "near-duplicate"], "look-alike")
    ordered = table[same | copy].sort_values(
        ["detail", "similarity", "i", "j"], ascending=[False, False, True, True]
    )
    alike = table[~(same | copy)].sort_values(
        ["similarity", "i", "j"], ascending=[False, True, True]
    )
    alike = alike.head(int(in_range(look_alikes, "look_alikes", 0)))
    return pd.concat([ordered, alike], ignore_index=True)[list(COLUMNS)].astype(COLUMNS)
