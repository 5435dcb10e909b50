"""Behaviour of classifiers, annotators and baselines on the images with votes, with intervals."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial.distance import jensenshannon
from scipy.special import entr

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import join_by_id, load_npy, load_table
from latent_microscope.io.inputs import HumanVotes
from latent_microscope.seeds import rng
from latent_microscope.similarity.behaviour import (
    accuracy,
    annotator_scores,
    behaviour_scores,
    confusion,
    cross_entropy,
    cross_entropy_each,
    cross_fitted_temperatures,
    entropy_correlation,
    error_consistency,
    human_error_consistency,
    js_divergence,
    js_divergence_each,
    kl_divergence,
    one_hot,
    perfect_scores,
    second_best_accuracy,
    second_best_each,
    shared_confusions,
    softmax,
    vote_entropy,
)
from latent_microscope.similarity.bootstrap import score_table
from latent_microscope.similarity.influence import (
    Draws,
    Influence,
    linear_draws,
    rank_covariance_of_images,
    resampling,
)
from latent_microscope.similarity.votes import class_mean_votes, resample_votes, vote_shares

NO_RUN = -1  # seed of rows to which no run belongs
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
INTERVAL_COLUMNS = [
    "model", "seed", "measure", "value", "low", "high", "sd",
    "low_votes", "high_votes", "sd_votes", "vote_shift", "n_draws",
]  # fmt: skip

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Classifier:
    """One run of a model on the images of the votes."""

    name: str
    run: int
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
    runs: Sequence[int],
    votes: HumanVotes,
    samples: Path,
    temperatures: Sequence[Path] | None = None,
    tempered: Sequence[int] | None = None,
) -> list[Classifier]:
    """Classifiers from the ``.npy`` of their logits, in the order of the samples.

    ``tempered`` are the places of cross-validated classifiers, which bring ``temperatures`` (tables
    ``id``, ``temperature``) of their own.
    """
    if not len(logits) == len(names) == len(runs):
        raise InputError(
            f"{len(logits)} logits, {len(names)} names and {len(runs)} runs; give one of each"
        )
    files = dict(zip(tempered or [], temperatures or [], strict=True))
    found = []
    for place, (path, name, run) in enumerate(zip(logits, names, runs, strict=True)):
        own = _temperatures(files[place], samples) if place in files else None
        values = _checked_logits(load_npy(path, mmap=True), votes, name)
        found.append(Classifier(name, run, values, own))
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


def _temperatures(path: Path, samples: Path) -> Floats:
    """Temperature of each image, in the order of the samples."""
    table = load_table(path, ["id", "temperature"])
    images = load_table(samples, ["id"])
    joined = join_by_id(images, table, names=(str(samples), str(path)))
    return joined["temperature"].to_numpy(dtype=np.float64)


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
    n_splits: int = 10,
    n_simulated: int = 5,
) -> pd.DataFrame:
    """Scores of every classifier, of annotators and of the baselines: model, seed, measures.

    ``human``: what people reach: accuracy and error consistency of one random vote; second-best
    accuracy, entropy correlation and Jensen-Shannon divergence of half of the votes against the
    other half (mean over ``n_splits``). Its cross-entropy is the entropy of the votes and its KL 0,
    minima that only the votes themselves reach. ``perfect``: the ceiling, a model that knows the
    response probabilities, against these votes (mean over ``n_simulated`` truths), where labels
    are not asked for. Both need two votes per image. ``human_majority``: the most frequent answer.
    Baselines, oracles both: ``label`` (one-hot true class, its cross-entropy is infinite),
    ``class_mean`` (mean votes of the true class); and ``uniform``. All have seed -1 and no
    temperature.
    """
    rows: list[dict[str, float | int | str]] = []
    for one in classifiers:
        scores = behaviour_scores(
            one.logits, votes.counts, votes.labels, folds=folds, temperatures=one.temperatures
        )
        row = {column: scores[name] for column, name in MEASURES.items()}
        rows.append({"model": one.name, "seed": one.run, **row})
    size = len(votes.classes)
    references = {
        "human": _human(votes, n_splits, seed),
        "human_majority": _majority(votes),
        "perfect": _perfect(votes, n_simulated, seed),
        "label": _baseline("label", one_hot(votes.labels, size), votes),
        "class_mean": _baseline("class_mean", class_mean_votes(votes.counts, votes.labels), votes),
        "uniform": _baseline("uniform", np.full((len(votes.ids), size), 1.0 / size), votes),
    }
    rows += [{"model": name, "seed": NO_RUN, **row} for name, row in references.items()]
    table = pd.DataFrame.from_records(rows, columns=["model", "seed", *MEASURES])
    return table.astype({"model": "str", "seed": "int64", **dict.fromkeys(MEASURES, "float64")})


def _several(votes: HumanVotes) -> bool:
    return int(votes.counts.sum(axis=1).min()) > 1


def _human(votes: HumanVotes, n_splits: int, seed: int) -> dict[str, float]:
    scores = {
        "accuracy": float(_label_shares(votes).mean()),
        "cross_entropy": float(vote_entropy(votes.counts).mean()),
        "kl": 0.0,
    }
    if not _several(votes):
        return scores
    generators = (rng(seed, "annotator_scores", number) for number in range(n_splits))
    halves = _columns([annotator_scores(votes.counts, one) for one in generators])
    kappa = human_error_consistency(votes.counts, votes.labels).kappa
    return {**scores, **halves, "error_consistency": kappa}


def _perfect(votes: HumanVotes, n_simulated: int, seed: int) -> dict[str, float]:
    if not (_several(votes) and n_simulated):
        return {}
    generators = (rng(seed, "perfect_scores", number) for number in range(n_simulated))
    return _columns([perfect_scores(votes.counts, one) for one in generators])


def _columns(scores: Sequence[dict[str, float]]) -> dict[str, float]:
    """Means of scores, by the names of the columns."""
    return {
        column: float(np.mean([one[name] for one in scores]))
        for column, name in MEASURES.items()
        if name in scores[0]
    }


def _label_shares(votes: HumanVotes) -> Floats:
    """Share of each image's votes that the true class got."""
    shares = vote_shares(votes.counts)
    return shares[np.arange(len(shares)), votes.labels]


