"""Defaults of the library: what a run of the workflow would take, 95 % intervals, seed 0."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from latent_microscope.config.sections import (
    Clusters,
    IdentityStudy,
    Inference,
    Lists,
    Quality,
    Scores,
    Sources,
)
from latent_microscope.custom import correlations
from latent_microscope.forensics import (
    bias,
    class_probes,
    cluster_stability,
    density,
    identity,
    near_duplicates,
    probes,
    rankings,
    reliability,
    restarts,
    sample_scores,
    sources,
)
from latent_microscope.neighbours import sampled
from latent_microscope.similarity import (
    behaviour,
    bootstrap,
    equivalents,
    kinds,
    layer_choice,
    measures,
    study,
)
from latent_microscope.statistics import summaries

CONFIGURED: list[tuple[Callable, dict[str, tuple[type[BaseModel], str]]]] = [
    (bootstrap.bootstrap_compare, {"n_draws": (Inference, "draws")}),
    (layer_choice.leaderboard, {"n_draws": (Inference, "draws")}),
    (
        cluster_stability.resampled_labels,
        {
            "min_samples": (Clusters, "min_samples"),
            "n_resamples": (Clusters, "resamples"),
            "share": (Clusters, "resample_share"),
        },
    ),
    (cluster_stability.hierarchy_labels, {"min_samples": (Clusters, "min_samples")}),
    (density.knn_density, {"k": (Scores, "k")}),
    (identity.identity_groups, {"images": (IdentityStudy, "identity_images")}),
    (
        near_duplicates.near_duplicates,
        {name: (Quality, name) for name in ("candidates", "near_matches", "difference")},
    ),
    (probes.cross_validated, {"strength": (Quality, "strength")}),
    (probes.probe_table, {"strength": (Quality, "strength")}),
    (rankings.creative_latent_score, {"alpha": (Scores, "alpha")}),
    (rankings.grey_region, {"count": (Lists, "grey")}),
    (rankings.generic_subset, {"percentile": (Lists, "generic_percentile")}),
    (restarts.run_restart_scores, {"reference_rows": (Quality, "reference_rows")}),
    (restarts.run_column_orders, {"orders": (Quality, "column_orders")}),
    (sample_scores.isolated_cores, {"max_neighbors": (Scores, "max_neighbors")}),
    (sample_scores.originality, {"k": (Scores, "k"), "n_attractors": (Scores, "attractors")}),
    (sample_scores.originality_of, {"n_attractors": (Scores, "attractors")}),
    (sample_scores.attractor_isolation, {"n_attractors": (Scores, "attractors")}),
    (sample_scores.stability, {"n_draws": (Scores, "stability_draws")}),
    (sources.fit_sources, {"n_restarts": (Sources, "restarts"), "max_rows": (Sources, "fit_rows")}),
    (
        sources.independent_sources,
        {"n_restarts": (Sources, "restarts"), "max_rows": (Sources, "fit_rows")},
    ),
]


def default(function: Callable, name: str) -> Any:
    return inspect.signature(function).parameters[name].default


@pytest.mark.parametrize(("function", "names"), CONFIGURED)
def test_they_are_those_of_the_config(function: Callable, names: dict) -> None:
    for name, (section, field) in names.items():
        assert default(function, name) == section.model_fields[field].default, name


def test_intervals_are_of_95_percent() -> None:
    for function in (
        summaries.percentile_interval,
        bootstrap.bootstrap_compare,
        kinds.kind_differences,
        layer_choice.leaderboard,
        reliability.repeatability,
        reliability.prediction_band,
    ):
        assert default(function, "level") == 0.95


def test_the_seed_is_0_and_logits_are_not_tempered() -> None:
    modules = (bias, cluster_stability, identity, restarts, sample_scores, sources, bootstrap)
    found = 0
    more = (equivalents, behaviour, correlations, class_probes, layer_choice, sampled)
    for module in (*modules, *more):
        for _, function in inspect.getmembers(module, inspect.isfunction):
            parameters = inspect.signature(function).parameters
            if function.__module__ == module.__name__ and function.__name__ != "factor_sources":
                for name, neutral in (("seed", 0), ("root_seed", 0), ("temperature", 1.0)):
                    if (
                        name in parameters
                        and parameters[name].default is not inspect.Parameter.empty
                    ):
                        assert parameters[name].default == neutral, function.__name__
                        found += 1
    assert found > 18


def test_slow_or_unusual_parts_are_asked_for() -> None:
    assert default(measures.measures, "tau") is False
    assert default(study.bootstrap_scores, "tau") is False
    assert default(measures.measures, "cka") is True
    assert default(bootstrap.bootstrap_compare, "unique") is False
    assert default(equivalents.annotator_equivalents, "smoothed") is False
    assert default(equivalents.annotator_equivalents, "larger_is_better") is True
