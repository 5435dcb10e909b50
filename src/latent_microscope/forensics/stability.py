"""Stability under small latent noise, with draws keyed by sample."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_matrix, in_range
from latent_microscope.neighbours.blocks import in_parallel, row_blocks
from latent_microscope.seeds import derive

_CHUNK_ELEMENTS = 1 << 19

Floats = npt.NDArray[np.float64]


def sample_keys(ids: Sequence[int | str] | npt.NDArray[np.generic] | None, n: int) -> list[int]:
    """A 64-bit key for every sample: row number, whole number or hash of a text id.

    Raises:
        InputError: If there is not one id a sample or an id is neither a whole number nor a text.
    """
    if ids is None:
        return list(range(n))
    listed = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
    if len(listed) != n:
        raise InputError(f"ids has {len(listed)} entries for {n} samples; give one a sample.")
    keys = []
    for row, value in enumerate(listed):
        if isinstance(value, int):
            keys.append(value % 2**64)
        elif isinstance(value, str):
            digest = hashlib.blake2b(value.encode(), digest_size=8).digest()
            keys.append(int.from_bytes(digest, "little"))
        else:
            raise InputError(f"ids row {row} is {value!r}; give whole numbers or texts.")
    return keys


def _normal(keys: list[int], shape: tuple[int, int], root: int) -> Floats:
    """Standard normal draws of some samples, each from its own Philox stream."""
    philox = np.random.Philox(key=np.array([root, 0], dtype=np.uint64))
    generator = np.random.Generator(philox)
    fresh = philox.state
    draws = np.empty((len(keys), *shape))
    for row, key in enumerate(keys):
        fresh["state"]["key"][1] = key
        philox.state = fresh
        generator.standard_normal(out=draws[row])
    return draws


def stability(
    latents: npt.ArrayLike,
    noise: float = 0.05,
    n_draws: int = 10,
    seed: int = 0,
    *,
    ids: Sequence[int | str] | npt.NDArray[np.generic] | None = None,
    block_size: int | None = None,
) -> Floats:
    """Direction and spread of noisy copies of every latent.

    cosine(z_i, mean of the draws) / (1 + mean over coordinates of the draws' variance, ddof 0),
    with draws z_i + N(0, noise²). The draws of a sample depend on (seed, id) only, so neither
    the order of samples nor the block size matters. A latent of zeros has cosine 0.

    Args:
        latents: (n, d) latent means.
        noise: Standard deviation of the noise, latent units (notebook: 0.005).
        n_draws: Noisy copies of each sample.
        seed: Root seed.
        ids: Sample ids, whole numbers or texts; by default the row number.
        block_size: Samples handled at once.

    Returns:
        n scores, float64.

    Raises:
        InputError: If ``latents`` is not a finite n×d matrix, or an option is out of range.
    """
    matrix = as_matrix(latents, "latents", min_rows=1)
    noise = in_range(noise, "noise", 0.0)
    n_draws = int(in_range(n_draws, "n_draws", 1))
    n, d = matrix.shape
    if block_size is None:
        block_size = max(1, _CHUNK_ELEMENTS // (n_draws * d))
    keys = sample_keys(ids, n)
    root = derive(seed, "stability")

    def score(part: slice) -> Floats:
        draws = _normal(keys[part], (n_draws, d), root)
        mean = draws.mean(axis=1)
        # Sum of squares from the centred draws: no cancellation, one pass less than var().
        draws -= mean[:, None, :]
        flat = draws.reshape(len(draws), -1)
        spread = np.einsum("ij,ij->i", flat, flat) * (noise * noise / (n_draws * d))
        z = matrix[part]
        shifted = z + noise * mean
        norms = np.linalg.norm(z, axis=1) * np.linalg.norm(shifted, axis=1)
        dot = np.einsum("ij,ij->i", z, shifted)
        cosine = np.divide(dot, norms, out=np.zeros_like(dot), where=norms > 0.0)
        return cosine / (1.0 + spread)

    return np.concatenate(list(in_parallel(score, row_blocks(n, block_size))))


def stability_report(
    latents: npt.ArrayLike,
    scores: npt.ArrayLike | None = None,
    *,
    noise: float = 0.05,
    n_draws: int = 10,
    seed: int = 0,
    ids: Sequence[int | str] | npt.NDArray[np.generic] | None = None,
) -> dict[str, float]:
    """How much of stability is the norm, and how much of it another set of draws repeats.

    Args:
        latents: (n, d) latent means.
        scores: Stability with these options where it is known already.
        noise: As in :func:`stability`.
        n_draws: As in :func:`stability`.
        seed: As in :func:`stability`; the second set of draws has a seed derived from it.
        ids: As in :func:`stability`.

    Returns:
        ``spearman_norm`` (stability against ‖z‖) and ``reliability`` (Spearman correlation of the
        scores of two independent sets of draws); NaN where one side is constant.
    """
    matrix = as_matrix(latents, "latents")
    first = (
        stability(matrix, noise, n_draws, seed, ids=ids)
        if scores is None
        else np.asarray(scores, dtype=np.float64)
    )
    second = stability(matrix, noise, n_draws, derive(seed, "stability-repeat"), ids=ids)
    return {
        "spearman_norm": _spearman(first, np.linalg.norm(matrix, axis=1)),
        "reliability": _spearman(first, second),
    }


def _spearman(a: Floats, b: Floats) -> float:
    """Spearman correlation, NaN without a warning when one side is constant."""
    if np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return float("nan")
    return float(spearmanr(a, b).statistic)
