"""Whether two images are one photograph: the one aligned with the other, and what still differs.

The second image is mirrored if that fits better, then scaled and moved along each axis until its
correlation with the first is largest (forward additive steps of Evangelidis & Psarakis 2008,
doi:10.1109/TPAMI.2008.113, from coarse to fine), and brightened by one gain and offset. What is
left is judged by the structural similarity of windows (Wang et al. 2004,
doi:10.1109/TIP.2003.819861).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latent_microscope.forensics.hashes import grey

SIDE = 64  # pixels of the longest side at which images are compared, at most
_LEVELS = ((16, 6), (32, 4), (SIDE, 3))  # sides, and steps of the alignment at each
_SCREEN = 0.9  # correlation at the coarsest level that goes on: changed copies had 0.95 or more
_SCALES, _SHIFTS = (0.88, 1.14), (-0.08, 0.08)  # a crop of 5 % a side and a little more
_BLUR, _SMOOTH = 0.6, 0.85  # pixels: for the alignment, and of what is compared
_WINDOWS = 12  # along each side, of a standard deviation of a sixteenth of it
_FLOOR = 0.3  # variance, of a window of mean variance 1, that noise may have
_COLOUR_SIDE = 8
_COLOUR = 30.0  # grey levels that count as a difference of 1
_CLIPPED = 0.5  # weight of what is saturated: its colour may change by 15
_SATURATED = (5, 250)
_CHUNK = 256
_ROWS = 1024

Singles = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Comparison:
    """Pairs of images that look alike at a coarse level; one value, or row, per pair."""

    rows: Ints  # rows of the pairs that were handed in
    mirrored: Mask
    place: Floats  # (m, 4) scale and shift (in half sides) along y, and along x
    in_place: Floats  # difference without scale and shift, 0: none
    aligned: Floats  # difference with them
    gain: Floats  # contrast of the brighter one by the other's
    offset: Floats  # in grey levels


def compare(images: np.ndarray, i: Ints, j: Ints, *, upside_down: bool = False) -> Comparison:
    """Pairs (i, j) of uint8 images (n, H, W, C) that may be one photograph, and what differs.

    ``upside_down`` turns the second ones first: what then still fits does so by chance.
    """
    coarse = np.concatenate([
        _luma(images[start : start + _ROWS], _LEVELS[0][0])
        for start in range(0, len(images), _ROWS)
    ])  # fmt: skip
    parts = []
    for start in range(0, len(i), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(i)))
        first, second = coarse[i[rows]], coarse[j[rows]][:, :: -1 if upside_down else 1]
        tried = [_refined(first, b, _unmoved(len(rows)), _LEVELS[0][1])
                 for b in (second, second[:, :, ::-1])]  # fmt: skip
        mirrored = tried[1][1] > tried[0][1]
        place = np.where(mirrored[:, None], tried[1][0], tried[0][0])
        alike = np.maximum(tried[0][1], tried[1][1]) >= _SCREEN
        if alike.any():
            found = rows[alike]
            pair = images[i[found]], images[j[found]][:, :: -1 if upside_down else 1]
            parts.append((found, *_compared(*pair, mirrored[alike], place[alike])))
    if not parts:
        none = np.empty(0)
        return Comparison(none.astype(int), none > 0, np.empty((0, 4)), *[none] * 4)
    return Comparison(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _compared(
    first: np.ndarray, second: np.ndarray, mirrored: Mask, place: Floats
) -> tuple[np.ndarray, ...]:
    """The fields of :class:`Comparison`, but the rows, for a few pairs."""
    second = np.where(mirrored[:, None, None, None], second[:, :, ::-1], second)
    longest = max(first.shape[1:3])
    for side, steps in _LEVELS[1:]:
        if side // 2 < longest:
            place, _ = _refined(_luma(first, side), _luma(second, side), place, steps)
    at = next((side for side, _ in _LEVELS if side >= longest), SIDE)
    a, b = (_blurred(_shrunk(np.moveaxis(some, -1, 1).astype(np.float32), at), _SMOOTH)
            for some in (first, second))  # fmt: skip
    unmoved = _difference(a, b, _unmoved(len(first)))
    moved = _difference(a, b, place)
    equal = (first == second).all(axis=(1, 2, 3))
    in_place, aligned = (np.where(equal, 0.0, one[0]) for one in (unmoved, moved))
    return (mirrored, place, in_place, aligned, *moved[1:])


def _unmoved(count: int) -> Floats:
    return np.tile([1.0, 0.0, 1.0, 0.0], (count, 1))


def _shrunk(planes: Singles, side: int) -> Singles:
    """Area means of (…, H, W), at most ``side`` pixels along each axis."""
    down, across = (_area(n, min(side, n)) for n in planes.shape[-2:])
    return np.asarray(down @ planes @ across.T)


def _area(n: int, m: int) -> Singles:
    edges, pixels = np.linspace(0, n, m + 1), np.arange(n)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (np.maximum(covered, 0.0) * m / n).astype(np.float32)


def _gauss(centres: Floats, n: int, sigma: float) -> Singles:
    weights = np.exp(-0.5 * ((centres[:, None] - np.arange(n)) / sigma) ** 2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _blurred(planes: Singles, sigma: float) -> Singles:
    down, across = (_gauss(np.arange(n, dtype=float), n, sigma) for n in planes.shape[-2:])
    return np.asarray(down @ planes @ across.T)


def _mixed(planes: Singles) -> Singles:
    """Luma of colour planes (m, C, h, w)."""
    return grey(np.moveaxis(planes, 1, -1))


def _luma(images: np.ndarray, side: int) -> Singles:
    return _blurred(_shrunk(grey(np.asarray(images)), side), _BLUR)


def _moved(planes: Singles, place: Floats) -> tuple[Singles, Singles, Singles, Singles]:
    """Planes (m, …, h, w) read at scaled and shifted places, which exist, the coordinates."""
    down, has_y, y = _cubic(planes.shape[-2], place[:, 0], place[:, 1])
    across, has_x, x = _cubic(planes.shape[-1], place[:, 2], place[:, 3])
    inside = (has_y[:, :, None] & has_x[:, None, :]).astype(np.float32)
    across = across.transpose(0, 2, 1)
    if planes.ndim == 4:
        down, across = down[:, None], across[:, None]
    moved = np.asarray(down @ planes @ across, dtype=np.float32)
    return moved, inside, y[:, None], x


def _cubic(n: int, scale: Floats, shift: Floats) -> tuple[Singles, Mask, Singles]:
    """Cubic convolution (Keys 1981) as matrices (m, n, n), inside or not (m, n), coordinates."""
    at = (np.arange(n) + 0.5) / n * 2.0 - 1.0
    pixel = ((scale[:, None] * at + shift[:, None]) + 1.0) / 2.0 * n - 0.5
    inside = (pixel > -0.51) & (pixel < n - 0.49)
    gap = np.abs(np.clip(pixel, 0, n - 1)[:, :, None] - np.arange(n))
    near, far = (1.5 * gap - 2.5) * gap * gap + 1.0, ((-0.5 * gap + 2.5) * gap - 4.0) * gap + 2.0
    weights = np.where(gap <= 1.0, near, np.where(gap < 2.0, far, 0.0))
    weights /= weights.sum(axis=2, keepdims=True)
    return weights.astype(np.float32), inside, at.astype(np.float32)


def _refined(first: Singles, second: Singles, place: Floats, steps: int) -> tuple[Floats, Floats]:
    """The place with the largest correlation on the way, and the correlation (m,)."""
    best, score = place, np.full(len(first), -2.0)
    for step in range(steps + 1):
        moved, inside, y, x = _moved(second, place)
        found = (_unit(first, inside) * _unit(moved, inside)).sum(axis=(1, 2), dtype=np.float64)
        better = found > score
        best, score = np.where(better[:, None], place, best), np.maximum(found, score)
        if step == steps:
            break
        down, across = (np.gradient(moved, axis=k) * np.float32(moved.shape[k] / 2) for k in (1, 2))
        ones = np.ones_like(moved)
        change = _fit(first, inside, moved, ones, down * y, down, across * x, across)
        gain = np.where(np.abs(change[:, 0]) < 0.1, 0.1, change[:, 0])
        place = place + np.clip(change[:, 2:] / gain[:, None], -0.05, 0.05)
        place = np.clip(place, *np.array([_SCALES, _SHIFTS] * 2).T)
    return best, score


def _unit(planes: Singles, inside: Singles) -> Singles:
    """Without mean, of length 1, 0 outside."""
    mean = (planes * inside).sum(axis=(1, 2), keepdims=True) / inside.sum((1, 2), keepdims=True)
    centred = (planes - mean) * inside
    return np.asarray(centred / np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True) + 1e-3))


def _fit(target: Singles, weight: Singles, *columns: Singles) -> Floats:
    """Weighted least squares of each target on its columns, hardly damped: (m, columns)."""
    matrix = np.stack([(column * weight).reshape(len(target), -1) for column in columns], axis=1)
    inner = (matrix @ matrix.transpose(0, 2, 1)).astype(np.float64)
    right = (matrix @ (target * weight).reshape(len(target), -1, 1)).astype(np.float64)
    own = np.einsum("bii->bi", inner)
    own += own * 1e-4 + 1e-9
    return np.asarray(np.linalg.solve(inner, right)[..., 0])


def _difference(first: Singles, second: Singles, place: Floats) -> tuple[Floats, Floats, Floats]:
    """Difference of colour planes (m, C, h, w), gain and offset.

    The geometric mean of 1 - similarity over all windows and in the worst one, so that neither a
    small part that differs nor much noise is lost, plus the square of the colour's difference.
    """
    moved, inside, _, _ = _moved(second, place)
    ones = np.ones_like(inside)
    swap = np.abs(_fit(_mixed(first), inside, _mixed(moved), ones)[:, 0]) < 1.0
    wide = swap[:, None, None, None]
    # The one with more contrast is the target: what it lost to saturation can be lost again.
    target, source = np.where(wide, moved, first), np.where(wide, first, moved)
    low, high = _SATURATED
    kept = inside * ((target > low) & (target < high)).all(axis=1)
    kept = np.where(kept.mean(axis=(1, 2), keepdims=True) > 0.05, kept, inside)
    gain, offset = _fit(_mixed(target), kept, _mixed(source), ones).T
    fitted = gain[:, None, None, None] * source + offset[:, None, None, None]
    fitted = np.clip(fitted, 0, 255).astype(np.float32)
    similar, exists = _similarity(_mixed(target), _mixed(fitted), inside)
    lost = np.maximum(1.0 - similar, 1e-4)
    mean = (lost * exists).sum(axis=(1, 2)) / exists.sum(axis=(1, 2))
    worst = np.where(exists, lost, 0.0).max(axis=(1, 2))
    gap = (target - fitted) * inside[:, None]
    sure = np.where(kept, 1.0, _CLIPPED).astype(np.float32)[:, None]
    hues = _shrunk(sure * (gap - _mixed(gap)[:, None]), _COLOUR_SIDE)  # compression leaves less
    colour = (hues.astype(np.float64) ** 2).mean(axis=1)
    colour = (colour**2).mean(axis=(1, 2)) ** 0.25 / np.maximum(gain, 1.0)
    return np.sqrt(mean * worst) + (colour / _COLOUR) ** 2, gain, offset


def _similarity(first: Singles, second: Singles, inside: Singles) -> tuple[Floats, Mask]:
    """Structural similarity of windows, images scaled to mean variance 1, and which exist."""
    down, across = (
        _gauss((np.arange(_WINDOWS) + 0.5) / _WINDOWS * n - 0.5, n, n / 16) for n in first.shape[1:]
    )

    def windows(planes: Singles) -> Floats:
        return np.asarray(down @ planes @ across.T, dtype=np.float64)

    share = windows(inside)
    exists = share > 0.5
    share = np.maximum(share, 1e-3)
    a, b = windows(first * inside) / share, windows(second * inside) / share
    ab = windows(first * second * inside) / share - a * b
    aa, bb = (
        np.maximum(windows(one * one * inside) / share - mean * mean, 0.0)
        for one, mean in ((first, a), (second, b))
    )
    scale_a, scale_b = (
        ((one * exists).sum(axis=(1, 2)) / exists.sum(axis=(1, 2)))[:, None, None] + 1e-3
        for one in (aa, bb)
    )
    aa, bb, ab = aa / scale_a, bb / scale_b, ab / np.sqrt(scale_a * scale_b)
    return (2.0 * ab + _FLOOR) / (aa + bb + _FLOOR), exists
