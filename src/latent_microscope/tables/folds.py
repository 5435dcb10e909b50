"""Similarity to people within folds: features of two folds come from two networks."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.inputs import HumanVotes
from latent_microscope.similarity.comparison import spearman
from latent_microscope.similarity.measures import frame, measures, ready
from latent_microscope.similarity.rdms import rdm
from latent_microscope.similarity.votes import vote_shares
from latent_microscope.tables.rsa import COMPARISON_COLUMNS

LAYER = "features (within folds)"
_NUMBERS = COMPARISON_COLUMNS[COMPARISON_COLUMNS.index("value") :]
_SUMS = ("n_images", "n_pairs")


def compare_within_folds(
    features: npt.ArrayLike, folds: npt.ArrayLike, votes: HumanVotes, metric: str = "euclidean"
) -> pd.DataFrame:
    """Compare features with the votes fold by fold: only images of one network share a pair.

    Args:
        features: (n, width), row i = image i of the votes.
        folds: Fold of each image.
        votes: The votes.
        metric: Distance of the RDMs.

    Returns:
        One row a fold: ``fold``, ``method`` and the numbers of the table of all comparisons.
        ``unique_variance`` is NaN: the other models are not looked at here.

    Raises:
        InputError: Other numbers of rows, or a fold of fewer than three images.
    """
    rows, fold = np.asarray(features), np.asarray(folds)
    if not len(rows) == fold.size == len(votes.ids):
        raise InputError(
            f"{len(rows)} rows of features, {fold.size} folds and {len(votes.ids)} images; one of "
            "each an image is needed"
        )
    shares = vote_shares(votes.counts)
    disputed = np.count_nonzero(votes.counts, axis=1) > 1
    found: list[dict[str, float | int | str]] = []
    for name in np.unique(fold):
        mine = np.flatnonzero(fold == name)
        if mine.size < 3:
            raise InputError(f"fold {name} has {mine.size} images; RSA within it needs at least 3")
        ids = votes.ids[mine].astype(str)
        shared = frame(votes.labels[mine], disputed[mine], ids)
        human, model = (ready(rdm(x[mine], metric, ids), x[mine], shared) for x in (shares, rows))
        values = measures(human, model, shared)
        n, pairs = int(mine.size), len(human.matrix)
        scale = 3.0 / (float(pairs) ** 3 - pairs)
        row: dict[str, float | int | str] = {
            "fold": int(name),
            "method": "spearman",
            "value": values.pop("spearman"),
            **values,
            "unique_variance": float("nan"),
            "others_explain": float("nan"),
            "self_rho_a": scale * model.ranked.ranks.variation,
            "human_self_rho_a": scale * human.ranked.ranks.variation,
            "label_only": spearman(human.ranked.ranks, shared.label.ranks),
            "n_images": n,
            "n_pairs": pairs,
        }
        found.append(row)
    return pd.DataFrame(found)[["fold", "method", *_NUMBERS]]


def average_folds(
    comparisons: Sequence[pd.DataFrame], heads: Sequence[tuple[str, int]], metric: str
) -> pd.DataFrame:
    """Means over folds, each weighted by its number of pairs.

    Args:
        comparisons: Of each run of a model, see :func:`compare_within_folds`.
        heads: Model and number of the run of each.
        metric: Distance of the RDMs.

    Returns:
        One row a run with the columns of the RSA tables but for the ceiling; ``layer`` is
        :data:`LAYER`, ``n_images`` the sum over folds, ``n_pairs`` that of the pairs within folds.
        A value that is undefined in a fold is averaged over the others.
    """
    rows = []
    for (model, run), table in zip(heads, comparisons, strict=True):
        row: dict[str, float | int | str] = {
            "model": model,
            "layer": LAYER,
            "seed": run,
            "metric": metric,
            "method": str(table["method"].iloc[0]),
        }
        for name in _NUMBERS:
            values = table[name].to_numpy(dtype=np.float64)
            weight = np.where(np.isnan(values), 0.0, table["n_pairs"].to_numpy(dtype=np.float64))
            mean = float(np.nansum(weight * values)) / weight.sum() if weight.any() else np.nan
            row[name] = int(table[name].sum()) if name in _SUMS else mean
        rows.append(row)
    texts = dict.fromkeys(("model", "layer", "metric", "method"), "str")
    return pd.DataFrame(rows)[COMPARISON_COLUMNS].astype({**texts, "seed": "int64"})
