"""One look for all figures: page, colours, limits from the config, and saving to the same bytes."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_bytes
from latent_microscope.plots.settling import settle

WIDTH = 7.2  # inches: two columns of most journals
Style = dict[str, Any]
OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")
NOISE = "#B9B9B9"
FAINT = "#D9D9D9"
INK = "#262626"
MUTED = "#6B6B6B"
SEQUENTIAL = "viridis"
DIVERGING = "RdBu_r"
_WORDS = {
    "cls": "CLS",
    "kl": "KL",
    "knn": "kNN",
    "cmax": "C_max",
    "vae": "VAE",
    "philnet": "PhilNet",
    "resnet50": "ResNet-50",
    "efficientnet": "EfficientNet",
    "onehot": "one-hot",
}
# Fonts with Chinese, Japanese and Korean letters, and others, as systems have them.
_OTHER_LETTERS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "PingFang SC", "Hiragino Sans"),
    *("Microsoft YaHei", "Malgun Gothic", "WenQuanYi Zen Hei", "Arial Unicode MS", "Noto Sans"),
)
_DPI_PDF = 200  # of the rasterised points; text and lines are vectors


@dataclass
class Look:
    """Settings of one figure; ``panels`` collects the names that ``limits`` may use."""

    name: str  # as in figures.limits of the config
    dpi: int = 150
    font_size: float = 7.5  # points
    palette: str | Sequence[str] = "okabe-ito"
    limits: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    noun: str = "image"  # what the samples are called
    panels: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for figure, entry in self.limits.items():
            for key, (low, high) in entry.items():
                if low == high or (key == "clim" and low > high):
                    raise InputError(
                        f"limits of {figure!r}: {key} {[low, high]} must be [low, high]"
                    )
        if isinstance(self.palette, str) and self.palette != "okabe-ito":
            raise InputError(f"style: palette {self.palette!r} is neither 'okabe-ito' nor a list")

    @property
    def colours(self) -> Sequence[str]:
        """Of categories, most important first."""
        return OKABE_ITO if isinstance(self.palette, str) else self.palette

    def _get(self, panel: str, key: str) -> tuple[float, float] | None:
        self.panels.add(panel)
        for name in (f"{self.name}/{panel}", self.name):
            found = self.limits.get(name, {}).get(key)
            if found is not None:
                return float(found[0]), float(found[1])
        return None

    def limit(self, ax: Axes, panel: str) -> None:
        """Fix the axes of a panel where the config says so (``figure/panel`` or ``figure``)."""
        for key in ("xlim", "ylim"):
            if ends := self._get(panel, key):
                ax.set(**{key: ends})

    def panel(
        self, ax: Axes, name: str, letter: str, title: str, xlabel: str = "", ylabel: str = ""
    ) -> None:
        """Finish a panel: its title, labels of its axes, and limits that the config fixes."""
        ax.set_title(lettered(letter, title))
        if xlabel:
            ax.set_xlabel(xlabel)
        if ylabel:
            ax.set_ylabel(ylabel)
        self.limit(ax, name)

    def bounds(
        self, values: npt.ArrayLike, panel: str, *, tail: float = 1.0
    ) -> tuple[float, float]:
        """Bounds of a colour scale: from the config, else the data without ``tail`` % per end."""
        fixed = self._get(panel, "clim")
        if fixed:
            return fixed
        array = np.asarray(values, dtype=np.float64)
        array = array[np.isfinite(array)]
        if array.size == 0:
            return 0.0, 1.0
        low, high = (float(v) for v in np.percentile(array, [tail, 100.0 - tail]))
        return (low, high) if high > low else (low - 0.5, low + 0.5)

    def cut(self, *panels: str, tail: float = 1.0) -> str:
        """Which values :meth:`bounds` cuts, in words; nothing if the config fixes all of them."""
        if all(self._get(panel, "clim") for panel in panels):
            return ""
        return f"colours end at the lowest and highest {tail:g} % of the values"

    def colour(self, index: int) -> str:
        """The colour of a category (repeats after the last)."""
        return self.colours[index % len(self.colours)]


@contextmanager
def look(name: str, style: Mapping[str, Any] | None = None) -> Iterator[Look]:
    """Set matplotlib up for one figure, whatever the user's own settings are.

    ``style`` may have ``dpi``, ``font_size`` (points), ``palette`` (``"okabe-ito"`` or colours),
    ``noun`` (what samples are called) and ``limits`` (``figure`` or ``figure/panel`` → ``xlim``,
    ``ylim``, ``clim``: [low, high]). Wrong limits and panels that the figure does not have raise an
    InputError.
    """
    made = Look(name, **(style or {}))
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_settings(made))
        yield made
    for key in made.limits:
        figure, _, panel = key.partition("/")
        if figure == name and panel and panel not in made.panels:
            raise InputError(
                f"figures.limits: {key!r}: the figure {name!r} has no such panel; it has "
                f"{sorted(made.panels)}"
            )


def _settings(made: Look) -> dict[str, Any]:
    size = made.font_size
    inks = ("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color")
    letters = ("font.size", "axes.titlesize", "axes.labelsize")
    return {
        "font.family": _fonts(),
        **dict.fromkeys(letters, size),
        **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), size - 1),
        **dict.fromkeys(inks, INK),
        **dict.fromkeys(("axes.linewidth", "xtick.major.width", "ytick.major.width"), 0.6),
        **dict.fromkeys(("xtick.major.size", "ytick.major.size"), 2.5),
        **dict.fromkeys(("xtick.minor.size", "ytick.minor.size"), 1.5),
        **dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False),
        **dict.fromkeys(("figure.dpi", "savefig.dpi"), made.dpi),
        "axes.titlelocation": "left",
        "axes.titlepad": 4.0,
        "axes.labelpad": 2.5,
        "legend.handlelength": 1.2,
        "legend.handletextpad": 0.5,
        "lines.linewidth": 1.1,
        "image.interpolation": "antialiased",
        "image.cmap": SEQUENTIAL,
        "pdf.fonttype": 42,  # text stays text
        "pdf.compression": 6,
        "axes.formatter.useoffset": False,
        "agg.path.chunksize": 0,
    }


@cache
def _fonts() -> list[str]:
    """DejaVu Sans, which comes with matplotlib; other letters from fonts of the system."""
    known = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(name for name in _OTHER_LETTERS if name in known)]


class FewColours(Figure):
    """A figure whose PNG has a palette of 256 colours.

    It is a third of the size where large areas are noise in the colours of one scale.
    """


class Page:
    """A figure whose axes are placed in inches from its top left corner.

    Its first line is ``title`` (bold: study, seed, n), its second the smaller ``note``.
    """

    def __init__(
        self, height: float, title: str, note: str = "", width: float = WIDTH, kind: Any = Figure
    ) -> None:
        self.width, self.height = width, height
        self.figure = kind(figsize=(width, height))
        size = matplotlib.rcParams["font.size"]
        room = width - 0.16
        self.text(0.08, 0.07, title, weight="bold", size=fitting(title, size + 1, room, em=0.66))
        if note:
            longest = max(note.split("\n"), key=len)
            found = note, fitting(longest, size - 0.5, room)
            text, letters = found if longest != note else in_lines(note, size - 0.5, room)
            self.text(0.08, 0.25, text, size=letters, color=MUTED)

    def text(self, left: float, top: float, text: str, **options: Any) -> None:
        """Write at a place in inches; ``top`` is the upper edge of the text."""
        place = left / self.width, 1.0 - top / self.height
        self.figure.text(*place, text, **{"ha": "left", "va": "top", **options})

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes whose frame fills the given rectangle (inches from the top left)."""
        w, h = self.width, self.height
        return self.figure.add_axes((left / w, 1.0 - (top + height) / h, width / w, height / h))

    def grid(
        self,
        rows: int,
        columns: int,
        *,
        top: float = 0.62,
        bottom: float = 0.42,
        left: float = 0.55,
        right: float = 0.12,
        wspace: float = 0.6,
        hspace: float = 0.7,
    ) -> list[Axes]:
        """Equal axes over the page, row by row; margins and gaps in inches."""
        width = (self.width - left - right - wspace * (columns - 1)) / columns
        height = (self.height - top - bottom - hspace * (rows - 1)) / rows
        return [
            self.axes(left + c * (width + wspace), top + r * (height + hspace), width, height)
            for r in range(rows)
            for c in range(columns)
        ]


