"""How well a score or a mask finds what is known to be authentic.

Sign conventions. A detector's score is the higher the more authentic it calls a sample. ROC AUC
and average precision take authentic samples as positives; average precision for interpolations
takes interpolations as positives and the negated score. Scores that the sources call a mark of
authenticity (uniqueness, originality, stability, CLS …) are used as they are, also where that
turns out to be the wrong way round: an AUC below one half says so.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_mask, as_vector

Mask = npt.NDArray[np.bool_]


def roc_auc(scores: npt.ArrayLike, positives: npt.ArrayLike) -> float:
    """Probability that a positive scores higher than a negative, ties one half.

    Args:
        scores: n finite scores.
        positives: n booleans.

    Returns:
        The area; NaN if one of the two kinds is missing.
    """
    values, truth = _checked(scores, positives)
    if truth.all() or not truth.any():
        return float("nan")
    return float(roc_auc_score(truth, values))


def average_precision(scores: npt.ArrayLike, positives: npt.ArrayLike) -> float:
    """Precision averaged over recall, without interpolation; tied scores enter together.

    Returns:
        The average; NaN without positives.
    """
    values, truth = _checked(scores, positives)
    return float(average_precision_score(truth, values)) if truth.any() else float("nan")


def _checked(scores: npt.ArrayLike, positives: npt.ArrayLike) -> tuple[np.ndarray, Mask]:
    values = as_vector(scores, "scores")
    return values, as_mask(positives, "positives", len(values))


def mask_counts(selected: npt.ArrayLike, positives: npt.ArrayLike) -> dict[str, float]:
    """How a selection agrees with the truth.

    Args:
        selected: n booleans.
        positives: n booleans.

    Returns:
        ``selected``, ``tp``, ``fp``, ``fn`` (whole numbers), ``precision`` (NaN if nothing is
        selected), ``recall`` (NaN without positives), ``f1`` = 2tp/(2tp + fp + fn) (0 if nothing
        is found; NaN if there is nothing to find and nothing was selected), ``prevalence``: the
        share of positives, which is the precision of a selection at random.
    """
    truth = np.asarray(positives, dtype=bool)
    chosen = as_mask(selected, "selected", len(truth))
    tp = int(np.count_nonzero(chosen & truth))
    fp = int(np.count_nonzero(chosen & ~truth))
    fn = int(np.count_nonzero(~chosen & truth))
    return {
        "selected": tp + fp,
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "precision": _ratio(tp, tp + fp),
        "recall": _ratio(tp, tp + fn),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "prevalence": float(truth.mean()),
    }


def _ratio(numerator: int, denominator: int) -> float:
    return numerator / denominator if denominator else float("nan")


def detector_scores(scores: pd.DataFrame) -> dict[str, np.ndarray]:
    """Each score of a table as a detector of authentic samples, higher = more authentic.

    Beside the columns as they are: ``validation_score`` (uniqueness × stability, the funnel's
    order), ``negated_neighbors`` (isolated cores have few), ``negated_norm``, and
    ``detect_authentic``.

    Args:
        scores: The scores table of a run.
    """
    columns = [
        "uniqueness",
        "uniqueness_script",
        "uniqueness_notebook",
        "originality",
        "originality_script",
        "originality_notebook",
        "stability",
        "cls",
        "knn_density",
        "attractor_density",
        "attractor_density_adaptive",
    ]
    found = {name: scores[name].to_numpy(dtype=np.float64) for name in columns}
    found["validation_score"] = found["uniqueness"] * found["stability"]
    found["negated_neighbors"] = -scores["neighbors"].to_numpy(dtype=np.float64)
    found["negated_norm"] = -scores["norm"].to_numpy(dtype=np.float64)
    found["detect_authentic"] = scores["detector_score"].to_numpy(dtype=np.float64)
    return found


def detector_table(
    detectors: Mapping[str, npt.ArrayLike],
    masks: Mapping[str, npt.ArrayLike],
    authentic: npt.ArrayLike,
) -> pd.DataFrame:
    """How well each detector tells authentic samples from interpolations.

    Args:
        detectors: n scores by name, higher = more authentic.
        masks: n booleans by the name of the detector that gives a mask.
        authentic: n booleans, the truth.

    Returns:
        Table ``detector``, ``roc_auc``, ``average_precision``,
        ``average_precision_interpolations``, ``f1`` (NaN without a mask), ``prevalence`` (share
        of authentic samples: the average precision of a coin).
    """
    truth = np.asarray(authentic, dtype=bool)
    rows = []
    for name, values in detectors.items():
        score = as_vector(values, name, len(truth))
        f1 = mask_counts(masks[name], truth)["f1"] if name in masks else float("nan")
        rows.append(
            {
                "detector": name,
                "roc_auc": roc_auc(score, truth),
                "average_precision": average_precision(score, truth),
                "average_precision_interpolations": average_precision(-score, ~truth),
                "f1": f1,
                "prevalence": float(truth.mean()),
            }
        )
    if not rows:
        raise InputError("no detector to evaluate; give a table of scores")
    return pd.DataFrame.from_records(rows).astype({"detector": "str"})
