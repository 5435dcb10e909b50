"""Behaviour of classifiers, annotators and baselines on the images with votes, with intervals."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial.distance import jensenshannon

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy
from latent_microscope.io.inputs import HumanVotes, joined
from latent_microscope.seeds import rng
from latent_microscope.similarity import behaviour as measured
from latent_microscope.similarity import influence
from latent_microscope.similarity.behaviour import one_hot, vote_entropy
from latent_microscope.similarity.bootstrap import score_table
from latent_microscope.similarity.influence import Draws, Influence
from latent_microscope.similarity.temperature import cross_fitted_temperatures, softmax
from latent_microscope.similarity.votes import class_mean_votes, vote_shares, why_no_halves

NO_SEED = -1  # of rows that belong to no model
LEVEL = 0.95  # coverage of all intervals
MEASURES = {  # column → name in behaviour_scores
    "accuracy": "accuracy",
    "cross_entropy": "cross_entropy",
    "cross_entropy_calibrated": "cross_entropy_tempered",
    "temperature": "temperature",
    "jensen_shannon": "js",
    "kl": "kl",
    "second_best_accuracy": "second_best_accuracy",
    "entropy_spearman": "entropy_spearman",
    "error_consistency": "error_kappa",
}
SMALLER = ("cross_entropy", "cross_entropy_calibrated", "jensen_shannon", "kl")
"""Measures of which smaller is better."""
INTERVAL_MEASURES = tuple(name for name in MEASURES if name != "temperature")
INTERVAL_COLUMNS = ["model", "seed", "measure", "value", "low", "high", "sd", "n_draws"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Classifier:
    """One seed of a model on the images of the votes."""

    name: str
    seed: int
    logits: Floats  # (n, classes), in the order of the votes
    temperatures: Floats | None = None  # per image, fitted on other folds than its own

    def temperatures_for(self, shares: Floats, folds: Ints) -> Floats:
        """Its own temperatures, or those fitted on the vote shares of the other folds."""
        if self.temperatures is not None:
            return self.temperatures
        return cross_fitted_temperatures(self.logits, shares, folds)

    def guesses(self) -> Floats:
        """One-hot answers, (n, classes)."""
        return one_hot(self.logits.argmax(axis=1), self.logits.shape[1])


def load_classifiers(
    logits: Sequence[Path],
    names: Sequence[str],
    seeds: Sequence[int],
    votes: HumanVotes,
    samples: Path,
    temperatures: Sequence[Path] | None = None,
    tempered: Sequence[int] | None = None,
) -> list[Classifier]:
    """Classifiers from the ``.npy`` of their logits, in the order of the samples.

    ``tempered`` are the places of cross-validated classifiers, which bring ``temperatures`` (tables
    ``id``, ``temperature``) of their own.
    """
    if not len(logits) == len(names) == len(seeds):
        raise InputError(
            f"{len(logits)} logits, {len(names)} names and {len(seeds)} seeds; give one of each"
        )
    files = dict(zip(tempered or [], temperatures or [], strict=True))
    found = []
    for place, (path, name, seed) in enumerate(zip(logits, names, seeds, strict=True)):
        own = None
        if place in files:
            table = joined(samples, files[place], ([], ["temperature"]))
            own = table["temperature"].to_numpy(dtype=np.float64)
        values = _checked_logits(load_npy(path, mmap=True), votes, name)
        found.append(Classifier(name, seed, values, own))
    return found


def _checked_logits(logits: np.ndarray, votes: HumanVotes, name: str) -> Floats:
    """Logits as float64: one finite row per image, one column per class."""
    shape = (len(votes.ids), len(votes.classes))
    if logits.shape != shape:
        raise InputError(
            f"{name}: logits of shape {logits.shape}; {shape[0]} images of {shape[1]} classes need "
            f"{shape}"
        )
    values = np.asarray(logits, dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if wrong.size:
        raise InputError(
            f"{name}: the logits of image {votes.ids[wrong[0]]!r} contain NaN or infinity; compute "
            "them again"
        )
    return values


def random_folds(n: int, folds: int, seed: int) -> Ints:
    """Random fold of each of n images; the folds are equally large."""
    if not 2 <= folds <= n:
        raise InputError(f"folds {folds} must lie between 2 and the number of images, {n}")
    generator = rng(seed, "measure_behaviour", "folds")
    return generator.permutation(np.arange(n) % folds).astype(np.int64)


def behaviour_table(
    classifiers: Sequence[Classifier],
    votes: HumanVotes,
    folds: Ints,
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """Scores of every classifier, of annotators and of the baselines: model, seed, measures.

    ``human``: what people reach: accuracy and error consistency of one random vote; second-best
    accuracy, entropy correlation and Jensen-Shannon divergence of half of the votes against the
    other half (mean over 10 splits). Its cross-entropy is the entropy of the votes and its KL 0,
    minima that only the votes themselves reach. ``perfect``: the ceiling, a model that knows the
    response probabilities, against these votes (mean over 5 truths), where labels
    are not asked for. Both need two votes per image: else their ``status`` is why not.
    ``human_majority``: the most frequent answer.
    Baselines, oracles both: ``label`` (one-hot true class, its cross-entropy is infinite),
    ``class_mean`` (mean votes of the true class); and ``uniform``. All have seed -1 and no
    temperature.
    """
    rows: list[dict[str, float | int | str]] = []
    for one in classifiers:
        scores = measured.behaviour_scores(
            one.logits, votes.answers, votes.labels, folds=folds, temperatures=one.temperatures
        )
        row = {column: scores[name] for column, name in MEASURES.items()}
        rows.append({"model": one.name, "seed": one.seed, **row})
    size = len(votes.classes)
    majority = votes.answers.argmax(axis=1) == votes.labels
    references: dict[str, dict[str, float]] = {
        "human": _human(votes, seed),
        "human_majority": {
            "accuracy": float(majority.mean()),
            "error_consistency": _consistency(majority, votes),
        },
        "perfect": _perfect(votes, seed),
        "label": _baseline("label", one_hot(votes.labels, size), votes),
        "class_mean": _baseline("class_mean", class_mean_votes(votes.answers, votes.labels), votes),
        "uniform": _baseline("uniform", np.full((len(votes.ids), size), 1.0 / size), votes),
    }
    rows += [{"model": name, "seed": NO_SEED, **row} for name, row in references.items()]
    table = pd.DataFrame.from_records(rows, columns=["model", "seed", *MEASURES])
    of_halves = table["model"].isin(["human", "perfect"]) & (table["seed"] == NO_SEED)
    table["status"] = np.where(of_halves, why_no_halves(votes.answers), "")
    kinds = dict.fromkeys(("model", "status"), "str") | dict.fromkeys(MEASURES, "float64")
    return table.astype({**kinds, "seed": "int64"})


def _human(votes: HumanVotes, seed: int) -> dict[str, float]:
    scores = {
        "accuracy": float(_label_shares(votes.answers, votes.labels).mean()),
        "cross_entropy": float(vote_entropy(votes.answers).mean()),
        "kl": 0.0,
    }
    if why_no_halves(votes.answers):
        return scores
    generators = (rng(seed, "annotator_scores", number) for number in range(10))
    halves = _columns([measured.annotator_scores(votes.answers, one) for one in generators])
    kappa = measured.human_error_consistency(votes.answers, votes.labels)
    return {**scores, **halves, "error_consistency": kappa}


def _perfect(votes: HumanVotes, seed: int) -> dict[str, float]:
    if why_no_halves(votes.answers):
        return {}
    generators = (rng(seed, "perfect_scores", number) for number in range(5))
    return _columns([measured.perfect_scores(votes.answers, one) for one in generators])


def _columns(scores: Sequence[dict[str, float]]) -> dict[str, float]:
    """Means of scores, by the names of the columns."""
    return {
        column: float(np.mean([one[name] for one in scores]))
        for column, name in MEASURES.items()
        if name in scores[0]
    }


def _label_shares(counts: Ints, labels: Ints) -> Floats:
    """Share of each image's votes that the true class got."""
    return vote_shares(counts)[np.arange(len(labels)), labels]


