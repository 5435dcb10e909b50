"""Names of the user in figures: no mathematics is read into them."""

from pathlib import Path

import pytest
from PIL import Image

from latent_microscope.plots.style import Page, lettered, look, save_figure

NAMES = ["price $_$", "50 % #1", "a_b^c {d}", "$x"]


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_dollars_are_shown(tmp_path: Path, scale: str) -> None:
    with look("any", {}):
        page = Page(3.0, "cost in $_$", "a note with $_$")
        axes = page.axes(1.0, 0.8, 4.0, 1.8)
        axes.set_title(lettered("a", "cost $_$ per $x"))
        axes.barh(range(4), [1, 10, 100, 1000], label="$_$")
        axes.set_yticks(range(4), NAMES)
        axes.set_xscale(scale)
        axes.legend()
        inset = axes.inset_axes((1.05, 0.0, 0.1, 1.0))
        inset.set_yscale("log")
        save_figure(page.figure, png=tmp_path / "f.png", pdf=tmp_path / "f.pdf")
        shown = [label.get_text() for label in axes.get_yticklabels()]
    assert shown == NAMES
    assert all(label.get_parse_math() for label in inset.get_yticklabels())
    assert axes.get_title(loc="left") == r"$\bf{a}$  cost \$_\$ per \$x"
    with Image.open(tmp_path / "f.png") as image:
        assert image.width > 500