def _majority(votes: HumanVotes) -> dict[str, float]:
    correct = votes.counts.argmax(axis=1) == votes.labels
    kappa = error_consistency(correct, votes.counts, votes.labels).kappa
    return {"accuracy": float(correct.mean()), "error_consistency": kappa}


def _baseline(name: str, probabilities: Floats, votes: HumanVotes) -> dict[str, float]:
    """Scores of predictions given as probabilities, zeros allowed."""
    with np.errstate(divide="ignore"):
        logits = np.log(probabilities)
    shares = vote_shares(votes.counts)
    scores = {
        "cross_entropy": cross_entropy(logits, shares),
        "jensen_shannon": js_divergence(logits, shares),
        "kl": kl_divergence(logits, shares),
    }
    if name == "uniform":  # all its probabilities are the largest: it has no answer
        return {**scores, "accuracy": 1.0 / len(votes.classes)}
    correct = probabilities.argmax(axis=1) == votes.labels
    scores["accuracy"] = accuracy(probabilities, votes.labels)
    scores["error_consistency"] = error_consistency(correct, votes.counts, votes.labels).kappa
    if name == "class_mean":
        scores["second_best_accuracy"] = second_best_accuracy(probabilities, votes.counts)
        scores["entropy_spearman"] = entropy_correlation(logits, votes.counts)
    return scores


def image_table(classifiers: Sequence[Classifier], votes: HumanVotes) -> pd.DataFrame:
    """Agreement of each classifier with annotators per image; entropies and divergences in nats."""
    shares = vote_shares(votes.counts)
    human = pd.DataFrame(
        {
            "id": pd.Series(votes.ids, dtype="str"),
            "label_name": pd.Series(votes.label_names, dtype="str"),
            "human_entropy": vote_entropy(votes.counts),
            "human_accuracy": _label_shares(votes),
        }
    )
    parts = []
    for one in classifiers:
        p = softmax(one.logits)
        part = human.assign(model=one.name, seed=one.run, model_entropy=entr(p).sum(axis=1))
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
    """Confusion matrices of annotators and of each classifier; shares of an absent class are 0."""
    human = _confusion_counts(votes.counts, votes.labels)
    sources = [("human", NO_RUN, human)]
    sources += [
        (one.name, one.run, _confusion_counts(one.guesses(), votes.labels)) for one in classifiers
    ]
    size = len(votes.classes)
    true, predicted = np.divmod(np.arange(size * size), size)
    names = np.asarray(votes.classes, dtype=object)
    head = pd.DataFrame({"true": names[true], "predicted": names[predicted]}).astype("str")
    parts = []
    for source, seed, counts in sources:
        part = head.copy()
        part.insert(0, "source", source)
        part.insert(1, "seed", seed)
        part["count"] = counts.ravel().astype(np.int64)
        part["share"] = _row_shares(counts).ravel()
        part["difference"] = (_row_shares(counts) - _row_shares(human)).ravel()
        parts.append(part)
    return pd.concat(parts, ignore_index=True).astype({"source": "str", "seed": "int64"})


def _row_shares(counts: Floats) -> Floats:
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)


