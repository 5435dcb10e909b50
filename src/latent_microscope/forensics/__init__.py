"""Latent-space forensics: the heuristics of the preprint, checked, vectorised and seeded.

Source: "Microscopic analysis of the latent space: heuristics for interpretability, authenticity,
and bias detection in VAE representations" (DOI 10.5281/zenodo.16827724). ``script`` names the
variant of its synthetic experiment, ``notebook`` that of its CelebA notebook. Public functions are
imported on first use, so that a step loads scikit-learn only if it needs it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latent_microscope.forensics.authentic import authentic_cores, authentic_signatures
    from latent_microscope.forensics.bias import attribute_bias_index, stereotypical_bias_score
    from latent_microscope.forensics.density import attractor_density, knn_density
    from latent_microscope.forensics.detection import detect_authentic
    from latent_microscope.forensics.heuristics import overlaps
    from latent_microscope.forensics.rankings import creative_latent_score
    from latent_microscope.forensics.sample_scores import (
        isolated_cores,
        originality,
        stability,
        uniqueness,
    )
    from latent_microscope.forensics.sources import independent_sources

_MODULES = {
    "authentic": ("authentic_cores", "authentic_signatures"),
    "bias": ("attribute_bias_index", "stereotypical_bias_score"),
    "density": ("attractor_density", "knn_density"),
    "detection": ("detect_authentic",),
    "heuristics": ("overlaps",),
    "rankings": ("creative_latent_score",),
    "sample_scores": ("isolated_cores", "originality", "stability", "uniqueness"),
    "sources": ("independent_sources",),
}
_EXPORTS = {name: module for module, names in _MODULES.items() for name in names}

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
    return getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
