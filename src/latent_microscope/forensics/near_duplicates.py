"""Near-duplicate images, and different images with similar latents."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.ndimage import gaussian_filter

from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_matrix, in_range
from latent_microscope.forensics.probes import thumbnails
from latent_microscope.neighbours.blocks import pair_cosines, pair_distances
from latent_microscope.neighbours.scan import similar_pairs

# Detail correlation of one photograph: on 10,000 aligned faces different people reach 0.77; pairs
# of CIFAR-10 test images above 0.75 are one photograph, cropped, recoloured or compressed.
DETAIL = 0.8
# Or both of these together.
DETAIL_SUPPORTED, SIMILARITY_SUPPORTED = 0.6, 0.95
CENTRE = 0.5  # also required of the centre alone: photographs with the same frame differ there
_LEAST_SIMILARITY = 0.5  # of candidates
_SIDE = 8
_BLOCK = 128

_MEASURES = ("detail", "detail_centre", "similarity", "distance", "pixel_difference")
COLUMNS = {
    **dict.fromkeys(("i", "j"), "int64"),
    **dict.fromkeys(("id_i", "id_j", "verdict"), "str"),
    **dict.fromkeys(_MEASURES, "float64"),
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
    """Correlation of the fine structure of two images at the best shift, 1 for equal images.

    Brightness, contrast, colour casts and smooth gradients do not count. 0 without structure.
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


def near_duplicates(
    latents: npt.ArrayLike,
    images: np.ndarray | None,
    ids: npt.ArrayLike,
    *,
    candidates: int = 2_000,
    near_matches: int = 24,
    detail: float = DETAIL,
) -> pd.DataFrame:
    """Pairs that show one photograph, and the closest other pairs by latents, as :data:`COLUMNS`.

    Copies (equal pixels) and near-duplicates by falling detail correlation, then near matches by
    falling cosine. Without images equal latents are copies, and what needs images is NaN.
    """
    matrix = as_matrix(latents, "latents")
    names = np.asarray(ids, dtype=object)
    count = int(in_range(candidates, "candidates", 1))
    in_range(detail, "detail", 0.0, 1.0)
    points = [matrix]
    if images is not None:
        if not len(matrix) == len(images) == len(names):
            raise InputError(
                f"{len(matrix)} latents, {len(images)} images and {len(names)} ids; expected one "
                "of each per sample"
            )
        small = thumbnails(images, _SIDE).astype(np.float64)
        points.append(small - small.mean(axis=1, keepdims=True))
    found = [similar_pairs(one, _LEAST_SIMILARITY, count).pairs for one in points]
    i, j = np.unique(np.concatenate(found).reshape(-1, 2), axis=0).astype(np.int64).T
    table = pd.DataFrame({"i": i, "j": j, "id_i": names[i], "id_j": names[j]})
    table["similarity"], table["distance"] = (
        pair_cosines(matrix, i, j),
        pair_distances(matrix, i, j),
    )
    if images is None:
        same = copy = (matrix[i] == matrix[j]).all(axis=1)
        table["detail"] = np.where(copy, 1.0, np.nan)
        table[["detail_centre", "pixel_difference"]] = np.nan
    else:
        details = detail_correlation(images, i, j)
        centre = np.full(len(i), np.nan)
        asked = details >= min(detail, DETAIL_SUPPORTED)
        margin = images.shape[1] // 8
        centre[asked] = detail_correlation(images, i[asked], j[asked], margin=margin)
        supported = (details >= DETAIL_SUPPORTED) & (table["similarity"] >= SIMILARITY_SUPPORTED)
        same = ((details >= detail) | supported) & (centre >= CENTRE)
        gaps = pixel_differences(images, i, j)
        copy = gaps == 0.0
        table = table.assign(detail=details, detail_centre=centre, pixel_difference=gaps)
    table["verdict"] = np.select([copy, same], ["copy", "near-duplicate"], "near match")
    order = ["detail", "similarity", "i", "j"]
    ordered = table[same | copy].sort_values(order, ascending=[False, False, True, True])
    others = table[~(same | copy)].sort_values(order[1:], ascending=[False, True, True])
    others = others.head(int(in_range(near_matches, "near_matches", 0)))
    return pd.concat([ordered, others], ignore_index=True)[list(COLUMNS)].astype(COLUMNS)
