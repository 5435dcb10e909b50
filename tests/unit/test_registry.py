"""Declarations of other packages: what is taken, and what is refused in one line."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from latent_microscope import registry
from latent_microscope.config.fields import Section, setting
from latent_microscope.errors import InputError
from latent_microscope.registry import Figure, ModelType, Score, Table

SCORE = Score(name="reach", title="reach", function="pkg.module:reach")
MODEL = ModelType(name="edges", title="edges", function="pkg:edges")
FIGURE = Figure(
    name="reach_map",
    function="pkg:draw",
    title="reach",
    caption="Reach.",
    category="Forensics",
    inputs={"scores": "a.parquet"},
)
TABLE = Table(name="reach-sums", title="reach", caption="Reach.", function="pkg:sums")
FURTHER = Table(name="reach-all", title="all", caption="All.", made_by="tabulate_reach_sums")


class Keys(Section):
    seed: int = setting("a key that is taken", 0)
    weights: str = setting("another one", "")


class Needed(Section):
    depth: int = setting("without a default")


class Depth(Section):
    depth: int = setting("with a default", 1)


def altered(declared: Any, **fields: Any) -> Any:
    """With values of types that no checker would let pass."""
    return replace(declared, **fields)


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, Any], Any]]:
    """Let an entry point of a group give a value; the declarations that the registry then finds."""

    class Point(EntryPoint):
        def load(self) -> Any:
            return values[self.group]

    values: dict[str, Any] = {}

    def points(group: str) -> list[Point]:
        return [Point(name="x", value="pkg:X", group=group)] if group in values else []

    def declared(group: str, value: Any) -> Any:
        values[f"latent_microscope.{group}"] = value
        registry._plugins.cache_clear()
        return getattr(registry, group if group != "models" else "model_types")()

    monkeypatch.setattr("importlib.metadata.entry_points", points)
    yield declared
    monkeypatch.undo()
    registry._plugins.cache_clear()


@pytest.mark.parametrize(
    ("group", "value", "names"),
    [
        ("scores", SCORE, ["reach"]),
        ("scores", replace(SCORE, config=Depth), ["reach"]),
        ("models", MODEL, ["edges"]),
        ("models", replace(MODEL, config=Depth), ["edges"]),
        ("figures", [FIGURE, replace(FIGURE, name="reach_bars")], ["reach_map", "reach_bars"]),
        ("tables", (replace(TABLE, output="sums"), FURTHER), ["reach-sums", "reach-all"]),
    ],
)
def test_declarations_follow_ours(
    declare: Callable[[str, Any], Any], group: str, value: Any, names: list[str]
) -> None:
    found = declare(group, value)
    assert [one.name for one in found[-len(names) :]] == names
    assert found[0].name not in names


@pytest.mark.parametrize(
    ("group", "value", "message"),
    [
        ("scores", FIGURE, "Figure.*Score"),
        ("scores", replace(SCORE, name="uniqueness"), "'uniqueness'"),
        ("scores", replace(SCORE, name="Reach it"), "Reach it"),
        ("scores", replace(SCORE, function=""), "reach: function"),
        ("models", replace(MODEL, function="pkg.edges"), "'pkg.edges'"),
        ("models", replace(MODEL, name="vae"), "'vae'"),
        ("figures", replace(FIGURE, files={"list-grey": "x"}), "'list-grey'"),
        ("figures", [FIGURE, FIGURE], "reach_map"),
        ("tables", replace(TABLE, name="bias"), "bias"),
        ("tables", replace(TABLE, inputs={"table": "x"}), "'table'"),
    ],
)
def test_what_cannot_be_is_refused(
    declare: Callable[[str, Any], Any], group: str, value: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        declare(group, value)


def test_a_name_that_nothing_has(declare: Callable[[str, Any], Any]) -> None:
    declare("scores", SCORE)
    assert registry.find("scores", "reach") == SCORE
    with pytest.raises(InputError, match=r"'reech'.*reach"):
        registry.find("scores", "reech")


@pytest.mark.parametrize(
    ("group", "value", "message"),
    [
        ("scores", altered(SCORE, needs=("images",)), "needs .*images"),
        ("scores", replace(SCORE, needs=frozenset({"image"})), "needs .*images"),
        ("scores", replace(SCORE, config=Keys), "seed"),
        ("scores", replace(SCORE, listed="best"), "'best'.*creative"),
        ("models", replace(MODEL, extracted=True), "extracted"),
        ("models", replace(MODEL, extra="clip"), "'clip'.*train"),
        ("models", replace(MODEL, config=Keys), "config: 'weights'"),
        ("scores", altered(SCORE, config={"depth": {"type": "integer"}}), "version 1.*version 2"),
        ("models", altered(MODEL, config="plain"), "version 1.*version 2"),
        ("models", altered(MODEL, config=Score), "Section"),
        ("scores", replace(SCORE, config=Needed), "depth"),
        ("figures", altered(FIGURE, per="runs"), "per 'runs'"),
        ("figures", replace(FIGURE, params={"style": {}}), "'style'"),
        ("tables", replace(TABLE, made_by="score_samples"), "score_samples.*tabulate_"),
    ],
)
def test_fields_that_could_not_work_are_named(
    declare: Callable[[str, Any], Any], group: str, value: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        declare(group, value)
