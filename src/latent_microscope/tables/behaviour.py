"""Tables of behaviour: classifiers, people and baselines on the images that people judged."""

from collections.abc import Sequence
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
    behaviour_scores,
    confusion,
    cross_entropy,
    cross_fitted_temperatures,
    entropy_correlation,
    error_consistency,
    human_error_consistency,
    js_divergence,
    kl_divergence,
    one_hot,
    second_best_accuracy,
    shared_confusions,
    softmax,
    vote_entropy,
)
from latent_microscope.similarity.votes import class_mean_votes, vote_shares

# Of rows to which no run belongs.
NO_RUN = -1
_MEASURES = {
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
BEHAVIOUR_COLUMNS = ["model", "seed", *_MEASURES]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Classifier:
    """One run of a model on the images of the votes.

    Attributes:
        name: Name of the model.
        run: Number of the run.
        logits: (n, classes), in the order of the votes.
        temperatures: One an image, fitted on images of other folds than its own; None: to be
            fitted.
    """

    name: str
    run: int
    logits: Floats
    temperatures: Floats | None = None


def classifier(
    name: str,
    run: int,
    logits: np.ndarray,
    votes: HumanVotes,
    temperatures: npt.ArrayLike | None = None,
) -> Classifier:
    """A classifier whose logits (and temperatures, if it has its own) fit the votes.

    Raises:
        InputError: Another shape than one row an image and one column a class, or a logit that is
            not finite.
    """
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
            f"{name}: the logits of the image {votes.ids[wrong[0]]!r} hold NaN or infinity; make "
            "them again"
        )
    own = None if temperatures is None else np.asarray(temperatures, dtype=np.float64)
    if own is not None and own.shape != shape[:1]:
        raise InputError(f"{name}: {own.size} temperatures for {shape[0]} images; give one each")
    return Classifier(name, run, values, own)


def load_classifiers(
    logits: Sequence[Path],
    names: Sequence[str],
    runs: Sequence[int],
    votes: HumanVotes,
    samples: Path,
    temperatures: Sequence[Path] | None = None,
    tempered: Sequence[int] | None = None,
) -> list[Classifier]:
    """Classifiers from their files.

    Args:
        logits: ``.npy`` of each, in the order of the samples.
        names: Name of the model of each.
        runs: Number of the run of each.
        votes: The votes.
        samples: Table of the images.
        temperatures: Tables ``id``, ``temperature`` of those that bring temperatures of their own.
        tempered: Place of each of these among the classifiers.

    Raises:
        InputError: As many of one as of the others are not given, or they are of other images.
    """
    if not len(logits) == len(names) == len(runs):
        raise InputError(
            f"{len(logits)} logits, {len(names)} names and {len(runs)} runs; give one of each"
        )
    own = dict(zip(tempered or [], temperatures or [], strict=True))
    return [
        classifier(
            name,
            number,
            load_npy(path, mmap=True),
            votes,
            _temperatures(own[place], samples) if place in own else None,
        )
        for place, (path, name, number) in enumerate(zip(logits, names, runs, strict=True))
    ]


def _temperatures(path: Path, samples: Path) -> np.ndarray:
    """Temperature of each image, in the order of the samples."""
    images = load_table(samples, ["id"])
    found = join_by_id(
        images, load_table(path, ["id", "temperature"]), names=(str(samples), str(path))
    )
    return found["temperature"].to_numpy(dtype=np.float64)


def random_folds(n: int, folds: int, seed: int) -> npt.NDArray[np.int64]:
    """A fold of each of n images, equally many in each, at random.

    Raises:
        InputError: Fewer than 2 folds, or more than images.
    """
    if not 2 <= folds <= n:
        raise InputError(f"folds {folds} must lie between 2 and the number of images, {n}")
    generator = rng(seed, "measure_behaviour", "folds")
    return generator.permutation(np.arange(n) % folds).astype(np.int64)


def temperatures_of(one: Classifier, shares: Floats, folds: npt.NDArray[np.int64]) -> Floats:
    """A classifier's own temperatures, or those fitted on the votes of the other folds."""
    if one.temperatures is not None:
        return one.temperatures
    return cross_fitted_temperatures(one.logits, shares, folds)


