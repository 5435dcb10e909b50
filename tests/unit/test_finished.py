"""A finished training is put back where nothing that it depends on is different."""

import importlib.metadata
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latent_microscope.io.artefacts import save_json, save_text
from latent_microscope.provenance import finished
from latent_microscope.provenance.sidecars import read_sidecar, write_sidecars

FACTS: dict[str, Any] = {"step": "train", "code": "c1", "params": {"epochs": 2}, "functions": []}
NAMES = ("weights.pt", "training.parquet")


class Training:
    """Outputs of one training in a folder, made from one input."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "images.npy"
        self.source.write_text("images")
        self.inputs = {"images": [self.source]}
        self.outputs = [folder / "out" / name for name in NAMES]

    def train(self) -> None:
        for path in self.outputs:
            path.parent.mkdir(exist_ok=True)
            save_text(path, f"{path.name} of {self.source.read_text()}")
        write_sidecars(self.outputs, self.inputs, seconds=1.5, **FACTS)
        finished.keep(FACTS, self.inputs, self.outputs)

    def contents(self) -> list[tuple[bytes, dict[str, Any]]]:
        return [(path.read_bytes(), read_sidecar(path)) for path in self.outputs]

    def again(self, **changes: Any) -> bool:
        """As Snakemake starts a job: without its outputs."""
        for path in self.outputs:
            path.unlink(missing_ok=True)
        return finished.put_back(FACTS | changes, self.inputs, self.outputs)


@pytest.fixture
def done(tmp_path: Path) -> Training:
    training = Training(tmp_path)
    assert not training.again()
    training.train()
    return training


def test_outputs_and_sidecars_are_put_back_as_new(done: Training) -> None:
    before, start = done.contents(), time.time() - 1.0
    for path in done.outputs:
        os.utime(path, (0, 0))
    for _ in range(2):  # and stay kept
        assert done.again()
        assert done.contents() == before
        assert all(path.stat().st_mtime > start for path in done.outputs)
    assert all(path.stat().st_nlink == 2 for path in done.outputs)  # no more space


def _other_image(done: Training) -> None:
    done.source.write_text("other images")


def _write_into(done: Training) -> None:
    with done.outputs[1].open("r+b") as handle:
        handle.write(b"x")


def _fewer(done: Training) -> None:
    done.outputs.pop()


def _lose(done: Training) -> None:
    (done.outputs[0].parent / ".finished" / "weights" / "1").unlink()


def _break(done: Training) -> None:
    save_text(done.outputs[0].parent / ".finished" / "weights" / "record.json", "{")


@pytest.mark.parametrize("change", [_other_image, _write_into, _fewer, _lose, _break])
def test_other_inputs_or_files_train_again(
    done: Training, change: Callable[[Training], None]
) -> None:
    change(done)
    assert not done.again()
    assert not any(path.exists() for path in done.outputs)


@pytest.mark.parametrize("facts", [{"code": "c2"}, {"params": {"epochs": 3}}])
def test_other_code_or_parameters_train_again(done: Training, facts: dict[str, Any]) -> None:
    assert not done.again(**facts)
    assert done.again()


def test_other_libraries_train_again(done: Training) -> None:
    record = done.outputs[0].parent / ".finished" / "weights" / "record.json"
    content = json.loads(record.read_text())
    assert content["sidecars"][0]["libraries"]["numpy"] == importlib.metadata.version("numpy")
    for name in ("numpy", "no-such-library"):
        other = json.loads(record.read_text())
        other["sidecars"][0]["libraries"][name] = "0.1"
        save_json(record, other)
        assert not done.again()
        save_json(record, content)
    assert done.again()


def test_files_of_another_user_train_again(done: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(1, "not yours")

    monkeypatch.setattr(os, "utime", refuse)
    assert not done.again()


def test_only_the_last_training_is_kept(done: Training) -> None:
    done.source.write_text("other images")
    done.train()
    done.source.write_text("images")
    assert not done.again()


def test_without_hard_links_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    training = Training(tmp_path)
    training.train()
    assert not list((tmp_path / "out").glob(".finished/*"))
    assert not training.again()
