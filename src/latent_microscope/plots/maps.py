"""Maps of a few things by their distances: classical scaling, one map rotated onto another."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

from latent_microscope.plots.style import INK, MUTED

Floats = npt.NDArray[np.float64]
_DOT, _GAP = 0.03, 0.045  # inches: half a point's room, and from its middle to its name


def classical_scaling(distances: Floats) -> tuple[Floats, float]:
    """Classical multidimensional scaling into a plane.

    Args:
        distances: (k, k), symmetric, zeros on the diagonal.

    Returns:
        (k, 2) coordinates, each axis with its largest entry positive; the share of the sum of
        positive eigenvalues that the plane keeps.
    """
    k = len(distances)
    centre = np.eye(k) - 1.0 / k
    values, vectors = np.linalg.eigh(-0.5 * centre @ np.square(distances) @ centre)
    values, vectors = values[::-1], vectors[:, ::-1]
    plane = np.zeros((k, 2))
    width = min(2, k)
    plane[:, :width] = vectors[:, :width] * np.sqrt(np.maximum(values[:width], 0.0))
    for axis in range(2):
        column = plane[:, axis]
        if column[np.argmax(np.abs(column).round(9))] < 0:
            plane[:, axis] = -column
    positive = values[values > 0].sum()
    return plane, float(np.maximum(values[:2], 0).sum() / positive) if positive > 0 else 0.0


def onto(plane: Floats, reference: Floats) -> Floats:
    """A centred map rotated, mirrored and scaled onto a reference map (Procrustes)."""
    u, sizes, vt = np.linalg.svd(plane.T @ reference)
    norm = np.square(plane).sum()
    return plane @ u @ vt * (sizes.sum() / norm if norm > 0 else 1.0)


def leaf_order(condensed: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Order of the leaves of the average-linkage dendrogram, neighbours as alike as can be.

    Args:
        condensed: Distances as scipy's ``pdist`` has them, of at least two things.
    """
    values = np.asarray(condensed, dtype=np.float64)
    tree = linkage(values, "average")
    return leaves_list(optimal_leaf_ordering(tree, values)).astype(np.int64)


def square(condensed: npt.ArrayLike) -> Floats:
    """The full symmetric matrix."""
    return np.asarray(squareform(np.asarray(condensed, dtype=np.float64)), dtype=np.float64)


def name_points(
    ax: Axes, plane: Floats, names: Sequence[str], size: float, *, inches: tuple[float, float]
) -> None:
    """Write names beside points, where they cover neither another name nor another point.

    A name that has to go further away is tied to its point by a thin line.

    Args:
        ax: Axes whose limits are set.
        plane: (k, 2).
        names: One a point.
        size: Points of the letters.
        inches: Width and height of the axes.
    """
    (left, right), (low, high) = sorted(ax.get_xlim()), sorted(ax.get_ylim())
    scale = np.array([inches[0] / (right - left), inches[1] / (high - low)])
    at = (plane - [left, low]) * scale  # inches
    taken = [(x - _DOT, x + _DOT, y - _DOT, y + _DOT) for x, y in at]
    for i in np.lexsort((at[:, 0], -at[:, 1])):
        width, line = 0.58 * size / 72.0 * len(names[i]), size / 72.0
        box = _free(at[i], width, line, inches, [b for j, b in enumerate(taken) if j != i])
        taken.append(box)
        x, y = np.array([box[0], (box[2] + box[3]) / 2]) / scale + [left, low]
        ax.text(x, y, names[i], size=size, color=INK, ha="left", va="center")
        if abs((box[2] + box[3]) / 2 - at[i, 1]) > 0.8 * line:
            end = x if box[0] > at[i, 0] else x + width / scale[0]
            ax.plot([plane[i, 0], end], [plane[i, 1], y], color=MUTED, lw=0.4, zorder=1)


Box = tuple[float, float, float, float]


def _free(
    point: Floats, width: float, line: float, inches: tuple[float, float], taken: Sequence[Box]
) -> Box:
    """The nearest place for a name that nothing else takes: left, right, low, high (inches)."""
    best: Box | None = None
    for step in range(60):
        shift = (step + 1) // 2 * line * 0.4 * (-1 if step % 2 else 1)
        for x in (point[0] + _GAP, point[0] - _GAP - width):
            y = point[1] + shift
            box = (float(x), float(x + width), float(y - line / 2), float(y + line / 2))
            if box[0] < 0 or box[1] > inches[0] or box[2] < 0 or box[3] > inches[1]:
                continue
            best = best or box
            if all(
                box[1] <= b[0] or b[1] <= box[0] or box[3] <= b[2] or b[3] <= box[2] for b in taken
            ):
                return box
    return best or (float(point[0]), float(point[0]) + width, float(point[1]), float(point[1]))


def frame(ax: Axes, plane: Floats, margin: float = 0.25, ratio: float = 1.0) -> None:
    """Equal units on both axes, with room for names; no ticks, for they mean nothing.

    Args:
        ax: Axes.
        plane: (k, 2).
        margin: Room around the points, share of their extent.
        ratio: Width of the axes by their height.
    """
    middle = (plane.max(0) + plane.min(0)) / 2
    extent = np.ptp(plane, axis=0) / 2
    half = max(float(extent[1]), float(extent[0]) / ratio, 1e-9) * (1 + margin)
    ax.set(
        xlim=(middle[0] - half * ratio, middle[0] + half * ratio),
        ylim=(middle[1] - half, middle[1] + half),
        xticks=[],
        yticks=[],
    )
