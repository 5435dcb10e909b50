"""What all comparisons over the same images share: the parts of the pairs, and their tiles."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Protocol

import numpy as np
import numpy.typing as npt

from latent_microscope.similarity.rdms import Ints, sides, tiles

Float32 = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]
"""Of each pair of a tile: the sum of the bits of the parts that it belongs to."""

WHOLE = "whole"
BITS = {WHOLE: 1, "within_class": 2, "non_unanimous": 4}
"""Parts of the pairs: all, those of one class, those of two images whose votes disagree."""


class Tiled(Protocol):
    """An RDM, or what can be asked for its tiles as one."""

    @property
    def n(self) -> int:
        """Number of images."""

    def tile(self, rows: slice, others: slice) -> Float32:
        """Values of some rows and columns; of any use only where row < column."""

    def among(self, places: Ints) -> "Tiled":
        """That of the images at these places."""


@dataclass(frozen=True, eq=False)
class Frame:
    """What all comparisons over the same images share."""

    labels: npt.NDArray[np.int64]  # true class of each image, in the order of the RDMs
    disputed: npt.NDArray[np.bool_]  # whether its votes disagree
    parts: tuple[str, ...] = tuple(BITS)  # that are asked for

    @property
    def n(self) -> int:
        """Number of images."""
        return self.labels.size

    def partners(self, part: str) -> Ints:
        """Number of pairs of a part that each image is in."""
        if part == WHOLE:
            return np.full(self.n, self.n - 1)
        if part == "non_unanimous":
            return self.disputed * (np.count_nonzero(self.disputed) - 1)
        _, group, sizes = np.unique(self.labels, return_inverse=True, return_counts=True)
        return np.asarray(sizes[group] - 1)

    @property
    def n_pairs(self) -> dict[str, int]:
        """Number of pairs of each part."""
        return {part: int(self.partners(part).sum()) // 2 for part in self.parts}

    def codes(self, rows: slice, others: slice) -> Codes:
        """The parts of each pair of a tile; 0: no pair row < column, or of no part."""
        place = np.arange(self.n)
        code = np.full((rows.stop - rows.start, others.stop - others.start), 1, dtype=np.uint8)
        code += np.uint8(2) * (self.labels[rows, None] == self.labels[None, others])
        code += np.uint8(4) * (self.disputed[rows, None] & self.disputed[None, others])
        code *= place[rows, None] < place[None, others]
        return code & np.uint8(sum(BITS[part] for part in self.parts))

    def tiles(self, first: int | None = None) -> Iterator[tuple[slice, slice]]:
        """Rows and columns of the tiles that hold pairs of the parts.

        With ``first`` only those of the images from that place on with the ones before it.
        """
        every: Iterable[tuple[slice, slice]] = tiles(self.n)
        if first is not None:
            every = product(sides(0, first), sides(first, self.n))
        classes: dict[int, set[int]] = {}
        for rows, others in every:
            if self.parts == ("within_class",):
                for one in (rows, others):
                    classes.setdefault(one.start, set(self.labels[one].tolist()))
                if classes[rows.start].isdisjoint(classes[others.start]):
                    continue
            yield rows, others

    def blocks(
        self, part: str, count: int, generator: np.random.Generator, *, tiny: int = 0
    ) -> list[Ints]:
        """The images that are in pairs of a part, in random blocks with as many of each class.

        As many disputed ones, too; images of one class follow each other where that leaves out
        tiles. Classes of at most ``tiny`` images, of which parts would have no pair, stay whole.
        """
        order = generator.permutation(self.n)
        order = order[self.partners(part)[order] > 0]
        order = order[np.lexsort((self.disputed[order], self.labels[order]))]
        _, group, sizes = np.unique(self.labels[order], return_inverse=True, return_counts=True)
        block = np.where(sizes[group] > tiny, np.arange(order.size), group) % count
        blocks = [np.sort(order[block == one]) for one in range(count)]
        if part == "within_class":
            blocks = [one[np.argsort(self.labels[one], kind="stable")] for one in blocks]
        return blocks

    def among(self, places: Ints, *parts: str) -> "Frame":
        """The frame of the images at these places, for these parts only if given."""
        return Frame(self.labels[places], self.disputed[places], parts or self.parts)


@dataclass(frozen=True, eq=False)
class LabelRDM:
    """0 for two images of one class, 1 for others."""

    labels: npt.NDArray[np.int64]

    @property
    def n(self) -> int:
        """Number of images."""
        return self.labels.size

    def tile(self, rows: slice, others: slice) -> Float32:
        """Values of some rows and columns."""
        return (self.labels[rows, None] != self.labels[None, others]).astype(np.float32)

    def among(self, places: Ints) -> "LabelRDM":
        """That of the images at these places."""
        return LabelRDM(self.labels[places])
