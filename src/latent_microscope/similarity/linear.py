"""Bootstrap draws of many numbers at once from the influence of each image on them."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latent_microscope.seeds import rng
from latent_microscope.similarity.influence import Influence
from latent_microscope.similarity.resampling import image_weights

Float64 = npt.NDArray[np.float64]
Draws = dict[Hashable, Float64]


@dataclass(frozen=True, eq=False)
class Resampling:
    """Bootstrap samples of images, and for each the renewed votes that its images take.

    Attributes:
        weights: Copies of each image in each sample, shape (draws, n).
        choice: Which of the renewed sets of votes each image takes, same shape; None without.
        sets: Number of renewed sets of votes.
    """

    weights: Float64
    choice: npt.NDArray[np.int8] | None
    sets: int

    def mixed(self, replicate: int) -> Float64:
        """Copies of the images that take their votes from this set."""
        assert self.choice is not None
        return np.where(self.choice == replicate, self.weights, 0.0)


def resampling(n: int, n_draws: int, sets: int, seed: int) -> Resampling:
    """Samples of n of n images, each image with votes of a random set.

    Votes of different images are independent, so the sets of a few renewals can be mixed image by
    image: the variance over mixtures is that over all renewals.

    Args:
        n: Number of images.
        n_draws: Number of samples.
        sets: Number of renewed sets of votes, below 128; 0: none.
        seed: Root seed.
    """
    weights = image_weights(n, n_draws, rng(seed, "bootstrap_images")).astype(np.float64)
    choice = None
    if sets:
        choice = rng(seed, "bootstrap_vote_sets").integers(0, sets, (n_draws, n), dtype=np.int8)
    return Resampling(weights, choice, sets)


def linear_draws(
    numbers: Mapping[Hashable, Influence],
    renewed: Sequence[Mapping[Hashable, Influence]],
    samples: Resampling,
) -> tuple[Draws, Draws]:
    """Each number in each sample: over images, and over images and votes.

    Args:
        numbers: By name.
        renewed: For each set of votes the numbers that depend on votes, by the same names.
        samples: The bootstrap samples.

    Returns:
        Draws by name over images; over images and votes, centred like the first (renewed votes
        carry their noise twice, which moves most numbers).
    """
    names = list(numbers)
    values = np.array([numbers[name].value for name in names])
    influence = np.stack([numbers[name].images for name in names], axis=1)
    draws = values + (samples.weights - 1.0) @ influence
    plain: Draws = {name: draws[:, place] for place, name in enumerate(names)}
    if not renewed:
        return plain, {}
    changing = list(renewed[0])
    sets = np.stack([[part[name].images for name in changing] for part in renewed])
    sets -= sets.mean(axis=0)
    sets *= np.sqrt(len(renewed) / (len(renewed) - 1.0))  # the mean is theirs
    added = sum(samples.mixed(r) @ part.T for r, part in enumerate(sets))
    both = dict(plain)
    for place, name in enumerate(changing):
        both[name] = plain[name] + np.asarray(added)[:, place]
    return plain, both
