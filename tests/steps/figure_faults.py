"""What a reader of a figure would see is wrong: text that is cut, too small, or on other text."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.backends.backend_agg import RendererAgg

_SLACK = 0.12  # of a line's height: letters seldom fill their box
_SMALLEST = 4.0  # points


class Drawn(NamedTuple):
    """A line of text as it was drawn, in pixels from the top left corner of its page."""

    text: str
    points: float
    corners: npt.NDArray[np.float64]  # (4, 2)
    page: tuple[float, float]


@contextmanager
def drawn_texts() -> Iterator[list[Drawn]]:
    """All lines of text that figures draw as pixels while this is open."""
    found: list[Drawn] = []
    draw = RendererAgg.draw_text

    def note(
        self: Any, gc: Any, x: float, y: float, s: str, prop: Any, angle: float,
        ismath: Any = False, mtext: Any = None,
    ) -> None:  # fmt: skip
        draw(self, gc, x, y, s, prop, angle, ismath, mtext)
        width, height, descent = self.get_text_width_height_descent(s, prop, ismath)
        slack = _SLACK * height
        box = np.array([(0, 1), (width, 1), (width, 0), (0, 0)], dtype=float)
        box[:, 1] = box[:, 1] * (descent - slack) - (1 - box[:, 1]) * (height - descent - slack)
        turn = np.deg2rad(-angle)
        turned = box @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        page = self.width, self.height
        found.append(Drawn(s, prop.get_size_in_points(), turned + np.array([x, y]), page))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RendererAgg, "draw_text", note)
        yield found


def faults(texts: list[Drawn]) -> list[str]:
    """One line for each text of a figure that the page cuts, is too small, or covers another."""
    said = []
    for one in texts:
        if (one.corners < -1).any() or (one.corners > np.add(one.page, 1)).any():
            said.append(f"cut: {one.text!r}")
        if one.points < _SMALLEST:
            said.append(f"{one.points:.1f} points: {one.text!r}")
    corners = np.array([one.corners for one in texts]).reshape(-1, 4, 2)
    low, high = corners.min(axis=1), corners.max(axis=1)
    near = (low[:, None] < high).all(axis=2) & (low < high[:, None]).all(axis=2)
    said += [
        f"on each other: {texts[i].text!r}, {texts[j].text!r}"
        for i, j in np.argwhere(np.triu(near, 1))
        if _meet(corners[i], corners[j])
    ]
    return said


def _meet(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> bool:
    """Whether two rectangles overlap: no side of either has them on its two sides."""
    for corners in (one, other):
        for side in (corners[1] - corners[0], corners[3] - corners[0]):
            a, b = one @ side, other @ side
            if a.max() <= b.min() or b.max() <= a.min():
                return False
    return True
