"""Grids of images with captions, each composed into one picture, however many images."""

from collections.abc import Sequence

import matplotlib
import numpy as np

from latent_microscope.plots.style import INK, Page, Style

_LINE = 1.22  # line height over font size


def rgb(images: np.ndarray) -> np.ndarray:
    """uint8 (…, H, W, 1 or 3) → (…, H, W, 3)."""
    images = np.asarray(images)
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images


def _measures(
    shape: Sequence[int], count: int, columns: int, width: float, lines: int, size: float
) -> tuple[int, int, int, float]:
    """Rows, gap (pixels), caption band (pixels), pixels per inch."""
    image_width = shape[1]
    gap = max(1, round(0.05 * image_width))
    scale = (columns * image_width + (columns - 1) * gap) / width
    band = int(np.ceil(lines * size * _LINE / 72.0 * scale)) + (1 if lines else 0)
    return -(-count // columns), gap, band, scale


def grid_height(
    shape: Sequence[int],
    count: int,
    columns: int,
    width: float,
    *,
    lines: int = 0,
    size: float = 5.5,
) -> float:
    """Height in inches that :func:`image_grid` takes for images of ``shape`` (H, W, C)."""
    rows, gap, band, scale = _measures(shape, count, columns, width, lines, size)
    return float((rows * (shape[0] + band) + (rows - 1) * gap) / scale) if rows else 0.0


def image_grid(
    page: Page,
    images: np.ndarray,
    *,
    left: float,
    top: float,
    width: float,
    columns: int,
    captions: Sequence[str] | None = None,
    lines: int = 1,
    size: float = 5.5,
    colour: str | Sequence[str] | None = None,
) -> float:
    """Draw images, uint8 (m, H, W, C), row by row, each with a caption of ``lines`` lines under it.

    The rectangle is in inches; ``colour`` is that of all captions or one per caption. Returns the
    height taken, inches.
    """
    images = rgb(images)
    count = len(images)
    if count == 0:
        return 0.0
    lines = lines if captions is not None else 0
    rows, gap, band, scale = _measures(images.shape[1:], count, columns, width, lines, size)
    high, wide = images.shape[1:3]
    step_y, step_x = high + band + gap, wide + gap
    sheet = np.full((rows * step_y - gap, columns * step_x - gap, 3), 255, dtype=np.uint8)
    for i, image in enumerate(images):
        y, x = (i // columns) * step_y, (i % columns) * step_x
        sheet[y : y + high, x : x + wide] = image
    height = sheet.shape[0] / scale
    ax = page.axes(left, top, width, height)
    ax.imshow(sheet, aspect="auto", extent=(0, sheet.shape[1], sheet.shape[0], 0))
    ax.set_axis_off()
    colours = [colour or INK] * count if colour is None or isinstance(colour, str) else colour
    for i, caption in enumerate(captions if captions is not None else []):
        x = (i % columns) * step_x + wide / 2
        y = (i // columns) * step_y + high + 0.15 * size / 72 * scale
        place: Style = {"ha": "center", "va": "top", "linespacing": 1.05, "size": size}
        ax.text(x, y, caption, color=colours[i], **place)
    return float(height)


def matrix_height(shape: Sequence[int], width: float, *, label: float = 0.0) -> float:
    """Height in inches of :func:`image_matrix` for (r, c, H, W, C)."""
    return label + grid_height(shape[2:], shape[0] * shape[1], shape[1], width)


def image_matrix(
    page: Page,
    images: np.ndarray,
    *,
    left: float,
    top: float,
    width: float,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    label: float = 0.0,
) -> float:
    """Draw images, uint8 (r, c, H, W, C), as rows and columns with labels outside.

    ``left`` and ``width`` (inches) are those of the images: row labels end at ``left``; ``label``
    inches above the images are kept for column labels. Returns the height taken with the labels.
    """
    rows, columns = images.shape[:2]
    flat = images.reshape(rows * columns, *images.shape[2:])
    height = image_grid(page, flat, left=left, top=top + label, width=width, columns=columns)
    size = matplotlib.rcParams["font.size"] - 1
    for r, text in enumerate(row_labels):
        middle = top + label + height * (r + 0.5) / rows
        page.text(left - 0.06, middle, text, ha="right", va="center", size=size)
    for c, text in enumerate(column_labels):
        middle = left + width * (c + 0.5) / columns
        page.text(middle, top + label - 0.03, text, ha="center", va="bottom", size=size)
    return label + height


def pick_columns(images: np.ndarray, most: int) -> np.ndarray:
    """At most ``most`` columns of (r, c, …), evenly spaced, both ends included."""
    total = images.shape[1]
    chosen = np.unique(np.linspace(0, total - 1, min(total, most)).round().astype(int))
    return images[:, chosen]
