"""Benchmarks of latent-space forensics: scores, UMAP, clusters, bias, and all of it at once."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks import references as way
from benchmarks.suites import Case, Result
from latent_microscope.forensics import clusters
from latent_microscope.forensics.bias import attribute_bias_index, stereotypical_bias_score
from latent_microscope.forensics.density import (
    attractor_density,
    density_of_distances,
    knn_density,
)
from latent_microscope.forensics.heuristics import ScoreSettings, overlaps, score_all
from latent_microscope.forensics.latent_scans import ScanSettings, scan_latents
from latent_microscope.forensics.sample_scores import (
    originality,
    originality_of,
    row_entropy,
    stability,
    uniqueness,
)
from latent_microscope.forensics.sources import standardise
from latent_microscope.neighbours.means import scan_sources
from latent_microscope.neighbours.pairs import (
    all_pairs,
    neighbour_pass,
    scan_part,
    similar_pairs,
)
from latent_microscope.neighbours.sampled import sample_sources

DIMENSIONS, SOURCES, ATTRIBUTES = 200, 20, 40
SIZES = (1000, 4000, 10_000)
_ANY_N = 10**7
_SCORES = ScoreSettings(max_pairs=10**6, variants=["script"])

Floats = npt.NDArray[np.float64]


class Samples(NamedTuple):
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


def umap_points(n: int) -> Floats:
    """Points as UMAP embeds them: blobs and strands of unequal density."""
    rng = np.random.default_rng(n + 2)
    centres = 20.0 * rng.random((25, 2))
    member = rng.integers(0, 25, n)
    strand = rng.normal(size=(25, 2, 2))[member]
    return centres[member] + 0.4 * np.einsum("nij,nj->ni", strand, rng.normal(size=(n, 2)))


def offset(n: int) -> Floats:
    """Embeddings like CLIP's: far from the origin, so that nearly all cosines are above 0.9."""
    rng = np.random.default_rng(n + 3)
    spread = np.geomspace(1.0, 0.1, DIMENSIONS)
    return 4.0 + spread * samples(n).latents[rng.permutation(n)]


def _score(data: Samples) -> Result:
    found = score_all(data.sources, data.latents, _SCORES)
    pairs = found.overlaps[["i", "j"]].sort_values(["i", "j"]).to_numpy()
    return {
        "uniqueness": found.uniqueness["script"],
        "similar": found.neighbors,
        "knn_density": found.knn_density,
        "attractor_density": found.attractor_density,
        "originality": found.originality["script"],
        "overlaps": pairs,
        "mean stability": float(found.stability.mean()),
    }


def _one_by_one(data: Samples) -> Result:
    """The public functions, one after another: those of the latents share a pass."""
    (z, s), use = data, _SCORES
    pairs = overlaps(z, use.overlap_threshold, 10**5)[["i", "j"]]
    return {
        "uniqueness": uniqueness(s),
        "knn_density": knn_density(z, use.k),
        "attractor_density": attractor_density(z, use.radius),
        "originality": originality(z, k=use.k, radius=use.radius),
        "overlaps": pairs.sort_values(["i", "j"]).to_numpy(),
        "mean stability": float(stability(z, use.noise, use.n_draws).mean()),
    }


def _one_pass(latents: Floats, parts: int = 1) -> Result:
    """All that a study asks of all pairs of its latents, in one pass or in parts of it."""
    asked = ScanSettings(k=10, radius=0.01, threshold=0.99, max_pairs=1000, candidates=2000)
    done = [
        scan_part(latents, asked.listed, overlaps=asked.pairs, part=(part, parts))
        for part in range(parts)
    ]
    found = scan_latents(latents, asked, done)
    return {
        "distances": found.neighbours.distances,
        "overlaps": found.overlaps[["i", "j"]].to_numpy(),
        "similar": found.similar,
    }


def _passes(latents: Floats) -> Result:
    """The same by a pass for each step: scores, column orders, signatures, overlaps, matches."""
    for _ in range(3):
        distances = neighbour_pass(latents, k=20).distances
    pairs = similar_pairs(latents, 0.99, 1000).pairs
    similar = all_pairs(latents, 6, overlap_threshold=0.5, max_pairs=2000)[1]
    return {
        "distances": distances,
        "overlaps": pairs,
        "similar": similar.pairs if similar else pairs,
    }


