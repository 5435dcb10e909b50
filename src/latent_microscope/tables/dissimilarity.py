"""Tables of models beside dissimilarities that annotators gave."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.similarity.observers import (
    BOTH,
    IMAGES,
    crossed_intervals,
    observer_agreement,
    observer_ceiling,
    observer_differences,
    observer_draws,
    observer_scores,
    pooled,
)
from latent_microscope.similarity.rdms import RDM
from latent_microscope.statistics.summaries import too_few

METHODS = ("spearman", "pearson", "rho-a")
HEADLINE = "rho-a"  # of differences and of every participant
LABEL = "true label"  # no name of a model has a space in front of its layer or seed
HUMAN, ANNOTATOR = "human", "annotator "
_ENDS = [f"{end}{over}" for over in ("", "_images", "_annotators") for end in ("low", "high")]
_NO_DRAWS = "not available: no bootstrap samples (inference.draws is 0)"
_ALONE = too_few(2, "annotators")
Floats = npt.NDArray[np.float64]


def label_rdm(labels: npt.NDArray, ids: npt.NDArray) -> RDM:
    """1 for two samples of different classes, 0 for two of one."""
    rows, columns = np.triu_indices(len(labels), 1)
    return RDM(labels[rows] != labels[columns], ids, "label")


def label_of(labels: npt.NDArray | None, ids: npt.NDArray) -> RDM | None:
    """The RDM of the true classes; None where they rank nothing."""
    if labels is None or not 1 < len(np.unique(labels)) < len(labels):
        return None
    return label_rdm(labels, ids)


def mean_rdm(observers: Sequence[RDM]) -> RDM:
    """What the observers have in common: one matrix as it is, else their mean ranks."""
    if len(observers) < 2:
        return observers[0]
    return replace(observers[0], values=pooled(observers, HEADLINE).astype(np.float32))


def similarity_table(
    observers: Sequence[RDM],
    models: Mapping[str, RDM],
    labels: npt.NDArray | None,
    *,
    n_draws: int,
    seed: int,
    correction: str = "max-t",
    threads: int = 1,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Similarity of every model to the annotators' dissimilarities, and differences of rho-a.

    Every number is a mean over observers of a similarity to one observer, and so is the ceiling.

    Args:
        observers: Their dissimilarities; NaN: not judged.
        models: RDMs of the models, of the same samples.
        labels: True class of each sample.
        n_draws: Bootstrap samples of the images; 0: no intervals and no differences.
        seed: Root seed.
        correction: Of the p values of one observer: max-t, holm or bh; see
            :func:`~latent_microscope.similarity.observers.observer_differences`.
        threads: Changes no number.

    Returns:
        One row per model and method: ``value``; ``low``, ``high``, ``sd`` over what
        ``generalises_to`` says, the same over images and over annotators alone, ``status`` or why
        intervals are not available; ``label_only``; ``partial_label`` (Spearman, classes held
        constant); ceilings, ``ceiling_status``; counts. ``n_pairs``: pairs that someone judged;
        ``n_missing``: pairs that an observer did not judge, a sum over observers. And one row per
        pair of models, of which the true label is one.
    """
    label = label_of(labels, observers[0].ids)
    every = {**models} if label is None else {**models, LABEL: label}
    alone, k, parts = len(observers) < 2, len(models), []
    differences = pd.DataFrame()
    for method in METHODS:
        part = pd.DataFrame({"model": list(models), "method": method}, dtype="str")
        scores = observer_scores(every, observers, method)
        part["value"] = scores[:k]
        part[[*_ENDS[:2], "sd", *_ENDS[2:]]] = np.nan
        if n_draws:
            points, draws = observer_draws(
                every, observers, method, n_draws=n_draws, seed=seed, threads=threads
            )
            intervals = crossed_intervals(points[:, :k], draws[:, :, :k], seed=seed)
            part[list(intervals.columns)] = intervals.to_numpy(float)
            if method == HEADLINE and len(every) > 1:
                differences = observer_differences(
                    list(every), points, draws, seed=seed, correction=correction
                )
        part["label_only"] = np.nan if label is None else scores[k]
        part["partial_label"] = np.nan
        if label is not None and method == "spearman":
            part["partial_label"] = observer_scores(models, observers, method, [label])
        part["ceiling_lower"], part["ceiling_upper"] = observer_ceiling(observers, method)
        parts.append(part)
    table = pd.concat(parts, ignore_index=True).assign(
        ceiling_status=_ALONE if alone else "",
        generalises_to=(IMAGES if alone else BOTH) if n_draws else "",
        status="" if n_draws else _NO_DRAWS,
        annotators_status=_ALONE if alone else ("" if n_draws else _NO_DRAWS),
    )
    return table.assign(**_counts(observers)), _differences(differences, observers)


