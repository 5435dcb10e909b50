"""Seeds, weights, progress, provenance."""

import hashlib
import logging
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latent_microscope import progress
from latent_microscope.errors import InputError
from latent_microscope.models.weights import load_weights, save_weights
from latent_microscope.provenance import sidecars
from latent_microscope.provenance.sidecars import read_sidecar, sha256_file, sidecar_path
from latent_microscope.seeds import derive, rng

NAMES = st.lists(st.sampled_from(["a", "b", "1", ""]) | st.integers(0, 3), max_size=3)


@given(st.integers(), NAMES, NAMES)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_seeds_differ_exactly_when_the_names_do(
    root: int, one: list[str | int], other: list[str | int]
) -> None:
    assert 0 <= derive(root, *one) < 2**63
    same = [(type(n), n) for n in one] == [(type(n), n) for n in other]
    assert (derive(root, *one) == derive(root, *other)) == same
    assert derive(root, *one) != derive(root + 1, *one)


def test_seeds_are_fixed_for_ever() -> None:
    text = "20250812\x1fstr:train_vae\x1fint:3"
    expected = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1
    assert derive(20250812, "train_vae", 3) == expected == 410011453293392042
    first = rng(1, "x").random(3)
    np.testing.assert_array_equal(first, rng(1, "x").random(3))
    assert not np.array_equal(first, rng(1, "y").random(3))


def test_seeds_see_through_numpy_integers_and_snakemakes_strings() -> None:
    class Annotated(str):
        pass

    assert derive(1, np.int64(3), Annotated("x")) == derive(1, 3, "x")  # type: ignore[arg-type]
    assert derive(np.int32(1), "x") == derive(1, "x")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        derive(1, 0.5)  # type: ignore[arg-type]


def test_weights_round_trip_with_the_same_bytes_under_any_name(tmp_path: Path) -> None:
    base = torch.arange(1000.0)
    state = {"w": base[:6].reshape(2, 3).T, "n": torch.tensor(3), "p": torch.nn.Parameter(base[:2])}
    save_weights(tmp_path / "a.pt", state)
    save_weights(tmp_path / "deep" / "other name.pt", state)
    content = (tmp_path / "a.pt").read_bytes()
    assert content == (tmp_path / "deep" / "other name.pt").read_bytes()
    assert len(content) < 3000  # a view does not drag its base along
    found = load_weights(tmp_path / "a.pt")
    assert list(found) == list(state)
    for name, value in state.items():
        assert torch.equal(found[name], value.detach())
        assert found[name].dtype == value.dtype
        assert not found[name].requires_grad


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("run!",))


def test_weights_that_cannot_be_read_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "w.pt"
    with pytest.raises(InputError, match=r"w\.pt: no such file"):
        load_weights(path)
    save_weights(path, {"w": torch.ones(1000)})
    whole = path.read_bytes()
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"w\.pt: not a readable state dict") as caught:
            load_weights(path)
        assert "\n" not in str(caught.value)
    content: Any
    for content in (Evil(), {"w": Evil()}):
        torch.save(content, path)
        with pytest.raises(InputError, match=r"w\.pt: not a readable state dict"):
            load_weights(path)
        path.write_bytes(pickle.dumps(content, protocol=2))
        with pytest.raises(InputError, match=r"w\.pt: not a readable state dict"):
            load_weights(path)
    for content in ([torch.ones(2)], {"a": 1}, {1: torch.ones(2)}, torch.ones(2)):
        torch.save(content, path)
        with pytest.raises(InputError, match=r"w\.pt: must hold a state dict"):
            load_weights(path)
    assert "run!" not in capsys.readouterr().out


def test_progress_speaks_now_and_then_when_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines: list[str] = []
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(progress.log, "info", lines.append)
    items = []
    for item in progress.track(range(10), "encoding", total=10, unit="images"):
        items.append(item)
        clock[0] += 5
    assert items == list(range(10))
    assert lines == [
        "encoding: 3/10 images, 0.2 per second, 35 s left",
        "encoding: 6/10 images, 0.2 per second, 20 s left",
        "encoding: 9/10 images, 0.2 per second, 5 s left",
        "encoding: 10/10 images, 0.2 per second, 0 s left · done",
    ]
    lines.clear()
    with progress.progress("short", 2) as reporter:
        reporter.advance(2, "note")
    assert lines == []


def test_progress_is_a_bar_in_a_terminal_and_closes_on_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(progress, "bars", True)  # a step in this process may have set it
    bars: list[Any] = []

    def work() -> None:
        with progress.progress("work", 4, "rows") as reporter:
            reporter.advance(1, "loss 3")
            bars.append(reporter._bar)
            raise ValueError("oh")

    with pytest.raises(ValueError, match="oh"):
        work()
    assert bars[0].n == 1
    assert bars[0].disable  # closed
    assert "work" in capsys.readouterr().err


def test_sha256_notices_a_rewrite_of_the_same_size(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert sha256_file(path) == hashlib.sha256(b"abc").hexdigest()
    other = tmp_path / "y"
    other.write_bytes(b"abd")
    stamp = path.stat()
    other.replace(path)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert sha256_file(path) == hashlib.sha256(b"abd").hexdigest()


def test_sidecars(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    assert sidecar_path(path).name == "x.npy.meta.json"
    with pytest.raises(InputError, match=r"x\.npy\.meta\.json: no such file"):
        read_sidecar(path)
    path.touch()
    folder = tmp_path / "folder"
    folder.mkdir()
    sidecars.write_sidecars(
        [path, folder, tmp_path / "absent"],
        step="s", code="c", params={}, inputs={"a": [path, folder]}, numeric_threads=1, seconds=1.0,
    )  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "x.npy", "x.npy.meta.json"]
    assert list(read_sidecar(path)["inputs"]["a"]) == [str(path)]


def test_versions_are_those_of_what_is_loaded_and_never_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = sidecars.loaded_versions()
    assert found["numpy"] == np.__version__
    assert "kaggle" not in found or "kaggle" in sys.modules
    monkeypatch.setitem(sys.modules, "kaggle", sys)
    libraries = {"numpy": "numpy", "no-such-library": "kaggle"}
    monkeypatch.setattr(sidecars, "_LIBRARIES", libraries)
    assert sidecars.loaded_versions() == {"numpy": np.__version__}


def test_the_device_is_the_cpu_unless_cuda_was_used() -> None:
    if not (torch.cuda.is_available() and torch.cuda.is_initialized()):
        assert sidecars.device_in_use() == "cpu"


def test_errors_of_users_are_not_value_errors() -> None:
    assert not issubclass(InputError, ValueError | OSError)
    assert logging.getLogger("latent_microscope") is progress.log
