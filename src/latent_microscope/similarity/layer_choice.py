"""The layer of each network that agrees best with a reference, chosen on other images.

The best of many layers looks better than it is: on the images that chose it, it also fits their
noise. So the images are halved, the best layer on one half is scored on the other, and the other
way round. Inside the bootstrap every sample of images is halved and chosen from anew, so that the
intervals know of the choice (Varma and Simon 2006; Schütt et al. 2023 for the bootstrap).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.seeds import rng
from latent_microscope.similarity.bootstrap import RankStudy, difference_table, score_table
from latent_microscope.similarity.comparison import RANK_METHODS
from latent_microscope.similarity.rdms import RDM
from latent_microscope.similarity.resampling import Float64, Weights, image_weights
from latent_microscope.statistics.summaries import too_few

FEWEST_IMAGES = 20
_HALVINGS = 5  # of a bootstrap sample


@dataclass(frozen=True, eq=False)
class Leaderboard:
    """Networks by their best layer, chosen and scored on different images.

    Attributes:
        scores: One row per network: ``model``, ``score``, ``low``, ``high``, ``sd``, ``layer`` (the
            one chosen most often on halves of these images), ``chosen`` (share of those halves),
            ``layers`` (number to choose from), ``best`` (score of ``layer`` over all images, chosen
            on the same ones: too good).
        differences: As :attr:`.bootstrap.BootstrapResult.differences`.
        draws: Scores in each bootstrap sample of images, shape (n_draws, networks).
    """

    scores: pd.DataFrame
    differences: pd.DataFrame
    draws: Float64


def leaderboard(
    networks: Mapping[str, Sequence[Mapping[str, RDM]]],
    reference: RDM,
    n_draws: int = 1000,
    seed: int = 0,
    *,
    method: str = "rho-a",
    n_halvings: int = 20,
    level: float = 0.95,
    correction: str = "max-t",
    threads: int = 1,
) -> Leaderboard:
    """Score of each network's best layer, with intervals over images and paired differences.

    The score is the mean over ``n_halvings`` random halvings of the images and both halves: the
    expected score, on other images, of a layer that half as many images have chosen. With one layer
    it is that of the layer.

    Args:
        networks: RDMs of the layers of each training seed, by network. The layer is chosen once for
            all seeds, by their mean.
        reference: The human RDM.
        n_draws: Number of bootstrap samples of images; each is halved five times (halved once, the
            interval would be 1.7 times as wide as the score varies).
        seed: Root seed of samples and halvings.
        method: ``rho-a`` or ``spearman``.
        n_halvings: Halvings of the whole sample.
        level: Coverage of the percentile intervals.
        correction: Over all paired differences, as in :func:`.bootstrap.bootstrap_compare`.
        threads: Samples that are scored at the same time; changes no number.

    Raises:
        InputError: Fewer than 20 images, different ids, no layer, seeds with other layers.
    """
    if method not in RANK_METHODS:
        raise InputError(f"Method {method!r} cannot choose layers; use {', '.join(RANK_METHODS)}.")
    if reference.n < FEWEST_IMAGES:
        raise InputError(
            f"choice of layers on {reference.n} images: {too_few(FEWEST_IMAGES, 'images')}"
        )
    flat: dict[str, RDM] = {}
    groups: list[tuple[list[str], npt.NDArray[np.int64]]] = []
    for name, seeds in networks.items():
        layers = list(seeds[0]) if seeds else []
        if not layers or any(list(other) != layers for other in seeds):
            raise InputError(f"network {name!r}: give the same layers, at least one, of each seed")
        places = np.arange(len(flat), len(flat) + len(seeds) * len(layers))
        flat |= {f"{len(flat) + i}": one[key] for i, (one, key) in enumerate(_pairs(seeds, layers))}
        groups.append((layers, places.reshape(len(seeds), len(layers))))
    study = RankStudy(flat, reference, [], None, method, False, threads)
    generator = rng(seed, "halvings")
    weights = np.ones((n_halvings, reference.n), dtype=np.int64)
    whole = _by_layer(study.point_scores()[None], groups)
    seen = _by_layer(_halved(study, weights, generator), groups)
    samples = image_weights(reference.n, n_draws, rng(seed, "bootstrap_images"))
    repeated = np.repeat(samples, _HALVINGS, axis=0)
    drawn = _by_layer(_halved(study, repeated, generator), groups)
    names = list(networks)
    point = np.array([_held_out(halves).mean() for halves in seen])
    each = [_held_out(halves).reshape(n_draws, _HALVINGS) for halves in drawn]
    draws = np.stack([halvings.mean(axis=1) for halvings in each], axis=1)
    scores = score_table(names, point, draws, level)
    rows = []
    for (layers, _), halves, everything in zip(groups, seen, whole, strict=True):
        counts = np.bincount(_best(halves).ravel(), minlength=len(layers))
        most = int(counts.argmax())
        share = counts[most] / counts.sum()
        rows.append((layers[most], share, len(layers), everything[0, most]))
    scores = scores.join(pd.DataFrame(rows, columns=["layer", "chosen", "layers", "best"]))
    return Leaderboard(scores, difference_table(names, point, draws, level, correction), draws)


def _pairs(
    seeds: Sequence[Mapping[str, RDM]], layers: Sequence[str]
) -> list[tuple[Mapping[str, RDM], str]]:
    return [(one, layer) for one in seeds for layer in layers]


def _by_layer(
    scores: Float64, groups: Sequence[tuple[list[str], npt.NDArray[np.int64]]]
) -> list[Float64]:
    """Scores (…, layers) of each network, the mean over its seeds."""
    return [scores[..., places].mean(axis=-2) for _, places in groups]


def _halved(study: RankStudy, samples: Weights, generator: np.random.Generator) -> Float64:
    """Scores (samples, 2, RDMs) on random halves of the different images of each sample."""
    n = samples.shape[1]
    order = generator.random(samples.shape)
    order[samples == 0] = np.inf
    place = order.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    first = place < (np.count_nonzero(samples, axis=1, keepdims=True) + 1) // 2
    halves = np.stack([samples * first, samples * ~first], axis=1)
    return study.rank_draws(halves.reshape(-1, n)).reshape(len(samples), 2, -1)


def _best(halves: Float64) -> npt.NDArray[np.int64]:
    """Layer chosen on each half, (samples, 2); a layer without a score is not chosen."""
    return np.asarray(np.where(np.isnan(halves), -np.inf, halves).argmax(axis=2))


def _held_out(halves: Float64) -> Float64:
    """Mean over both halves of the score of the layer that the other half chose, (samples,)."""
    chosen = _best(halves)[:, ::-1, None]
    return np.asarray(np.take_along_axis(halves, chosen, axis=2)[..., 0].mean(axis=1))
