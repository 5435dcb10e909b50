"""Parts that many panels share: reference lines, rows of estimates, matrices, keys, colour bars."""

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from latent_microscope.plots import style
from latent_microscope.plots.style import FAINT, MUTED, Page

Floats = npt.NDArray[np.float64]
Q_LEVEL = 0.05  # of q values, as in the tables
DASHED = (0, (3, 2))


def reference(ax: Axes, *, x: float | None = None, y: float | None = None, **options: Any) -> None:
    """A dashed grey line at a value to compare with: chance, a prior, a baseline."""
    for draw, value in ((ax.axvline, x), (ax.axhline, y)):
        if value is not None:
            draw(value, **{"color": MUTED, "lw": 0.8, "ls": DASHED, **options})


def band(ax: Axes, low: float, high: float, *, across: bool = False, **options: Any) -> None:
    """A grey band along x (``across``: along y) where both ends are known: a noise ceiling."""
    if np.isfinite(low) and np.isfinite(high):
        draw = ax.axhspan if across else ax.axvspan
        draw(low, high, **{"color": FAINT, "alpha": 0.8, "lw": 0, "zorder": 0, **options})


def name_rows(
    ax: Axes, names: Sequence[str], *, size: float | None = None, grid: bool = True
) -> None:
    """Name the rows 0, 1, … of a panel, the first at the top."""
    ax.set_yticks(range(len(names)), names, size=size)
    ax.set_ylim(max(len(names), 1) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    if grid:
        ax.grid(axis="y", color=FAINT, lw=0.4)
        ax.set_axisbelow(True)


def slanted(ax: Axes, places: Any, names: Any, rotation: float = 50, **options: Any) -> None:
    """Slanted names below a panel that end at their places."""
    ax.set_xticks(places, names, rotation=rotation, ha="right", rotation_mode="anchor", **options)


def estimate(
    ax: Axes, y: float, value: float, ends: Any, colour: str, *, marker: str = "o", **options: Any
) -> None:
    """A value and the line from the low to the high end of its interval, where that is known."""
    low, high = (float(end) for end in ends)
    if np.isfinite(low) and np.isfinite(high):
        ax.plot([low, high], [y, y], color=colour, lw=options.pop("lw", 1.1))
    options = {"ms": 4, "mfc": colour, "mec": colour, "mew": 0.8, "zorder": 3, **options}
    ax.plot(value, y, marker, **options)


def matrix(
    ax: Axes,
    values: Floats,
    norm: Normalize,
    cmap: str,
    text: Callable[[float], str] = lambda value: "",
    *,
    size: float = 5.0,
    diagonal: bool = True,
) -> Any:
    """A matrix as cells with ``text`` in them, white on dark ones (``diagonal``: there, too)."""
    colours = matplotlib.colormaps[cmap].with_extremes(bad=FAINT)
    drawn = ax.imshow(values, cmap=colours, norm=norm, aspect="auto")
    box = ax.get_position()
    inches = np.array([box.height, box.width]) * ax.figure.get_size_inches()[::-1]  # type: ignore[union-attr]
    fits = 72 * inches / values.shape > size * np.array([1.1, 1.6])
    for i, j in np.argwhere(np.isfinite(values)) if fits.all() else ():
        written = text(float(values[i, j])).replace("-", "−")
        if written and (diagonal or i != j):
            red, green, blue, _ = colours(norm(values[i, j]))
            dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
            white = "white" if dark else "black"
            ax.text(j, i, written, ha="center", va="center", size=size, color=white)
    bare(ax)
    return drawn


def bare(ax: Axes) -> None:
    """No frame and, for now, no ticks; names come close to the panel."""
    ax.set(xticks=[], yticks=[])
    ax.tick_params(length=0, pad=2)
    ax.spines[:].set_visible(False)


def flat_bar(
    page: Page,
    norm: Normalize,
    label: str,
    place: tuple[float, float, float],
    cmap: Any = style.SEQUENTIAL,
) -> Any:
    """A horizontal colour bar at left, top, width (inches) of the page."""
    cax = page.axes(*place, 0.08)
    bar = page.figure.colorbar(ScalarMappable(norm, cmap), cax=cax, orientation="horizontal")
    bar.set_label(label, size=6.5)
    bar.ax.tick_params(labelsize=6)
    bar.outline.set_linewidth(0.4)
    return bar


def key(
    page: Page, top: float, handles: Sequence[Any], height: float = 0.2, **options: Any
) -> None:
    """A legend of labelled handles in a strip over the page."""
    host = page.axes(0.08, top, page.width - 0.16, height)
    host.set_axis_off()
    if handles:
        host.legend(handles=handles, **{"loc": "center", "borderaxespad": 0, **options})
