"""Latent-space forensics: the heuristics of the preprint, checked, vectorised and seeded.

Source: "Microscopic analysis of the latent space: heuristics for interpretability, authenticity,
and bias detection in VAE representations" (DOI 10.5281/zenodo.16827724). ``script`` names the
variant of its synthetic experiment, ``notebook`` that of its CelebA notebook. The public
functions are imported on first use, so a step pays only for what it calls.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latent_microscope.forensics.authentic import authentic_cores, authentic_signatures
    from latent_microscope.forensics.bias import attribute_bias_index, stereotypical_bias_score
    from latent_microscope.forensics.cls import creative_latent_score
    from latent_microscope.forensics.density import attractor_density, knn_density
    from latent_microscope.forensics.detection import detect_authentic
    from latent_microscope.forensics.originality import originality
    from latent_microscope.forensics.overlaps import overlaps
    from latent_microscope.forensics.sources import independent_sources
    from latent_microscope.forensics.stability import stability
    from latent_microscope.forensics.uniqueness import isolated_cores, uniqueness

_EXPORTS = {
    "attractor_density": "density",
    "attribute_bias_index": "bias",
    "authentic_cores": "authentic",
    "authentic_signatures": "authentic",
    "creative_latent_score": "cls",
    "detect_authentic": "detection",
    "independent_sources": "sources",
    "isolated_cores": "uniqueness",
    "knn_density": "density",
    "originality": "originality",
    "overlaps": "overlaps",
    "stability": "stability",
    "stereotypical_bias_score": "bias",
    "uniqueness": "uniqueness",
}

__all__ = [
    "attractor_density",
    "attribute_bias_index",
    "authentic_cores",
    "authentic_signatures",
    "creative_latent_score",
    "detect_authentic",
    "independent_sources",
    "isolated_cores",
    "knn_density",
    "originality",
    "overlaps",
    "stability",
    "stereotypical_bias_score",
    "uniqueness",
]


def __getattr__(name: str) -> Any:
    """Import a public function on first use (PEP 562)."""
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})


class _Package(ModuleType):
    """The package, on which a public function wins over the submodule of the same name.

    Importing ``forensics.uniqueness`` would otherwise put the module where the function belongs.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _EXPORTS and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
