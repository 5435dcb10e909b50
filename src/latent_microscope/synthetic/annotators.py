"""Simulated annotators: votes drawn from known confusions and a known difficulty of each image."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError

MIN_VOTES, MAX_VOTES = 47, 63


def confusion_matrix(
    n_classes: int, confusable: Sequence[tuple[int, int]], share: float = 0.6
) -> npt.NDArray[np.float64]:
    """What is answered for the hardest images of each class.

    Args:
        n_classes: Number of classes.
        confusable: Pairs of classes that look alike.
        share: Part of the answers that goes to the look-alikes, evenly; a tenth of the rest is
            spread over all classes, the remainder is correct.

    Returns:
        float64 (true, answered), rows sum to 1.

    Raises:
        InputError: A share outside [0, 1] or a class that does not exist.
    """
    if not 0 <= share <= 1:
        raise InputError(f"share {share} is outside 0 to 1")
    alike = np.zeros((n_classes, n_classes))
    for a, b in confusable:
        if not (0 <= a < n_classes and 0 <= b < n_classes and a != b):
            raise InputError(f"({a}, {b}) is no pair of the {n_classes} classes")
        alike[a, b] = alike[b, a] = 1
    totals = alike.sum(axis=1, keepdims=True)
    look_alikes = np.divide(alike, totals, out=np.eye(n_classes), where=totals > 0)
    rest = 0.9 * np.eye(n_classes) + 0.1 / n_classes
    return share * look_alikes + (1 - share) * rest


def vote_probabilities(
    labels: npt.NDArray[np.int64],
    confusion: npt.NDArray[np.float64],
    difficulty: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """The true distribution of answers: (1 − difficulty)·label + difficulty·confusion[label].

    Args:
        labels: (n,) true classes.
        confusion: (classes, classes), rows sum to 1.
        difficulty: (n,) in [0, 1]; 0 means that everyone answers the label.

    Returns:
        float64 (n, classes), rows sum to 1.
    """
    if ((difficulty < 0) | (difficulty > 1)).any():
        raise InputError("difficulty must lie between 0 and 1")
    weight = np.asarray(difficulty, dtype=np.float64)[:, None]
    return (1 - weight) * np.eye(len(confusion))[labels] + weight * confusion[labels]


def simulate_votes(
    probabilities: npt.NDArray[np.float64],
    generator: np.random.Generator,
    votes: tuple[int, int] = (MIN_VOTES, MAX_VOTES),
) -> npt.NDArray[np.int64]:
    """Independent votes for each image.

    Args:
        probabilities: (n, classes).
        generator: Source of randomness.
        votes: Smallest and largest number of votes an image (CIFAR-10H has 47 to 63).

    Returns:
        int64 (n, classes).
    """
    totals = generator.integers(votes[0], votes[1] + 1, len(probabilities))
    return generator.multinomial(totals, probabilities).astype(np.int64)
