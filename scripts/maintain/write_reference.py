import ast
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import typer.main
from typer.cli import get_docs_for_click

from latent_microscope import cli, forensics, similarity
from latent_microscope.config.reference import config_reference
from latent_microscope.io.artefacts import save_text
from latent_microscope.step import Out, run

_MADE = "<!-- made by `make reference`, do not edit -->\n\n"
_ROLE = re.compile(r":\w+:`~?([^`]+)`|``([^`]+)``")
_SECTION = re.compile(r"(?m)^(Args|Returns|Raises|Yields):\n((?:    .*\n?|\n)+)")


def command_reference() -> str:
    """Markdown of the command's help."""
    command = typer.main.get_command(cli.app)
    context = typer.Context(command)
    text = get_docs_for_click(obj=command, ctx=context, name="latent-microscope")
    return _MADE + text.replace("# `latent-microscope`", "# The command", 1).rstrip() + "\n"


def function_reference() -> str:
    """Markdown of the public functions: signature, docstring, module."""
    lead = "Signatures, formulas, shapes, units and errors, from the code"
    parts = [f"{_MADE}# Functions\n", f"{lead}; used in [the library, by example](api.md).\n"]
    for package in (forensics, similarity):
        parts += [f"## {package.__name__}\n", *_functions(package)]
    return "\n".join(parts)


def _functions(package: ModuleType) -> Iterator[str]:
    for name, module in sorted(package._EXPORTS.items(), key=lambda item: item[0].lower()):
        place = import_module(f"{package.__name__}.{module}")
        yield f"### {name}\n"
        yield f"```python\n{_signature(getattr(package, name))}\n```\n"
        yield _markdown(inspect.getdoc(getattr(package, name)) or "")
        yield f"Module `{place.__name__}`: {_prose((inspect.getdoc(place) or '').strip())}\n"


def _signature(function: Any) -> str:
    (node,) = ast.parse(inspect.getsource(function)).body
    if isinstance(node, ast.ClassDef):
        fields = [ast.unparse(part) for part in node.body if isinstance(part, ast.AnnAssign)]
        return "\n".join([f"{node.name}(", *(f"    {field}," for field in fields), ")"])
    assert isinstance(node, ast.FunctionDef)
    returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    flat = f"{node.name}({ast.unparse(node.args)}){returned}"
    if len(flat) <= 88:
        return flat
    first = len(node.args.args) - len(node.args.defaults)
    places = [*zip(node.args.args, [*[None] * first, *node.args.defaults], strict=True)]
    named = [*zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]
    for place in (*node.args.defaults, *node.args.kw_defaults):
        if isinstance(place, ast.Name):  # a constant of the module
            place.id = repr(function.__globals__[place.id])
    lines = [*map(_argument, places), *(["*"] if named else []), *map(_argument, named)]
    return "\n".join([f"{node.name}(", *(f"    {line}," for line in lines), f"){returned}"])


def _argument(given: tuple[ast.arg, ast.expr | None]) -> str:
    name, default = given
    return ast.unparse(name) + (f" = {ast.unparse(default)}" if default else "")


def _prose(text: str) -> str:
    return _ROLE.sub(lambda found: f"`{found[1] or found[2]}`", text)


def _markdown(docstring: str) -> str:
    """Google's sections as lists."""

    def section(found: re.Match[str]) -> str:
        body = inspect.cleandoc(found[2])
        if found[1] == "Returns":
            return f"\n**Returns** {' '.join(body.split())}\n"
        items = re.split(r"\n(?=\S)", body)
        lines = [re.sub(r"^(\w+): ", r"* `\1`: ", " ".join(item.split())) for item in items]
        return f"\n**{found[1]}**\n\n" + "\n".join(lines) + "\n"

    text = _prose(_SECTION.sub(section, docstring + "\n"))
    return re.sub(r"\n{3,}", "\n\n", text)


def main(*, config: Out, command: Out, functions: Out) -> None:
    """Write what is generated of the reference.

    config: config/README.md, from the classes of the config.
    command: docs/cli.md, from the command's help.
    functions: docs/functions.md, from the docstrings of the public functions.
    """
    save_text(config, config_reference())
    save_text(command, command_reference())
    save_text(functions, function_reference())


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
