"""What one model's RDM tells of the reference that no other RDM does."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from latent_microscope.similarity import comparison
from latent_microscope.similarity.comparison import Comparable, Float64


def explained(gram: Float64, predictors: Sequence[int]) -> Float64:
    """R squared of variable 0 given the predictors at these places, shape (...).

    From centred sums of products (..., k, k). NaN where variable 0 is constant; collinear and
    constant predictors are harmless.
    """
    r, diagonal = comparison.correlations(np.asarray(gram, dtype=np.float64))
    alive = diagonal[..., 0] > 0.0
    if not len(predictors):
        return np.where(alive, 0.0, np.nan)
    chosen = np.asarray(predictors)
    among, to = r[..., chosen[:, None], chosen[None, :]], r[..., 0, chosen]
    inverse = np.linalg.pinv(among, rcond=1e-10, hermitian=True)
    share = np.einsum("...i,...ij,...j->...", to, inverse, to)
    return np.where(alive, np.clip(share, 0.0, 1.0), np.nan)


def semipartial(gram: Float64, model: int, held: Sequence[int], least: float = 1e-8) -> Float64:
    """Signed semi-partial correlation of variable 0 with ``model`` given ``held``, shape (...).

    The correlation of variable 0 with what the others leave of the model; its square is the drop of
    R squared when the model is left out. From centred sums of products (..., k, k). 0 where the
    others leave nothing of the model (``least`` of its variance); NaN where variable 0 or the model
    is constant.
    """
    r, diagonal = comparison.correlations(np.asarray(gram, dtype=np.float64))
    alive = (diagonal[..., 0] > 0.0) & (diagonal[..., model] > 0.0)
    chosen = np.asarray(held, dtype=np.int64)
    inverse = np.linalg.pinv(r[..., chosen[:, None], chosen[None, :]], rcond=1e-10, hermitian=True)
    weight = np.einsum("...ij,...j->...i", inverse, r[..., chosen, model])
    left = 1.0 - np.sum(weight * r[..., chosen, model], axis=-1)
    shared = r[..., 0, model] - np.sum(weight * r[..., chosen, 0], axis=-1)
    some = left > least
    value = np.where(some, shared / np.sqrt(np.where(some, left, 1.0)), 0.0)
    return np.where(alive, np.clip(value, -1.0, 1.0), np.nan)


def semipartial_among(
    gram: Float64, against: Sequence[Sequence[int]], least: float = 1e-8
) -> Float64:
    """Semi-partial correlation of each model given its own rivals (places of models).

    Shape (..., models), from centred sums of products of the reference and the models, in this
    order; variables after them may be held by all.
    """
    parts = [
        semipartial(gram, 1 + model, [1 + other for other in others], least)
        for model, others in enumerate(against)
    ]
    return np.stack(parts, axis=-1)


def rivals(models: Sequence[Any]) -> list[list[int]]:
    """For each RDM (``model``, ``seed``) the places of those that are held constant.

    These are the first seeds of all other models: another seed or layer of the same model would
    take its share away.
    """
    first: dict[str, int] = {}
    for one in models:
        first[one.model] = min(first.get(one.model, one.seed), one.seed)
    starts = [one.seed == first[one.model] for one in models]
    return [
        [i for i, other in enumerate(models) if starts[i] and other.model != one.model]
        for one in models
    ]


def semipartial_correlations(
    rdms: Mapping[str, Comparable],
    reference: Comparable,
    *,
    controls: Sequence[Comparable] = (),
    pairs: npt.ArrayLike | None = None,
) -> dict[str, float]:
    """Signed semi-partial Spearman correlation of each model given all others and the controls.

    By name, -1 to 1. Its square is the model's unique variance, which cannot fall below 0: an
    interval of it would leave out 0 for noise, too.
    """
    items = cast("list[Comparable]", [reference, *rdms.values(), *controls])
    comparison.require_same_images(items)
    gram = comparison.rank_gram([comparison.rank_rdm(x, pairs=pairs).ranks for x in items])
    values = semipartial_among(gram, all_others(len(rdms), len(controls)))
    return dict(zip(rdms, values.tolist(), strict=True))


def all_others(n_models: int, n_controls: int = 0) -> list[list[int]]:
    """For each model the places of all other models and of the controls after them."""
    everything = range(n_models + n_controls)
    return [[i for i in everything if i != model] for model in range(n_models)]
