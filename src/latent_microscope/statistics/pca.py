"""The plane of the first two principal components."""

import numpy as np
import numpy.typing as npt


def principal_plane(latents: np.ndarray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """First two principal components, (n, 2), and their shares of the variance, (2,).

    Zeros where d or n gives none. Each axis is oriented so that its largest loading is positive.
    """
    centred = np.asarray(latents, dtype=np.float64)
    centred = centred - centred.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    vectors = vectors[:, ::-1][:, :2]
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])])
    plane = np.zeros((len(centred), 2))
    plane[:, : vectors.shape[1]] = centred @ vectors
    total = values.sum()
    shares = np.zeros(2)
    shares[: vectors.shape[1]] = values[::-1][:2] / total if total > 0 else 0.0
    return plane, shares
