"""Where macOS answers otherwise than Linux; neither system needs the other's files."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from benchmarks.measure import peak_mb

from latent_microscope.provenance import sidecars

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("peak", [sidecars.peak_memory_mib, peak_mb])
@pytest.mark.parametrize(("system", "unit"), [("linux", 1024), ("darwin", 1)])
def test_peak_memory_is_in_mebibytes(
    system: str, unit: int, peak: Callable[[], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = SimpleNamespace(ru_maxrss=300 * 2**20 // unit)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(resource, "getrusage", lambda _: taken)
    assert peak() == 300.0


def without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Any, *_: Any, **__: Any) -> Any:
        raise FileNotFoundError(path)

    monkeypatch.setattr("builtins.open", refuse)


def test_a_processor_has_a_name_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(command: list[str], **_: Any) -> str:
        assert command == ["sysctl", "-n", "machdep.cpu.brand_string"]
        return "Apple M4 Pro\n"

    without_proc(monkeypatch)
    monkeypatch.setattr(subprocess, "check_output", answer)
    assert sidecars.machine()["processor"] == "Apple M4 Pro"


@pytest.mark.parametrize(
    "error", [FileNotFoundError("sysctl"), subprocess.CalledProcessError(1, "sysctl")]
)
def test_or_at_least_its_class(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> str:
        raise error

    without_proc(monkeypatch)
    monkeypatch.setattr(subprocess, "check_output", fail)
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert sidecars.machine()["processor"] == "arm64"


def test_no_two_files_differ_only_in_case() -> None:
    """They would be one file on the file systems of macOS."""
    folders = ("benchmarks", "config", "docs", "envs", "notebooks", "profiles", "scripts", "src")
    files = [path for name in (*folders, "tests", "workflow") for path in (ROOT / name).rglob("*")]
    names = [os.fspath(path.relative_to(ROOT)) for path in files if path.suffix != ".pyc"]
    assert len(names) > 300
    assert len({name.casefold() for name in names}) == len(names)
