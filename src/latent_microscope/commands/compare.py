"""Compare features with human data without a workflow: one table, one row per model."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from latent_microscope import similarity
from latent_microscope.commands.human import Human, compared, open_dissimilarity, open_votes
from latent_microscope.commands.results import (
    TABLES,
    Result,
    Settings,
    default_settings,
    result_path,
    save_result,
)
from latent_microscope.custom.arrays import chosen_rows, read_rows
from latent_microscope.custom.joining import Source, joined_ids, leading_ids, match
from latent_microscope.custom.study import positions_of
from latent_microscope.errors import InputError
from latent_microscope.messages import naming, one_line
from latent_microscope.similarity.rdms import RDM
from latent_microscope.step import limit_threads

METRICS = ("euclidean", "correlation", "cosine")
_FEWEST = 10  # images, as in the workflow


def compare(
    features: Sequence[str],
    output: Path | None = None,
    *,
    votes: Path | None = None,
    dissimilarity: Path | None = None,
    metric: str = "euclidean",
    draws: int | None = None,
    seed: int | None = None,
    force: bool = False,
) -> Result:
    """Compare features of models with votes or dissimilarities of annotators; no workflow.

    One row per model: Spearman correlation of its RDM with the human one, 95 % intervals over
    images (and over images and votes, where there are votes), rho-a, noise ceiling. Votes bring
    two baselines: the label (the majority of an image's votes) and the mean votes of its class.

    Example:
        latent-microscope compare resnet.npz late=vgg.parquet --votes votes.csv -o alignment.csv

    Args:
        features: .npy, .npz or .parquet files of one row of numbers per image, taken as they are
            (of logits take the softmax first); NAME=FILE names a model, by default it is called as
            its file. They are joined with the human data by id; files without ids follow the first
            file that has some, row by row.
        output: .csv or .parquet; by default NAME-comparison.csv in this folder, NAME as the human
            data.
        votes: A table of counts (one column per class) or of single judgements (ids repeat), or
            .npy, .npz of counts.
        dissimilarity: A square matrix as .npy, .npz or table, or (observers, n, n).
        metric: Distance of the RDMs: euclidean, correlation or cosine.
        draws: Bootstrap samples; by default 1000; 0: no intervals.
        seed: Root seed; by default that of the default config.
        force: Overwrite the output.

    Returns:
        The table's path, and a summary.

    Raises:
        InputError: A file cannot be read, ids do not match, an option is out of range, or the
            output exists.
    """
    data = votes or dissimilarity
    if data is None or (votes and dissimilarity):
        raise InputError("give --votes FILE or --dissimilarity FILE, one of them")
    if metric not in METRICS:
        raise InputError(f"--metric {metric}: unknown; choose {', '.join(METRICS)}")
    path = result_path(output, f"{data.stem}-comparison.csv", TABLES, force=force)
    files = _named(features)
    settings = _settings("votes" if votes else "dissimilarity", data, seed)
    draws = settings.study["inference"]["draws"] if draws is None else draws
    if draws < 0 or draws == 1:
        raise InputError(f"--draws {draws}: give 2 or more, or 0 for no intervals")
    limit_threads(settings.threads)
    splits = settings.study["ceiling_splits"]
    source, reader = (
        open_votes(data, metric, splits=splits, seed=settings.seed)
        if votes
        else open_dissimilarity(data)
    )
    rows = {name: read_rows(file) for name, file in files.items()}
    sources = [source]
    for name, one in rows.items():
        sources.append(Source(f"model {name}", str(files[name]), len(one.values), one.ids))
    ids = joined_ids(*match(sources))
    if len(ids) < _FEWEST:
        raise InputError(f"{data}: {len(ids)} images; at least {_FEWEST} are needed")
    leading = leading_ids(sources)
    orders = []
    for part in sources:
        own, file = leading if part.ids is None else part.ids, Path(part.file)
        orders.append(positions_of(own, part.count, ids, file, file))
    human = reader(orders[0], ids)
    rdms: dict[str, RDM] = {}
    for (name, found), order in zip(rows.items(), orders[1:], strict=True):
        with naming(files[name]):
            values = chosen_rows(found, order, ids, files[name])
            rdms[name] = similarity.rdm(values, metric, ids.astype(str))
    given = {name: one for name, one in human.baselines.items() if name not in rdms}
    table, notes = compared(
        rdms | given, human, draws, seed=settings.seed, threads=settings.threads
    )
    table.insert(1, "baseline", [name in given for name in table["model"]])
    table.insert(2, "metric", metric)
    save_result(path, table)
    notes += [
        f"{name} has a column for each class of the votes: if these are logits, compare their "
        "softmax"
        for name, found in rows.items()
        if found.values.shape[1] == human.classes
    ]
    head = f"{len(ids)} images, {human.what}; {metric} distances"
    lines = [head, *_rows(table), *_ceiling(human), *(f"note: {note}" for note in notes)]
    lines += [f"table: {path}", f"next: {_next(files, votes, data)}"]
    return Result(path, "\n".join(lines))


def _settings(role: str, data: Path, seed: int | None) -> Settings:
    """Defaults of a study with human data; it needs a model, which is not looked at."""
    models = {"model": {"type": "external", "file": "-", "holds": "features"}}
    return default_settings({role: {"file": str(data)}}, seed=seed, models=models)


def _named(features: Sequence[str]) -> dict[str, Path]:
    """Files by the name of their model."""
    if not features:
        raise InputError("no features; give a file of one row of numbers per image")
    files: dict[str, Path] = {}
    for given in features:
        name, equals, rest = given.partition("=")
        if not equals or Path(given).exists():
            name, rest = Path(given).stem, given
        if not name or not rest:
            raise InputError(f"{given}: give FILE or NAME=FILE")
        if name in files:
            raise InputError(
                f"{given}: {files[name]} is called {name!r} too; name this one: other={rest}"
            )
        files[name] = Path(rest)
    return files


def _rows(table: pd.DataFrame) -> Iterator[str]:
    """A line a model."""
    for row in table.to_dict("records"):
        line = f"{one_line(row['model'])}: Spearman {row['spearman']:.3f}"
        if row["n_draws"]:
            line += f" [{row['low']:.3f}, {row['high']:.3f}]"
        if "low_votes" in row:
            line += f", resampled votes [{row['low_votes']:.3f}, {row['high_votes']:.3f}]"
        yield f"{line}; rho-a {row['rho_a']:.3f}{' (baseline)' if row['baseline'] else ''}"


def _ceiling(human: Human) -> Iterator[str]:
    lower, upper = human.ceiling
    if lower == lower:
        yield f"noise ceiling of the Spearman correlation: {lower:.3f} to {upper:.3f}"


def _next(files: Mapping[str, Path], votes: Path | None, data: Path) -> str:
    words = ["latent-microscope", "init", f"{'votes' if votes else 'dissimilarity'}={data}"]
    for name, file in files.items():
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "model"
        words.append(f"features:{plain}={file}")
    return shlex.join(words)
