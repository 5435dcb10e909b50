"""The public face of the package: lazy, complete, and not shadowed by its submodules."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import latent_microscope.forensics as forensics

SOURCE = Path(__file__).resolve().parents[2] / "src"

SIGNATURES = {
    "independent_sources": {
        "n_components": None,
        "n_restarts": 10,
        "seed": 0,
        "method": "intended",
    },
    "uniqueness": {"variant": "script"},
    "isolated_cores": {"similarity": 0.60, "max_neighbors": 7},
    "knn_density": {"k": 10},
    "attractor_density": {"radius": 0.01},
    "originality": {"variant": "script", "k": 10, "radius": 0.01, "n_attractors": 5},
    "stability": {"noise": 0.05, "n_draws": 10, "seed": 0},
    "authentic_cores": {"uniqueness_percentile": 90, "stability_percentile": 45},
    "authentic_signatures": {"low": 0.01, "high": 0.1, "top": 15},
    "detect_authentic": {},
    "overlaps": {"threshold": 0.99, "max_pairs": 100_000},
    "creative_latent_score": {"alpha": 0.5},
    "stereotypical_bias_score": {},
    "attribute_bias_index": {"definition": "odds"},
}


def test_all_public_functions_are_exported():
    assert set(forensics.__all__) == set(SIGNATURES)
    assert set(SIGNATURES) <= set(dir(forensics))


@pytest.mark.parametrize("name", SIGNATURES)
def test_positional_options_and_defaults(name):
    parameters = inspect.signature(getattr(forensics, name)).parameters.values()
    options = {
        p.name: p.default
        for p in parameters
        if p.default is not p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    }
    assert options == SIGNATURES[name]


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="kurtosis"):
        _ = forensics.kurtosis  # type: ignore[attr-defined]


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, latent_microscope.forensics as f; "
        "heavy = {'numpy', 'scipy', 'sklearn', 'torch', 'umap', 'hdbscan'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules); "
        "f.stability; assert 'torch' not in sys.modules and 'umap' not in sys.modules; "
        "import latent_microscope.forensics.clusters; assert 'umap' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SOURCE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
