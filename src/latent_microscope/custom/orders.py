"""Rows in another order than they are taken for: another data loader's, or shifted by one."""

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

_SURE = 1e-6
Codes = npt.NDArray[np.int64]


def better_order(predicted: Codes, labels: Codes) -> str:
    """How rows would have to be reordered to agree better with the labels; "": as they are.

    Rows shifted by one, reversed, and sorted by label (as a loader of folders reads them) are
    compared with the rows as they are: among the samples that only one of both has right, the other
    order must have more than half with p < 1e-6 (McNemar's exact test).

    Args:
        predicted: Class that the row of each sample says, (n,).
        labels: Class of each sample, (n,).
    """
    right = predicted == labels
    turns = {
        "shifted down by one": np.roll(predicted, 1),
        "shifted up by one": np.roll(predicted, -1),
        "reversed": predicted[::-1],
    }
    by_label = np.empty_like(predicted)
    by_label[np.argsort(labels, kind="stable")] = predicted
    turns["sorted by label"] = by_label
    best, most = "", int(right.sum())
    for name, turned in turns.items():
        other = turned == labels
        gained, lost = int((other & ~right).sum()), int((right & ~other).sum())
        sure = gained > lost and binomtest(gained, gained + lost, alternative="greater").pvalue
        if int(other.sum()) > most and sure < _SURE:
            best, most = name, int(other.sum())
    if not best:
        return ""
    return (
        f"{right.sum()} of {len(labels)} rows agree with the labels, {most} would if they were "
        f"{best}; check that row i is sample i"
    )
