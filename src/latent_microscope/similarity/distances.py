"""Blocks of pairwise distances in float64, accurate to float32 precision down to the smallest.

A distance computed from a matrix product (|x|^2 + |y|^2 - 2xy) loses its leading digits when x and
y are close, and ranks depend on close pairs. Every block therefore starts with the fast formula and
recomputes, from the difference of the two rows, those pairs for which the rounding error of the
product could exceed ``_RELATIVE`` of the value. So identical rows give exactly 0.

float64 copies of 10,000 × 3,072 features are 245 MB each, and an RDM needs two at a time. Above
``_KEEP_BYTES`` rows are therefore read from their source (usually a memory map) one tile at a time:
memory does not grow with the number of images.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from latent_microscope.errors import InputError
from latent_microscope.io.pages import release

Float64 = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Block = Callable[[slice, slice], Float64]
"""Distances of some rows to some others, shape (rows, others); slices have both ends."""

METRICS = ("correlation", "cosine", "euclidean", "jensenshannon")
_EPS = float(np.finfo(np.float64).eps)
# Half a unit in the last place of float32: the precision of the stored value.
_RELATIVE = 3e-8
_LOG_TWO = float(np.log(2.0))
# Elements gathered at once by a direct recomputation (8 MB).
_GATHER = 1 << 20
# Below this many columns the direct formula is as fast as the product.
_DIRECT_COLUMNS = 16
_KEEP_BYTES, _TILE_BYTES = 48 << 20, 12 << 20
# float32 holds a number below 2^-126 with fewer digits, or as 0: where even the largest distance is
# not 2^24 times as large, distances that differ would become equal.
SMALLEST = 2.0**-102


class Rows:
    """Rows of an array (n, d) of any real dtype as float64, each changed by a function of rows.

    Args:
        source: May be memory-mapped.
        change: (m, d) float64 → (m, d) float64, row by row.
        keep: Whether rows that are small may be held in memory.
        places: Only these rows, in this order.

    Attributes:
        some: Whether they are some of those of an RDM.
    """

    def __init__(
        self,
        source: np.ndarray,
        change: Callable[[Float64], Float64] | None = None,
        *,
        keep: bool = True,
        places: Places | None = None,
    ) -> None:
        self._source, self._places, self.some = source, places, places is not None
        self.n, self.d = source.shape if places is None else (places.size, source.shape[1])
        self._change = change or (lambda rows: rows)
        self._keep = keep
        self._kept: Float64 | None = None
        if keep and 8 * self.n * self.d <= _KEEP_BYTES:
            self._kept = self[:]

    def __getitem__(self, where: slice | Places) -> Float64:
        """The rows of a slice or of an index array."""
        if self._kept is not None:
            return self._kept[where]
        chosen = where if self._places is None else self._places[where]
        return self._change(np.array(self._source[chosen], dtype=np.float64, order="C"))

    def tiles(self, within: slice | None = None) -> Iterator[tuple[int, int]]:
        """Bounds of consecutive tiles of bounded size; one tile if all rows are in memory."""
        start, stop = (within.start, within.stop) if within else (0, self.n)
        size = stop - start
        if self._kept is None:
            size = max(1, _TILE_BYTES // (8 * self.d))
        for low in range(start, stop, max(size, 1)):
            yield low, min(low + size, stop)
            if self._kept is None:
                release(self._source)

    def changed(self, change: Callable[[Float64], Float64]) -> "Rows":
        """The same rows, changed by ``change`` after the change they already have."""
        first = self._change
        return Rows(
            self._source,
            lambda rows: change(first(rows)),
            keep=self._keep,
            places=self._places,
        )


def _refine(
    values: Float64,
    suspect: npt.NDArray[np.bool_],
    direct: Callable[[Places, Places], Float64],
    columns: int,
) -> None:
    """Replace the suspect values by ``direct(rows, columns)``, in chunks of bounded memory."""
    rows, cols = np.nonzero(suspect)
    step = max(1, _GATHER // max(columns, 1))
    for start in range(0, rows.size, step):
        r, c = rows[start : start + step], cols[start : start + step]
        values[r, c] = direct(r, c)


def _euclidean(x: Rows) -> Block:
    n, d = x.n, x.d
    first = x[0:1]
    # Of columns, since squares of such numbers vanish even in float64.
    spread = max(float(np.abs(x[low:high] - first).max()) for low, high in x.tiles())
    if 0.0 < spread < SMALLEST and not x.some:  # among all images, as of an RDM in a file
        raise InputError(
            f"The features of all images lie within {spread:.3g} of each other, too near for "
            "euclidean distances in float32; scale the features up."
        )
    if d <= _DIRECT_COLUMNS:
        few = x[:]
        return lambda rows, others: cdist(few[rows], few[others])
    # A common offset changes no distance, but costs digits in the product.
    parts = list(x.tiles())
    if len(parts) == 1:
        mean = x[:].mean(axis=0)
    else:
        mean = np.sum([x[low:high].sum(axis=0) for low, high in parts], axis=0) / n
    centred = x.changed(lambda rows: rows - mean)
    squared = np.concatenate([_squares(centred[low:high]) for low, high in centred.tiles()])
    factor = _EPS * (4.0 + d**0.5) / (2.0 * _RELATIVE)

    def block(rows: slice, others: slice) -> Float64:
        total = squared[rows, None] + squared[None, others]
        values = _products(centred, rows, others)
        values *= -2.0
        values += total
        total *= factor
        suspect = values <= total

        def direct(r: Places, c: Places) -> Float64:
            return _squares(x[rows.start + r] - x[others.start + c])

        _refine(values, suspect, direct, d)
        return np.sqrt(values, out=values)

    return block


def _squares(rows: Float64) -> Float64:
    """Squared norm of each row."""
    return np.asarray(np.einsum("ij,ij->i", rows, rows))


def _products(x: Rows, rows: slice, others: slice) -> Float64:
    """Inner products of some rows with some others."""
    left = x[rows]
    values = np.empty((len(left), others.stop - others.start))
    for low, high in x.tiles(others):
        np.matmul(left, x[low:high].T, out=values[:, low - others.start : high - others.start])
    return values


def _from_unit_rows(u: Rows) -> Block:
    """1 - uv for rows of norm 1."""
    d = u.d
    limit = _EPS * (4.0 + d**0.5) / _RELATIVE

    def block(rows: slice, others: slice) -> Float64:
        values = 1.0 - _products(u, rows, others)

        def direct(r: Places, c: Places) -> Float64:
            half = 0.5 * _squares(u[rows.start + r] - u[others.start + c])
            # Parallel rows differ by the rounding of their norms only: about 1e-32.
            return np.where(half < 1e-30, 0.0, half)

        _refine(values, values <= limit, direct, d)
        return np.clip(values, 0.0, 2.0, out=values)

    return block


def _cosine(x: Rows, ids: np.ndarray) -> Block:
    for low, high in x.tiles():
        zero = np.flatnonzero(~x[low:high].any(axis=1))
        if zero.size:
            raise InputError(
                f"Image id {ids[low + zero[0]]!s} has features of norm 0, for which cosine "
                "distance is not defined; use the euclidean metric or leave the image out."
            )
    return _from_unit_rows(x.changed(_unit))


def _unit(rows: Float64) -> Float64:
    # Divided by the largest entry first, so that squares neither overflow nor vanish.
    unit = rows / np.abs(rows).max(axis=1, keepdims=True)
    unit /= np.sqrt(_squares(unit))[:, None]
    return unit


def _correlation(x: Rows, ids: np.ndarray) -> Block:
    for low, high in x.tiles():
        rows = x[low:high]
        norm = np.sqrt(_squares(_centred(rows)))
        # 1e-13: scipy's own limit for "constant input"; what is left of such a row is rounding.
        flat = np.flatnonzero((rows.max(axis=1) == rows.min(axis=1)) | (norm <= 1e-13 * x.d**0.5))
        if flat.size:
            raise InputError(
                f"Image id {ids[low + flat[0]]!s} has features of zero variance, for which "
                "correlation distance is not defined; use the euclidean metric or leave the image "
                "out."
            )

    def unit(rows: Float64) -> Float64:
        centred = _centred(rows)
        return np.asarray(centred / np.sqrt(_squares(centred))[:, None])

    return _from_unit_rows(x.changed(unit))


def _centred(rows: Float64) -> Float64:
    """Each row over its largest entry, without its mean."""
    scale = np.abs(rows).max(axis=1, keepdims=True)
    scale[scale == 0.0] = 1.0
    centred = rows / scale
    centred -= centred.mean(axis=1, keepdims=True)
    return centred


def _divergence(p: Float64, q: Float64) -> Float64:
    """Jensen-Shannon divergence (nats) of paired rows, accurate for rows that are nearly equal.

    With m = (p + q)/2 and t = (p - q)/(p + q) each column adds m/2 (2t atanh t + log(1 - t^2)),
    which is never negative, so that nothing cancels between columns.
    """
    total = p + q
    safe = np.where(total > 0.0, total, 1.0)
    t = (p - q) / safe
    alone = np.abs(t) >= 1.0
    t[alone] = 0.0
    term = 2.0 * t * np.arctanh(t) + np.log1p(-t * t)
    term[alone] = 2.0 * _LOG_TWO
    return 0.25 * np.einsum("ij,ij->i", total, term)


def _jensenshannon(x: Float64, ids: np.ndarray) -> Block:
    d = x.shape[1]
    if d > 100:
        raise InputError(
            f"The jensenshannon metric takes distributions of up to 100 columns, not {d}; "
            "use euclidean, cosine or correlation for features."
        )
    negative = np.flatnonzero((x < 0.0).any(axis=1))
    empty = np.flatnonzero(x.sum(axis=1) == 0.0)
    for bad, fault in ((negative, "a negative value"), (empty, "a sum of 0")):
        if bad.size:
            raise InputError(
                f"Image id {ids[bad[0]]!s} has {fault}, so jensenshannon distance is not defined; "
                "pass probabilities or votes."
            )
    p = x / x.sum(axis=1, keepdims=True)
    tiny = np.finfo(np.float64).tiny
    columns = np.ascontiguousarray(p.T)
    negentropy = np.einsum("ij,ij->i", p, np.log(p + tiny))
    limit = _EPS * 8.0 / (2.0 * _RELATIVE)

    def block(rows: slice, others: slice) -> Float64:
        values = np.empty((rows.stop - rows.start, others.stop - others.start))
        # Few rows at a time: the temporaries stay in the cache.
        step = max(1, (1 << 16) // values.shape[1])
        for low in range(rows.start, rows.stop, step):
            high = min(low + step, rows.stop)
            mixed = 0.5 * (negentropy[low:high, None] + negentropy[None, others])
            for column in columns:
                m = 0.5 * (column[low:high, None] + column[None, others])
                mixed -= m * np.log(m + tiny)
            values[low - rows.start : high - rows.start] = mixed

        def direct(r: Places, c: Places) -> Float64:
            return _divergence(p[rows.start + r], p[others.start + c])

        _refine(values, values <= limit, direct, d)
        return np.sqrt(np.maximum(values, 0.0, out=values), out=values)

    return block


def prepare(x: Rows, metric: str, ids: np.ndarray) -> Block:
    """The block function of a metric; a row without such a distance is an error naming its id."""
    if metric == "euclidean":
        return _euclidean(x)
    if metric == "cosine":
        return _cosine(x, ids)
    if metric == "correlation":
        return _correlation(x, ids)
    if metric == "jensenshannon":
        return _jensenshannon(x[:], ids)
    raise InputError(f"Metric {metric!r} is unknown; choose one of {', '.join(METRICS)}.")
