"""Benchmarks of latent-space forensics: scores, UMAP, clusters, bias, and all of it at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.suites import Case, Result

DIMENSIONS, SOURCES, ATTRIBUTES = 200, 20, 40
_K, _RADIUS, _ATTRACTORS, _SIMILARITY, _OVERLAP = 10, 0.01, 5, 0.60, 0.99
_NOISE, _DRAWS = 0.05, 10
_ANY_N = 10**7
SIZES = (1000, 4000, 10_000)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Samples:
    """Input of the scores: Gaussian latents with some near duplicates, and heavy-tailed sources."""

    latents: Floats
    sources: Floats


def samples(n: int) -> Samples:
    """Latents like those of a VAE (nearly Gaussian); one in a hundred almost equals another."""
    rng = np.random.default_rng(n)
    latents = rng.normal(size=(n, DIMENSIONS))
    copies = rng.choice(n, size=(2, max(1, n // 200)), replace=False)
    latents[copies[0]] = latents[copies[1]] + 0.05 * rng.normal(size=(copies.shape[1], DIMENSIONS))
    return Samples(latents, rng.laplace(size=(n, SOURCES)))


def clustered(n: int) -> Floats:
    """Latents in 30 clusters of unequal size and width, and a tenth of noise between them."""
    rng = np.random.default_rng(n + 1)
    centres = 4.0 * rng.normal(size=(30, DIMENSIONS))
    member = rng.choice(30, size=n, p=rng.dirichlet(np.full(30, 2.0)))
    width = rng.uniform(0.5, 1.5, size=30)[member, None]
    latents = centres[member] + width * rng.normal(size=(n, DIMENSIONS))
    noise = rng.random(n) < 0.1
    latents[noise] = 4.0 * rng.normal(size=(int(noise.sum()), DIMENSIONS))
    return latents


def plane_points(n: int) -> Floats:
    """Points as UMAP embeds them: blobs and strands of unequal density."""
    rng = np.random.default_rng(n + 2)
    centres = 20.0 * rng.random((25, 2))
    member = rng.integers(0, 25, n)
    strand = rng.normal(size=(25, 2, 2))[member]
    return centres[member] + 0.4 * np.einsum("nij,nj->ni", strand, rng.normal(size=(n, 2)))


def _score(data: Samples, neighbors: str = "exact") -> Result:
    from latent_microscope.forensics.heuristics import ScoreSettings, score_all

    settings = ScoreSettings(
        k=_K,
        radius=_RADIUS,
        n_attractors=_ATTRACTORS,
        similarity=_SIMILARITY,
        noise=_NOISE,
        n_draws=_DRAWS,
        overlap_threshold=_OVERLAP,
        max_pairs=10**6,
        variants=["script"],
        neighbors=neighbors,
    )
    found = score_all(data.sources, data.latents, settings)
    pairs = found.overlaps[["i", "j"]].sort_values(["i", "j"]).to_numpy()
    return {
        "uniqueness": found.uniqueness["script"],
        "similar": found.neighbors,
        "knn_density": found.knn_density,
        "attractor_density": found.attractor_density,
        "originality": found.originality["script"],
        "overlaps": pairs,
        "mean stability": float(found.stability.mean()),
        "recall": found.recall,
    }


def _published(data: Samples) -> Result:
    from benchmarks import references as way

    density = way.attractor_density(data.latents, _RADIUS)
    return {
        "uniqueness": way.uniqueness(data.sources),
        "similar": way.similar_others(data.sources, _SIMILARITY),
        "knn_density": way.knn_density(data.latents, _K),
        "attractor_density": density,
        "originality": way.originality(data.latents, density, _K, _ATTRACTORS),
        "overlaps": way.overlaps(data.latents, _OVERLAP),
        "mean stability": float(way.stability(data.latents, _NOISE, _DRAWS, 0).mean()),
    }


def _library(data: Samples) -> Result:
    from benchmarks import references as way
    from latent_microscope.forensics.density import density_of_distances
    from latent_microscope.forensics.sample_scores import originality_of, row_entropy

    distances, within = way.chunked_neighbours(data.latents, _K, _RADIUS)
    s = data.sources
    return {
        "uniqueness": row_entropy(s) * way.chunked_mean_distances(s) * (1.0 + s.var(axis=1)),
        "similar": way.chunked_similar_others(s, _SIMILARITY),
        "knn_density": density_of_distances(distances),
        "attractor_density": within / len(s),
        "originality": originality_of(data.latents, distances, within, "script", _ATTRACTORS),
        "overlaps": way.chunked_overlaps(data.latents, _OVERLAP),
        "mean stability": float(way.chunked_stability(data.latents, _NOISE, _DRAWS, 0).mean()),
    }


def _gaussian(n: int) -> Floats:
    return samples(n).latents


def _graph_clusters(latents: Floats) -> Result:
    from latent_microscope.forensics.clusters import graph_clusters
    from latent_microscope.forensics.sources import standardise

    return _labelled(graph_clusters(standardise(latents)))


def _latent_hdbscan(latents: Floats) -> Result:
    from latent_microscope.forensics.clusters import latent_clusters

    return _labelled(latent_clusters(latents, hdbscan_rows=_ANY_N))


def _latent_fast(latents: Floats) -> Result:
    from fast_hdbscan import HDBSCAN

    from latent_microscope.forensics.sources import standardise

    model = HDBSCAN(min_cluster_size=2, min_samples=2)
    return _labelled(model.fit_predict(standardise(latents)))


def _labelled(labels: npt.NDArray[np.integer]) -> Result:
    return {
        "labels": np.asarray(labels),
        "clusters": float(len(np.unique(labels[labels >= 0]))),
        "noise share": float(np.mean(labels == -1)),
    }


def _plane(latents: Floats) -> Result:
    from latent_microscope.forensics.clusters import umap_plane

    return _kept(latents, umap_plane(latents, seed=0))


def _umap(latents: Floats) -> Result:
    from umap import UMAP

    from latent_microscope.forensics.sources import standardise

    scaled = standardise(latents).astype(np.float32)
    return _kept(latents, UMAP(random_state=0, n_jobs=1).fit_transform(scaled))


def _kept(latents: Floats, plane: npt.NDArray[np.floating]) -> Result:
    """Share of the 15 nearest that the embedding keeps, on a sample (trustworthiness is O(n²))."""
    from latent_microscope.forensics.sources import standardise
    from latent_microscope.neighbours.pairs import neighbour_pass

    n = len(plane)
    rows = np.linspace(0, n - 1, min(n, 500)).astype(np.int64)
    high = neighbour_pass(standardise(latents), k=15, rows=rows).indices
    low = neighbour_pass(np.asarray(plane, dtype=np.float64), k=15, rows=rows).indices
    kept = [len(np.intersect1d(a, b)) / len(a) for a, b in zip(high, low, strict=True)]
    return {"neighbours kept": float(np.mean(kept))}


def _plane_hdbscan(plane: Floats) -> Result:
    from latent_microscope.forensics.clusters import plane_memberships

    return _labelled(plane_memberships(plane)[0])


def _plane_fast(plane: Floats) -> Result:
    from fast_hdbscan import HDBSCAN

    return _labelled(HDBSCAN(min_cluster_size=100, min_samples=10).fit_predict(plane))


def _whole(data: Samples) -> Result:
    """All that a study computes from the latents of one run, in one process, stage by stage."""
    from latent_microscope.forensics.bias import (
        attribute_bias_index,
        stereotypical_bias_score,
    )
    from latent_microscope.forensics.clusters import (
        graph_clusters,
        multi_scale_clusters,
        plane_memberships,
        plane_neighbours,
        umap_plane,
    )
    from latent_microscope.forensics.heuristics import score_all
    from latent_microscope.forensics.sources import standardise

    seconds: dict[str, float] = {}

    def stage(name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        seconds[f"seconds {name}"] = time.perf_counter() - start
        return result

    z = data.latents
    n = len(z)
    scores = stage("scores, densities, isolation, overlaps", lambda: score_all(data.sources, z))
    near = stage("neighbours of standardised latents", lambda: plane_neighbours(z))
    plane = stage("UMAP", lambda: umap_plane(z, seed=0, neighbours=near))
    labels = stage("HDBSCAN on the plane", lambda: plane_memberships(plane)[0])
    stage("HDBSCAN on the plane, four scales", lambda: multi_scale_clusters(plane))
    cmax = stage("C_max", lambda: graph_clusters(standardise(z), 2, near))
    attributes = np.random.default_rng(0).random((n, ATTRIBUTES)) < 0.3

    def bias() -> None:
        stereotypical_bias_score(labels)
        stereotypical_bias_score(cmax)
        for cluster in range(int(labels.max()) + 1):
            for definition in ("odds", "ratio"):
                attribute_bias_index(attributes, labels == cluster, definition)

    stage("SBS and ABI", bias)
    return {
        **seconds,
        "clusters": float(labels.max() + 1),
        "overlaps": float(scores.overlaps.attrs["total"]),
    }


_LATENT_CLUSTERS = (
    ("ours", _graph_clusters),
    ("hdbscan", _latent_hdbscan),
    ("fast_hdbscan", _latent_fast),
)
CASES = (
    Case("scores", "ours", samples, _score, _ANY_N),
    Case("scores", "scikit-learn", samples, _library),
    Case("scores", "published", samples, _published),
    Case("scores", "approximate", samples, partial(_score, neighbors="approximate"), _ANY_N),
    *(
        Case(f"C_max, {kind}", name, setup, run)
        for kind, setup in (("Gaussian", _gaussian), ("clustered", clustered))
        for name, run in _LATENT_CLUSTERS
    ),
    Case("plane", "ours", clustered, _plane),
    Case("plane", "umap", clustered, _umap),
    Case("clusters on the plane", "ours", plane_points, _plane_hdbscan),
    Case("clusters on the plane", "fast_hdbscan", plane_points, _plane_fast),
    Case("whole", "ours", samples, _whole, _ANY_N),
)
