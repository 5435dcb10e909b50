"""Network weights: initialised from a seed; ``.pt`` state dicts, read safely and checked."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_bytes

Module = TypeVar("Module", bound=nn.Module)


@contextmanager
def seeded_init(seed: int) -> Iterator[None]:
    """Build layers from ``seed`` alone; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def save_weights(path: Path, state: Mapping[str, Tensor]) -> None:
    """Write a state dict, on the CPU: the same bytes every time."""
    buffer = io.BytesIO()  # torch writes a file's name into it, and all that a view looks into
    whole = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    torch.save(whole, buffer)
    save_bytes(path, buffer)


def load_weights(path: Path) -> dict[str, Tensor]:
    """A state dict, read with ``weights_only=True``; :class:`InputError` if it is anything else."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except Exception as error:  # torch raises many kinds for a broken file
        raise InputError(
            f"{path}: not a readable state dict ({type(error).__name__}: "
            f"{str(error).partition('. ')[0].partition(chr(10))[0][:200]})"
        ) from error
    if not isinstance(state, Mapping) or not all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()
    ):
        raise InputError(f"{path}: must hold a state dict (tensors by name)")
    return dict(state)


def load_checked(model: Module, state: Mapping[str, Tensor], path: Path | str) -> Module:
    """Load a state dict into ``model`` and return it; its names and shapes must be the model's."""
    expected, kind = model.state_dict(), type(model).__name__
    # Weights of old torch versions lack the batch counters, which evaluation does not use.
    state = {n: t for n, t in expected.items() if n.endswith("num_batches_tracked")} | dict(state)
    for name, tensor in expected.items():
        if name not in state:
            raise InputError(
                f"{path}: the tensor {name!r} of {kind} is missing; give weights of this "
                "architecture"
            )
        shape = state[name].shape
        if shape != tensor.shape:
            raise InputError(
                f"{path}: the tensor {name!r} has the shape {tuple(shape)}, {kind} needs "
                f"{tuple(tensor.shape)}; check the latent size and the widths in the config"
            )
        if state[name].is_floating_point() and not bool(torch.isfinite(state[name]).all()):
            raise InputError(f"{path}: the tensor {name!r} contains NaN or infinity; get it again")
    for name in state:
        if name not in expected:
            raise InputError(
                f"{path}: the tensor {name!r} does not belong to {kind}; give weights of this "
                "architecture"
            )
    model.load_state_dict(state)
    return model