def _consistency(correct: npt.NDArray[np.bool_], votes: HumanVotes) -> float:
    return measured.error_consistency(correct, votes.answers, votes.labels)


def _baseline(name: str, probabilities: Floats, votes: HumanVotes) -> dict[str, float]:
    """Scores of predictions given as probabilities, zeros allowed."""
    with np.errstate(divide="ignore"):
        logits = np.log(probabilities)
    shares = vote_shares(votes.answers)
    scores = {
        "cross_entropy": measured.cross_entropy(logits, shares),
        "jensen_shannon": measured.js_divergence(logits, shares),
        "kl": measured.kl_divergence(logits, shares),
    }
    if name == "uniform":  # all its probabilities are the largest: it has no answer
        return {**scores, "accuracy": 1.0 / len(votes.classes)}
    scores["accuracy"] = measured.accuracy(probabilities, votes.labels)
    scores["error_consistency"] = _consistency(probabilities.argmax(axis=1) == votes.labels, votes)
    if name == "class_mean":
        scores["second_best_accuracy"] = measured.second_best_accuracy(probabilities, votes.answers)
        scores["entropy_spearman"] = measured.entropy_correlation(logits, votes.answers)
    return scores


def image_table(classifiers: Sequence[Classifier], votes: HumanVotes) -> pd.DataFrame:
    """Agreement of each classifier with annotators per image; entropies and divergences in nats."""
    shares = vote_shares(votes.answers)
    human = pd.DataFrame(
        {
            "id": pd.Series(votes.ids, dtype="str"),
            "label_name": pd.Series(votes.label_names, dtype="str"),
            "human_entropy": vote_entropy(votes.answers),
            "human_accuracy": _label_shares(votes.answers, votes.labels),
        }
    )
    parts = []
    for one in classifiers:
        p = softmax(one.logits)
        part = human.assign(model=one.name, seed=one.seed)
        part["model_entropy"] = measured.predictive_entropy(one.logits)
        # scipy gives the distance, the root of the divergence; rounding may leave NaN at 0.
        part["jensen_shannon"] = np.nan_to_num(jensenshannon(p, shares, axis=1)) ** 2
        parts.append(part)
    if not parts:
        parts = [human.iloc[:0].assign(model="", seed=0, model_entropy=0.0, jensen_shannon=0.0)]
    return pd.concat(parts, ignore_index=True).astype({"model": "str", "seed": "int64"})