def shared_table(
    classifiers: Sequence[Classifier], votes: HumanVotes, *, top: int = 10
) -> pd.DataFrame:
    """The ``top`` confusions that annotators and each classifier have in common, largest first."""
    absent = np.bincount(votes.labels, minlength=len(votes.classes)) == 0
    human = confusion(vote_shares(votes.counts), votes.labels)
    human[absent] = 0.0
    counts = _confusion_counts(votes.counts, votes.labels)
    place = pd.Index(votes.classes)
    parts = []
    for one in classifiers:
        guesses = confusion(one.guesses(), votes.labels)
        guesses[absent] = 0.0
        table = shared_confusions(human, guesses, votes.classes, top=top)
        cells = tuple(place.get_indexer(pd.Index(table[end])) for end in ("true", "answer"))
        names = {"answer": "predicted", "human": "share_human", "model": "share_model"}
        table = table.rename(columns=names)
        parts.append(table.assign(human=counts[cells], model=one.name, seed=one.run))
    kinds = {"true": "str", "predicted": "str", "human": "int64", "model": "str", "seed": "int64"}
    kinds |= {"share_human": "float64", "share_model": "float64"}
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(kinds))
    return found[list(kinds)].astype(kinds)


def behaviour_intervals(
    classifiers: Sequence[Classifier],
    votes: HumanVotes,
    folds: Ints,
    *,
    n_draws: int,
    vote_resamples: int,
    seed: int,
) -> pd.DataFrame:
    """Intervals of all scores of all classifiers, and of the mean votes of the true class.

    The samples of images are the same for all, and those of the similarity measures. Temperatures
    stay as fitted. Means are resampled exactly, the ranks of entropies follow to first order.

    Returns:
        Table of :data:`INTERVAL_COLUMNS`, empty for fewer than 2 draws; ``value`` and
        ``vote_shift`` as for the similarity measures.
    """
    shares = vote_shares(votes.counts)
    with np.errstate(divide="ignore"):
        oracle = np.log(class_mean_votes(votes.counts, votes.labels))
    if n_draws < 2:
        return _typed(pd.DataFrame(columns=INTERVAL_COLUMNS))
    rows: list[tuple[str, int, Floats, Floats | None]] = [
        (one.name, one.run, one.logits, one.temperatures_for(shares, folds)) for one in classifiers
    ]
    rows.append(("class_mean", NO_RUN, oracle, None))
    samples = resampling(len(shares), n_draws, vote_resamples, seed)
    vote_draws = [
        resample_votes(votes.counts, rng(seed, "bootstrap_votes", number))
        for number in range(vote_resamples)
    ]
    tables = []
    for name, run, logits, temperatures in rows:
        numbers = _numbers(logits, temperatures, votes.counts, votes.labels)
        renewed = [_numbers(logits, temperatures, new, votes.labels) for new in vote_draws]
        images, both = linear_draws(numbers, renewed, samples)
        point = _point(numbers)
        mixed = _scores(both) if renewed else None
        table = score_table(INTERVAL_MEASURES, point, _scores(images), mixed, LEVEL)
        if renewed:
            table["vote_shift"] = np.mean([_point(part) for part in renewed], axis=0) - point
        table = table.rename(columns={"model": "measure", "score": "value"})
        tables.append(table.assign(model=name, seed=run, n_draws=n_draws))
    return _typed(pd.concat(tables, ignore_index=True).reindex(columns=INTERVAL_COLUMNS))


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    floats = dict.fromkeys(INTERVAL_COLUMNS[3:-1], "float64")
    texts = {"model": "str", "measure": "str"}
    return table.astype({**floats, **texts, "seed": "int64", "n_draws": "int64"})


def _numbers(
    logits: Floats,
    temperatures: Floats | None,
    counts: Ints,
    labels: Ints,
) -> dict[Hashable, Influence]:
    """The means and covariances over images that the scores are made of."""
    shares = vote_shares(counts)
    right = (logits.argmax(axis=1) == labels).astype(np.float64)
    human_right = shares[np.arange(len(labels)), labels]
    human = np.round(vote_entropy(counts), 12)
    model = entr(softmax(logits)).sum(axis=1)
    open_images, second = second_best_each(logits, counts)
    losses = cross_entropy_each(logits, shares)
    means: dict[Hashable, Floats] = {
        "accuracy": right,
        "cross_entropy": losses,
        "jensen_shannon": js_divergence_each(logits, shares),
        "kl": losses - vote_entropy(counts),
        "human_right": human_right,
        "agreement": right * human_right + (1.0 - right) * (1.0 - human_right),
        "open": open_images.astype(np.float64),
        "second": second.astype(np.float64),
    }
    if temperatures is not None:
        means["cross_entropy_calibrated"] = cross_entropy_each(logits, shares, temperatures)
    n = len(labels)
    with np.errstate(invalid="ignore"):
        numbers: dict[Hashable, Influence] = {
            name: Influence(float(np.mean(x)), (x - np.mean(x)) / n) for name, x in means.items()
        }
    for name, x, y in (("hm", human, model), ("hh", human, human), ("mm", model, model)):
        numbers[name] = rank_covariance_of_images(x, y)
    return numbers


def _point(numbers: dict[Hashable, Influence]) -> Floats:
    """The scores themselves."""
    return _scores({key: np.array([one.value]) for key, one in numbers.items()})[0]


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
