"""The picture of the rules: every rule once, no box on another, implied lines left out."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from latent_microscope.errors import InputError
from latent_microscope.planning.rule_graph import (
    COLLECTORS,
    kind_of,
    layout,
    picture,
    read_edges,
    reduced,
)

GRAPH = (Path(__file__).parents[1] / "workflow/rulegraph.mmd").read_text(encoding="utf-8")
SMALL = "flowchart TB\n    pack --> train\n    train --> plot_x\n    pack --> plot_x\n"


def test_implied_lines_are_left_out() -> None:
    edges = [("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("a", "d"), ("e", "d")]
    assert reduced(edges) == [("a", "b"), ("b", "c"), ("c", "d"), ("e", "d")]


def test_every_line_goes_right_and_every_rule_has_a_place() -> None:
    edges = reduced([e for e in read_edges(GRAPH) if e[1] not in COLLECTORS])
    made = layout(edges)
    for chain in made.chains:
        lefts = [made.places[name][0] for name in chain]
        assert lefts == sorted(set(lefts)), chain
    assert {name for edge in edges for name in edge} <= set(made.places)


def test_no_box_lies_on_another() -> None:
    boxes = [
        tuple(map(float, found))
        for found in re.findall(
            r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" rx', picture(GRAPH)
        )
    ]
    assert len(boxes) > 60
    for i, (x, y, w, h) in enumerate(boxes):
        for x2, y2, w2, h2 in boxes[:i]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_the_picture_is_well_formed_and_shows_every_rule() -> None:
    text = picture(GRAPH)
    shown = {node.text for node in ElementTree.fromstring(text).iter() if node.tag.endswith("text")}
    wanted = {name for edge in read_edges(GRAPH) for name in edge} - set(COLLECTORS)
    assert wanted <= shown
    assert picture(GRAPH) == text
    assert "pack" in picture(SMALL)


def test_kinds_follow_the_verbs() -> None:
    assert [kind_of(name)[0] for name in ("plot_x", "tabulate_x", "train_x", "score_x")] == [
        *("figures", "tables", "training", "analysis")
    ]


def test_no_graph_is_named() -> None:
    with pytest.raises(InputError, match="the rule graph has no edges"):
        picture("flowchart TB\n")
