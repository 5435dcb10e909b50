"""Bootstrap intervals of every measure of every model, all models of a study together."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.io.inputs import HumanVotes
from latent_microscope.similarity.bootstrap import bootstrap_compare, difference_table, score_table
from latent_microscope.similarity.comparison import require_same_images
from latent_microscope.similarity.frames import Frame
from latent_microscope.similarity.kinds import kind_differences
from latent_microscope.similarity.measures import HEADLINE
from latent_microscope.similarity.rdms import rdm
from latent_microscope.similarity.study import MEASURES, Item, bootstrap_scores
from latent_microscope.similarity.votes import vote_shares
from latent_microscope.statistics.summaries import too_few
from latent_microscope.tables.behaviour import LEVEL
from latent_microscope.tables.rsa import Source, frame_of, vote_rows

Floats = npt.NDArray[np.float64]
_KEYS = ["model", "layer", "seed"]
INTERVAL_COLUMNS = [*_KEYS, "metric", "measure", "value", "low", "high", "sd", "n_draws", "status"]
DIFFERENCE_COLUMNS = [
    *("metric", "measure", *(f"{key}_{side}" for side in "ab" for key in _KEYS)),
    *("difference", "low", "high", "p", "p_adjusted", "correction"),
]
_CONSTANT = "not available: no variation among the pairs"
_PAIRS = {"within_class": "of one class", "non_unanimous": "whose votes disagree"}


def item(source: Source, metric: str) -> Item:
    """The RDM and features of a source."""
    both = source.side(metric)
    return Item(source.model, source.layer, source.seed, both.matrix, both.features)


def bootstrap_sources(
    human: Source,
    models: Sequence[Source],
    votes: HumanVotes,
    comparisons: pd.DataFrame,
    metric: str,
    *,
    n_draws: int,
    seed: int,
    correction: str = "max-t",
    tau: bool = True,
    threads: int = 1,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Intervals over images of all measures of all models.

    The samples of images are the same for all models and measures. Ranks follow each sample to
    first order (see ``similarity.influence``). ``comparisons`` holds the values. ``threads``
    changes no number.

    Returns:
        Table of :data:`INTERVAL_COLUMNS`; of the headline measure the table of
        :data:`DIFFERENCE_COLUMNS`, and that of ``similarity.kinds.kind_differences``, where all
        seeds of one model and layer are a kind.
    """
    if n_draws < 2:
        raise InputError(f"{n_draws} draws; give at least 2")
    values = _values(models, comparisons)
    reference = item(human, metric)
    shared = frame_of(reference.matrix, votes)
    found = bootstrap_scores(
        reference,
        [item(source, metric) for source in models],
        shared,
        n_draws=n_draws,
        seed=seed,
        tau=tau,
        threads=threads,
    )
    names = [str(place) for place in range(len(models))]
    tables = []
    for measure in MEASURES:
        value = values[measure]
        draws = found.draws[measure] + (value - found.point[measure])
        tables.append(score_table(names, value, draws, LEVEL).assign(measure=measure))
        if measure == HEADLINE:
            differences = difference_table(names, value, draws, LEVEL, correction)
            differences = differences.assign(measure=measure, correction=correction)
            kinds = [f"{one.model}, {one.layer}" for one in models]
            of_kinds = kind_differences(kinds, value, draws, LEVEL)
    intervals = _by_place(tables).assign(n_draws=n_draws)
    few = {
        f"{part}{end}": too_few(2, f"pairs of images {_PAIRS[part]}")
        for part, pairs in shared.n_pairs.items()
        for end in ("", "_rho_a")
        if part in _PAIRS and pairs < 2
    }
    reasons = [few.get(measure, _CONSTANT) for measure in intervals["measure"]]
    intervals["status"] = np.where(intervals["low"].isna(), reasons, "")
    sides = ("_a", "_b")
    return (
        _labelled(intervals, models, metric, INTERVAL_COLUMNS),
        _labelled(differences, models, metric, DIFFERENCE_COLUMNS, sides),
        of_kinds.assign(metric=metric, measure=HEADLINE),
    )


