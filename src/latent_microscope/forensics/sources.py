"""Independent sources of the latents: FastICA with restarts, and factor analysis."""

import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import kurtosis
from sklearn.decomposition import FactorAnalysis, FastICA

from latent_microscope.arrays import whole
from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_matrix, as_rows, one_of
from latent_microscope.neighbours.blocks import Points, row_blocks
from latent_microscope.neighbours.copies import first_copies
from latent_microscope.seeds import derive, rng

METHODS = ("intended", "executed")
MAX_COMPONENTS = 20
SAMPLE_ROWS = 20_000
_FACTOR_SEED = 42

_ROWS = 4096  # at once
_PRODUCT_ROWS = 1 << 16  # more: last digits of a product may depend on it

Floats = npt.NDArray[np.float64]
_Scale = tuple[Floats, Floats, npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class SourceFit:
    """Independent sources and how they were found."""

    sources: Floats  # (n, k) float64
    restarts: pd.DataFrame
    sample_rows: int  # rows that the unmixing was fitted on
    unmixings: Floats  # (restarts, k, d + 1) float64, see :func:`unmix`

    @property
    def not_converged(self) -> int:
        """Number of restarts that ran out of iterations or failed."""
        return int((~self.restarts["converged"]).sum())


def standardise(latents: Points, rows: npt.NDArray[np.int64] | None = None) -> Floats:
    """Columns with mean 0 and population standard deviation 1 by ``rows``; a constant becomes 0."""
    scale = _centre_and_scale(latents if rows is None else latents[rows])
    scaled = np.empty(latents.shape)
    for part in row_blocks(len(latents), None, _ROWS):
        scaled[part] = _scaled(latents[part], scale)
    return scaled


def _scaled(latents: Points, scale: _Scale) -> Floats:
    mean, deviation, varies = scale
    scaled = latents - mean
    scaled /= deviation
    scaled *= varies
    return scaled


def _centre_and_scale(basis: Points) -> _Scale:
    """Column means, population standard deviations (1 for a constant column), which vary.

    Block by block with the sums of numpy's mean and std over all rows, row after row.
    """
    n, d = basis.shape
    mean, square, low, high = np.zeros(d), np.zeros(d), np.full(d, np.inf), np.full(d, -np.inf)
    blocks = row_blocks(n, None, _ROWS)
    for part in blocks:
        block = basis[part].astype(np.float64)
        low, high = np.minimum(low, block.min(axis=0)), np.maximum(high, block.max(axis=0))
        block[0] += mean
        mean = block.sum(axis=0)
    mean /= n
    for part in blocks:
        block = basis[part] - mean
        block *= block
        block[0] += square
        square = block.sum(axis=0)
    deviation = np.sqrt(square / n)
    # A deviation may be the rounding of a mean.
    largest = np.maximum(np.abs(low), np.abs(high))
    negligible = (low == high) | (deviation <= 10.0 * np.finfo(np.float64).eps * largest)
    return mean, np.where(negligible, 1.0, deviation), ~negligible


def _alike(latents: Points, sources: npt.ArrayLike) -> Floats:
    """Sources of which equal latents have equal ones, whatever the place of their row."""
    return np.ascontiguousarray(np.asarray(sources, dtype=np.float64)[first_copies(latents)])


def _in_blocks(latents: Points, work: Callable[[Points], Floats]) -> Floats:
    """``work`` of all rows, in blocks; as :func:`_alike`."""
    parts = [work(latents[part]) for part in row_blocks(len(latents), None, _PRODUCT_ROWS)]
    return _alike(latents, np.concatenate(parts))


def unmix(latents: npt.ArrayLike, unmixing: npt.ArrayLike) -> Floats:
    """(n, k) sources of latents by a (k, d + 1) unmixing: weights and, last, the offset."""
    matrix = as_rows(latents, "latents")
    weights = as_matrix(unmixing, "unmixing", min_rows=1)
    if weights.shape[1] != matrix.shape[1] + 1:
        raise InputError(
            f"unmixing has {weights.shape[1] - 1} dimensions, latents {matrix.shape[1]}; give both "
            "of the same model"
        )
    return _in_blocks(matrix, lambda rows: rows @ weights[:, :-1].T + weights[:, -1])


def _unmixings(models: list[FastICA | None], basis: Floats, k: int) -> Floats:
    """Of every restart: standardising and unmixing in one affine map."""
    mean, deviation, varies = _centre_and_scale(basis)
    out = np.full((len(models), k, basis.shape[1] + 1), np.nan)
    for restart, model in enumerate(models):
        if model is not None:
            out[restart, :, :-1] = model.components_ / deviation * varies
            offset = out[restart, :, :-1] @ mean + model.components_ @ model.mean_
            out[restart, :, -1] = -offset
    return out


def sample_of_rows(n: int, max_rows: int, seed: int) -> npt.NDArray[np.int64]:
    """At most ``max_rows`` row numbers, ascending, without replacement."""
    if n <= max_rows:
        return np.arange(n)
    return np.sort(rng(seed, "ica-rows").choice(n, size=max_rows, replace=False))


def _n_components(sample: Floats, wanted: int | None) -> int:
    """Number of sources: min(20, d) or as asked, never more than the data's rank."""
    rank = int(np.linalg.matrix_rank(sample.T @ sample, hermitian=True))
    rank = min(rank, len(sample) - 1)
    if rank == 0:
        raise InputError("latents: all rows are equal, so there are no independent sources")
    if wanted is None:
        wanted = min(MAX_COMPONENTS, sample.shape[1])
    elif not 1 <= (wanted := whole(wanted, "n_components")) <= sample.shape[1]:
        raise InputError(f"n_components {wanted} must lie between 1 and {sample.shape[1]}")
    return min(wanted, rank)


def _fit(model: FastICA, sample: Floats) -> tuple[FastICA | None, bool]:
    """The fitted model (None if it failed numerically) and whether it converged.

    Deflation gives no warning when it runs out of iterations, so their number is checked. A column
    of zeros is left out: scikit-learn multiplies principal components by their sign in the first.
    """
    d, varies = sample.shape[1], np.flatnonzero(sample.any(axis=0))
    try:
        model.fit(sample if len(varies) == d else np.take(sample, varies, axis=1))
    except (np.linalg.LinAlgError, FloatingPointError, ValueError):
        return None, False
    if len(varies) < d:
        weights, mean = np.zeros((len(model.components_), d)), np.zeros(d)
        weights[:, varies], mean[varies] = model.components_, model.mean_
        model.components_, model.mean_, model.n_features_in_ = weights, mean, d
    return model, bool(model.n_iter_ < model.max_iter)


def mean_absolute_kurtosis(sources: Floats) -> float:
    """Mean over sources of the absolute excess kurtosis; 0 for Gaussian sources."""
    return float(np.mean(np.abs(kurtosis(sources, axis=0))))


def fit_sources(
    latents: npt.ArrayLike,
    n_components: int | None = None,
    n_restarts: int = 10,
    seed: int = 0,
    method: str = "intended",
    *,
    max_rows: int = SAMPLE_ROWS,
    max_iter: int | None = None,
    n_jobs: int = 1,
) -> SourceFit:
    """Independent sources with a record of every restart; see :func:`independent_sources`."""
    matrix = as_rows(latents, "latents")
    one_of(method, "source method", METHODS)
    seed = whole(seed, "seed")
    rows = sample_of_rows(len(matrix), whole(max_rows, "max_rows", 2), seed)
    basis = matrix[rows].astype(np.float64)
    scale = _centre_and_scale(basis)
    sample = _scaled(basis, scale)
    k = _n_components(sample, n_components)
    count = whole(n_restarts, "n_restarts", 1) if method == "intended" else 1
    seeds = [derive(seed, "ica", method, restart) % 2**32 for restart in range(count)]
    options: dict[str, object] = (
        {"algorithm": "deflation", "fun": "cube", "max_iter": max_iter or 8000}
        if method == "intended"
        else {"algorithm": "parallel", "fun": "logcosh", "max_iter": max_iter or 5000}
    )
    models = [
        FastICA(k, whiten="unit-variance", tol=1e-4, random_state=state, **options)
        for state in seeds
    ]
    # Filters are global: set them once around the threads, not in each.
    with warnings.catch_warnings(), ThreadPoolExecutor(max(1, whole(n_jobs, "n_jobs"))) as pool:
        warnings.simplefilter("ignore")
        fits = list(pool.map(_fit, models, [sample] * len(models)))
    table = _restart_table(fits, seeds, sample)
    if table["mean_abs_kurtosis"].isna().all():
        raise InputError(
            "latents: every FastICA restart failed; check for constant or duplicate columns"
        )
    best = int(np.nanargmax(table["mean_abs_kurtosis"].to_numpy()))
    table["chosen"] = table["restart"] == best
    model = fits[best][0]
    assert model is not None
    sources = _in_blocks(matrix, lambda rows: model.transform(_scaled(rows, scale)))
    unmixings = _unmixings([fit for fit, _ in fits], basis, k)
    return SourceFit(sources, table, len(rows), unmixings)


def run_sources(
    latents: npt.ArrayLike,
    settings: Mapping[str, Any],
    *,
    root_seed: int,
    seed: int = 0,
    method: str = "intended",
    n_jobs: int = 1,
) -> SourceFit:
    """Independent sources of one run of a study, from the random stream of its step."""
    return fit_sources(
        latents,
        settings["components"],
        settings["restarts"],
        derive(root_seed, "compute_sources", seed),
        method,
        max_rows=settings["fit_rows"],
        n_jobs=n_jobs,
    )


def _restart_table(
    fits: list[tuple[FastICA | None, bool]], seeds: list[int], sample: Floats
) -> pd.DataFrame:
    """One row per restart."""
    records = []
    for restart, ((model, converged), seed) in enumerate(zip(fits, seeds, strict=True)):
        score = float("nan")
        if model is not None:
            sources = model.transform(sample)
            score = mean_absolute_kurtosis(sources) if np.isfinite(sources).all() else score
        records.append(
            {
                "restart": restart,
                "random_state": seed,
                "converged": bool(converged),
                "n_iter": 0 if model is None else int(model.n_iter_),
                "mean_abs_kurtosis": score,
            }
        )
    return pd.DataFrame.from_records(records)


def independent_sources(
    latents: npt.ArrayLike,
    n_components: int | None = None,
    n_restarts: int = 10,
    seed: int = 0,
    method: str = "intended",
    *,
    max_rows: int = SAMPLE_ROWS,
    n_jobs: int = 1,
) -> Floats:
    """Independent sources S of the latents by FastICA, on standardised columns.

    Args:
        latents: (n, d) latent means.
        n_components: Sources; by default min(20, d), and never more than the rank of the data.
        n_restarts: Restarts (intended only).
        seed: Root seed.
        method: ``intended`` (cube, deflation; of all restarts the one with the largest mean
            absolute excess kurtosis) or ``executed`` (what the published scripts ran: one FastICA,
            logcosh, parallel, max_iter 5000).
        max_rows: Largest number of rows to fit on; all rows are transformed.
        n_jobs: Restarts that run at once (threads); does not change the result.

    Returns:
        (n, k) sources, float64.

    Raises:
        InputError: If ``latents`` is not a finite n×d matrix, an option is out of range, or every
            restart failed.
    """
    return fit_sources(
        latents, n_components, n_restarts, seed, method, max_rows=max_rows, n_jobs=n_jobs
    ).sources


def factor_sources(
    latents: npt.ArrayLike,
    n_components: int | None = None,
    *,
    seed: int = _FACTOR_SEED,
    max_rows: int = SAMPLE_ROWS,
) -> Floats:
    """(n, k) scores of a factor analysis of the standardised latents."""
    matrix = as_rows(latents, "latents")
    rows = sample_of_rows(len(matrix), max_rows, seed)
    basis = matrix[rows].astype(np.float64)
    scale = _centre_and_scale(basis)
    sample = _scaled(basis, scale)
    model = FactorAnalysis(_n_components(sample, n_components), random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(sample)
    return _in_blocks(matrix, lambda rows: model.transform(_scaled(rows, scale)))
