"""The last step before a figure is saved: text that has too little room gets smaller or shorter.

Names of samples, attributes, classes and models are the user's and may be of any length and number.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, LogFormatter, LogLocator, NullLocator
from matplotlib.transforms import Bbox

from latent_microscope.messages import significant, superscript

SMALLEST = 5.0  # points of names
_GAP = 0.05  # inches between a text and what is beside it
_SPARE = 0.95  # small letters are a little wider than their share of large ones
_LETTER = re.compile(r"\$\\bf\{\w\}\$")  # see style.lettered


def settle(figure: Figure) -> None:
    """Write names in the room that they have, logarithmic ticks as plain numbers, ``$`` as such."""
    every = [ax for ax in figure.findobj(Axes) if ax.get_visible()]
    for axis in (axis for ax in every for axis in (ax.xaxis, ax.yaxis)):
        if isinstance(axis.get_major_formatter(), LogFormatter) and axis.get_scale() == "log":
            low, high = axis.get_view_interval()
            log_ticks(axis, high / low)
    _show_dollars(figure)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    taken = [ax.get_window_extent(renderer) for ax in every]
    taken += [legend.get_window_extent(renderer) for legend in figure.findobj(Legend)]
    for ax in every:
        for axis in (ax.yaxis, ax.xaxis) * 2:  # small letters are not as wide as measured large
            _fit_names(ax, axis, taken, renderer)
        for title in ax.get_children():
            if isinstance(title, Text) and title.get_text() == ax.get_title("left") != "":
                _fit_title(ax, title, taken, renderer)


def log_ticks(axis: Any, ratio: float) -> None:
    """Plain numbers on a logarithmic axis that spans ``ratio``; fewer when it spans decades."""
    subs = (1.0, 2.0, 5.0) if ratio < 100 else (1.0,)
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: _tick(value, axis.get_view_interval()[1]))
    )


def _tick(value: float, largest: float) -> str:
    """A number as people write it; large ones as powers of ten where some have eight digits."""
    if value < (1e4 if largest >= 1e7 else 1e7):
        return significant(value, 6)
    power = int(np.log10(value) + 1e-9)
    factor = value / 10.0**power
    digits = "" if abs(factor - 1.0) < 1e-6 else f"{significant(factor, 3)} × "
    return f"{digits}10{superscript(power)}"


def shortened(text: str, share: float) -> str:
    """The text, without its middle where only this share of its width has room."""
    if share >= 1.0:
        return text
    keep = max(int(len(text) * share * 0.95) - 2, 2)
    return f"{text[: -(-keep // 2)]}…{text[-(keep // 2) :]}" if keep < len(text) else text


def _show_dollars(figure: Figure) -> None:
    """Names of the user may hold ``$``: only letters of panels are mathematics."""
    for text in figure.findobj(Text):
        letter = _LETTER.match(text.get_text())
        if letter:
            rest = text.get_text()[letter.end() :]
            text.set_text(letter[0] + re.sub(r"(?<!\\)\$", r"\\$", rest))
        else:
            text.set_parse_math(False)


def _fit_names(ax: Axes, axis: Any, taken: Sequence[Bbox], renderer: Any) -> None:
    """Names left of or below a panel: smaller, then shorter and every second or third only."""
    labels = [label for label in axis.get_ticklabels() if label.get_text().strip()]
    box = axis.get_tightbbox(renderer) if ax.axison and labels else None
    upright = axis is ax.yaxis
    angle = np.deg2rad(labels[0].get_rotation()) if labels else 0.0
    if box is None or axis.get_ticks_position() in ("right", "top") or not (upright or angle):
        return
    extents = [label.get_window_extent(renderer) for label in labels]
    share = _share(ax.get_window_extent(renderer), box, extents, taken, ax.figure, upright=upright)
    middles = np.sort([extent.y0 + extent.y1 if upright else 2 * extent.x1 for extent in extents])
    pitch = float(np.diff(middles).min(initial=np.inf)) / 2
    points = float(labels[0].get_fontsize())
    line = points / 72 * ax.figure.dpi / (1.0 if upright else np.sin(angle))
    named = isinstance(axis.get_major_locator(), FixedLocator)
    size = points * min(share, pitch / line if named else 1.0, 1.0)
    if size > 0.99 * points:
        return
    size = max(size, min(points, SMALLEST))
    axis.set_tick_params(labelsize=size)
    if named:
        step = int(np.ceil(line * size / points / pitch - 0.01))
        longest = max(extent.width for extent in extents) * share * points / size
        names = {
            label.get_position()[int(upright)]: shortened(label.get_text(), longest / extent.width)
            * (i % step == 0)
            for i, (label, extent) in enumerate(zip(labels, extents, strict=True))
        }
        axis.set_ticks([*names], [*names.values()], size=size)


def _share(
    frame: Bbox,
    box: Bbox,
    extents: Sequence[Bbox],
    taken: Sequence[Bbox],
    figure: Any,
    *,
    upright: bool,
) -> float:
    """How much of their length names (together ``box``) have on the page, off other panels."""
    gap = _GAP * figure.dpi
    wide, high = (max(getattr(e, of) for e in extents) for of in ("width", "height"))
    if upright:
        beside = [b.x1 for b in taken if b.x1 <= frame.x0 + 1 and b.y0 < box.y1 and box.y0 < b.y1]
        over = (max([0.0, *beside]) + gap - box.x0) / wide
    else:
        below = [b.y1 for b in taken if b.y1 <= frame.y0 + 1 and b.x0 < box.x1 and box.x0 < b.x1]
        over = max((max([0.0, *below]) + gap - box.y0) / high, (gap - box.x0) / wide)
    return 1.0 if over <= 0 else max(_SPARE * (1.0 - over), 0.05)


def _fit_title(ax: Axes, title: Text, taken: Sequence[Bbox], renderer: Any) -> None:
    """A title that ends before the next panel and the page."""
    gap = _GAP * ax.figure.dpi
    box, frame = title.get_window_extent(renderer), ax.get_window_extent(renderer)
    beside = [b.x0 for b in taken if b.x0 >= frame.x1 and b.y0 < box.y1 and box.y0 - 3 * gap < b.y1]
    share = _SPARE * (min([ax.figure.bbox.x1, *beside]) - gap - box.x0) / max(box.width, 1.0)
    if 0 < share < _SPARE:
        points = float(title.get_fontsize())
        size = max(points * share, min(points, SMALLEST))
        title.set_fontsize(size)
        letter = _LETTER.match(title.get_text())
        start = letter[0] if letter else ""
        title.set_text(
            start + shortened(title.get_text().removeprefix(start), share * points / size)
        )
