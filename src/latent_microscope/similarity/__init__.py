"""Representational similarity: RDMs, their comparison, ceilings and resampling.

Names are loaded on first use, so that ``from latent_microscope.similarity import rdm`` does not
import the rest. An RDM is the condensed upper triangle of a symmetric matrix of dissimilarities,
row-major as scipy's ``pdist``. (No submodule is called ``rdm`` or ``compare``: it would hide the
function as soon as it is imported.)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latent_microscope.similarity.bootstrap import bootstrap_compare
    from latent_microscope.similarity.ceiling import noise_ceiling
    from latent_microscope.similarity.comparison import compare, linear_cka, partial_compare
    from latent_microscope.similarity.equivalents import annotator_equivalents
    from latent_microscope.similarity.rdms import RDM, rdm

__all__ = [
    "RDM",
    "annotator_equivalents",
    "bootstrap_compare",
    "compare",
    "linear_cka",
    "noise_ceiling",
    "partial_compare",
    "rdm",
]

_EXPORTS = {
    "RDM": "rdms",
    "annotator_equivalents": "equivalents",
    "bootstrap_compare": "bootstrap",
    "compare": "comparison",
    "linear_cka": "comparison",
    "noise_ceiling": "ceiling",
    "partial_compare": "comparison",
    "rdm": "rdms",
}


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)
