"""Detectors of authentic samples on one run, each by one rule for its threshold and by the best."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import precision_recall_curve

from latent_microscope.forensics.checks import as_vector
from latent_microscope.forensics.evaluation import average_precision, mask_counts, roc_auc
from latent_microscope.forensics.mixtures import density_mixture

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

OURS = "detect_authentic"
# Families that ours is compared with: they see latents and nothing else.
PEERS = ("PyOD", "density", "heuristic")
# A mixture that gives one person less than this is a person to anyone who looks at the person.
BLIND = 0.02


def rule_mask(authenticity: Floats, distance: bool) -> Mask:
    """What a two-component mixture, the rule of our own detector, calls authentic for any score.

    Two Gaussians, of the log where the negated score is a positive distance. Our detector's last
    cut takes a power law for the second component; on plain kNN distances that does worse than
    two Gaussians on most settings, so peers get the Gaussians.

    Args:
        authenticity: n scores, higher = more authentic.
        distance: The negated score is a positive distance or a ratio of distances.
    """
    if distance and (authenticity < 0.0).all():
        authenticity = -np.log(-authenticity)
    return authenticity > density_mixture(authenticity).threshold


def references(
    reconstruction_error: Floats, authentic: Mask, alpha: Floats
) -> dict[str, tuple[str, Floats, Mask]]:
    """What the detectors on latents are read beside; neither is one of them.

    The generator gives authentic samples more pixel noise than mixtures, which the error of
    reconstruction shows: family ``image``. A detector that knew everything but could not see a
    weight of less than 2 % would be as good as the family ``limit``.

    Args:
        reconstruction_error: n errors of the VAE.
        authentic: n booleans, the truth.
        alpha: n weights of the first person; NaN for authentic samples.
    """
    blind = authentic | (np.minimum(alpha, 1.0 - alpha) < BLIND)
    return {
        "reconstruction_error": (
            "image",
            reconstruction_error,
            rule_mask(reconstruction_error, False),
        ),
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
    """How well each detector tells authentic samples from interpolations.

    Args:
        detectors: By name: its family, n scores (higher = more authentic), n booleans (what it
            calls authentic).
        authentic: n booleans, the truth.

    Returns:
        Table ``detector``, ``family``, ``roc_auc``, ``average_precision`` (authentic samples
        positive), ``average_precision_interpolations`` (interpolations positive), ``selected``,
        ``precision``, ``recall``, ``f1`` (by the rule), ``f1_oracle`` (by the best threshold),
        ``prevalence``. The last two rows call everything or nothing authentic.
    """
    truth = np.asarray(authentic, dtype=bool)
    n = len(truth)
    everything = ("trivial", np.zeros(n), np.ones(n, dtype=bool))
    nothing = ("trivial", np.zeros(n), np.zeros(n, dtype=bool))
    rows = []
    for name, (family, score, mask) in {
        **detectors,
        "all authentic": everything,
        "none authentic": nothing,
    }.items():
        counts = mask_counts(mask, truth)
        rows.append(
            {
                "detector": name,
                "family": family,
                "roc_auc": roc_auc(score, truth),
                "average_precision": average_precision(score, truth),
                "average_precision_interpolations": average_precision(-score, ~truth),
                **{key: counts[key] for key in ("selected", "precision", "recall", "f1")},
                "f1_oracle": best_f1(score, truth),
                "prevalence": counts["prevalence"],
            }
        )
    return pd.DataFrame.from_records(rows).astype({"detector": "str", "family": "str"})
