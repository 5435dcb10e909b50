"""Where and how exactly torch computes: device, precision, determinism."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from latent_microscope.errors import InputError
from latent_microscope.messages import log
from latent_microscope.step import gpu_granted


def pick_device(setting: str = "auto") -> torch.device:
    """The device to compute on: ``cpu``, ``cuda``, or ``auto``: a GPU if the job was given one."""
    if setting not in ("auto", "cpu", "cuda"):
        raise InputError(f"device: {setting!r} is unknown; use auto, cpu or cuda")
    if setting == "cpu":
        reason = "as set"
    elif not gpu_granted():
        reason = "the job asked for no GPU"
    elif not torch.cuda.is_available():
        reason = "no GPU here"
    else:
        log.info("device: cuda (%s)", torch.cuda.get_device_name())
        return torch.device("cuda")
    if setting == "cuda":
        raise InputError(f"device: cuda cannot be used ({reason}); set it to auto or cpu")
    log.info("device: cpu (%s), %d threads", reason, torch.get_num_threads())
    return torch.device("cpu")


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
