"""Features and logits of a network's outputs, whatever it returns and however its maps lie."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any

import torch
from torch import Tensor, nn

from latent_microscope.errors import InputError

Outputs = Callable[[Tensor], Mapping[str, Tensor]]
"""What a network makes of images: ``features`` (n, f), and ``logits`` (n, classes) of some."""

_FIRST = (
    nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d, nn.GroupNorm, nn.InstanceNorm2d,
    nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d,
)  # fmt: skip


def channels_last(
    x: Tensor, module: nn.Module | None, given: Tensor, *, nhwc: bool = False
) -> bool:
    """Whether maps (n, …) that a module returned are (n, h, w, channels), not (n, channels, h, w).

    Where the network was ``given`` squares two equal sides tell; else the kinds of module, ``nhwc``
    at last.
    """
    _, a, b, c = x.shape
    square = given.dim() < 4 or given.shape[2] == given.shape[3]
    if square and (a == b) != (b == c):
        return a == b
    kinds = {
        last for m in (module.modules() if module else ()) if (last := _last_axis(m)) is not None
    }
    return kinds.pop() if len(kinds) == 1 else nhwc


def _last_axis(module: nn.Module) -> bool | None:
    """Whether a module has channels on its last axis; None: it may have them on any."""
    if isinstance(module, _FIRST):
        return False
    if isinstance(module, nn.LayerNorm):  # LayerNorm2d of timm and torchvision, ConvNext's
        turned = "2d" in type(module).__name__
        return not turned and getattr(module, "data_format", "") != "channels_first"
    return True if isinstance(module, nn.Linear) else None


def classifying(module: nn.Module, head: nn.Module | None) -> Outputs:
    """Features: the input of the last layer of weights, maps averaged; logits: the output."""
    if head is None:
        return lambda x: {"features": flat(module(x), None, x)}

    def outputs(x: Tensor) -> dict[str, Tensor]:
        caught: list[Tensor] = []
        handle = head.register_forward_pre_hook(lambda _, given: caught.append(given[0].clone()))
        try:
            logits = module(x)
        finally:
            handle.remove()
        features = flat(caught[-1], head, x) if caught else flat(logits, None, x)
        return {"features": features, "logits": flat(logits, None, x)}

    return outputs


def flat(output: Any, module: nn.Module | None, given: Tensor) -> Tensor:
    """The tensor of an output as (n, f): maps and tokens averaged.

    ``module`` tells the layout of maps, ``given`` is the network's input.
    """
    output = output[0] if isinstance(output, tuple | list) else output
    output = next(iter(output.values())) if isinstance(output, Mapping) else output
    x: Tensor = output
    if x.dim() == 4:
        x = x.mean((1, 2) if channels_last(x, module, given) else (2, 3))
    return x.mean(1) if x.dim() == 3 else x.reshape(len(x), -1)


def tensors(output: Any, key: str = "") -> Iterator[tuple[str, Tensor]]:
    """The floating-point tensors of what a module returns: ``0``, ``key``, ``1.key`` …."""
    if isinstance(output, Tensor):
        if output.dim() and output.is_floating_point():
            yield key, output
        return
    parts: Any = ()
    if isinstance(output, Mapping):
        parts = output.items()
    elif isinstance(output, tuple | list):
        parts = enumerate(output)
    elif is_dataclass(output):
        parts = vars(output).items()
    for name, part in parts:
        yield from tensors(part, f"{key}.{name}" if key else str(name))


def own_outputs(module: nn.Module) -> Outputs:
    """``features`` and ``logits`` as a user's module names them, else those of its classifier.

    The first pass finds that: the last layer of weights whose output is returned, also after a
    softmax or sigmoid. A module without one returns its features.
    """
    layers = [m for m in module.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    chosen: list[tuple[str, nn.Module | None, bool]] = []

    def outputs(x: Tensor) -> dict[str, Tensor]:
        seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}

        def keep(layer: nn.Module, given: Any, output: Tensor) -> None:
            seen.pop(layer, None)  # of several calls the last
            if given:
                seen[layer] = (
                    flat(given[0], layer, x).clone(),
                    flat(output, layer, x).clone(),
                )

        hooked = [head for _, head, _ in chosen if head] if chosen else layers
        handles = [layer.register_forward_hook(keep) for layer in hooked]
        try:
            # a copy, which it may change in place, as x.view(n, -1) needs it
            returned = module(x.clone(memory_format=torch.contiguous_format))
        finally:
            for handle in handles:
                handle.remove()
        parts = dict(tensors(returned))
        if not parts:
            raise InputError(
                f"the network {type(module).__name__} returned {type(returned).__name__} without a "
                "tensor of floating-point numbers; return features, or logits"
            )
        if not chosen:
            chosen.append(_classifier(parts, seen, x))
        key, head, soft = chosen[0]
        found = {"features": flat(parts.get("features", parts[key]), None, x)}
        if head is not None and "features" not in parts:
            found["features"] = seen[head][0]
        if head is not None or key == "logits":
            found["logits"] = seen[head][1] if head and soft else flat(parts[key], head, x)
        return found

    return outputs


def _classifier(
    parts: Mapping[str, Tensor], seen: Mapping[nn.Module, tuple[Tensor, Tensor]], x: Tensor
) -> tuple[str, nn.Module | None, bool]:
    """The part that is logits or features, its classifier, and whether a softmax followed."""
    keys = ["logits"] if "logits" in parts else list(parts)
    for key in keys:
        for layer in reversed([*seen]):
            part, made = flat(parts[key], layer, x), seen[layer][1]
            if part.shape != made.shape:
                continue
            shares = made.softmax(1)
            for then in (made, shares, made.log_softmax(1), made.sigmoid()):
                if torch.allclose(part, then, rtol=1e-4, atol=1e-5 * float(then.abs().max())):
                    return key, layer, then is shares
    return keys[0], None, False


def last_layer(module: nn.Module) -> nn.Module | None:
    """The last layer that can be a classifier."""
    found = [m for m in module.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    return found[-1] if found else None
