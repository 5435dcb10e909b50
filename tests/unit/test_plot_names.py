"""Names of the user in figures: no mathematics is read into them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latent_microscope.plots import settling
from latent_microscope.plots.panels import name_rows
from latent_microscope.plots.settling import SMALLEST
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
        save_figure(page.figure, png=tmp_path / "f.png", pdf=tmp_path / "f.pdf")
        shown = [label.get_text() for label in axes.get_yticklabels()]
    assert shown == NAMES
    assert axes.get_title(loc="left") == r"$\bf{a}$  cost \$_\$ per \$x"
    with Image.open(tmp_path / "f.png") as image:
        assert image.width > 500


def drawn(names: list[str], folder: Path) -> tuple[list[str], set[float]]:
    """Names of the rows of a small panel, and their sizes, as they are saved."""
    with look("any", {}):
        page = Page(2.0, "rows")
        axes = page.axes(1.2, 0.6, 2.0, 1.0)
        name_rows(axes, names)
        save_figure(page.figure, png=folder / "f.png", pdf=folder / "f.pdf")
    labels = axes.get_yticklabels()
    return [label.get_text() for label in labels], {float(label.get_fontsize()) for label in labels}


def test_names_get_smaller_then_shorter_then_fewer(tmp_path: Path) -> None:
    assert drawn(["a", "b"], tmp_path) == (["a", "b"], {7.5})
    names, sizes = drawn(["somewhat longer name", "b"], tmp_path)
    assert names == ["somewhat longer name", "b"]
    assert SMALLEST < sizes.pop() < 7.5
    names, sizes = drawn(["far " * 30 + "end", "b"], tmp_path)
    assert sizes == {SMALLEST}
    assert names[0].startswith("far far")
    assert "…" in names[0]
    assert names[0].endswith("end")
    names, sizes = drawn([f"name {i}" for i in range(40)], tmp_path)
    assert sizes == {SMALLEST}
    shown = [i for i, name in enumerate(names) if name]
    assert 8 <= len(shown) <= 20
    assert len(set(np.diff(shown))) == 1
    assert names[0] == "name 0"


def test_logarithmic_ticks_are_plain_numbers(tmp_path: Path) -> None:
    with look("any", {}):
        page = Page(2.0, "")
        axes = page.axes(1.0, 0.5, 4.0, 1.0)
        axes.set(xscale="log", xlim=(0.01, 20_000))
        save_figure(page.figure, png=tmp_path / "f.png", pdf=tmp_path / "f.pdf")
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert {"0.01", "1", "10,000"} <= set(shown)


def test_ticks_of_a_logarithmic_axis_are_short(tmp_path: Path) -> None:
    with look("any", {}):
        page = Page(2.0, "log")
        axes = page.axes(1.2, 0.6, 5.0, 1.0)
        axes.plot([1e-3, 1e16], [1, 1])
        axes.set_xscale("log")
        save_figure(page.figure, png=tmp_path / "f.png", pdf=tmp_path / "f.pdf")
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert {"1", "10⁸"} & set(shown)
    assert max(len(text) for text in shown) <= 9
    assert settling._tick(2e15, 1e16) == "2 × 10¹⁵"
    assert settling._tick(1e7, 1e7) == "10⁷"
    assert settling._tick(50_000.0, 5e6) == "50,000"
    assert [settling._tick(value, 1e8) for value in (1e3, 1e4, 1e6)] == ["1,000", "10⁴", "10⁶"]
