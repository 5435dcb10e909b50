"""Grids of images with captions, each composed into one picture, however many images."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np

from latent_microscope.plots.style import INK, Page, Style

_LINE = 1.22  # line height over font size


def rgb(images: np.ndarray) -> np.ndarray:
    """uint8 (…, H, W, 1 or 3) → (…, H, W, 3)."""
    images = np.asarray(images)
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images


@dataclass
class Grid:
    """Images row by row, each above its caption of ``lines`` lines; lengths in inches."""

    images: np.ndarray  # uint8 (m, H, W, C)
    columns: int
    width: float
    captions: Sequence[str] = ()
    lines: int = 1
    size: float = 5.5  # points, of the captions
    colour: str | Sequence[str] = INK  # of all captions, or one for each

    def __post_init__(self) -> None:
        count, (high, wide) = len(self.images), self.images.shape[1:3]
        self.gap = max(1, round(0.05 * wide))  # pixels
        self.scale = (self.columns * (wide + self.gap) - self.gap) / self.width  # pixels per inch
        band = self.lines * self.size * _LINE / 72.0 * self.scale
        self.step = high + (int(np.ceil(band)) + 1 if len(self.captions) else 0) + self.gap
        self.rows = -(-count // self.columns)

    @property
    def height(self) -> float:
        """Of the whole grid."""
        return max(self.rows * self.step - self.gap, 0) / self.scale

    def draw(
        self,
        page: Page,
        left: float,
        top: float,
        rows: Sequence[str] = (),
        columns: Sequence[str] = (),
    ) -> None:
        """Draw the images with names of ``rows`` on their left and of ``columns`` above them."""
        if not self.rows:
            return
        images, across = rgb(self.images), self.columns
        high, wide = images.shape[1:3]
        right = wide + self.gap
        shape = self.rows * self.step - self.gap, across * right - self.gap, 3
        sheet = np.full(shape, 255, dtype=np.uint8)
        corners = [(i // across * self.step, i % across * right) for i in range(len(images))]
        for (y, x), image in zip(corners, images, strict=True):
            sheet[y : y + high, x : x + wide] = image
        ax = page.axes(left, top, self.width, self.height)
        ax.imshow(sheet, aspect="auto", extent=(0, shape[1], shape[0], 0))
        ax.set_axis_off()
        colours = [self.colour] * len(images) if isinstance(self.colour, str) else self.colour
        under = high + 0.15 * self.size / 72 * self.scale
        for (y, x), text, colour in zip(corners, self.captions, colours, strict=False):
            place: Style = {"ha": "center", "va": "top", "linespacing": 1.05}
            ax.text(x + wide / 2, y + under, text, color=colour, size=self.size, **place)

        size = matplotlib.rcParams["font.size"] - 1
        for r, text in enumerate(rows):
            middle = top + self.height * (r + 0.5) / self.rows
            page.text(left - 0.06, middle, text, ha="right", va="center", size=size)
        for c, text in enumerate(columns):
            middle = left + self.width * (c + 0.5) / self.columns
            page.text(middle, top - 0.03, text, ha="center", va="bottom", size=size)


def matrix_of(images: np.ndarray, width: float) -> Grid:
    """A grid of images, uint8 (r, c, H, W, C), in their rows and columns."""
    return Grid(images.reshape(-1, *images.shape[2:]), images.shape[1], width)
