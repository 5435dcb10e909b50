"""The pages under docs/: examples run, every public function is in them, paths exist."""

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
