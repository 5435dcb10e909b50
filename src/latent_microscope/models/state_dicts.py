"""State dicts as users have them: plain, in a checkpoint, with a prefix, as safetensors."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from latent_microscope.errors import InputError
from latent_microscope.models.philnet import PhilNet
from latent_microscope.models.vaes import VAE
from latent_microscope.models.weights import load_checked, load_weights


def load_state(module: nn.Module, path: Path) -> None:
    """Load a state dict: ``.pt``, ``.pth`` or ``.ckpt`` (weights only), or ``.safetensors``.

    It may be the only one of a checkpoint, and have one prefix (``module.``) before the names.
    """
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        try:
            state = load_file(path)
        except Exception as error:  # the package's are of several kinds
            raise InputError(f"{path}: not readable safetensors ({error})") from error
    else:
        state = _state_dict(path)
    auxiliary = ("aux1.", "aux2.", "AuxLogits.")
    if hasattr(module, "aux_logits"):
        state = {n: t for n, t in state.items() if not n.startswith(auxiliary)}
    expected = module.state_dict()
    state = _without_prefix(state, [*expected], path)
    for name, tensor in expected.items() if not isinstance(module, PhilNet | VAE) else ():
        if name in state and state[name].shape != tensor.shape:
            raise InputError(
                f"{path}: the tensor {name!r} has the shape {tuple(state[name].shape)}, this "
                f"network {tuple(tensor.shape)}; give weights of this network (with other classes "
                "or widths it is a model of type module)"
            )
    load_checked(module, state, path)


def _state_dict(path: Path) -> dict[str, Tensor]:
    """A state dict, also the only one in a checkpoint of a training."""
    try:
        return load_weights(path)
    except InputError as error:
        inside: dict[str, Any] = {}
        with suppress(Exception):
            whole = torch.load(path, map_location="cpu", weights_only=True)
            inside = {
                str(key): dict(part)
                for key, part in whole.items()
                if isinstance(part, Mapping) and part
                and all(isinstance(one, Tensor) for one in part.values())
            }  # fmt: skip
        if len(inside) == 1:
            return next(iter(inside.values()))
        several = f"; it has {len(inside)}: {', '.join(inside)}" if inside else ""
        raise InputError(
            f"{error}{several}; write one by torch.save(network.state_dict(), FILE)"
        ) from error


def _without_prefix(
    state: dict[str, Tensor], names: Sequence[str], path: Path
) -> dict[str, Tensor]:
    """What has exactly these names after one prefix, such as that of a parallel or an EMA model."""
    needed = {name for name in names if not name.endswith("num_batches_tracked")}
    if not needed or not needed.isdisjoint(state):
        return state
    last = max(needed, key=len)
    fits = {}
    for prefix in {name.removesuffix(last) for name in state if name.endswith(f".{last}")}:
        part = {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
        if needed <= {*part} <= {*names}:
            fits[prefix] = part
    if len(fits) > 1:
        raise InputError(
            f"{path}: has the network several times: {', '.join(sorted(fits))}; save one alone, "
            "without this prefix"
        )
    return next(iter(fits.values()), state)