def save_figure(fig: Figure, *, png: Path, pdf: Path) -> None:
    """Write PNG and PDF, whole or not at all; the same figure gives the same bytes.

    Call it inside :func:`look`, whose settings hold while the figure is drawn.
    """
    settle(fig)
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", metadata={"Software": None})
    if isinstance(fig, FewColours):
        with Image.open(buffer) as image:
            flat = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        buffer = io.BytesIO()
        flat.save(buffer, format="png", optimize=True)
    save_bytes(png, buffer)
    buffer = io.BytesIO()
    undated = dict.fromkeys(("Creator", "Producer", "CreationDate"))
    fig.savefig(buffer, format="pdf", dpi=_DPI_PDF, metadata=undated)
    save_bytes(pdf, buffer)


def fitting(text: str, size: float, width: float, *, em: float = 0.57) -> float:
    """The font size (points), reduced where the line would be wider than ``width`` inches.

    ``em`` is the mean width of a letter in font sizes (0.57: DejaVu Sans).
    """
    return min(size, width * 72.0 / (em * max(len(text), 1)))


def in_lines(text: str, size: float, width: float) -> tuple[str, float]:
    """The text in one line or, where that is wider than ``width`` inches, in two; its font size."""
    one = fitting(text, size, width)
    if one > 0.85 * size or " " not in text:
        return text, one
    at = min((i for i, c in enumerate(text) if c == " "), key=lambda i: abs(i - len(text) / 2))
    lines = (text[:at].removesuffix(" ·"), text[at + 1 :].removeprefix("· "))
    return "\n".join(lines), 0.9 * fitting(max(lines, key=len), size, width)


