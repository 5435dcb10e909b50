"""Unique variance: what one model's RDM explains of the reference and no other RDM does."""

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


def unique_shares(gram: Float64, n_models: int) -> Float64:
    """Drop of R squared when each model is left out of the regression on all variables.

    Shape (..., n_models), from centred sums of products of reference, models and controls, in this
    order.
    """
    everything = list(range(1, gram.shape[-1]))
    whole = explained(gram, everything)
    parts = [
        whole - explained(gram, [i for i in everything if i != model])
        for model in range(1, n_models + 1)
    ]
    return np.maximum(np.stack(parts, axis=-1), 0.0)


def unique_among(gram: Float64, rivals: Sequence[Sequence[int]]) -> Float64:
    """Drop of R squared when a model is left out, against its own rivals (places of models).

    Shape (..., models), from centred sums of products of the reference and the models, in this
    order; NaN for a constant model or reference.
    """
    diagonal = np.einsum("...ii->...i", np.asarray(gram, dtype=np.float64))
    parts = []
    for model, others in enumerate(rivals):
        held = [1 + other for other in others]
        drop = explained(gram, [1 + model, *held]) - explained(gram, held)
        parts.append(np.where(diagonal[..., 1 + model] > 0.0, np.maximum(drop, 0.0), np.nan))
    return np.stack(parts, axis=-1)


def rivals(models: Sequence[Any]) -> list[list[int]]:
    """For each RDM (``model``, ``seed``) the places of those its unique variance is against.

    These are the first runs of all other models: another run or layer of the same model would take
    its share away.
    """
    first: dict[str, int] = {}
    for one in models:
        first[one.model] = min(first.get(one.model, one.seed), one.seed)
    starts = [one.seed == first[one.model] for one in models]
    return [
        [i for i, other in enumerate(models) if starts[i] and other.model != one.model]
        for one in models
    ]


def unique_variance(
    rdms: Mapping[str, Comparable],
    reference: Comparable,
    *,
    controls: Sequence[Comparable] = (),
    pairs: npt.ArrayLike | None = None,
) -> dict[str, float]:
    """Unique variance of each model, by name: squared semipartial Spearman correlation, 0 to 1.

    The ranks of the reference are regressed on those of all models and controls; a model's share is
    the drop of R squared when it alone is left out.
    """
    items = cast("list[Comparable]", [reference, *rdms.values(), *controls])
    comparison.require_same_images(items)
    gram = comparison.rank_gram([comparison.rank_rdm(x, pairs=pairs).ranks for x in items])
    return dict(zip(rdms, unique_shares(gram, len(rdms)).tolist(), strict=True))
