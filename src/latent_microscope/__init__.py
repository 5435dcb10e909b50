"""Latent Microscope: forensics of latent spaces, and their alignment with human judgements.

The package holds all logic; the scripts beside it are thin steps of the workflow. The public
functions of ``forensics`` and ``similarity`` are offered here too, and imported on first use, so
that a step pays only for (and re-runs only on edits of) the modules it uses.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latent_microscope.forensics import *  # noqa: F403
    from latent_microscope.similarity import *  # noqa: F403

__version__ = "0.1.0"
_EXPORTS = {
    "forensics": (
        *("attractor_density", "attribute_bias_index", "authentic_cores", "authentic_signatures"),
        *("creative_latent_score", "detect_authentic", "independent_sources", "isolated_cores"),
        *("knn_density", "originality", "overlaps", "stability", "stereotypical_bias_score"),
        "uniqueness",
    ),
    "similarity": (
        *("RDM", "annotator_equivalents", "bootstrap_compare", "compare", "linear_cka"),
        *("noise_ceiling", "partial_compare", "rdm"),
    ),
}
__all__ = [name for names in _EXPORTS.values() for name in names]


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    package = next((package for package, names in _EXPORTS.items() if name in names), None)
    if package is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{package}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
