"""Which way each condition of the sentences of the report went while it was rendered."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, nodes

ASSETS = Path(__file__).resolve().parents[2] / "src/latent_microscope/report/assets"
SPOKEN = ("findings", "say")
"""Macros whose text is a sentence."""
WAYS: dict[tuple[str, int, int], set[bool]] = defaultdict(set)


def conditions(tree: nodes.Template) -> Iterator[nodes.If | nodes.CondExpr]:
    """The conditions within sentences, in their order."""
    for block in tree.find_all(nodes.CallBlock):
        called = block.call.node
        name = called.attr if isinstance(called, nodes.Getattr) else getattr(called, "name", "")
        if name in SPOKEN:
            for one in block.body:
                yield from one.find_all((nodes.If, nodes.CondExpr))  # type: ignore[misc]
                if isinstance(one, nodes.If):
                    yield one


def met(template: str, place: int, line: int, value: object) -> object:
    """Note the truth of a condition, and pass it on."""
    WAYS[template, place, line].add(bool(value))
    return value


class Recording(Environment):
    """Notes which way the conditions of sentences go."""

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        self.globals["met"] = met
        for place, one in enumerate(conditions(tree)):
            told = [nodes.Const(name), nodes.Const(place), nodes.Const(one.lineno), one.test]
            one.test = nodes.Call(nodes.Name("met", "load"), told, [], None, None)
        return tree


def one_sided() -> list[str]:
    """Conditions that were never met, or always, as ``template:line``."""
    every: dict[tuple[str, int, int], nodes.Node] = {}
    for path in sorted(ASSETS.glob("*.jinja")):
        tree = Environment(extensions=["jinja2.ext.do"]).parse(path.read_text(encoding="utf-8"))
        every |= {(path.name, k, one.lineno): one for k, one in enumerate(conditions(tree))}
    return [f"{key[0]}:{key[2]} {sorted(WAYS[key])}" for key in every if len(WAYS[key]) < 2]