def _confusion_counts(answers: npt.ArrayLike, labels: Ints) -> Floats:
    """Sums of answers (votes, or one-hot guesses) to the images of each class, (true, answer)."""
    rows = np.asarray(answers, dtype=np.float64)
    sums = np.zeros((rows.shape[1], rows.shape[1]))
    np.add.at(sums, labels, rows)
    return sums


def confusion_table(classifiers: Sequence[Classifier], votes: HumanVotes) -> pd.DataFrame:
    """Confusion matrices of annotators and of each classifier; shares of an absent class are 0.

    ``count`` is missing where it is not known: of soft labels.
    """
    human = _confusion_counts(votes.answers, votes.labels)
    sources = [("human", NO_SEED, human)]
    sources += [
        (one.name, one.seed, _confusion_counts(one.guesses(), votes.labels)) for one in classifiers
    ]
    size = len(votes.classes)
    true, predicted = np.divmod(np.arange(size * size), size)
    names = np.asarray(votes.classes, dtype=object)
    parts = [
        pd.DataFrame(
            {
                "source": source,
                "seed": seed,
                "true": names[true],
                "predicted": names[predicted],
                "count": _whole(counts.ravel(), known=source != "human" or not _soft(votes)),
                "share": _row_shares(counts).ravel(),
                "difference": (_row_shares(counts) - _row_shares(human)).ravel(),
            }
        )
        for source, seed, counts in sources
    ]
    texts = dict.fromkeys(("source", "true", "predicted"), "str")
    return pd.concat(parts, ignore_index=True).astype({**texts, "seed": "int64"})


def _soft(votes: HumanVotes) -> bool:
    return votes.answers.dtype.kind == "f"


def _whole(counts: Floats, *, known: bool) -> pd.Series:
    """Counts as int64, or as many missing ones."""
    return (
        pd.Series(counts, dtype="int64") if known else pd.Series(pd.NA, range(counts.size), "Int64")
    )


def _row_shares(counts: Floats) -> Floats:
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)


def shared_table(classifiers: Sequence[Classifier], votes: HumanVotes) -> pd.DataFrame:
    """The ten confusions that annotators and each classifier have in common, largest first."""
    absent = np.bincount(votes.labels, minlength=len(votes.classes)) == 0
    human = measured.confusion(vote_shares(votes.answers), votes.labels)
    human[absent] = 0.0
    counts = _confusion_counts(votes.answers, votes.labels)
    place = pd.Index(votes.classes)
    parts = []
    for one in classifiers:
        guesses = measured.confusion(one.guesses(), votes.labels)
        guesses[absent] = 0.0
        table = measured.shared_confusions(human, guesses, votes.classes, top=10)
        cells = tuple(place.get_indexer(pd.Index(table[end])) for end in ("true", "answer"))
        names = {"answer": "predicted", "human": "share_human", "model": "share_model"}
        table = table.rename(columns=names)
        human_counts = _whole(counts[cells], known=not _soft(votes))
        parts.append(table.assign(human=human_counts, model=one.name, seed=one.seed))
    whole = "Int64" if _soft(votes) else "int64"
    kinds = {"true": "str", "predicted": "str", "human": whole, "model": "str", "seed": "int64"}
    kinds |= {"share_human": "float64", "share_model": "float64"}
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(kinds))
    return found[list(kinds)].astype(kinds)


