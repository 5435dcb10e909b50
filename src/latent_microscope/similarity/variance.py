"""Unique variance: what one model's RDM explains of the reference and no other RDM does."""

from collections.abc import Mapping, Sequence
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from latent_microscope.similarity.comparison import (
    Comparable,
    rank_gram,
    rank_rdm,
    require_same_images,
)

Float64 = npt.NDArray[np.float64]


def explained(gram: Float64, predictors: Sequence[int]) -> Float64:
    """Share of the variance of variable 0 that the predictors explain, R squared.

    Args:
        gram: Centred sums of products, shape (..., k, k).
        predictors: Positions of the predictors; collinear and constant ones are harmless.

    Returns:
        Shape (...): NaN where variable 0 is constant.
    """
    gram = np.asarray(gram, dtype=np.float64)
    diagonal = np.einsum("...ii->...i", gram)
    alive = diagonal[..., 0] > 0.0
    if not len(predictors):
        return np.where(alive, 0.0, np.nan)
    scale = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    r = gram / (scale[..., :, None] * scale[..., None, :])
    chosen = np.asarray(predictors)
    among = r[..., chosen[:, None], chosen[None, :]]
    to = r[..., 0, chosen]
    inverse = np.linalg.pinv(among, rcond=1e-10, hermitian=True)
    share = np.einsum("...i,...ij,...j->...", to, inverse, to)
    return np.where(alive, np.clip(share, 0.0, 1.0), np.nan)


def unique_shares(gram: Float64, n_models: int) -> Float64:
    """Drop of R squared when each model is left out of the regression on all variables.

    Args:
        gram: Centred sums of products of reference, models and controls, in this order,
            shape (..., k, k).
        n_models: Number of models.

    Returns:
        Shape (..., n_models).
    """
    everything = list(range(1, gram.shape[-1]))
    whole = explained(gram, everything)
    parts = [
        whole - explained(gram, [i for i in everything if i != model])
        for model in range(1, n_models + 1)
    ]
    return np.maximum(np.stack(parts, axis=-1), 0.0)


def unique_among(gram: Float64, rivals: Sequence[Sequence[int]]) -> Float64:
    """Drop of R squared when a model is left out, each model having rivals of its own.

    Args:
        gram: Centred sums of products of the reference and the models, in this order,
            shape (..., k, k).
        rivals: For each model the places, among the models, of those it is measured against.

    Returns:
        Shape (..., models); NaN for a constant model or reference.
    """
    diagonal = np.einsum("...ii->...i", np.asarray(gram, dtype=np.float64))
    parts = []
    for model, others in enumerate(rivals):
        held = [1 + other for other in others]
        drop = explained(gram, [1 + model, *held]) - explained(gram, held)
        parts.append(np.where(diagonal[..., 1 + model] > 0.0, np.maximum(drop, 0.0), np.nan))
    return np.stack(parts, axis=-1)


class Run(Protocol):
    """Whatever belongs to a run of a model."""

    @property
    def model(self) -> str:
        """Name of the model."""

    @property
    def seed(self) -> int:
        """Number of the run."""


def rivals(models: Sequence[Run]) -> list[list[int]]:
    """For each RDM the places of the others that its unique variance is measured against.

    These are the first runs of all other models: another run or layer of the same model would take
    its share away.
    """
    first: dict[str, int] = {}
    for one in models:
        first[one.model] = min(first.get(one.model, one.seed), one.seed)
    return [
        [
            place
            for place, other in enumerate(models)
            if other.model != one.model and other.seed == first[other.model]
        ]
        for one in models
    ]


def unique_variance(
    rdms: Mapping[str, Comparable],
    reference: Comparable,
    *,
    controls: Sequence[Comparable] = (),
    pairs: npt.ArrayLike | None = None,
) -> dict[str, float]:
    """Unique variance of each model: squared semipartial Spearman correlation.

    The ranks of the reference are regressed on those of all models and controls; a model's share is
    the drop of R squared when it alone is left out.

    Args:
        rdms: RDMs by name.
        reference: The RDM to explain.
        controls: Further predictors (the label RDM, say) that get no share of their own.
        pairs: Only these pairs, as in ``compare``.

    Returns:
        Shares between 0 and 1, by name.
    """
    items = cast("list[Comparable]", [reference, *rdms.values(), *controls])
    require_same_images(items)
    gram = rank_gram([rank_rdm(item, pairs=pairs).ranks for item in items])
    return dict(zip(rdms, unique_shares(gram, len(rdms)).tolist(), strict=True))
