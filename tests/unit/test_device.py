"""A GPU is used when the job was given one, the processor when not, and the log says which."""

import logging

import pytest
import torch

from latent_microscope.errors import InputError
from latent_microscope.models.extraction import images_at_once
from latent_microscope.models.libraries import Network
from latent_microscope.models.transforms import Transform
from latent_microscope.training.device import pick_device

MODULE = "latent_microscope.training.device"


@pytest.fixture(autouse=True)
def spoken(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(logging.getLogger("latent_microscope"), "propagate", True)
    caplog.set_level(logging.INFO, logger="latent_microscope")


@pytest.mark.parametrize(
    ("granted", "there", "device", "words"),
    [
        (True, True, "cuda", "device: cuda (Simulated A100)"),
        (True, False, "cpu", "device: cpu (no GPU here)"),
        (False, True, "cpu", "device: cpu (the job asked for no GPU)"),
        (False, False, "cpu", "device: cpu (the job asked for no GPU)"),
    ],
)
def test_auto_follows_what_the_job_was_given(
    granted: bool,
    there: bool,
    device: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(f"{MODULE}.gpu_granted", lambda: granted)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Simulated A100")
    assert pick_device("auto").type == device
    assert words in caplog.text


def test_a_wish_for_cuda_that_cannot_be_met_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{MODULE}.gpu_granted", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="no GPU here"):
        pick_device("cuda")


def test_large_images_come_in_small_batches_on_a_processor() -> None:
    cpu, plain = torch.device("cpu"), Network(torch.nn.Identity(), lambda x: {"features": x})
    assert [images_at_once(250, plain, side, cpu) for side in (32, 64, 224, 1000)] == [
        250,
        97,
        7,
        1,
    ]
    assert images_at_once(250, plain, 224, torch.device("cuda")) == 250
    plain.transform = Transform(size=256, crop=224)
    assert images_at_once(250, plain, 32, cpu) == 7
