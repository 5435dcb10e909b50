"""Perceptual hashes of images, and each image's nearest others by them."""

from hashlib import blake2b

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from latent_microscope.neighbours.blocks import row_blocks

BITS = 128
_BLOCK = 1 << 25  # distances at once: 32 MB

Ints = npt.NDArray[np.int64]


def grey(images: np.ndarray) -> npt.NDArray[np.float32]:
    """Luma of images (…, C) with 1 or 3 channels, in their units (ITU-R BT.601), float32."""
    red, green, blue = (images[..., k].astype(np.float32) for k in (0, images.shape[-1] // 2, -1))
    return np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue


def perceptual_hashes(images: np.ndarray) -> npt.NDArray[np.uint64]:
    """(n, 2, 2, 2): pHash and dHash, 64 bits each, by upside down or not and mirrored or not."""
    found = np.empty((len(images), 4, 2), dtype=np.uint64)
    for row in range(len(images)):
        luma = np.rint(grey(images[row][None])[0]).astype(np.uint8)
        sides = luma, luma[:, ::-1], luma[::-1], luma[::-1, ::-1]
        for side, picture in enumerate(map(Image.fromarray, sides)):
            bits = [imagehash.phash(picture).hash, imagehash.dhash(picture).hash]
            found[row, side] = np.packbits(np.reshape(bits, (2, 64)), axis=1).view(np.uint64)[:, 0]
    return found.reshape(-1, 2, 2, 2)


def hash_distances(hashes: npt.NDArray[np.uint64], i: Ints, j: Ints) -> Ints:
    """Bits of :data:`BITS` in which images i differ from j, or from the mirror image of j."""
    bits = np.bitwise_count(hashes[i, 0, :1] ^ hashes[j, 0]).sum(axis=2, dtype=np.int64)
    return np.asarray(bits.min(axis=1))


def nearest_by_hash(
    hashes: npt.NDArray[np.uint64], k: int, most: int, *, upside_down: bool = False
) -> Ints:
    """(m, 2) pairs i < j: the k nearest of each image and of its mirror image within ``most`` bits.

    ``upside_down``: the nearest among all others turned upside down. Every pair of hashes is
    compared; memory is bounded.
    """
    n = len(hashes)
    k = min(k, n - 1)
    found = [np.empty((0, 2), dtype=np.int64)]
    for rows in row_blocks(n, None, max(1, _BLOCK // n)):
        own = np.arange(rows.stop - rows.start)
        for others in hashes[:, int(upside_down)].transpose(1, 2, 0):
            bits = np.zeros((len(own), n), dtype=np.uint8)
            for mine, theirs in zip(hashes[rows, 0, 0].T, others, strict=True):
                bits += np.bitwise_count(mine[:, None] ^ theirs[None])
            bits[own, own + rows.start] = 2 * BITS - 1
            near = np.argpartition(bits, k - 1, axis=1)[:, :k]
            row, place = np.nonzero(np.take_along_axis(bits, near, axis=1) <= most)
            found.append(np.stack([row + rows.start, near[row, place]], axis=1))
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def equal_images(images: np.ndarray) -> Ints:
    """(m, 2) pairs i < j of equal pixels: each copy with the one before it."""
    last: dict[bytes, int] = {}
    pairs = []
    for row in range(len(images)):
        key = blake2b(np.ascontiguousarray(images[row]).data, digest_size=16).digest()
        if key in last:
            pairs.append((last[key], row))
        last[key] = row
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
