"""Code blocks of the documentation: Python runs or parses, configs resolve, commands fit."""

import ast
import re
import shlex
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
import yaml
from tests.unit.test_docs import PAGES, ROOT

from latent_microscope.cli import app
from latent_microscope.config.resolve import merge, resolve
from latent_microscope.io.yaml_files import load_yaml

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
USAGE_ERROR: Any = typer.BadParameter.__mro__[1]
GENERATED = {"docs/cli.md", "docs/functions.md", "docs/rulegraph.md"}
"""Pages whose blocks are made from the code, and held to it by other tests."""
ELSEWHERE = {"", "toml"}
"""Languages that no test reads: trees of files, and an entry point of a plugin."""
PLACE = re.compile(r"…|\.\.\.")


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and text of each."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"(?ms)^( *)```(\w*)\n(.*?)^\1```$", text)
    return [(language, textwrap.dedent(body)) for _, language, body in found]


def commands(script: str) -> Iterator[list[str]]:
    """The words of each line of a shell, without comments and documents within it."""
    script = re.sub(r"(?ms)(<<'END').*?^END$", "", script).replace("\\\n", " ")
    for line in script.splitlines():
        for part in re.split(r"&&|;", line.partition(" # ")[0]):
            words = shlex.split(part, comments=True)
            if words:
                yield words


def targets() -> set[str]:
    found = re.findall(r"(?m)^([.\w-]+(?: [\w-]+)*):(?!=)", (ROOT / "Makefile").read_text("utf-8"))
    return {name for line in found for name in line.split()}


def wrong(words: list[str]) -> str:
    """What is wrong with a command of this project; empty if nothing is."""
    name, *rest = words
    rest = rest[: next((i for i, word in enumerate(rest) if PLACE.search(word)), len(rest))]
    if name == "make":
        makefile = (ROOT / "Makefile").read_text("utf-8")
        variables = [word.partition("=")[0] for word in rest if "=" in word]
        unknown = [one for one in variables if not re.search(rf"\b{one}\b", makefile)]
        return " ".join(unknown + [w for w in rest if "=" not in w and w not in targets()])
    if name == "latent-microscope" and rest and not rest[0].startswith("-"):
        if rest[0] not in COMMANDS:
            return f"no command {rest[0]}"
        words = rest[1 : rest.index("--") if "--" in rest else None]
        try:
            COMMANDS[rest[0]].make_context(rest[0], [*words])
        except USAGE_ERROR as error:
            return str(error)
    if name in ("python", ".venv/bin/python") and rest and rest[0].endswith(".py"):
        return "" if (ROOT / rest[0]).exists() else rest[0]
    return ""


CASES = [
    pytest.param(page, number, language, text, id=f"{page}-{number}")
    for page in PAGES
    if page not in GENERATED
    for number, (language, text) in enumerate(blocks(page), 1)
    if language not in ELSEWHERE
]


@pytest.mark.parametrize(("page", "number", "language", "text"), CASES)
def test_a_block_holds(
    page: str, number: int, language: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if language == "python":
        if ">>>" not in text:  # docs/api.md is one session, run by test_docs.py
            ast.parse(text)
        if page == "README.md":
            exec(compile(text, page, "exec"), {})
            similarity, ceiling = map(float, capsys.readouterr().out.split())
            assert abs(similarity) < 0.1 < ceiling < 1
    elif language == "yaml":
        parts = text.splitlines() if text.startswith("transform") else [text]
        for content in map(yaml.safe_load, parts):
            if "run" in content:
                resolve(merge(load_yaml(ROOT / "config/config.yaml"), content))
            else:
                assert set(content) <= {"transform", "studies"}
    else:
        assert language == "bash"
        found = list(commands(text))
        assert found
        assert [said for words in found if (said := wrong(words))] == []


@pytest.mark.parametrize("page", sorted(set(PAGES) - {"CHANGELOG.md"}))
def test_commands_in_sentences_fit(page: str) -> None:
    text = re.sub(r"(?ms)^ *```.*?^ *```$", "", (ROOT / page).read_text(encoding="utf-8"))
    found = re.findall(r"`((?:make|latent-microscope|python) [^`]+)`", text)
    said = [words for one in found for words in commands(" ".join(one.split()))]
    faults = [f"{words}: {error}" for words in said if (error := wrong(words))]
    assert [fault for fault in faults if "Missing parameter" not in fault] == []  # only named


def test_a_command_that_does_not_fit_is_seen() -> None:
    assert wrong(["make", "demo", "CORES=2"]) == ""
    assert wrong(["make", "dmo"]) == "dmo"
    assert wrong(["make", "demo", "COERS=2"]) == "COERS"
    assert wrong(shlex.split("latent-microscope score a.npz -o b.csv")) == ""
    assert "no command" in wrong(["latent-microscope", "scroe", "a.npz"])
    assert "--outptu" in wrong(shlex.split("latent-microscope score a.npz --outptu b.csv"))
    assert wrong(["python", "scripts/nowhere.py"]) == "scripts/nowhere.py"
