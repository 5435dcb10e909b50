"""A picture of the rules and what they wait for, from Snakemake's own graph; no graphviz needed.

Layers from left to right by the longest way from the start, each layer ordered by the mean place
of its neighbours (Sugiyama's method), edges that other edges imply left out.
"""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from latent_microscope.errors import InputError

COLLECTORS = ("all", "check_results", "write_report")
"""Rules that wait for nearly everything; their lines would hide all others."""

_KINDS = (
    ("figures", ("plot_", "make_explorer"), "#0072b2"),
    ("tables", ("tabulate_",), "#b35900"),
    ("checks", ("check_", "write_report", "assess_"), "#7a3e9d"),
    ("training", ("train_", "build_", "import_"), "#b3261e"),
    ("data", ("generate_", "pack_", "download_", "collect_", "label_", "crop_", "count_", "join_"),
     "#00694c"),
    ("analysis", ("",), "#444b53"),
)  # fmt: skip
_CHARACTER, _LINE, _HEIGHT, _GAP, _MARGIN, _TOP = 6.3, 23.0, 17.0, 58.0, 16.0, 56.0
_SWEEPS = 24
_DUMMY = "·"

Edge = tuple[str, str]


@dataclass
class Layout:
    """Where everything is.

    Attributes:
        layers: Names from top to bottom, layer by layer; bends of long edges between them.
        places: Name → left edge and middle, pixels.
        chains: Each edge as the names that it runs through.
        width: Of the whole picture.
        height: Of the whole picture.
    """

    layers: list[list[str]]
    chains: list[list[str]]
    places: dict[str, tuple[float, float]] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0


def read_edges(mermaid: str) -> list[Edge]:
    """Edges of a Mermaid flow chart.

    Raises:
        InputError: There are none.
    """
    edges = re.findall(r"^\s*(\w+) --> (\w+)$", mermaid, re.MULTILINE)
    if not edges:
        raise InputError("the rule graph has no edges; renew it from Snakemake's --rulegraph")
    return sorted(set(edges))


def reduced(edges: Iterable[Edge]) -> list[Edge]:
    """The edges without those that a longer way implies."""
    after: dict[str, set[str]] = {}
    for start, end in edges:
        after.setdefault(start, set()).add(end)
        after.setdefault(end, set())
    reach: dict[str, set[str]] = {}

    def reached(name: str) -> set[str]:
        if name not in reach:
            reach[name] = set()
            for other in after[name]:
                reach[name] |= {other} | reached(other)
        return reach[name]

    return sorted(
        (start, end)
        for start, ends in after.items()
        for end in ends
        if not any(end in reached(other) for other in ends if other != end)
    )


def layout(edges: Sequence[Edge]) -> Layout:
    """Places for all rules of the edges."""
    layer = _longest_ways(edges)
    rows: list[list[str]] = [[] for _ in range(max(layer.values()) + 1)]
    for name in sorted(layer):
        rows[layer[name]].append(name)
    chains = []
    for start, end in edges:
        between = range(layer[start] + 1, layer[end])
        bends = [f"{_DUMMY}{start}{_DUMMY}{end}{_DUMMY}{place}" for place in between]
        for place, bend in zip(between, bends, strict=True):
            rows[place].append(bend)
        chains.append([start, *bends, end])
    made = Layout(rows, chains)
    _order(made)
    _place(made)
    return made


def _longest_ways(edges: Sequence[Edge]) -> dict[str, int]:
    before: dict[str, list[str]] = {}
    for start, end in edges:
        before.setdefault(start, [])
        before.setdefault(end, []).append(start)
    found: dict[str, int] = {}

    def way(name: str) -> int:
        if name not in found:
            found[name] = 1 + max((way(other) for other in before[name]), default=-1)
        return found[name]

    for name in before:
        way(name)
    after: dict[str, list[str]] = {}
    for start, end in edges:
        after.setdefault(start, []).append(end)
    for name in sorted(found, key=lambda n: -found[n]):  # sources move up to who needs them
        if not before[name] and name in after:
            found[name] = min(found[other] for other in after[name]) - 1
    return found


