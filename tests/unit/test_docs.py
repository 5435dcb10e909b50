"""The pages of the documentation: examples run, commands fit, paths exist (test_site.py: links)."""

import ast
import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
API = ROOT / "docs/api.md"


def test_the_examples_of_the_library_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    failed, tried = doctest.testfile(str(API), module_relative=False, verbose=False)
    assert tried > 40
    assert failed == 0


@pytest.mark.parametrize("package", ["forensics", "similarity"])
def test_every_public_function_has_an_example(package: str) -> None:
    public = import_module(f"latent_microscope.{package}")._EXPORTS
    text = API.read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    assert [name for name in public if f"**`{name}`**" not in text] == []
    assert [
        name for name in public if not re.search(rf"\b{name}\b\(|isinstance\(.*{name}", code)
    ] == []


def templates() -> list[str]:
    """Every text of the code, with … where something is filled in."""
    found = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


def test_the_messages_of_the_questions_are_those_of_the_code() -> None:
    text = (ROOT / "docs/faq.md").read_text(encoding="utf-8").partition("## Results")[0]
    messages = [" ".join(found.split()) for found in re.findall(r"\*\*`([^`]+)`\*\*", text)]
    assert len(messages) >= 10
    code = templates()
    for message in messages:
        pieces = (piece.strip(" :,;)") for piece in message.split("…"))
        fixed = [piece for piece in pieces if len(piece) > 11]  # not "config key", of another text
        pattern = re.compile(".*".join(map(re.escape, fixed)), re.DOTALL)
        assert fixed, message
        assert any(pattern.search(template) for template in code), message


PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "config/README.md")
)


@pytest.mark.parametrize("page", PAGES)
def test_the_files_that_a_page_names_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([^)#:]+)\)", text)
    missing = [link for link in linked if not ((ROOT / page).parent / link).exists()]
    assert missing == []
    tops = "src|scripts|workflow|config|tests|envs|docs|notebooks|profiles"
    named = re.findall(rf"`((?:{tops})/[\w./-]+)`", text)
    if page != "CHANGELOG.md":  # which tells of former ones
        assert [name for name in named if not (ROOT / name).exists()] == []
    if page == "CONTRIBUTING.md":
        assert len(named) + len(linked) > 12


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
