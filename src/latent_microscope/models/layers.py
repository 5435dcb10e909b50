"""Layers of networks by the names of ``named_modules()``: what they return, reduced to vectors."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from latent_microscope.data.images import INPUT
from latent_microscope.errors import InputError
from latent_microscope.models.libraries import Network
from latent_microscope.models.outputs import channels_last, tensors

ENDS = ("features", "logits", "probabilities")
"""Names of what the whole network returns; they are no modules."""
REDUCTIONS = ("flatten", "mean", "cls", "max")
_ALIKE = 1e-3  # of a layer's largest value: batches of another order change the last digits


class _EnoughError(Exception):
    """All wanted layers have been reached."""


@dataclass(frozen=True)
class Reduction:
    """How maps (n, channels, h, w) and tokens (n, t, d) become vectors.

    ``how``: :data:`REDUCTIONS` (mean and max over positions; cls: the first token), or ``grid``:
    maps averaged over ``grid`` × ``grid`` fields, so that position counts, and tokens over all.
    """

    how: str = "mean"
    grid: int = 1
    nhwc: bool = False  # whether maps of which nothing tells are (n, h, w, channels)

    def __call__(self, x: Tensor, layer: str, module: torch.nn.Module, given: Tensor) -> Tensor:
        """Vectors (n, f), float32, that share no memory with ``x``.

        ``module`` returned ``x`` in a network that was ``given`` images.
        """
        if x.dim() < 3 or self.how == "flatten":
            return x.reshape(len(x), -1).float().clone()
        if x.dim() > 4:
            raise InputError(f"layer {layer}: of the shape {tuple(x.shape)}; reduce it by flatten")
        if x.dim() == 3:
            if self.how == "cls":
                return x[:, 0].float().clone()
            return (x.amax(1) if self.how == "max" else x.mean(1)).float()
        if self.how == "cls":
            raise InputError(f"layer {layer}: a map of positions has no cls token; use mean or max")
        if channels_last(x, module, given, nhwc=self.nhwc):
            x = x.permute(0, 3, 1, 2)
        if self.how == "max":
            return x.amax((2, 3)).float()
        if self.how == "mean" or self.grid == 1:
            return x.mean((2, 3)).float()
        pooled = adaptive_avg_pool2d(x, self.grid) if max(x.shape[-2:]) > self.grid else x
        return pooled.flatten(1).float().clone()


@contextmanager
def _hooked(
    network: Network,
    take: Callable[[str, Tensor, torch.nn.Module], None],
    wanted: Sequence[str] | None = None,
) -> Iterator[None]:
    """Call ``take`` with name, tensor and module for all that modules return, before it is changed.

    With ``wanted`` only modules are hooked that may return a layer of these names.
    The second call of a module is ``name_1``, and so on, as torchvision names them; the parts of a
    tuple or a mapping are ``name.0`` or ``name.key``, and the first of them ``name`` as well.
    """
    calls: dict[str, int] = {}
    modules = {
        name: module
        for name, module in network.module.named_modules()
        if not isinstance(module, torch.jit.ScriptModule)  # these take no hooks
    }

    def hook(name: str) -> Callable[[Any, Any, Any], None]:
        def after(module: Any, given: Any, output: Any) -> None:
            count = calls.get(name, 0)
            calls[name] = count + 1
            called = f"{name}_{count}" if count and name else name
            if count and called in modules:  # the name of another
                return
            first = isinstance(output, Tensor) and name != ""
            for key, tensor in tensors(output):
                if not first and called:
                    take(called, tensor, module)
                first = True
                full = ".".join(part for part in (called, key) if part)
                if full:
                    take(full, tensor, module)

        return after

    handles = [
        module.register_forward_hook(hook(name))
        for name, module in modules.items()
        if wanted is None or not name or any(_may_be(name, layer) for layer in wanted)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _may_be(module: str, layer: str) -> bool:
    return layer == module or layer.startswith((f"{module}.", f"{module}_"))


@torch.inference_mode()
def layer_shapes(network: Network, x: Tensor) -> dict[str, tuple[int, ...]]:
    """Shape of what each module returns for the input ``x``, in the order of the calls."""
    found: dict[str, tuple[int, ...]] = {}
    try:
        with _hooked(
            network, lambda name, t, _: found.update({name: found.get(name, tuple(t.shape))})
        ):
            outputs = network.outputs(x)
    except InputError:
        raise
    except Exception as error:  # a network that does not take images of this size
        do = "set transform.size, or make the module's own transform of images"
        if network.transform.function:
            do = "change the module's own transform"
        raise InputError(
            f"the network fails on input of the shape {tuple(x.shape)}: {type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}; {do}"
        ) from error
    if "logits" in outputs:
        outputs = {**outputs, "probabilities": outputs["logits"]}
    return found | {name: tuple(outputs[name].shape) for name in ENDS if name in outputs}


def wanted_layers(
    names: Sequence[str], shapes: Mapping[str, tuple[int, ...]], count: int
) -> list[str]:
    """The layers that names and globs mean, in the order of the calls.

    In a glob ``*`` and ``?`` stay within a part of a name, ``**`` does not. It skips what has not
    the ``count`` images on its first axis; a name of such a layer is an error, like one that does
    not exist or a glob that finds nothing.
    """
    found: set[str] = set()
    for name in names:
        if name == INPUT:
            continue
        fit = [layer for layer in shapes if _matches(layer, name)]
        if not fit and name in ENDS:
            raise InputError(f"layer {name!r}: this network has no classes; leave it out")
        if not fit:
            close = get_close_matches(name, shapes, 3) or list(shapes)[-3:]
            raise InputError(
                f"layer {name!r} is unknown; such as {', '.join(close)} (latent-microscope extract "
                "--list prints all)"
            )
        batched = [layer for layer in fit if shapes[layer][0] == count]
        if not batched:
            raise _no_batch(fit[0], shapes[fit[0]], count)
        found |= {*batched}
    return [layer for layer in shapes if layer in found]


def _matches(layer: str, glob: str) -> bool:
    pieces = {"**": ".*", "*": r"[^.]*", "?": r"[^.]"}
    parts = re.split(r"(\*\*|\*|\?)", glob)
    return re.fullmatch("".join(pieces.get(p, re.escape(p)) for p in parts), layer) is not None


def default_layers(network: Network, shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    """Layers of a profile: those of the network's kind, else the items of its outermost lists.

    These are its blocks: ``layer1.0`` … of a ResNet, ``blocks.0`` … of a transformer. Then come
    features and logits.
    """
    if network.profile:
        return list(network.profile)
    lists = [
        name
        for name, module in network.module.named_modules()
        if isinstance(module, torch.nn.Sequential | torch.nn.ModuleList) and len(module) > 1
    ]
    outer = [n for n in lists if not any(n.startswith(f"{o}.") or o == "" for o in lists if o != n)]
    modules = dict(network.module.named_modules())
    items = [".".join((o, n)).strip(".") for o in outer for n, _ in modules[o].named_children()]
    blocks = [name for name in items if name in shapes]
    return [*blocks, *(name for name in ENDS[:2] if name in shapes)]


def activations(
    network: Network, x: Tensor, layers: Sequence[str], reduce: Reduction
) -> dict[str, Tensor]:
    """Vectors (n, f) of these layers for the input ``x``; it stops when all have been reached."""
    found: dict[str, Tensor] = {}
    modules = [layer for layer in layers if layer not in ENDS]
    early = len(modules) == len(layers)

    def take(name: str, tensor: Tensor, module: torch.nn.Module) -> None:
        if name in layers and name not in found:
            if len(tensor) != len(x):
                raise _no_batch(name, tensor.shape, len(x))
            found[name] = reduce(tensor, name, module, x)
            if early and len(found) == len(modules):
                raise _EnoughError

    outputs: Mapping[str, Tensor] = {}
    try:
        if modules:
            with _hooked(network, take, modules):
                outputs = network.outputs(x)
        else:
            outputs = network.outputs(x)
    except _EnoughError:
        pass
    for name in layers:
        if name in ENDS:
            key = "logits" if name == "probabilities" else name
            value = outputs[key].float()
            if len(value) != len(x):
                raise _no_batch(name, value.shape, len(x))
            found[name] = value.softmax(1) if name == "probabilities" else value
        elif name not in found:
            raise InputError(f"layer {name!r} is unknown; the network did not reach it")
    return {name: found[name] for name in layers}


def check_rows(network: Network, x: Tensor, layers: Sequence[str], reduce: Reduction) -> None:
    """Refuse a layer whose rows are not those of the images alone.

    Reversed images without the first have reversed rows.
    """
    ahead = activations(network, x, layers, reduce)
    others = x[1:] if len(x) > 2 else x
    back = activations(network, others.flip(0), layers, reduce)
    for name in layers:
        found = back[name].flip(0)
        if _differ(ahead[name][-len(found) :], found):
            if _differ(ahead[name], activations(network, x, [name], reduce)[name]):
                raise InputError(
                    f"layer {name!r}: its values differ from pass to pass; leave out what is random"
                    " in the network (dropout without training=self.training)"
                )
            raise InputError(
                f"layer {name!r}: its rows are not those of single images (the images in another "
                "order, one left out, have others), as after a batch norm without running "
                "statistics; choose another layer"
            )


def _differ(a: Tensor, b: Tensor) -> bool:
    return bool((a - b).abs().max() > _ALIKE * a.abs().max())


def _no_batch(layer: str, shape: Sequence[int], count: int) -> InputError:
    do = "choose another layer"
    if count == 1:
        do += ", or write squeeze() in the network as flatten(1)"
    return InputError(
        f"layer {layer!r}: its first axis is not the batch (its shape is {tuple(shape)} for "
        f"{count} images); {do}"
    )


class Projection:
    """Sparse random projection of vectors of ``width`` numbers to ``target`` (Li et al. 2006)."""

    def __init__(self, width: int, target: int, seed: int) -> None:
        from sklearn.random_projection import SparseRandomProjection

        made = SparseRandomProjection(n_components=target, random_state=seed)
        self.matrix = made.fit(np.zeros((1, width), dtype=np.float32)).components_.T.tocsr()
        self.matrix = self.matrix.astype(np.float32)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Rows (n, target), float32."""
        return np.asarray(rows @ self.matrix, dtype=np.float32)


def distortion(before: np.ndarray, after: np.ndarray) -> float:
    """95th percentile, over pairs of rows, of the relative change of their Euclidean distance."""
    from scipy.spatial.distance import pdist

    a, b = pdist(before.astype(np.float64)), pdist(after.astype(np.float64))
    ratio = b[a > 0] / a[a > 0]
    return float(np.quantile(np.abs(ratio - 1.0), 0.95)) if ratio.size else 0.0
