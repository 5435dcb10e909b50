"""Messages of a step reach its log: every logger is the package's, whose handlers a step sets."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    p for top in ("src/latent_microscope", "scripts") for p in (ROOT / top).rglob("*.py")
)
ELSEWHERE = {"py.warnings", "urllib3"}


def named(text: str) -> list[str]:
    """What the loggers of a file are called; their expression where it is no constant."""
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return [
        str(ast.literal_eval(arg))
        if isinstance(arg := node.args[0], ast.Constant)
        else ast.unparse(arg)
        for node in calls
        if ast.unparse(node.func).endswith("getLogger") and node.args
    ]


def test_a_script_whose_logger_is_its_own_name_is_found() -> None:
    assert named("log = logging.getLogger(__name__)") == ["__name__"]


def test_every_logger_is_the_packages() -> None:
    found = {path: set(named(path.read_text(encoding="utf-8"))) - ELSEWHERE for path in FILES}
    assert any(found.values())
    wrong = {path.name: names for path, names in found.items() if names - {"latent_microscope"}}
    assert wrong == {}


@pytest.mark.parametrize("text", ["print(1)", "sys.stderr.write('x')"])
def test_steps_print_nothing(text: str) -> None:
    assert printing(text)
    assert [p.name for p in FILES if "scripts" in p.parts and printing(p.read_text("utf-8"))] == []


def printing(text: str) -> bool:
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return any(ast.unparse(node.func) in ("print", "sys.stderr.write") for node in calls)