def behaviour_table(
    classifiers: Sequence[Classifier], votes: HumanVotes, folds: npt.NDArray[np.int64]
) -> pd.DataFrame:
    """Scalar scores of every classifier, of people and of the baselines.

    ``human``: predicting an image's own votes: its cross-entropy is their entropy, the least that
    any model can have; accuracy and error consistency are those of one random vote.
    ``human_majority``: the most frequent answer. Baselines, oracles both: ``label`` (one-hot true
    class, its cross-entropy is infinite), ``class_mean`` (mean votes of the true class); and
    ``uniform``. All have seed -1 and no temperature.

    Args:
        classifiers: The models' runs.
        votes: The votes.
        folds: Fold of each image; temperatures are fitted on the other folds, but for
            classifiers that bring their own.

    Returns:
        Table with :data:`BEHAVIOUR_COLUMNS`, in nats; ``error_consistency`` is kappa.
    """
    rows: list[dict[str, float | int | str]] = []
    for one in classifiers:
        scores = behaviour_scores(
            one.logits, votes.counts, votes.labels, folds=folds, temperatures=one.temperatures
        )
        row = {ours: scores[theirs] for ours, theirs in _MEASURES.items()}
        rows.append({"model": one.name, "seed": one.run, **row})
    rows += [_human_row(votes), _majority_row(votes)]
    size = len(votes.classes)
    baselines = {
        "label": one_hot(votes.labels, size),
        "class_mean": class_mean_votes(votes.counts, votes.labels),
        "uniform": np.full((len(votes.ids), size), 1.0 / size),
    }
    for name, probabilities in baselines.items():
        rows.append({"model": name, "seed": NO_RUN, **_baseline(name, probabilities, votes)})
    table = pd.DataFrame.from_records(rows, columns=BEHAVIOUR_COLUMNS)
    return table.astype({"model": "str", "seed": "int64", **dict.fromkeys(_MEASURES, "float64")})


def _human_row(votes: HumanVotes) -> dict[str, float | int | str]:
    shares = vote_shares(votes.counts)
    right = shares[np.arange(len(shares)), votes.labels]
    return {
        "model": "human",
        "seed": NO_RUN,
        "accuracy": float(right.mean()),
        "cross_entropy": float(vote_entropy(votes.counts).mean()),
        "jensen_shannon": 0.0,
        "kl": 0.0,
        "entropy_spearman": 1.0,
        "error_consistency": human_error_consistency(votes.counts, votes.labels).kappa,
    }


def _majority_row(votes: HumanVotes) -> dict[str, float | int | str]:
    correct = votes.counts.argmax(axis=1) == votes.labels
    return {
        "model": "human_majority",
        "seed": NO_RUN,
        "accuracy": float(correct.mean()),
        "error_consistency": error_consistency(correct, votes.counts, votes.labels).kappa,
    }


def _baseline(name: str, probabilities: Floats, votes: HumanVotes) -> dict[str, float]:
    """Scores of predictions that come as probabilities, zeros allowed."""
    with np.errstate(divide="ignore"):
        logits = np.log(probabilities)
    shares = vote_shares(votes.counts)
    found = {
        "cross_entropy": cross_entropy(logits, shares),
        "jensen_shannon": js_divergence(logits, shares),
        "kl": kl_divergence(logits, shares),
    }
    if name == "uniform":
        # Its largest probability is all of them, so it has no answer to be right with.
        return {**found, "accuracy": 1.0 / len(votes.classes)}
    correct = probabilities.argmax(axis=1) == votes.labels
    found["accuracy"] = accuracy(probabilities, votes.labels)
    found["error_consistency"] = error_consistency(correct, votes.counts, votes.labels).kappa
    if name == "class_mean":
        found["second_best_accuracy"] = second_best_accuracy(probabilities, votes.counts)
        found["entropy_spearman"] = entropy_correlation(logits, votes.counts)
    return found


