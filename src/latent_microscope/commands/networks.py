"""Networks that a command extracts features with: by type and name, or the weights of a run."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latent_microscope.errors import InputError
from latent_microscope.provenance.sidecars import read_sidecar, sidecar_path

if TYPE_CHECKING:  # seconds that the command pixels need not spend
    from latent_microscope.models.libraries import Network

LITE = tuple(f"efficientnet_lite{number}" for number in range(3))
LIBRARIES = ("torchvision", "timm", "open_clip", "transformers", "module")
KNOWN = f"pixels, {', '.join(LITE)}, {':NAME, '.join(LIBRARIES)}:NAME"
_PIXELS = 64  # of a side, as in the workflow
_PHILNET = 32
_VAES = {"convolutional": 64, "cifar": 32}
_STEPS = {"train_vae": "vae", "import_weights": "vae", "train_philnet": "philnet"}


@dataclass(frozen=True)
class Choice:
    """A network as the command line names it, and the images that it takes."""

    name: str  # in the name of the output
    settings: dict[str, Any]  # of models.libraries
    side: int | None = None  # pixels; None: those of its preprocessing
    weights: Path | None = None  # state dict
    pretrained: bool = False  # the library's own weights


def find_network(model: str, weights: str | None) -> Choice:
    """The network of ``--model``: ``TYPE:NAME``, or a weights file of a run."""
    path, (kind, _, name) = Path(model), model.partition(":")
    library = kind in LIBRARIES and bool(name)
    if not library and model not in ("pixels", *LITE) and path.suffix not in (".pt", ".pth"):
        raise InputError(
            f"--model {model}: unknown; choose {KNOWN}, or give the weights.pt of a trained VAE or "
            "PhilNet"
        )
    if weights is not None and not library and model not in LITE:
        raise InputError(f"--weights {weights}: --model {model} takes no other weights")
    if model == "pixels":
        return Choice(model, {"kind": "pixels"}, _PIXELS)
    of_run = not library and model not in LITE
    modules = ("torch",) if of_run else ("torch", "torchvision")
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        extra = "train" if of_run else "models"
        raise InputError(
            f"--model {model}: {' and '.join(missing)} not installed; "
            f'pip install "latent-microscope[{extra}]"'
        )
    if of_run:
        return _of_run(path)
    if library and weights is None:
        raise InputError(
            f"--model {model}: give --weights random, pretrained (the library's own, which it may "
            "download), or a FILE"
        )
    given = None if weights in (None, "random", "pretrained") else Path(str(weights))
    if given and not given.is_file():
        raise InputError(f"--weights {weights}: no such file; give random, pretrained or a file")
    pretrained = weights == "pretrained" or (weights is None and not library)
    if library:
        short = "-".join(part for part in name.replace(":", "/").split("/") if part)
        settings: dict[str, Any] = {"kind": kind, "name": name}
        return Choice(f"{kind}-{short}", settings, None, given, pretrained)
    settings = {"kind": "efficientnet_lite", "number": int(model[-1])}
    return Choice(model, settings, None, given, pretrained)


def _of_run(path: Path) -> Choice:
    """A network that the workflow has trained; the sidecar of its weights describes it."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if not sidecar_path(path).is_file():
        raise InputError(
            f"{path}: {sidecar_path(path).name}, which describes the network, is missing in the "
            "same folder; give the weights.pt in the results of a run"
        )
    made = read_sidecar(path)
    params = made.get("params") if isinstance(made, dict) else None
    settings = params.get("settings") if isinstance(params, dict) else None
    if not isinstance(settings, dict):
        raise InputError(f"{sidecar_path(path)}: does not describe the network of the weights")
    kind, arch = _STEPS.get(str(made.get("step"))), settings.get("arch")
    if kind is None or (kind == "vae" and arch not in _VAES):
        raise InputError(
            f"{path}: weights of the step {made.get('step')}{f', arch {arch}' if arch else ''}; "
            "give those of a PhilNet, or of a VAE with arch convolutional or cifar"
        )
    side = _VAES[str(arch)] if kind == "vae" else _PHILNET
    return Choice(kind, {**settings, "kind": kind}, side, path)


def open_network(choice: Choice, side: int | None) -> "Network":
    """The network with its weights, for images of ``side`` pixels if it has no size of its own."""
    from latent_microscope.models.libraries import build_network
    from latent_microscope.models.state_dicts import load_state

    side = side or choice.side
    settings = {**choice.settings, **({"image_shape": (side, side, 3)} if side else {})}
    network = build_network(settings, pretrained=choice.pretrained)
    if choice.weights is not None:
        load_state(network.module, choice.weights)
    return network


def own_side(network: "Network", choice: Choice, largest: int) -> int:
    """Pixels of the stored images: small ones are not enlarged twice, nor large ones cut."""
    transform = network.transform
    return choice.side or min(largest, transform.size or transform.crop or largest)


def list_layers(model: str, size: int | None = None) -> str:
    """Names of a network's layers and the shape of each for one image, in order of the calls."""
    from latent_microscope.models.layers import layer_shapes

    fixed = model in ("pixels", *LITE) or Path(model).suffix in (".pt", ".pth")
    choice = find_network(model, None if fixed else "random")
    network = open_network(choice, size)
    network.module.eval()
    side = size or own_side(network, choice, network.transform.side(_PIXELS))
    images = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    shapes = layer_shapes(network, network.transform.input(network.transform.pixels(images)))
    width = max(map(len, shapes))
    rows = (f"{name:{width}}  {'x'.join(map(str, s[1:]))}{_odd(s)}" for name, s in shapes.items())
    return "\n".join(rows)


def _odd(shape: tuple[int, ...]) -> str:
    return "" if shape[0] == 2 else f"  (first axis {shape[0]}: not the batch)"
