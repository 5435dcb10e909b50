"""Network weights as ``.pt`` state dicts: the same bytes every time, read without pickle."""

import io
from collections.abc import Mapping
from pathlib import Path

import torch

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_bytes


def save_weights(path: Path, state: Mapping[str, torch.Tensor]) -> None:
    """Write a state dict, on the CPU, through a buffer (torch writes a file's name into it)."""
    buffer = io.BytesIO()
    whole = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    torch.save(whole, buffer)  # clones: of a view torch would write all that it looks into
    save_bytes(path, buffer)


def load_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read a state dict with ``weights_only=True``.

    Raises:
        InputError: Missing, truncated, or holding anything but tensors by name.
    """
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
        isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in state.items()
    ):
        raise InputError(f"{path}: must hold a state dict (tensors by name)")
    return dict(state)
