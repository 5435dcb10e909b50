"""Rows of features as float64, held in memory when they are few and made anew when they are many.

Copies in float64 of 10,000 × 3,072 features are 245 MB each, and an RDM needs two of them at a
time. Above :data:`KEEP_BYTES` rows are therefore read from their source (a memory map, as a rule)
a tile at a time, whenever they are wanted: memory stays the same however many images there are.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from latent_microscope.io.pages import release

Float64 = npt.NDArray[np.float64]
KEEP_BYTES = 48 << 20
_TILE_BYTES = 12 << 20


class Rows:
    """Rows of an array as float64, each changed by a function of rows.

    Args:
        source: (n, d), any real dtype, may be memory-mapped.
        change: Row by row: (m, d) float64 → (m, d) float64.

    Attributes:
        n: Rows.
        d: Columns.
    """

    def __init__(
        self, source: np.ndarray, change: Callable[[Float64], Float64] | None = None
    ) -> None:
        self.n, self.d = source.shape
        self._source = source
        self._change = change or (lambda rows: rows)
        self._kept: Float64 | None = None
        if 8 * source.size <= KEEP_BYTES:
            self._kept = self._change(np.array(source, dtype=np.float64, order="C"))

    def __getitem__(self, where: slice | npt.NDArray[np.intp]) -> Float64:
        """The rows of a slice or of an index array."""
        if self._kept is not None:
            return self._kept[where]
        return self._change(np.array(self._source[where], dtype=np.float64, order="C"))

    def tiles(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, int]]:
        """Bounds of consecutive pieces of bounded size; one piece where all rows are held."""
        stop = self.n if stop is None else stop
        size = stop - start
        if self._kept is None:
            size = max(1, _TILE_BYTES // (8 * self.d))
        for low in range(start, stop, max(size, 1)):
            yield low, min(low + size, stop)
            if self._kept is None:
                release(self._source)

    def changed(self, change: Callable[[Float64], Float64]) -> "Rows":
        """The same rows of the source, changed by ``change`` after what changes them already."""
        own = self._change
        return Rows(self._source, lambda rows: change(own(rows)))
