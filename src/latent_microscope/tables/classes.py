"""Class-level RDMs of people and models: distances between the mean features of classes."""

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import softmax

from latent_microscope.errors import InputError
from latent_microscope.io.pages import release
from latent_microscope.similarity.rdms import rdm

COLUMNS = ["model", "layer", "seed", "metric", "class_a", "class_b", "value"]
_ROWS = 500


def class_means(
    features: npt.NDArray, labels: npt.NDArray[np.int64], transform: str = "none"
) -> npt.NDArray[np.float64]:
    """Mean features of each class, block by block: memory does not grow with the images.

    Args:
        features: (n, f), may be memory-mapped.
        labels: Class of each row, 0..k-1.
        transform: none, or softmax (of each row).

    Raises:
        InputError: A class without images.
    """
    sizes = np.bincount(labels)
    if not sizes.all():
        raise InputError(f"class {int(np.argmin(sizes))} has no images, so it has no mean features")
    sums = np.zeros((len(sizes), features.shape[1]))
    for start in range(0, len(labels), _ROWS):
        rows = slice(start, start + _ROWS)
        block = np.asarray(features[rows], dtype=np.float64)
        if transform == "softmax":
            block = softmax(block, axis=1)
        member = np.eye(len(sizes))[labels[rows]]
        sums += member.T @ block
        release(features)
    return sums / sizes[:, None]


def class_distances(
    means: npt.NDArray[np.float64], names: Sequence[str], metric: str
) -> pd.DataFrame:
    """Distances between class means: ``class_a``, ``class_b``, ``value``, each pair once.

    NaN where the metric is not defined for these means (correlation of constant ones).
    """
    try:
        values = rdm(means, metric, list(names)).values.astype(np.float64)
    except InputError:
        values = np.full(len(names) * (len(names) - 1) // 2, np.nan)
    pairs = list(itertools.combinations(names, 2))
    return pd.DataFrame(
        {"class_a": [a for a, _ in pairs], "class_b": [b for _, b in pairs], "value": values}
    ).astype({"class_a": "str", "class_b": "str"})