def exact_differences(
    human: Source,
    models: Sequence[Source],
    votes: HumanVotes,
    metric: str,
    *,
    n_images: int,
    n_draws: int,
    seed: int,
    threads: int = 1,
) -> pd.DataFrame:
    """The first-order bootstrap and one that re-ranks every sample, on the first images.

    Both draw the same images. Columns ``<name>_exact`` are of the exact one; ``largest_difference``
    is of a draw, both centred; ``correlation`` is of the draws.
    """
    matrix = human.side(metric).matrix
    ids = matrix.ids[:n_images]
    n = len(ids)
    rows = vote_rows(matrix, votes)[:n_images]
    counts, labels = votes.answers[rows], votes.labels[rows]
    reference = rdm(vote_shares(counts), metric, ids)
    some = Item("human", "features", 0, reference, vote_shares(counts))
    sources = [item(source, metric) for source in models]
    require_same_images([matrix, *(one.matrix for one in sources)])
    features = [one.features[:n] for one in sources]
    matrices = [rdm(part, metric, ids) for part in features]
    items = [
        replace(one, matrix=own, features=part)
        for one, own, part in zip(sources, matrices, features, strict=True)
    ]
    shared = Frame(labels, np.count_nonzero(counts, axis=1) > 1)
    found = bootstrap_scores(some, items, shared, n_draws=n_draws, seed=seed, threads=threads)
    label = rdm(np.eye(int(labels.max()) + 1)[labels], "euclidean", ids)
    tables = []
    for measure, method, controls in (
        (HEADLINE, "rho-a", []),
        ("partial_label", "spearman", [label]),
    ):
        exact = bootstrap_compare(
            matrices,
            reference,
            None,
            n_draws,
            seed,
            method=method,
            controls=controls,
            threads=threads,
        )
        point = exact.scores["score"].to_numpy(dtype=np.float64)
        names = [str(place) for place in range(len(items))]
        ours = score_table(names, point, found.draws[measure], LEVEL)
        table = ours.merge(exact.scores, on="model", suffixes=("", "_exact"))
        a, b = (x - np.mean(x, axis=0) for x in (found.draws[measure], exact.draws))
        table["largest_difference"] = np.abs(a - b).max(axis=0)
        size = np.sqrt(np.sum(a * a, axis=0) * np.sum(b * b, axis=0))
        table["correlation"] = np.sum(a * b, axis=0) / np.where(size > 0.0, size, np.nan)
        tables.append(table.assign(measure=measure, n_images=n, n_draws=n_draws))
    both = ["low", "high", "sd"]
    columns = [*_KEYS, "metric", "measure", "value"]
    columns += [name for one in both for name in (one, f"{one}_exact")]
    columns += ["largest_difference", "correlation", "n_images", "n_draws"]
    return _labelled(_by_place(tables), models, metric, columns)


def _by_place(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """The tables of all measures, model by model."""
    table = pd.concat(tables, ignore_index=True).astype({"model": "int64"})
    return table.sort_values("model", kind="stable", ignore_index=True)


def _values(models: Sequence[Source], comparisons: pd.DataFrame) -> dict[str, Floats]:
    """Exact values of each measure, in the order of the models."""
    keys = [(s.model, s.layer, s.seed) for s in models]
    table = comparisons.rename(columns={"value": HEADLINE}).set_index(_KEYS)
    missing = [key for key in keys if key not in table.index]
    if missing:
        raise InputError(f"the table of comparisons has no row for {missing[0]}; compare again")
    table = table.reindex(pd.MultiIndex.from_tuples(keys))
    return {name: table[name].to_numpy(dtype=np.float64) for name in MEASURES}


def _labelled(
    table: pd.DataFrame,
    models: Sequence[Source],
    metric: str,
    columns: list[str],
    sides: Sequence[str] = ("",),
) -> pd.DataFrame:
    """These columns, with the keys of the models, of which the table has the places."""
    texts = {"metric", "measure", "correction", "status"}
    kinds = dict.fromkeys(texts & set(columns), "str")
    table = table.assign(metric=metric).rename(columns={"score": "value"})
    for side in sides:
        places = table[f"model{side}"].astype(int)
        for key in _KEYS:
            table[f"{key}{side}"] = [getattr(models[place], key) for place in places]
            kinds[f"{key}{side}"] = "int64" if key == "seed" else "str"
    return table.reindex(columns=columns).astype(kinds)


def tabulate_inference(
    *, differences: list[In], check: list[In], of_kinds: list[In]
) -> dict[str, pd.DataFrame]:
    """Concatenate the tables of all metrics.

    Args:
        differences: .parquet of paired differences per metric.
        check: .parquet of the check of the bootstrap per metric.
        of_kinds: .parquet of differences of kinds of networks per metric.

    Returns:
        ``table``: all differences. ``checks``: all checks. ``kinds``: all differences of kinds.
    """
    return {
        name: pd.concat([load_table(path) for path in paths], ignore_index=True)
        for name, paths in (("table", differences), ("checks", check), ("kinds", of_kinds))
    }
