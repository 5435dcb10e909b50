"""The score."""

import numpy as np
import numpy.typing as npt


def typicality(
    latents: npt.NDArray[np.float64], *, shrinkage: float = 0.1
) -> npt.NDArray[np.float64]:
    """Minus the distance of a sample's Mahalanobis norm from that of a Gaussian's shell.

    Args:
        latents: (n, d).
        shrinkage: Weight of the diagonal in the covariance.

    Returns:
        (n,), 0 for the most typical.
    """
    centred = latents - latents.mean(axis=0)
    covariance = np.atleast_2d(np.cov(centred, rowvar=False))
    covariance = (1 - shrinkage) * covariance + shrinkage * np.diag(np.diag(covariance))
    covariance += 1e-9 * np.eye(len(covariance))
    squares = (centred * np.linalg.solve(covariance, centred.T).T).sum(axis=1)
    return -np.abs(np.sqrt(np.maximum(squares, 0)) - np.sqrt(latents.shape[1]))
