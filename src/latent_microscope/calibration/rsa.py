"""Bootstrap of RSA over images: intervals of scores and tests of paired differences."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from latent_microscope.calibration.grid import Cell, Goal, Method, Outcomes, cells
from latent_microscope.similarity.bootstrap import bootstrap_compare, difference_table
from latent_microscope.similarity.comparison import compare
from latent_microscope.similarity.kinds import kind_differences
from latent_microscope.similarity.observers import observer_intervals, observer_scores
from latent_microscope.similarity.rdms import RDM, rdm
from latent_microscope.similarity.temperature import softmax
from latent_microscope.similarity.votes import vote_shares

_MODELS = 4  # exchangeable: none of their differences is real
_CLASSES = 6
_DRAWS = 400
_MANY = 1200  # images of the population that gives the true score

Floats = npt.NDArray[np.float64]


def _evidence(n: int, generator: np.random.Generator) -> Floats:
    """What the images show of each class, (n, classes)."""
    evidence = 2.0 * np.eye(_CLASSES)[generator.integers(0, _CLASSES, n)]
    return evidence + generator.normal(size=(n, _CLASSES))


def world(cell: Cell, n: int, generator: np.random.Generator) -> tuple[RDM, dict[str, RDM], RDM]:
    """Votes, models that know the truth with independent errors, and one that knows nothing.

    ``law`` is that of the models' errors: normal, or heavy (Student's t with 3 degrees of freedom,
    of a size that differs between images).
    """
    evidence = _evidence(n, generator)
    votes = generator.multinomial(int(cell["votes"]), softmax(evidence))
    models = {}
    for place in range(_MODELS):
        error = generator.normal(size=(n, _CLASSES))
        if cell["law"] == "heavy":
            error = generator.standard_t(3, (n, _CLASSES)) * generator.gamma(1.0, 1.0, (n, 1))
        models[str(place)] = rdm(softmax(evidence + error))
    return rdm(vote_shares(votes)), models, rdm(generator.normal(size=(n, 5)))


@lru_cache
def true_score(votes: int, law: str) -> float:
    """rho-a of one of the models over the whole population of images."""
    cell: Cell = {"votes": votes, "law": law}
    human, models, _ = world(cell, _MANY, np.random.default_rng(votes))
    return float(np.mean([compare(human, one, "rho-a") for one in models.values()]))


def scores(cell: Cell, generator: np.random.Generator) -> Outcomes:
    """Coverage of the score's interval, and false alarms among differences that are all 0."""
    human, models, noise = world(cell, int(cell["n"]), generator)
    seed = int(generator.integers(2**31))
    found = bootstrap_compare(models | {"noise": noise}, human, None, _DRAWS, seed, method="rho-a")
    point = found.scores["score"].to_numpy(float)[:_MODELS]
    null = difference_table(list(models), point, found.draws[:, :_MODELS], 0.95, "max-t")
    truth = true_score(int(cell["votes"]), str(cell["law"]))
    low, high = found.scores[["low", "high"]].to_numpy(float).T
    named = (found.differences["model_a"] == "0") & (found.differences["model_b"] == "noise")
    real = float(found.differences.loc[named, "p_adjusted"].iloc[0])
    return {
        "coverage": float(low[0] <= truth <= high[0]),
        "coverage of 0": float(low[-1] <= 0.0 <= high[-1]),
        "false alarms": float(null["p"].iloc[0] <= 0.05),
        "any false alarm": float((null["p_adjusted"] <= 0.05).any()),
        "power": float(real <= 0.05),
    }


def semipartial(cell: Cell, generator: np.random.Generator) -> Outcomes:
    """Coverage of 0 by the interval of a model that adds nothing to three others."""
    human, models, noise = world(cell, int(cell["n"]), generator)
    rdms = {"noise": noise} | {name: models[name] for name in "012"}
    seed = int(generator.integers(2**31))
    table = bootstrap_compare(rdms, human, None, _DRAWS, seed, unique=True).scores
    low, high = table["low"].iloc[0], table["high"].iloc[0]
    return {"coverage of 0": float(low <= 0.0 <= high)}