def lettered(letter: str, text: str) -> str:
    """A bold letter, then the text."""
    return rf"$\bf{{{letter}}}$  {text}" if letter else text


def nothing(title: str, why: str, note: str = "") -> Figure:
    """A figure that says why there is nothing to draw."""
    page = Page(1.6, title, note)
    say(page.axes(0.1, 0.5, page.width - 0.2, 1.0), why)
    return page.figure


def say(ax: Axes, text: str) -> None:
    """Write in place of data why there is none."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.set_facecolor("#F5F5F5")
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=MUTED)


def inside(ax: Axes, x: float, y: float, text: str, **options: Any) -> None:
    """Write at shares of a panel's width and height, by default left of and below the place."""
    ax.text(x, y, text, transform=ax.transAxes, **{"ha": "right", "va": "top", **options})


def plain(ax: Axes, xlabel: str, ylabel: str) -> None:
    """Label a map whose coordinates have no unit: no ticks."""
    ax.set(xticks=[], yticks=[], xlabel=xlabel, ylabel=ylabel)


def point_size(n: int) -> float:
    """Marker area (points²) that keeps clouds of n points readable."""
    return float(np.clip(9000.0 / max(n, 1), 1.2, 16.0))


def points(ax: Axes, xy: npt.ArrayLike, **options: Any) -> Any:
    """A scatter that is rasterised within the PDF."""
    x, y = np.asarray(xy, dtype=np.float64).reshape(-1, 2).T
    return ax.scatter(
        x, y, **{"s": point_size(len(x)), "linewidths": 0, "rasterized": True} | options
    )


def colourbar(ax: Axes, mappable: Any, label: str, **options: Any) -> Any:
    """A thin colour bar right of the axes (needs about 0.45 inch)."""
    cax = ax.inset_axes((1.03, 0.0, 0.04, 1.0))
    bar = ax.figure.colorbar(mappable, cax=cax, **options)
    bar.set_label(label)
    bar.outline.set_linewidth(0.4)
    return bar


def count(n: float) -> str:
    """``12345`` → ``12,345``."""
    return f"{int(n):,}"


def evenly(n: int, most: int) -> npt.NDArray[np.int64]:
    """At most ``most`` of 0 to n - 1, evenly spaced, both ends included."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))


def rounded(value: float, digits: int = 2) -> str:
    """``0.5`` → ``0.50``; never ``-0.00``."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def part_of(shown: int, every: int, what: str) -> str:
    """``; 6 of 9 groups``, to append to a note; nothing where all are shown."""
    return f"; {count(shown)} of {count(every)} {what}" if shown < every else ""


def several(n: int, what: str) -> str:
    """``3 seeds``, ``1 seed``."""
    return f"{n} {what}{'s' * (n != 1)}"


def pretty(name: str) -> str:
    """``some_name`` → ``some name``; names of scores as they are written in text."""
    text = re.sub("-(features|probabilities|calibrated)$", r" · \1", str(name).replace("_", " "))
    if text.partition(" · ")[0] == "human":
        return text.replace("human", "annotators", 1)
    text = re.sub("(?<=>)[0-9]{5,}", lambda number: count(int(number[0])), text)
    return re.sub("[A-Za-z0-9]+", lambda word: _WORDS.get(word[0], word[0]), text)


def noted(text: str, model: str, notes: Mapping[str, str] | None) -> str:
    """A model's name as a figure writes it, with what must be said of it in brackets."""
    note = (notes or {}).get(model, "")
    layer = text.removeprefix(f"{model}-")  # a module's name stays as it is
    name = f"{pretty(model)} · {layer}" if model and layer != text else pretty(text)
    return name + (f" ({note})" if note else "")