def _product(latents: Floats) -> Result:
    """The matrix product of a pass alone, in tiles of float32."""
    narrow = latents.astype(np.float32)
    tiles = [narrow[start : start + 1024] for start in range(0, len(narrow), 1024)]
    for number, tile in enumerate(tiles):
        for other in tiles[number:]:
            np.matmul(tile, other.T)
    return {}


def _sampled(sources: Floats) -> Result:
    """Sampled pairs, and the share of 200 samples whose true value their bounds hold."""
    found, bound = sample_sources(sources, 2000, similarity=_SCORES.similarity)
    rows = np.linspace(0, len(sources) - 1, min(len(sources), 200)).astype(np.int64)
    true = [np.linalg.norm(sources - sources[row], axis=1).sum() for row in rows]
    gap = np.abs(found.mean_distance[rows] - np.array(true) / (len(sources) - 1))
    held = float(np.mean(gap <= bound.mean_distance[rows] * (1.0 + 1e-9)))
    return {"mean distance": found.mean_distance, "held": held}


def _published(data: Samples) -> Result:
    (z, s), use = data, _SCORES
    density = way.attractor_density(z, use.radius)
    return {
        "uniqueness": way.uniqueness(s),
        "similar": way.similar_others(s, use.similarity),
        "knn_density": way.knn_density(z, use.k),
        "attractor_density": density,
        "originality": way.originality(z, density, use.k, use.n_attractors),
        "overlaps": way.overlaps(z, use.overlap_threshold),
        "mean stability": float(way.stability(z, use.noise, use.n_draws, 0).mean()),
    }


def _library(data: Samples) -> Result:
    (z, s), use = data, _SCORES
    distances, within = way.chunked_neighbours(z, use.k, use.radius)
    return {
        "uniqueness": row_entropy(s) * way.chunked_mean_distances(s) * (1.0 + s.var(axis=1)),
        "similar": way.chunked_similar_others(s, use.similarity),
        "knn_density": density_of_distances(distances),
        "attractor_density": within / len(s),
        "originality": originality_of(z, distances, within, "script", use.n_attractors),
        "overlaps": way.chunked_overlaps(z, use.overlap_threshold),
        "mean stability": float(way.chunked_stability(z, use.noise, use.n_draws, 0).mean()),
    }


def _labelled(labels: npt.NDArray[np.integer]) -> Result:
    return {
        "labels": np.asarray(labels),
        "clusters": float(len(np.unique(labels[labels >= 0]))),
        "noise share": float(np.mean(labels == -1)),
    }


def _hdbscan(points: Floats) -> npt.NDArray[np.integer]:
    from hdbscan import HDBSCAN

    model = HDBSCAN(min_cluster_size=2, min_samples=2, core_dist_n_jobs=1)
    labels: npt.NDArray[np.integer] = model.fit_predict(points)
    return labels


def _fast_hdbscan(points: Floats, size: int, samples: int) -> Result:
    from fast_hdbscan import HDBSCAN

    return _labelled(HDBSCAN(min_cluster_size=size, min_samples=samples).fit_predict(points))


def _umap(latents: Floats) -> Result:
    from umap import UMAP

    scaled = standardise(latents).astype(np.float32)
    return _kept(latents, UMAP(random_state=0, n_jobs=1).fit_transform(scaled))


def _kept(latents: Floats, umap: npt.NDArray[np.floating]) -> Result:
    """Share of the 15 nearest that the embedding keeps, on a sample (trustworthiness is O(n²))."""
    rows = np.linspace(0, len(umap) - 1, min(len(umap), 500)).astype(np.int64)
    high = neighbour_pass(standardise(latents), k=15, rows=rows).indices
    low = neighbour_pass(np.asarray(umap, dtype=np.float64), k=15, rows=rows).indices
    kept = [len(np.intersect1d(a, b)) / len(a) for a, b in zip(high, low, strict=True)]
    return {"neighbours kept": float(np.mean(kept))}


