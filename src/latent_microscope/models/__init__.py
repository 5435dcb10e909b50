"""Networks: the variational autoencoders, PhilNet and ImageNet networks (loaded on first use)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latent_microscope.models.cifarvae import CifarVAE
    from latent_microscope.models.classifiers import build_classifier
    from latent_microscope.models.efficientnet import EfficientNetLite
    from latent_microscope.models.eyevae import ConvEyeVAE, EyeVAE
    from latent_microscope.models.philnet import PhilNet
    from latent_microscope.models.resnet import ResNet50
    from latent_microscope.models.vaes import build_vae

__all__ = [
    "CifarVAE",
    "ConvEyeVAE",
    "EfficientNetLite",
    "EyeVAE",
    "PhilNet",
    "ResNet50",
    "build_classifier",
    "build_vae",
]

_EXPORTS = {
    "CifarVAE": "cifarvae",
    "ConvEyeVAE": "eyevae",
    "EfficientNetLite": "efficientnet",
    "EyeVAE": "eyevae",
    "PhilNet": "philnet",
    "ResNet50": "resnet",
    "build_classifier": "classifiers",
    "build_vae": "vaes",
}


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)
    globals()[name] = value
    return value
