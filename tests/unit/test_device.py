"""A GPU is used when the job was given one, the processor when not, and the log says which."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch

from latent_microscope.errors import InputError
from latent_microscope.models.extraction import images_at_once
from latent_microscope.models.libraries import Network
from latent_microscope.models.transforms import Transform
from latent_microscope.training.device import WITHOUT_GPU, pick_device, why_no_gpu

MODULE = "latent_microscope.training.device"


@pytest.fixture(autouse=True)
def spoken(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(logging.getLogger("latent_microscope"), "propagate", True)
    caplog.set_level(logging.INFO, logger="latent_microscope")


class Gpus:
    """Stands for torch's view of the GPUs of a machine."""

    def __init__(self, *capabilities: tuple[int, int], built: list[str] | None = None) -> None:
        self.capabilities, self.built = capabilities, built or ["sm_80", "sm_90", "compute_90"]

    def install(self, monkeypatch: pytest.MonkeyPatch, error: str = "") -> None:
        def init() -> None:
            if error:
                raise RuntimeError(error)

        doubles: dict[str, Callable[..., Any]] = {
            "is_available": lambda: bool(self.capabilities),
            "device_count": lambda: len(self.capabilities),
            "get_device_name": lambda number=0: f"Simulated {number}",
            "get_device_capability": lambda number=0: self.capabilities[number],
            "get_arch_list": lambda: self.built,
            "set_device": lambda number: None,
            "init": init,
        }
        for name, double in doubles.items():
            monkeypatch.setattr(torch.cuda, name, double)


@pytest.fixture(autouse=True)
def scheduler(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No scheduler gave anything, but the rule may use a GPU."""
    for name in ("CUDA_VISIBLE_DEVICES", "SLURM_STEP_GPUS", "SLURM_JOB_GPUS", WITHOUT_GPU):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(f"{MODULE}.gpu_granted", lambda: True)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    return monkeypatch


@pytest.mark.parametrize(
    ("granted", "there", "device", "words"),
    [
        (True, True, "cuda", "device: cuda:0 (Simulated 0)"),
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
    scheduler: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    scheduler.setattr(f"{MODULE}.gpu_granted", lambda: granted)
    Gpus(*[(9, 0)] * there).install(scheduler)
    assert pick_device("auto").type == device
    assert words in caplog.text


def test_a_wish_for_cuda_that_cannot_be_met_is_refused(scheduler: pytest.MonkeyPatch) -> None:
    Gpus().install(scheduler)
    with pytest.raises(InputError, match="no GPU here"):
        pick_device("cuda")


def test_a_gpu_by_its_number(scheduler: pytest.MonkeyPatch) -> None:
    Gpus((9, 0), (9, 0)).install(scheduler)
    assert pick_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(InputError, match=r"cuda:2 cannot be used \(there are 2 GPUs"):
        pick_device("cuda:2")


DRIVER = "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU"


@pytest.mark.parametrize(
    ("gpus", "error", "cuda", "words"),
    [
        (Gpus(), DRIVER, "13.0", "no GPU here: Found no NVIDIA driver on your system;"),
        (Gpus(), "", "13.0", "cannot be used: no GPU here;"),
        (Gpus(), "", None, "is built for processors only;"),
        (Gpus((7, 0)), "", "13.0", "Simulated 0 has compute capability 7.0, and torch"),
        (Gpus((12, 0), built=["sm_80", "sm_90"]), "", "13.0", "is built for sm_80, sm_90;"),
    ],
    ids=["driver", "none", "build", "old", "new"],
)
@pytest.mark.parametrize("variable", ["CUDA_VISIBLE_DEVICES", "SLURM_STEP_GPUS"])
def test_a_gpu_that_was_given_and_cannot_be_used_ends_the_job(
    gpus: Gpus,
    error: str,
    cuda: str | None,
    words: str,
    variable: str,
    scheduler: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gpus.install(scheduler, error)
    scheduler.setattr(torch.version, "cuda", cuda)
    assert pick_device("auto").type == "cpu"  # given by nobody: a workstation
    scheduler.setenv(variable, "3")
    with pytest.raises(InputError) as caught:
        pick_device("auto")
    message = str(caught.value)
    assert words in message
    assert "given the GPU 3" in message
    assert "\n" not in message
    assert pick_device("cpu").type == "cpu"
    scheduler.setenv(WITHOUT_GPU, "1")
    assert pick_device("auto").type == "cpu"


@pytest.mark.parametrize(
    ("built", "own", "runs"),
    [
        ("sm_90", (9, 0), True),
        ("sm_90a", (9, 0), True),
        ("sm_80", (8, 9), True),
        ("sm_80", (9, 0), False),
        ("sm_90", (8, 0), False),
        ("compute_90", (12, 0), True),
        ("compute_90", (8, 0), False),
        ("sm_120", (12, 0), True),
        ("gfx90a", (9, 0), False),
    ],
)
def test_a_gpu_runs_what_is_built_for_it(
    built: str, own: tuple[int, int], runs: bool, scheduler: pytest.MonkeyPatch
) -> None:
    Gpus(own, built=[built]).install(scheduler)
    assert (why_no_gpu() == "") is runs


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