def _order(made: Layout) -> None:
    neighbours: tuple[dict[str, list[str]], dict[str, list[str]]] = ({}, {})
    for chain in made.chains:
        for a, b in pairwise(chain):
            neighbours[0].setdefault(b, []).append(a)
            neighbours[1].setdefault(a, []).append(b)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        rows = made.layers if forward else made.layers[::-1]
        for fixed, row in pairwise(rows):
            place = {name: i / max(len(fixed) - 1, 1) for i, name in enumerate(fixed)}
            own = {name: i / max(len(row) - 1, 1) for i, name in enumerate(row)}

            def mean(
                name: str,
                place: dict[str, float] = place,
                own: dict[str, float] = own,
                side: int = 0 if forward else 1,
            ) -> float:
                near = [place[other] for other in neighbours[side].get(name, [])]
                return sum(near) / len(near) if near else own[name]

            row.sort(key=lambda name, mean=mean: (mean(name), name))  # type: ignore[misc]


def _place(made: Layout) -> None:
    tallest = max(len(row) for row in made.layers)
    left = _MARGIN
    for row in made.layers:
        step = (tallest - 1) * _LINE / max(len(row) - 1, 1) if len(row) > tallest / 2 else _LINE
        top = _TOP + _HEIGHT + ((tallest - 1) * _LINE - (len(row) - 1) * step) / 2
        for i, name in enumerate(row):
            made.places[name] = left, top + i * step
        left += max((_wide(name) for name in row if _DUMMY not in name), default=0.0) + _GAP
    made.width = left - _GAP + _MARGIN
    made.height = _TOP + 2 * _HEIGHT + (tallest - 1) * _LINE + _MARGIN


def _wide(name: str) -> float:
    return _CHARACTER * len(name) + 10.0


def kind_of(rule: str) -> tuple[str, str]:
    """Kind of step and its colour, by the verb of the rule's name."""
    return next(
        (kind, colour) for kind, verbs, colour in _KINDS if any(rule.startswith(v) for v in verbs)
    )


def picture(mermaid: str) -> str:
    """The graph as SVG, for light and dark pages.

    Args:
        mermaid: Rules and edges as in tests/workflow/rulegraph.mmd.

    Raises:
        InputError: No edges.
    """
    every = read_edges(mermaid)
    edges = reduced([edge for edge in every if edge[1] not in COLLECTORS])
    made = layout(edges)
    names = sorted({name for edge in edges for name in edge})
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{made.width:.0f}" '
        f'height="{made.height:.0f}" viewBox="0 0 {made.width:.0f} {made.height:.0f}" '
        'role="img" font-family="ui-monospace, DejaVu Sans Mono, monospace" font-size="10.5">'
    )
    lines = [
        head,
        f"<title>The {len(names)} rules of the embedded default and what they wait for</title>",
        f'<rect width="{made.width:.0f}" height="{made.height:.0f}" fill="#ffffff"/>',
        *_legend(names),
        '<g fill="none" stroke="#9aa5b1" stroke-width="0.9">',
        *(_curve(chain, made) for chain in made.chains),
        "</g>",
        *(_box(name, *made.places[name]) for name in names),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _legend(names: Sequence[str]) -> list[str]:
    shown = {kind_of(name)[0] for name in names}
    lines, left = [], _MARGIN
    for kind, _, colour in _KINDS:
        if kind in shown:
            lines.append(f'<rect x="{left}" y="12" width="11" height="11" fill="{colour}"/>')
            lines.append(f'<text x="{left + 16}" y="21.5" fill="#1c2024">{kind}</text>')
            left += 16 + _CHARACTER * len(kind) + 22
    note = "left to right; left out: lines that others imply, and check_results, write_report, all,"
    note += " which wait for every table and figure"
    lines.append(f'<text x="{_MARGIN}" y="41" fill="#5b6570">{note}</text>')
    return lines


def _box(name: str, left: float, middle: float) -> str:
    colour = kind_of(name)[1]
    return (
        f'<rect x="{left:.1f}" y="{middle - _HEIGHT / 2:.1f}" width="{_wide(name):.1f}" '
        f'height="{_HEIGHT:.1f}" rx="3" fill="{colour}"/>'
        f'<text x="{left + 5:.1f}" y="{middle + 3.8:.1f}" fill="#ffffff">{html.escape(name)}</text>'
    )


def _curve(chain: Sequence[str], made: Layout) -> str:
    left, middle = made.places[chain[0]]
    points = [(left + _wide(chain[0]), middle), *(made.places[name] for name in chain[1:])]
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        half = (x0 + x1) / 2
        path += f"C{half:.1f} {y0:.1f} {half:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
    return f'<path d="{path}"/>'
