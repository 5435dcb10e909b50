"""PyTorch's ``.pt`` (tensors only, nothing is run) and ``.safetensors``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from latent_microscope.errors import InputError
from latent_microscope.files.contents import Contents, Entry, entry_of, spans, unusable

_MOST_NAMES = 10_000


def open_file(path: Path) -> Contents:
    """Tensors by name; of nested dictionaries by ``outer.inner``; lists of texts."""
    if path.suffix.lower() == ".safetensors":
        return _safetensors(path)
    try:
        import torch
    except ModuleNotFoundError:
        raise InputError(
            f"{path}: needs PyTorch; install it, or save the arrays by numpy"
        ) from None
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of many kinds in a damaged file
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InputError(
            f"{path}: not a file of tensors ({reason}); save tensors, or a dictionary of them"
        ) from error
    entries: dict[str, Entry] = {}
    _add(entries, "", found, path)
    if not entries:
        raise InputError(f"{path}: contains no tensor")
    return Contents(path, entries)


def _add(entries: dict[str, Entry], name: str, value: Any, path: Path) -> None:
    import torch

    if len(entries) > _MOST_NAMES:
        raise InputError(f"{path}: contains more than {_MOST_NAMES} tensors: refused")
    if isinstance(value, dict):
        for key, inner in value.items():
            _add(entries, f"{name}.{key}" if name else str(key), inner, path)
    elif isinstance(value, torch.Tensor):
        entries[name] = _tensor(name, value, path)
    elif isinstance(value, (list, tuple)) and value:
        if all(isinstance(one, str) for one in value):
            entries[name] = entry_of(name, np.array(value, dtype=str), path)
        elif all(isinstance(one, (int, float)) for one in value):
            entries[name] = entry_of(name, np.array(value), path)
        elif all(isinstance(one, torch.Tensor) for one in value):
            shapes = {tuple(one.shape) for one in value}
            if len(shapes) == 1:
                entries[name] = _tensor(name, torch.stack(list(value)), path)
            else:
                entries[name] = unusable(
                    name, (len(value),), f"{path}: {name!r} has tensors of several shapes"
                )


def _tensor(name: str, tensor: Any, path: Path) -> Entry:
    import torch

    if tensor.is_sparse or tensor.layout != torch.strided or tensor.is_quantized:
        return unusable(name, tuple(tensor.shape), f"{path}: {name!r} is no dense tensor")
    tensor = tensor.detach()
    if tensor.dtype not in _plain_types():
        if tensor.is_complex():
            return unusable(name, tuple(tensor.shape), f"{path}: {name!r} has complex numbers")
        tensor = tensor.float()  # bfloat16 and smaller ones
    return entry_of(name, tensor.numpy(), path)


def _plain_types() -> set[Any]:
    import torch

    return {
        *(torch.float16, torch.float32, torch.float64, torch.uint8, torch.int8, torch.int16),
        *(torch.int32, torch.int64, torch.bool),
    }


def _safetensors(path: Path) -> Contents:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            kinds = {n: (tuple(one.get_shape()), one.get_dtype()) for n, one in slices.items()}
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: not a whole .safetensors file ({error})") from error
    if not kinds:
        raise InputError(f"{path}: contains no tensor")
    return Contents(path, {n: _slice(n, *kind, path) for n, kind in kinds.items()})


_TYPES = {"F16": "f2", "F32": "f4", "F64": "f8", "BF16": "f4", "BOOL": "?"} | {
    f"{sign}{bits}": f"{sign.lower()}{bits // 8}" for sign in "IU" for bits in (8, 16, 32, 64)
}


def _slice(name: str, shape: tuple[int, ...], kind: str, path: Path) -> Entry:
    if kind not in _TYPES or not shape:
        return unusable(name, shape, f"{path}: {name!r} has numbers of the type {kind}")

    def blocks() -> Iterator[np.ndarray]:
        from safetensors import safe_open

        framework = "torch" if kind == "BF16" else "numpy"
        with safe_open(path, framework=framework) as file:
            part = file.get_slice(name)
            for start, stop in spans(shape, np.dtype(_TYPES[kind]).itemsize):
                block = part[start:stop]
                yield block.float().numpy() if kind == "BF16" else block

    return Entry(name, shape, np.dtype(_TYPES[kind]), blocks)
