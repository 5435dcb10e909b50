"""What a matrix of numbers means: dissimilarities or similarities, probabilities or logits.

One tolerance, relative to the largest value, decides what is zero, equal or symmetric: files are
often rounded, or come from sums that round.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.files.contents import Entry

TOLERANCE = 1e-5
"""Of the largest absolute value; float16 files have TOLERANCE_HALF."""
TOLERANCE_HALF = 2e-3
OUTPUTS = ("logits", "probabilities", "log-probabilities", "percentages")
"""What the outputs of a classifier can be."""
_SUM = 1e-2  # rows of probabilities sum to 1 within it: they are often rounded
Floats = npt.NDArray[np.float64]


def tolerance(dtype: np.dtype) -> float:
    """Relative tolerance of numbers that are stored in this type."""
    return TOLERANCE_HALF if dtype == np.float16 else TOLERANCE


def kind_of_square(array: np.ndarray) -> str | None:
    """``dissimilarity``, ``similarity``, ``triangle`` or None of a matrix, or of the first of many.

    Missing pairs (NaN) and a NaN diagonal are allowed. A similarity is symmetric and largest, and
    the same, on its diagonal; a triangle has zeros or NaN on one side.
    """
    if array.ndim not in (2, 3) or array.shape[-1] != array.shape[-2] or array.shape[-1] < 3:
        return None
    one = np.asarray(array[0] if array.ndim == 3 else array, dtype=np.float64)
    known = one[np.isfinite(one)]
    if np.isinf(one).any() or known.size < 3:
        return None
    limit = tolerance(array.dtype) * float(np.abs(known).max())
    diagonal = np.diag(one)
    own = diagonal[np.isfinite(diagonal)]
    if _one_side(one) is not None and (not own.size or np.abs(own).max() <= limit):
        return "triangle"
    pair = np.isfinite(one) & np.isfinite(one.T)
    if np.abs(one - one.T)[pair].max(initial=0.0) > limit:
        return None
    if not own.size or np.abs(own).max() <= limit:
        return "dissimilarity" if known.min() >= -limit and known.max() > 0.0 else None
    same = own.size == len(one) and np.ptp(own) <= limit and own[0] > 0.0
    off = one[~np.eye(len(one), dtype=bool)]
    return "similarity" if same and np.nanmax(off) <= own[0] + limit else None


def _one_side(one: Floats) -> str | None:
    """The filled side of a matrix of which the other is all zero or all NaN."""
    rows, columns = np.triu_indices(len(one), 1)
    upper, lower = one[rows, columns], one[columns, rows]
    for name, filled, other in (("upper", upper, lower), ("lower", lower, upper)):
        empty = np.isnan(other).all() or not np.nan_to_num(other, nan=1.0).any()
        if empty and np.nan_to_num(filled).any():
            return name
    return None


def whole_square(one: Floats) -> Floats:
    """A matrix of which one triangle may be missing, with both, and zeros on its diagonal."""
    side = _one_side(one)
    if side is not None:
        part = np.triu(one, 1) if side == "upper" else np.tril(one, -1)
        one = part + part.T
    one = one.copy()
    np.fill_diagonal(one, 0.0)
    return one


def side_of_condensed(count: int) -> int | None:
    """Number of samples of so many pairs, or None if there is none (at least 4 samples)."""
    n = round((1.0 + np.sqrt(1.0 + 8.0 * count)) / 2.0)
    return n if n > 3 and n * (n - 1) // 2 == count else None


def kind_of_outputs(entry: Entry) -> str | None:
    """One of :data:`OUTPUTS`; None for numbers from 0 to 1 whose rows do not sum to 1."""
    could = dict.fromkeys(("probabilities", "log-probabilities", "percentages", "shares"), True)
    for block in _blocks(entry):
        sums, low, high = block.sum(axis=1), float(block.min()), float(block.max())
        could["probabilities"] &= low >= 0.0 and bool((np.abs(sums - 1.0) <= _SUM).all())
        could["percentages"] &= low >= 0.0 and bool((np.abs(sums - 100.0) <= 100.0 * _SUM).all())
        could["shares"] &= low >= 0.0 and high <= 1.0
        if could["log-probabilities"]:
            with np.errstate(over="ignore"):
                total = np.exp(block).sum(axis=1)
            could["log-probabilities"] = high <= _SUM and bool((np.abs(total - 1.0) <= _SUM).all())
        if not any(could.values()):
            return "logits"
    found = next((kind for kind in OUTPUTS if could.get(kind)), None)
    return found or (None if could["shares"] else "logits")


def _blocks(entry: Entry) -> Iterator[Floats]:
    for block in entry.blocks():
        if len(block):
            yield np.asarray(block, dtype=np.float64)


def as_logits(values: npt.NDArray[np.float32], kind: str) -> npt.NDArray[np.float32]:
    """Outputs of a classifier as numbers whose softmax are its probabilities."""
    if kind in ("logits", "log-probabilities"):
        return values
    total = np.maximum(values.sum(axis=1, keepdims=True, dtype=np.float64), 1e-300)
    return np.log(np.maximum(values / total, np.finfo(np.float32).tiny)).astype(np.float32)


def require_outputs(entry: Entry, declared: str, path: Path) -> None:
    """Raise :class:`InputError` if outputs that are declared logits cannot be, or the reverse."""
    found = kind_of_outputs(entry)
    if found is None and declared == "logits":
        raise InputError(
            f"{path}: numbers from 0 to 1 whose rows do not sum to 1; if they are probabilities of "
            "single classes, normalise the rows; if they are features, set holds: features"
        )
    if found not in (None, declared) and {found, declared} != {"logits", "log-probabilities"}:
        raise InputError(
            f"{path}: expected {declared}, but the rows are {found}; set holds: {found}"
        )