def _differences(found: pd.DataFrame, observers: Sequence[RDM]) -> pd.DataFrame:
    """The columns of every study, also of one without draws."""
    columns: dict[str, Any] = {"model_a": "str", "model_b": "str", "difference": float}
    columns |= dict.fromkeys([*_ENDS[:2], "sd", *_ENDS[2:]], float)
    columns |= dict.fromkeys(("p", "p_adjusted", "p_images", "p_annotators"), float)
    columns["correction"] = "str"
    table = found.reindex(columns=list(columns)).astype(columns).assign(method=HEADLINE)
    alone = len(observers) < 2
    table["generalises_to"] = IMAGES if alone else BOTH
    return table.assign(annotators_status=_ALONE if alone else "", **_counts(observers))


def _counts(observers: Sequence[RDM]) -> dict[str, int]:
    judged = np.stack([np.isfinite(one.values) for one in observers])
    return {
        "n_observers": len(observers),
        "n_images": observers[0].n,
        "n_pairs": int(judged.any(axis=0).sum()),
        "n_missing": int((~judged).sum()),
    }


def annotators_table(observers: Sequence[RDM], models: Mapping[str, RDM]) -> pd.DataFrame:
    """One row per annotator: agreement with the others and with all, the most similar model.

    rho-a: ``with_others`` and ``with_all``, whose means are the noise ceiling; ``best_model`` and
    ``best_value``; ``n_pairs`` that the annotator judged, ``n_missing``.
    """
    agreement = observer_agreement(observers, HEADLINE)
    scores = np.array([observer_scores(models, [one], HEADLINE) for one in observers])
    best, names = np.nan_to_num(scores, nan=-2.0).argmax(axis=1), np.array(list(models))
    judged = np.array([np.isfinite(one.values).sum() for one in observers])
    table = pd.DataFrame({"annotator": range(1, len(observers) + 1), "method": HEADLINE})
    table[["with_others", "with_all"]] = agreement if len(observers) > 1 else np.nan
    table["best_model"], table["best_value"] = names[best], scores.max(axis=1)
    table["n_pairs"], table["n_missing"] = judged, len(observers[0]) - judged
    return table.assign(status="" if len(observers) > 1 else _ALONE)


def models_table(
    observers: Sequence[RDM], models: Mapping[str, RDM], labels: npt.NDArray | None
) -> pd.DataFrame:
    """Spearman correlation of every two RDMs over the pairs that both have.

    ``model_a``, ``model_b``, ``value``, ``n_pairs``: the annotators' mean (human), models, the true
    label, and every annotator where there are several.
    """
    every = {HUMAN: mean_rdm(observers), **models}
    if (label := label_of(labels, observers[0].ids)) is not None:
        every[LABEL] = label
    if len(observers) > 1:
        every |= {f"{ANNOTATOR}{place}": one for place, one in enumerate(observers, 1)}
    values = pd.DataFrame({name: np.asarray(one.values, float) for name, one in every.items()})
    known = values.notna().to_numpy(float)
    rows, columns = np.indices((len(every), len(every))).reshape(2, -1)
    names = np.array(list(every))
    return pd.DataFrame(
        {
            "model_a": names[rows],
            "model_b": names[columns],
            "value": values.corr("spearman", min_periods=3).to_numpy(float).ravel(),
            "n_pairs": (known.T @ known).astype(np.int64).ravel(),
        }
    )