def _observers(n: int, people: int, generator: np.random.Generator) -> tuple[RDM, list[RDM]]:
    """A model, and dissimilarities of people who weigh the same features in their own way."""
    features = generator.normal(size=(n, 6))
    model = rdm(features + 0.7 * generator.normal(size=features.shape))
    judged = []
    for _ in range(people):
        own = features * generator.gamma(2.0, 0.5, 6)
        values = rdm(own).values * generator.lognormal(0.0, 0.4, n * (n - 1) // 2)
        judged.append(RDM(values.astype(np.float32), model.ids, "people"))
    return model, judged


@lru_cache
def true_observer_score() -> float:
    """rho-a of the model with an observer, over many images and observers."""
    model, judged = _observers(300, 200, np.random.default_rng(0))
    return float(observer_scores({"model": model}, judged, "rho-a")[0])


def observers(cell: Cell, generator: np.random.Generator) -> Outcomes:
    """Coverage of the interval over images and observers."""
    model, judged = _observers(int(cell["n"]), int(cell["people"]), generator)
    seed = int(generator.integers(2**31))
    found = observer_intervals({"model": model}, judged, "rho-a", n_draws=200, seed=seed)
    low, high = found[["low", "high"]].to_numpy(float)[0]
    return {"coverage": float(low <= true_observer_score() <= high), "width": float(high - low)}


def kinds(cell: Cell, generator: np.random.Generator) -> Outcomes:
    """Two kinds of networks of equal expected score, whose seeds differ; and two that do differ."""
    n, seeds = int(cell["n"]), int(cell["seeds"])
    evidence = _evidence(n, generator)
    human = rdm(vote_shares(generator.multinomial(20, softmax(evidence))))
    labels, models = [], []
    for kind, size in (("a", 1.0), ("b", 1.0), ("worse", 1.6)):
        for _ in range(seeds):
            scale = size * np.exp(float(cell["spread"]) * generator.normal())
            labels.append(kind)
            models.append(rdm(softmax(evidence + scale * generator.normal(size=(n, _CLASSES)))))
    seed = int(generator.integers(2**31))
    found = bootstrap_compare(models, human, None, _DRAWS, seed, method="rho-a")
    point = found.scores["score"].to_numpy(float)
    table = kind_differences(labels, point, found.draws)  # a with b, a with worse, …
    low, high, p = table[["low", "high", "p"]].to_numpy(float).T
    return {
        "false alarms": float(p[0] <= 0.05),
        "coverage of 0": float(low[0] <= 0.0 <= high[0]),
        "power": float(p[1] <= 0.05),
    }


_COVERAGE, _ALARMS = Goal("at_least", 0.95), Goal("at_most", 0.05)
_GRID = cells(n=(30, 120), votes=(5, 50), law=("normal", "heavy"))
METHODS = (
    Method(
        "RSA bootstrap over images",
        _GRID,
        scores,
        {
            "coverage": _COVERAGE,
            "coverage of 0": _COVERAGE,
            "false alarms": _ALARMS,
            "any false alarm": _ALARMS,
            "power": Goal("shown"),
        },
    ),
    Method("semi-partial correlation", _GRID, semipartial, {"coverage of 0": _COVERAGE}),
    Method(
        "RSA over images and observers",
        cells(n=(20, 60), people=(4, 12)),
        observers,
        {"coverage": _COVERAGE, "width": Goal("shown")},
    ),
    Method(
        "kinds of networks",
        cells(n=(80,), seeds=(3, 5), spread=(0.0, 0.2)),
        kinds,
        {"false alarms": _ALARMS, "coverage of 0": _COVERAGE, "power": Goal("shown")},
    ),
)
