"""Compare features with human data without a workflow: one table, one row per model."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope import similarity
from latent_microscope.commands.human import Human, Ids, compared, open_dissimilarity, open_votes
from latent_microscope.commands.results import (
    TABLES,
    Result,
    default_settings,
    result_path,
    save_result,
)
from latent_microscope.custom.arrays import Rows, chosen_rows, read_rows
from latent_microscope.custom.joining import EXACT, Joining, Source, joined_ids, leading_ids, match
from latent_microscope.custom.looking import path_and_array
from latent_microscope.custom.study import rows_of
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
    joining: Joining = EXACT,
    force: bool = False,
) -> Result:
    """Write a table, one row per model and baseline; see ``latent-microscope compare -h``."""
    data = votes or dissimilarity
    if data is None or (votes and dissimilarity):
        raise InputError("give either --votes FILE or --dissimilarity FILE")
    if metric not in METRICS:
        raise InputError(f"--metric {metric}: unknown; choose {', '.join(METRICS)}")
    path = result_path(output, f"{data.stem}-comparison.csv", TABLES, force=force)
    files, arrays = _named(features)
    # Defaults of a study with human data, which must have a model; no file is read.
    models = {"model": {"type": "external", "file": "-", "holds": "features"}}
    role = "votes" if votes else "dissimilarity"
    settings = default_settings({role: {"file": str(data)}}, seed=seed, models=models)
    draws = settings.study["inference"]["draws"] if draws is None else draws
    if draws < 0 or draws == 1:
        raise InputError(f"--draws {draws}: give 2 or more, or 0 for no intervals")
    limit_threads(settings.threads)
    if votes:
        splits = settings.study["ceiling_splits"]
        source, reader = open_votes(data, metric, splits=splits, seed=settings.seed)
    else:
        source, reader = open_dissimilarity(data)
    rows = {name: read_rows(file, array=arrays[name]) for name, file in files.items()}
    ids, (human_order, *orders) = _joined(source, rows, files, joining)
    human = reader(human_order, ids)
    rdms: dict[str, RDM] = {}
    for (name, found), order in zip(rows.items(), orders, strict=True):
        with naming(files[name]):
            values = chosen_rows(found, order, ids, files[name])
            rdms[name] = similarity.rdm(values, metric, ids.astype(str))
    baselines = {name: one for name, one in human.baselines.items() if name not in rdms}
    table, notes = compared(
        rdms | baselines, human, draws, seed=settings.seed, threads=settings.threads
    )
    table.insert(1, "baseline", [name in baselines for name in table["model"]])
    table.insert(2, "metric", metric)
    save_result(path, table)
    for name, found in rows.items():
        if found.columns == human.classes:
            notes.append(
                f"{name} has as many columns as the votes have classes; if these are logits, "
                "compare their softmax instead"
            )
    lines = [f"{len(ids)} images, {human.what}; {metric} distances", *_rows(table)]
    lines += _ceiling(human)
    lines += [f"note: {note}" for note in notes]
    words = ["latent-microscope", "init", f"{role}={data}"]
    for name, file in files.items():
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "model"
        array = arrays[name]
        words.append(f"features:{plain}={file}" + (f":{array}" if array else ""))
    lines += [f"table: {path}", f"next: {shlex.join(words)}"]
    return Result(path, "\n".join(lines))


def _joined(
    human: Source,
    rows: Mapping[str, Rows],
    files: Mapping[str, Path],
    joining: Joining,
) -> tuple[Ids, list[npt.NDArray[np.int64]]]:
    """Ids that all files share, and their rows in the human data and in each model's file."""
    models = [
        Source(f"model {name}", str(files[name]), one.count, one.ids) for name, one in rows.items()
    ]
    sources = [human, *models]
    ids = joined_ids(*match(sources, joining))
    if len(ids) < _FEWEST:
        raise InputError(f"{human.file}: {len(ids)} images; at least {_FEWEST} are needed")
    leading, orders = leading_ids(sources, by_position=joining.by_position), []
    for source in sources:
        own, file = leading if source.ids is None else source.ids, Path(source.file)
        orders.append(rows_of(own, ids, file, joining.ignoring))
    return ids, orders


def _named(features: Sequence[str]) -> tuple[dict[str, Path], dict[str, str | None]]:
    """Files, and the arrays in them that are meant, by the name of their model."""
    if not features:
        raise InputError("no features; give a file with one row of numbers per image")
    files: dict[str, Path] = {}
    arrays: dict[str, str | None] = {}
    for given in features:
        name, equals, rest = given.partition("=")
        plain = not equals or Path(given).exists()
        path, array = path_and_array(given if plain else rest)
        name = Path(path).stem if plain else name
        if not name or not path:
            raise InputError(f"{given}: give FILE or NAME=FILE")
        if name in files:
            raise InputError(
                f"{given}: {files[name]} is called {name!r} too; rename this one: "
                f"other={given if plain else rest}"
            )
        files[name], arrays[name] = Path(path), array
    return files, arrays


def _rows(table: pd.DataFrame) -> Iterator[str]:
    """One line per model."""
    for row in table.to_dict("records"):
        line = f"{one_line(row['model'])}: rho-a {row['rho_a']:.3f}"
        if row["n_draws"]:
            line += f" [{row['low']:.3f}, {row['high']:.3f}]"
        yield f"{line}; Spearman {row['spearman']:.3f}{' (baseline)' if row['baseline'] else ''}"


def _ceiling(human: Human) -> Iterator[str]:
    lower, upper = human.bounds
    what = "noise ceiling of rho-a"
    if human.ceiling == human.ceiling:
        yield f"{what}: {human.ceiling:.3f}"
    if lower == lower:
        of = what if len(human.observers) > 1 else "halves of the votes against each other"
        yield f"{of}: {lower:.3f} to {upper:.3f}"
