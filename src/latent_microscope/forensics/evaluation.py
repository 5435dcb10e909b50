"""Evaluation of scores and detectors against the known authentic samples.

A higher score means more authentic. Scores that the preprint calls a mark of authenticity are used
as they are, so an AUC below one half shows a wrong sign.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_mask, as_vector
from latent_microscope.forensics.mixtures import density_mixture

OURS = "detect_authentic"
# Families of baselines: they see latents and nothing else.
BASELINES = ("PyOD", "density", "heuristic")
HEURISTICS = (
    *("uniqueness", "uniqueness_script", "uniqueness_notebook"),
    *("originality", "originality_script", "originality_notebook"),
    *("stability", "cls", "knn_density", "attractor_density", "attractor_density_adaptive"),
)
# A mixture with less than this weight of one person looks like the other person.
BLIND = 0.02

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def roc_auc(scores: npt.ArrayLike, positives: npt.ArrayLike) -> float:
    """Probability that a positive scores higher than a negative, ties one half."""
    values, truth = _checked(scores, positives)
    if truth.all() or not truth.any():
        return float("nan")
    return float(roc_auc_score(truth, values))


def average_precision(scores: npt.ArrayLike, positives: npt.ArrayLike) -> float:
    """Precision averaged over recall, without interpolation; tied scores enter together."""
    values, truth = _checked(scores, positives)
    return float(average_precision_score(truth, values)) if truth.any() else float("nan")


def _checked(scores: npt.ArrayLike, positives: npt.ArrayLike) -> tuple[Floats, Mask]:
    values = as_vector(scores, "scores")
    return values, as_mask(positives, "positives", len(values))


def mask_counts(selected: npt.ArrayLike, positives: npt.ArrayLike) -> dict[str, float]:
    """Counts and rates of a selection against the truth; a rate without a denominator is NaN."""
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


def detector_scores(scores: pd.DataFrame) -> dict[str, Floats]:
    """Every score of a run's table as a detector, higher = more authentic."""
    found = {name: scores[name].to_numpy(dtype=np.float64) for name in HEURISTICS}
    found["validation_score"] = found["uniqueness"] * found["stability"]
    found["negated_neighbors"] = -scores["neighbors"].to_numpy(dtype=np.float64)
    found["negated_norm"] = -scores["norm"].to_numpy(dtype=np.float64)
    found[OURS] = scores["detector_score"].to_numpy(dtype=np.float64)
    return found


def detector_table(
    detectors: Mapping[str, npt.ArrayLike],
    masks: Mapping[str, npt.ArrayLike],
    authentic: npt.ArrayLike,
) -> pd.DataFrame:
    """How well each detector tells authentic samples from interpolations.

    ``f1`` is NaN without a mask; ``prevalence`` is the average precision of a random score.
    """
    truth = np.asarray(authentic, dtype=bool)
    rows = []
    for name, values in detectors.items():
        f1 = mask_counts(masks[name], truth)["f1"] if name in masks else float("nan")
        ranking = _ranking(as_vector(values, name, len(truth)), truth)
        rows.append({"detector": name, **ranking, "f1": f1, "prevalence": float(truth.mean())})
    if not rows:
        raise InputError("no detector to evaluate; give a table of scores")
    return pd.DataFrame.from_records(rows).astype({"detector": "str"})


def _ranking(score: Floats, truth: Mask) -> dict[str, float]:
    """How well a score ranks authentic samples first."""
    return {
        "roc_auc": roc_auc(score, truth),
        "average_precision": average_precision(score, truth),
        "average_precision_interpolations": average_precision(-score, ~truth),
    }


def rule_mask(authenticity: Floats, distance: bool) -> Mask:
    """Samples that a two-component mixture of any score calls authentic.

    Of the log where the negated score is a positive ``distance``. Our detector's power law does
    worse than two Gaussians on plain kNN distances, so baselines get the Gaussians.
    """
    if distance and (authenticity < 0.0).all():
        authenticity = -np.log(-authenticity)
    return authenticity > density_mixture(authenticity).threshold


def references(
    error: Floats, authentic: Mask, alpha: Floats
) -> dict[str, tuple[str, Floats, Mask]]:
    """References that are no detectors on latents, by name.

    ``image``: the reconstruction error, which shows the generator's pixel noise; ``limit``: the
    truth without mixtures whose smaller weight is below 2 %.
    """
    blind = authentic | (np.minimum(alpha, 1.0 - alpha) < BLIND)
    return {
        "reconstruction_error": ("image", error, rule_mask(error, False)),
        f"truth, blind below {BLIND:.0%}": ("limit", blind.astype(float), blind),
    }


def best_f1(authenticity: npt.ArrayLike, authentic: npt.ArrayLike) -> float:
    """F1 at the threshold that the truth would choose."""
    truth = np.asarray(authentic, dtype=bool)
    precision, recall, _ = precision_recall_curve(truth, as_vector(authenticity, "authenticity"))
    return float(np.max(2.0 * precision * recall / np.maximum(precision + recall, 1e-12)))


def comparison_table(
    detectors: Mapping[str, tuple[str, Floats, Mask]], authentic: npt.ArrayLike
) -> pd.DataFrame:
    """As :func:`detector_table`, of detectors with a family and a mask and of both trivial answers.

    ``f1``: by the detector's rule; ``f1_oracle``: at the threshold that the truth would choose.
    """
    truth = np.asarray(authentic, dtype=bool)
    n = len(truth)
    trivial = {
        f"{name} authentic": ("trivial", np.zeros(n), np.full(n, called))
        for name, called in (("all", True), ("none", False))
    }
    rows = []
    for name, (family, score, mask) in {**detectors, **trivial}.items():
        counts = mask_counts(mask, truth)
        rows.append(
            {
                "detector": name,
                "family": family,
                **_ranking(score, truth),
                **{key: counts[key] for key in ("selected", "precision", "recall", "f1")},
                "f1_oracle": best_f1(score, truth),
                "prevalence": counts["prevalence"],
            }
        )
    return pd.DataFrame.from_records(rows).astype({"detector": "str", "family": "str"})