def image_table(classifiers: Sequence[Classifier], votes: HumanVotes) -> pd.DataFrame:
    """How each classifier and people agree on each image.

    Returns:
        Long table ``id``, ``label_name``, ``human_entropy`` (nats), ``human_accuracy``, ``model``,
        ``seed``, ``model_entropy`` (nats), ``jensen_shannon`` (divergence, nats).
    """
    shares = vote_shares(votes.counts)
    human = pd.DataFrame(
        {
            "id": pd.Series(votes.ids, dtype="str"),
            "label_name": pd.Series(votes.label_names, dtype="str"),
            "human_entropy": vote_entropy(votes.counts),
            "human_accuracy": shares[np.arange(len(shares)), votes.labels],
        }
    )
    parts = []
    for one in classifiers:
        p = softmax(one.logits)
        parts.append(
            human.assign(
                model=one.name,
                seed=one.run,
                model_entropy=entr(p).sum(axis=1),
                # scipy gives the distance, the root of the divergence; rounding may leave NaN at 0.
                jensen_shannon=np.nan_to_num(jensenshannon(p, shares, axis=1)) ** 2,
            )
        )
    if not parts:
        parts = [human.iloc[:0].assign(model="", seed=0, model_entropy=0.0, jensen_shannon=0.0)]
    return pd.concat(parts, ignore_index=True).astype({"model": "str", "seed": "int64"})


def confusion_counts(answers: npt.ArrayLike, labels: npt.NDArray[np.int64]) -> Floats:
    """Sums of answers (votes, or one-hot guesses) to the images of each class, (true, answer)."""
    rows = np.asarray(answers, dtype=np.float64)
    sums = np.zeros((rows.shape[1], rows.shape[1]))
    np.add.at(sums, labels, rows)
    return sums


def confusion_table(classifiers: Sequence[Classifier], votes: HumanVotes) -> pd.DataFrame:
    """Confusion matrices of people and of each classifier's guesses.

    Returns:
        Long table ``source`` (human or model), ``seed`` (-1 for human), ``true``, ``predicted``
        (names), ``count`` (votes, or images), ``share`` of the true class's answers, ``difference``
        (share − that of people). Shares of a class without images are 0.
    """
    size = len(votes.classes)
    sources = [("human", NO_RUN, confusion_counts(votes.counts, votes.labels))]
    sources += [
        (
            one.name,
            one.run,
            confusion_counts(one_hot(one.logits.argmax(axis=1), size), votes.labels),
        )
        for one in classifiers
    ]
    true, predicted = np.divmod(np.arange(size * size), size)
    names = np.asarray(votes.classes, dtype=object)
    human_share: Floats = _row_shares(sources[0][2])
    parts = [
        pd.DataFrame(
            {
                "source": source,
                "seed": seed,
                "true": names[true],
                "predicted": names[predicted],
                "count": counts.ravel().astype(np.int64),
                "share": _row_shares(counts).ravel(),
                "difference": (_row_shares(counts) - human_share).ravel(),
            }
        )
        for source, seed, counts in sources
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.astype({"source": "str", "seed": "int64", "true": "str", "predicted": "str"})


def _row_shares(counts: Floats) -> Floats:
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)


def shared_table(
    classifiers: Sequence[Classifier], votes: HumanVotes, *, top: int = 10
) -> pd.DataFrame:
    """The confusions that people and each classifier have in common, largest first.

    Args:
        classifiers: The models' runs.
        votes: The votes.
        top: Confusions a run.

    Returns:
        Table ``true``, ``predicted``, ``human`` (number of votes), ``model``, ``seed``,
        ``share_human`` (mean share of votes), ``share_model`` (share of guesses), ordered within
        a run by the smaller of both shares.
    """
    size = len(votes.classes)
    present = np.bincount(votes.labels, minlength=size) > 0
    people = confusion(vote_shares(votes.counts), votes.labels)
    number = pd.DataFrame(
        confusion_counts(votes.counts, votes.labels), index=votes.classes, columns=votes.classes
    )
    parts = []
    for one in classifiers:
        guesses = confusion(one_hot(one.logits.argmax(axis=1), size), votes.labels)
        guesses[~present] = people[~present] = 0.0
        table = shared_confusions(people, guesses, votes.classes, top=top)
        parts.append(
            pd.DataFrame(
                {
                    "true": table["true"],
                    "predicted": table["answer"],
                    "human": [
                        int(number.loc[t, a])
                        for t, a in zip(table["true"], table["answer"], strict=True)
                    ],
                    "model": one.name,
                    "seed": one.run,
                    "share_human": table["human"],
                    "share_model": table["model"],
                }
            )
        )
    kinds = {"true": "str", "predicted": "str", "human": "int64", "model": "str", "seed": "int64"}
    floats = {"share_human": "float64", "share_model": "float64"}
    if not parts:
        return pd.DataFrame({k: pd.Series(dtype=v) for k, v in (kinds | floats).items()})
    return pd.concat(parts, ignore_index=True).astype(kinds)
