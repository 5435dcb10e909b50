"""Where and how exactly torch computes: device, precision, determinism."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from latent_microscope.errors import InputError
from latent_microscope.messages import log
from latent_microscope.step import gpu_granted

DEVICES = r"auto|cpu|cuda(:\d+)?"
WITHOUT_GPU = "LATENT_MICROSCOPE_WITHOUT_GPU"
"""Set: a job whose GPU cannot be used goes on with the processor (simulated GPUs of tests)."""


def pick_device(setting: str = "auto") -> torch.device:
    """The device to compute on: ``cpu``, ``cuda``, ``cuda:k``, or ``auto``: the GPU of the job.

    Raises:
        InputError: A GPU was asked for, or the scheduler gave the job one, and it cannot be used.
    """
    if not re.fullmatch(DEVICES, setting):
        raise InputError(f"device: {setting!r} is unknown; use auto, cpu, cuda or cuda:0")
    number = int(setting.partition(":")[2] or 0)
    if setting == "cpu":
        reason = "as set"
    elif not gpu_granted():
        reason = "the job asked for no GPU"
    else:
        reason = why_no_gpu(number)
        if not reason:
            log.info("device: cuda:%d (%s)", number, torch.cuda.get_device_name(number))
            torch.cuda.set_device(number)  # of random states and of what has no device of its own
            return torch.device("cuda", number)
        if setting == "auto" and given_gpus() and not os.environ.get(WITHOUT_GPU):
            raise InputError(
                f"the job was given the GPU {given_gpus()}, which cannot be used: {reason}; repair "
                "that, or set device to cpu"
            )
    if setting not in ("auto", "cpu"):
        raise InputError(f"device: {setting} cannot be used ({reason}); set it to auto or cpu")
    log.info("device: cpu (%s), %d threads", reason, torch.get_num_threads())
    return torch.device("cpu")


def given_gpus() -> str:
    """The GPUs that a scheduler gave this process, as it names them; empty: none."""
    names = ("CUDA_VISIBLE_DEVICES", "SLURM_STEP_GPUS", "SLURM_JOB_GPUS")
    found = next((os.environ[name] for name in names if name in os.environ), "")
    return "" if found in ("-1", "NoDevFiles") else found


def why_no_gpu(number: int = 0) -> str:
    """Why this torch cannot compute on that GPU, in a few words; empty: it can."""
    if torch.version.cuda is None and not torch.cuda.is_available():
        return f"torch {torch.__version__} is built for processors only"
    if not torch.cuda.is_available():
        try:
            torch.cuda.init()
        except (RuntimeError, AssertionError) as error:
            first = str(error).partition("\n")[0].partition(". ")[0]
            return f"no GPU here: {first}" if first else "no GPU here"
        return "no GPU here"
    if number >= (count := torch.cuda.device_count()):
        return f"there are {count} GPUs, counted from 0"
    own = torch.cuda.get_device_capability(number)
    built = torch.cuda.get_arch_list()
    if built and not any(_runs_on(name, own) for name in built):
        return (
            f"{torch.cuda.get_device_name(number)} has compute capability {own[0]}.{own[1]}, and "
            f"torch {torch.__version__} is built for {', '.join(built)}"
        )
    return ""


def _runs_on(built: str, own: tuple[int, int]) -> bool:
    """Whether code for sm_XY or compute_XY runs on a GPU of this compute capability."""
    found = re.fullmatch(r"(sm|compute)_(\d+)(\d)[a-z]?", built)
    if found is None:
        return False
    of = int(found[2]), int(found[3])
    return of <= own and (found[1] == "compute" or of[0] == own[0])


def device_facts(device: torch.device, precision: str) -> dict[str, Any]:
    """What the bytes of a training depend on besides code, settings and inputs."""
    on_gpu = device.type == "cuda"
    resolved = has_bfloat16(device) if precision == "auto" else precision == "bfloat16"
    return {
        "device": device.type,
        "model": torch.cuda.get_device_name(device) if on_gpu else "",
        "torch": str(torch.__version__),
        "precision": "bfloat16" if resolved else "float32",
        "threads": torch.get_num_threads(),
    }


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the processor on the device, without waiting for the copy."""
    if device.type != "cuda":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)


def pick_precision(setting: str, device: torch.device) -> torch.dtype | None:
    """The autocast type, None for float32; ``auto``: bfloat16 where the hardware has it."""
    if setting not in ("auto", "float32", "bfloat16"):
        raise InputError(f"precision: {setting!r} is unknown; use auto, float32 or bfloat16")
    native = has_bfloat16(device)
    if setting == "float32" or (setting == "auto" and not native):
        log.info("precision: float32")
        return None
    if native:
        log.info("precision: bfloat16")
    else:
        log.warning("precision: bfloat16 as set, but this %s emulates it slowly", device.type)
    return torch.bfloat16


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


@contextmanager
def numeric_environment(device: torch.device, *, deterministic: bool = True) -> Iterator[None]:
    """Flags under which the same seed gives the same bytes; restored afterwards.

    Subnormal numbers are flushed to zero (they slow Adam many times over), float32 products stay
    float32, cuDNN does not choose its algorithms by timing. ``deterministic`` also refuses
    operations that have no deterministic implementation.
    """
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    cudnn, deterministic_flags = torch.backends.cudnn, torch.utils.deterministic
    algorithms = torch.are_deterministic_algorithms_enabled()
    fill = deterministic_flags.fill_uninitialized_memory  # type: ignore[attr-defined]
    benchmark, allow_tf32 = cudnn.benchmark, cudnn.allow_tf32
    precision = torch.get_float32_matmul_precision()
    torch.use_deterministic_algorithms(deterministic)
    deterministic_flags.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    cudnn.benchmark = cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    # The threads that torch starts later inherit this from the one that calls it.
    torch.set_flush_denormal(True)
    generators = [torch.cuda.current_device()] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=generators):
            yield
    finally:
        torch.set_flush_denormal(False)
        torch.use_deterministic_algorithms(algorithms)
        deterministic_flags.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
        cudnn.benchmark, cudnn.allow_tf32 = benchmark, allow_tf32
        torch.set_float32_matmul_precision(precision)


def memory_format(name: str) -> torch.memory_format:
    """``contiguous`` or ``channels_last`` as torch's constant."""
    return torch.channels_last if name == "channels_last" else torch.contiguous_format