def _whole(data: Samples) -> Result:
    """All that a study computes from the latents of one run, in one process, stage by stage."""
    seconds: dict[str, float] = {}

    def stage(name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        seconds[f"seconds {name}"] = time.perf_counter() - start
        return result

    z = data.latents
    scores = stage("scores, densities, isolation, overlaps", lambda: score_all(data.sources, z))
    near = stage("neighbours of standardised latents", lambda: clusters.plane_neighbours(z))
    umap = stage("UMAP", lambda: clusters.umap_plane(z, seed=0, neighbours=near))
    labels = stage("HDBSCAN on the UMAP", lambda: clusters.plane_memberships(umap)[0])
    stage("HDBSCAN on the UMAP, four scales", lambda: clusters.multi_scale_clusters(umap))
    cmax = stage("C_max", lambda: clusters.latent_clusters(z, neighbours=near))
    attributes = np.random.default_rng(0).random((len(z), ATTRIBUTES)) < 0.3

    def bias() -> None:
        stereotypical_bias_score(labels)
        stereotypical_bias_score(cmax)
        for cluster in range(int(labels.max()) + 1):
            for definition in ("odds", "ratio"):
                attribute_bias_index(attributes, labels == cluster, definition)

    stage("SBS and ABI", bias)
    overlaps = float(scores.overlaps.attrs["total"])
    return {**seconds, "clusters": float(labels.max() + 1), "overlaps": overlaps}


def _latents(n: int) -> Floats:
    return samples(n).latents


def _sources(n: int) -> Floats:
    return samples(n).sources


def _overlaps(latents: Floats) -> Result:
    pairs = similar_pairs(latents, 0.99, 10**6).pairs
    return {"overlaps": pairs[np.lexsort(pairs.T[::-1])]}


def _pairs_of_sources(sources: Floats) -> Result:
    return {"mean distance": scan_sources(sources, similarity=_SCORES.similarity).mean_distance}


_LATENT_CLUSTERS: dict[str, Callable[[Floats], Result]] = {
    "ours": lambda z: _labelled(clusters.latent_clusters(z)),
    "hdbscan": lambda z: _labelled(_hdbscan(standardise(z))),
    "fast_hdbscan": lambda z: _fast_hdbscan(standardise(z), 2, 2),
}
CASES = (
    Case("scores", "ours", samples, _score, _ANY_N),
    Case("scores", "scikit-learn", samples, _library),
    Case("scores", "published", samples, _published),
    Case("scores", "one by one", samples, _one_by_one),
    Case("a pass over latents", "ours", _latents, _one_pass, _ANY_N),
    Case("a pass over latents", "five parts", _latents, partial(_one_pass, parts=5)),
    Case("a pass over latents", "a pass for each", _latents, _passes),
    Case("nearest", "ours", _latents, lambda z: {"k": neighbour_pass(z, k=10).distances}, _ANY_N),
    Case("nearest", "product alone", _latents, _product, _ANY_N),
    Case("overlaps far from the origin", "ours", offset, _overlaps, _ANY_N),
    Case(
        "overlaps far from the origin",
        "scikit-learn",
        offset,
        lambda z: {"overlaps": way.chunked_overlaps(z, 0.99)},
    ),
    Case("pairs of sources", "ours", _sources, _pairs_of_sources, _ANY_N),
    Case("pairs of sources", "sampled", _sources, _sampled, _ANY_N),
    *(
        Case(f"C_max, {kind}", name, setup, run)
        for kind, setup in (("Gaussian", lambda n: samples(n).latents), ("clustered", clustered))
        for name, run in _LATENT_CLUSTERS.items()
    ),
    Case("UMAP", "ours", clustered, lambda z: _kept(z, clusters.umap_plane(z, seed=0))),
    Case("UMAP", "umap", clustered, _umap),
    Case(
        "clusters on the UMAP",
        "ours",
        umap_points,
        lambda umap: _labelled(clusters.plane_memberships(umap)[0]),
    ),
    Case(
        "clusters on the UMAP",
        "fast_hdbscan",
        umap_points,
        partial(_fast_hdbscan, size=100, samples=10),
    ),
    Case("whole", "ours", samples, _whole, _ANY_N),
)
