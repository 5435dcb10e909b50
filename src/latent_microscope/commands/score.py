"""Score embeddings without a workflow: the same numbers, one table."""

import logging
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from latent_microscope import registry
from latent_microscope.commands.results import (
    TABLES,
    Result,
    Settings,
    default_settings,
    result_path,
    save_result,
)
from latent_microscope.custom.arrays import chosen_rows, read_rows, varying_columns
from latent_microscope.custom.joining import Source, leading_ids
from latent_microscope.custom.writing import RESTARTS
from latent_microscope.errors import InputError
from latent_microscope.forensics.density import tie_note
from latent_microscope.forensics.reliability import MOSTLY_NOISE
from latent_microscope.forensics.restarts import run_restart_scores
from latent_microscope.forensics.scoring import run_scores
from latent_microscope.forensics.sources import SourceFit, run_sources
from latent_microscope.messages import one_line
from latent_microscope.step import limit_threads
from latent_microscope.tables.reliability import gather, reliability_table

log = logging.getLogger("latent_microscope")
RANKED = ("uniqueness", "originality", "cls")
_SHOWN = 5  # ids at each end of a ranking
_FEWEST = 25  # samples, as in the workflow


def score(
    embeddings: Path,
    output: Path | None = None,
    *,
    ids: Path | None = None,
    array: str | None = None,
    seed: int | None = None,
    components: int | None = None,
    restarts: int | None = None,
    force: bool = False,
) -> Result:
    """Write a table of all scores; see ``latent-microscope score -h``.

    Settings and random streams are those of a study of the same file, so that the numbers equal its
    results/STUDY/vae/whole/seed0/scores-intended.parquet.
    """
    path = result_path(output, f"{embeddings.stem}-scores.csv", TABLES, force=force)
    found = read_rows(embeddings, array=array, ids=ids)
    names = leading_ids([Source("embeddings", str(embeddings), found.count, found.ids)])
    z = varying_columns(chosen_rows(found, np.arange(len(names)), names, embeddings), embeddings)
    if components is not None and not 1 <= components <= z.shape[1]:
        raise InputError(
            f"--components {components}: {embeddings} has {z.shape[1]} columns that vary; give 1 "
            "to that many"
        )
    if restarts is not None and restarts < 1:
        raise InputError(f"--restarts {restarts}: give 1 or more")
    sources = {"components": components, "restarts": restarts or RESTARTS}
    given = default_settings({"embeddings": {"file": str(embeddings)}}, seed=seed, sources=sources)
    fewest = max(_FEWEST, given.study["scores"]["k"] + 2)
    if len(names) < fewest:
        raise InputError(f"{embeddings}: {len(names)} samples; at least {fewest} are needed")
    limit_threads(given.threads)
    log.info("%d FastICA restarts of %d samples", given.study["sources"]["restarts"], len(names))
    fit = run_sources(z, given.study["sources"], root_seed=given.seed, n_jobs=given.threads)
    table, facts = run_scores(
        fit.sources, z, names, fit.restarts, given.study["scores"], root_seed=given.seed
    )
    save_result(path, table)
    known = facts.set_index("quantity")["value"]
    threshold = given.study["scores"]["overlap_threshold"]
    lines = [*_ends(table), *_whole(table, known, threshold)]
    lines += _noise(z, names, table, fit, given)
    head = (
        f"{len(names)} samples, {z.shape[1]} dimensions, {fit.sources.shape[1]} independent "
        f"sources, root seed {given.seed}"
    )
    role = "embeddings=" if found.values.dtype.kind in "iu" else ""
    words = ["latent-microscope", "init", f"{role}{embeddings}", *([f"ids={ids}"] if ids else [])]
    tail = [f"scores: {path}", f"next: {shlex.join(words)}"]
    return Result(path, "\n".join([head, *lines, *tail]))


def _ends(table: pd.DataFrame) -> Iterator[str]:
    """Highest and lowest samples of each ranking; ties in the order of the file."""
    for name in RANKED:
        for end, ascending in (("highest", False), ("lowest", True)):
            rows = table.sort_values(name, ascending=ascending, kind="stable").head(_SHOWN)
            shown = [
                f"{one_line(i)} ({value:.4g})"
                for i, value in zip(rows["id"], rows[name], strict=True)
            ]
            yield f"{end} {'CLS' if name == 'cls' else name}: {', '.join(shown)}"


def _whole(table: pd.DataFrame, known: pd.Series, threshold: float) -> Iterator[str]:
    """Correlations, ties and reliability of the scores."""
    yield (
        "Spearman of uniqueness and originality: "
        f"{known['spearman_uniqueness_originality']:.2f}; of uniqueness and density: "
        f"{known['spearman_uniqueness_density']:.2f}"
    )
    if known["with_copies"]:
        yield (
            f"copies: {known['with_copies']:.0f} samples have exact copies (column copies), which "
            "their densities count and their scores share; all nearest neighbours of "
            f"{known['only_copies_near']:.0f} are copies"
        )
    note = tie_note(table["attractor_density"], int(known["attractors"]))
    if note:
        yield f"ties: {note}"
    yield f"pairs of cosine similarity ≥ {threshold:g}: {known['overlaps_total']:.0f}"
    reliability = known["stability_reliability"]
    noise = " (more than half of the ranking is noise)" if reliability < MOSTLY_NOISE else ""
    yield f"stability with other draws of noise: Spearman {reliability:.2f}{noise}"


def _noise(
    z: np.ndarray, names: np.ndarray, table: pd.DataFrame, fit: SourceFit, given: Settings
) -> Iterator[str]:
    """Reliability of the rankings over the restarts of FastICA."""
    settings = given.study["scores"]
    restarts = run_restart_scores(
        z,
        names,
        fit.restarts,
        fit.unmixings,
        settings["variant"],
        reference_rows=given.study["quality"]["reference_rows"],
        root_seed=given.seed,
    )
    count = len(fit.restarts)
    yield f"FastICA: {count - fit.not_converged} of {count} restarts converged"
    length = int(np.clip(len(table) // 10, _SHOWN, given.study["lists"]["creative"]))
    lists = {
        score.name: (length, score.largest)
        for score in registry.scores()
        if score.main and not score.function
    }
    replicates = gather([table[["id", *lists]]], [restarts], [0], settings["alpha"])[1]
    rows = reliability_table(replicates, lists)
    for row in rows[rows["over"] == "ICA restarts"].to_dict("records"):
        name = "CLS" if row["score"] == "cls" else row["score"]
        yield f"{name} over {row['replicates']} restarts: {row['status']} ({row['note']})"
