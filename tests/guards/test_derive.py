"""The names of random streams are part of the numbers: every call is as it was taken."""

from pathlib import Path

import streams  # type: ignore[import-not-found]
from differences import text_of, unexplained  # type: ignore[import-not-found]
from renames import Renames  # type: ignore[import-not-found]

ROOT = Path(__file__).resolve().parents[2]


def test_every_stream_is_as_it_was() -> None:
    renames = Renames.read()
    old = streams.renamed(streams.load(), renames)
    assert len(old) > 60
    found = unexplained(streams.differences(old, streams.take(ROOT)), renames.exceptions, "streams")
    assert not found, text_of(found)
    assert renames.unused("streams") == []


def test_calls_are_found_in_python_and_in_rule_files(tmp_path: Path) -> None:
    code = 'x = seeds.derive(seed, "a", f(1))  # rng(2)\ndef derive(root): ...\n'
    (tmp_path / "one.py").write_text(code, encoding="utf-8")
    rule = 'rule a:\n    params:\n        seed=derive(SEED, "b", (1, ")")),\n'
    (tmp_path / "two.smk").write_text(rule, encoding="utf-8")
    assert list(streams.calls(tmp_path / "one.py")) == ["derive(seed, 'a', f(1))"]
    assert list(streams.calls(tmp_path / "two.smk")) == ["derive(SEED, 'b', (1, ')'))"]
