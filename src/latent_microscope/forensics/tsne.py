"""t-SNE of latents, for the synthetic figures."""

import numpy as np
import numpy.typing as npt
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from latent_microscope.forensics.checks import as_matrix
from latent_microscope.forensics.sources import standardise


def tsne_plane(
    latents: npt.ArrayLike, *, seed: int = 0, perplexity: float = 30.0
) -> npt.NDArray[np.float64]:
    """t-SNE of the standardised latents to two dimensions, started from their first components.

    Runs on one OpenMP thread: its sums over threads have no fixed order otherwise.

    Args:
        latents: (n, d) latent means, n >= 5.
        seed: Random state.
        perplexity: Effective number of neighbours; capped at (n - 1) / 3.

    Returns:
        (n, 2) float64.

    Raises:
        InputError: If ``latents`` is not a finite n×d matrix.
    """
    scaled = standardise(as_matrix(latents, "latents", min_rows=5))
    model = TSNE(
        n_components=2,
        perplexity=min(perplexity, (len(scaled) - 1) / 3.0),
        init="pca" if scaled.shape[1] >= 2 else "random",
        random_state=int(seed) % 2**32,
        n_jobs=1,
    )
    with threadpool_limits(limits=1, user_api="openmp"):
        plane = model.fit_transform(scaled)
    return np.ascontiguousarray(plane, dtype=np.float64)