def behaviour_intervals(
    classifiers: Sequence[Classifier],
    votes: HumanVotes,
    folds: Ints,
    *,
    n_draws: int,
    seed: int,
) -> pd.DataFrame:
    """Intervals of all scores of all classifiers, and of the mean votes of the true class.

    The samples of images are the same for all, and those of the similarity measures. Temperatures
    stay as fitted. Means are resampled exactly, the ranks of entropies follow to first order.

    Returns:
        Table of :data:`INTERVAL_COLUMNS`, empty for fewer than 2 draws.
    """
    shares = vote_shares(votes.answers)
    with np.errstate(divide="ignore"):
        oracle = np.log(class_mean_votes(votes.answers, votes.labels))
    if n_draws < 2:
        return _typed(pd.DataFrame(columns=INTERVAL_COLUMNS))
    rows: list[tuple[str, int, Floats, Floats | None]] = [
        (one.name, one.seed, one.logits, one.temperatures_for(shares, folds)) for one in classifiers
    ]
    rows.append(("class_mean", NO_SEED, oracle, None))
    tables = []
    for name, seed_of_model, logits, temperatures in rows:
        numbers = _numbers(logits, temperatures, votes.answers, votes.labels)
        drawn = influence.linear_draws(numbers, len(shares), n_draws, seed)
        point = _scores({key: np.array([one.value]) for key, one in numbers.items()})[0]
        table = score_table(INTERVAL_MEASURES, point, _scores(drawn), LEVEL)
        table = table.rename(columns={"model": "measure", "score": "value"})
        tables.append(table.assign(model=name, seed=seed_of_model, n_draws=n_draws))
    return _typed(pd.concat(tables, ignore_index=True).reindex(columns=INTERVAL_COLUMNS))


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    floats = dict.fromkeys(INTERVAL_COLUMNS[3:-1], "float64")
    texts = {"model": "str", "measure": "str"}
    return table.astype({**floats, **texts, "seed": "int64", "n_draws": "int64"})


def _numbers(
    logits: Floats, temperatures: Floats | None, counts: Ints, labels: Ints
) -> dict[Hashable, Influence]:
    """The means and covariances over images that the scores are made of."""
    shares = vote_shares(counts)
    right = (logits.argmax(axis=1) == labels).astype(np.float64)
    human_right = _label_shares(counts, labels)
    human = np.round(vote_entropy(counts), 12)
    model = measured.predictive_entropy(logits)
    open_images, second = measured.second_best_each(logits, counts)
    losses = measured.cross_entropy_each(logits, shares)
    means: dict[Hashable, Floats] = {
        "accuracy": right,
        "cross_entropy": losses,
        "jensen_shannon": measured.js_divergence_each(logits, shares),
        "kl": losses - vote_entropy(counts),
        "human_right": human_right,
        "agreement": right * human_right + (1.0 - right) * (1.0 - human_right),
        "open": open_images.astype(np.float64),
        "second": second.astype(np.float64),
    }
    if temperatures is not None:
        means["cross_entropy_calibrated"] = measured.cross_entropy_each(
            logits, shares, temperatures
        )
    n = len(labels)
    with np.errstate(invalid="ignore"):
        numbers: dict[Hashable, Influence] = {
            name: Influence(float(np.mean(x)), (x - np.mean(x)) / n) for name, x in means.items()
        }
    for name, x, y in (("hm", human, model), ("hh", human, human), ("mm", model, model)):
        numbers[name] = influence.rank_covariance_of_images(x, y)
    return numbers


def _scores(draws: Draws) -> Floats:
    """Scores in the order of :data:`INTERVAL_MEASURES`, shape (draws, measures)."""
    model, human = draws["accuracy"], draws["human_right"]
    expected = model * human + (1.0 - model) * (1.0 - human)
    with np.errstate(invalid="ignore", divide="ignore"):
        scores: Draws = draws | {
            "second_best_accuracy": draws["second"] / draws["open"],
            "entropy_spearman": draws["hm"] / np.sqrt(draws["hh"] * draws["mm"]),
            "error_consistency": (draws["agreement"] - expected) / (1.0 - expected),
        }
    missing = np.full(len(model), np.nan)
    return np.stack([scores.get(name, missing) for name in INTERVAL_MEASURES], axis=1)
