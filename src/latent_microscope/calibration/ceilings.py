"""Noise ceilings of votes in populations of images that the estimator does not assume.

Softmax of normal logits (Dirichlet only in ``dirichlet``), clear and ambiguous images, logits of
heavy tails, images half sure and half guessed, images along a line from class to class, two tight
clusters without classes, and identical images; few, many and unequal votes. A world's true score is
that of its own response probabilities against the votes drawn. No two images of a world are exactly
alike, except in ``identical``: Spearman rewards exact ties of the true RDM, which no votes can tell
from near ones.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from latent_microscope.calibration.grid import Cell, Goal, Method
from latent_microscope.similarity import behaviour
from latent_microscope.similarity.ceiling import Rows, Score, simulated_ceilings
from latent_microscope.similarity.comparison import compare, rank_rdm
from latent_microscope.similarity.rdms import rdm
from latent_microscope.similarity.temperature import softmax
from latent_microscope.similarity.votes import vote_shares

_METHODS = ("spearman", "rho-a")
_SIMULATED = 2  # truths of each strength
_CLEAR = ("dirichlet", "softmax", "near-unanimous", "ambiguous")
_WEAK = ("flat", "clusters", "identical")
_VOTES = ("2", "4", "10", "50", "100", "2-20", "4 or 100")
_FEW = ("softmax", "near-unanimous", "flat", "identical")

Floats = npt.NDArray[np.float64]


def responses(world: str, n: int, classes: int, generator: np.random.Generator) -> Floats:
    """True response probabilities of n images, (n, classes)."""
    label = np.eye(classes)[np.arange(n) % classes]
    noise = generator.normal(size=(n, classes))
    if world == "identical":
        return np.tile(softmax(np.log(np.linspace(1.0, 4.0, classes))[None]), (n, 1))
    if world == "dirichlet":
        alpha = 3.0 * label + 2.0 / classes
        drawn = generator.standard_gamma(alpha)
        return np.asarray(drawn / drawn.sum(axis=1, keepdims=True))
    if world == "clusters":
        tilt = np.linspace(-0.35, 0.35, classes)
        side = generator.choice([-1.0, 1.0], size=(n, 1))
        return softmax(side * tilt + 0.05 * noise)
    if world == "heavy-tailed":
        return softmax(3.0 * label + 1.2 * generator.standard_t(3, size=(n, classes)))
    if world == "guessed":
        sure = generator.random((n, 1)) < 0.5
        return softmax(np.where(sure, 8.0 * label + noise, 0.15 * noise))
    if world == "line":
        place = generator.uniform(0.0, classes - 1.0, size=(n, 1))
        return softmax(-1.5 * (place - np.arange(classes)) ** 2)
    if world == "ambiguous":
        other = np.roll(label, 1, axis=1)
        share = np.where(generator.random((n, 1)) < 0.3, 0.5, 1.0)
        return softmax(
            np.log(0.95 * (share * label + (1.0 - share) * other) + 0.05 / classes) + 0.3 * noise
        )
    scale, spread = {"softmax": (2.5, 1.0), "near-unanimous": (7.0, 1.5), "flat": (0.0, 0.5)}[world]
    return softmax(scale * label + spread * noise)


def totals(votes: str, n: int, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Number of votes of each image."""
    if votes == "4 or 100":
        return np.where(np.arange(n) < n // 2, 4, 100)
    low, _, high = votes.partition("-")
    return generator.integers(int(low), int(high or low) + 1, size=n)


def simulate(cell: Cell, generator: np.random.Generator) -> dict[str, float]:
    """Ceiling minus the true score of one data set, by both methods."""
    n = int(cell["n"])
    truth = responses(str(cell["world"]), n, int(cell["classes"]), generator)
    counts = generator.multinomial(totals(str(cell["votes"]), n, generator), truth)
    known = np.nan_to_num(_scores(None)(truth, vote_shares(counts)))
    seed = int(generator.integers(2**31))
    ceilings = simulated_ceilings(counts, _scores, _SIMULATED, seed)
    return {
        f"bias {method}": one.value - true
        for method, one, true in zip(_METHODS, ceilings, known, strict=True)
    }


def _scores(rows: Rows | None) -> Score:
    def score(a: Floats, b: Floats) -> list[float]:
        x, y = (rank_rdm(rdm(one if rows is None else one[rows])) for one in (a, b))
        return [compare(x, y, method) for method in _METHODS]

    return score


def simulate_behaviour(cell: Cell, generator: np.random.Generator) -> dict[str, float]:
    """Scores of a perfect model minus those of the true responses, in one data set."""
    n = int(cell["n"])
    truth = responses(str(cell["world"]), n, int(cell["classes"]), generator)
    counts = generator.multinomial(totals(str(cell["votes"]), n, generator), truth)
    true = behaviour.behaviour_scores(np.log(truth), counts, np.zeros(n, dtype=np.int64))
    found = behaviour.perfect_scores(counts, generator)
    return {f"bias {name}": value - true[name] for name, value in found.items()}


def _cells(worlds: Sequence[str], votes: Sequence[str], n: int, classes: int) -> list[Cell]:
    return [{"world": w, "votes": v, "n": n, "classes": classes} for w, v in product(worlds, votes)]


_CELLS: tuple[Cell, ...] = (
    *_cells(_CLEAR, _VOTES, 100, 4),
    *_cells(_WEAK, _VOTES, 200, 4),
    *_cells(_FEW, ("4", "50"), 50, 2),
    *_cells(_FEW, ("50",), 50, 4),
    *_cells(_FEW, ("50",), 50, 10),
    *_cells(("softmax", "near-unanimous"), ("10",), 1000, 10),
    *_cells(("heavy-tailed", "guessed", "line"), ("5", "20"), 300, 4),
    *_cells(("heavy-tailed", "guessed", "line"), ("10",), 300, 10),
)
_EXPLAINED = {
    "world=clusters, votes=4, n=200, classes=4": "differences so small, true score below 0.15, "
    "that the images are often taken for identical",
    "world=clusters, votes=100, n=200, classes=4": "two points in one group: not Dirichlet",
    "world=line, votes=10, n=300, classes=10": "true distances of far images are nearly equal, "
    "which 10 votes do not show",
}
_BEHAVIOUR_CELLS = tuple(
    _cells(("dirichlet", "softmax", "near-unanimous", "ambiguous"), ("10", "50", "2-20"), 200, 4)
)
_TWO_ANSWERS = (
    "a third of the images have two equal answers; the population has one spread per group"
)
_BEHAVIOUR_EXPLAINED = {
    "world=near-unanimous, votes=50, n=200, classes=4": "the entropy of most images rests on a "
    "single vote",
    **{
        f"world=ambiguous, votes={votes}, n=200, classes=4": _TWO_ANSWERS
        for votes in ("10", "50", "2-20")
    },
}
_BEHAVIOUR = ("cross_entropy", "kl", "js", "entropy_spearman")
METHODS = (
    Method(
        "noise ceiling",
        _CELLS,
        simulate,
        {f"bias {method}": Goal("within", 0.03) for method in _METHODS},
        _EXPLAINED,
    ),
    Method(
        "ceilings of behaviour",
        _BEHAVIOUR_CELLS,
        simulate_behaviour,
        {f"bias {name}": Goal("within", 0.03) for name in _BEHAVIOUR},
        _BEHAVIOUR_EXPLAINED,
    ),
)
