"""Tables of representational similarity: model against human, and model against model."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from latent_microscope.artefacts import load_npy, save_npy
from latent_microscope.errors import InputError
from latent_microscope.inputs import HumanVotes
from latent_microscope.similarity.comparison import (
    RankedRDM,
    compare,
    partial_compare,
    rank_rdm,
    require_same_images,
)
from latent_microscope.similarity.io import load_rdm
from latent_microscope.similarity.pairs import pairs_among, pairs_within
from latent_microscope.similarity.ranks import Ranks
from latent_microscope.similarity.rdms import RDM

RSA_COLUMNS = [
    "model",
    "layer",
    "seed",
    "metric",
    "method",
    "value",
    "partial_label",
    "rho_a",
    "within_class",
    "non_unanimous",
    "label_only",
    "ceiling_lower",
    "ceiling_upper",
    "n_images",
    "n_pairs",
]


def compare_with_human(
    human: RDM, model: RDM, label: RDM, votes: HumanVotes
) -> dict[str, float | int | str]:
    """How alike the RDM of a model and that of people are.

    Args:
        human: RDM of the vote distributions.
        model: RDM of the model.
        label: RDM of the one-hot true label.
        votes: The votes and classes of the same images, in any order.

    Returns:
        ``method`` (spearman), ``value``, ``partial_label`` (partial Spearman, label RDM held
        constant), ``rho_a``, ``within_class`` (Spearman over pairs of one class),
        ``non_unanimous`` (Spearman over pairs of images whose votes disagree), ``label_only``
        (Spearman of the label RDM with the human one), ``n_images``, ``n_pairs``. NaN where a
        value is not defined: a constant RDM, or no such pairs.

    Raises:
        InputError: The RDMs are over different ids, or not over those of the votes.
    """
    require_same_images([human, model, label])
    order = _positions(human, votes)
    classes = votes.labels[order]
    disputed = np.count_nonzero(votes.counts[order], axis=1) > 1
    ranked = rank_rdm(human)
    theirs = rank_rdm(model)
    oracle = rank_rdm(label)
    whole: dict[str, float | int | str] = {
        "method": "spearman",
        "value": compare(ranked, theirs),
        "partial_label": partial_compare(ranked, theirs, [oracle]),
        "rho_a": compare(ranked, theirs, "rho-a"),
        "label_only": compare(ranked, oracle),
    }
    del ranked, theirs, oracle
    parts = {
        name: compare(human, model, pairs=pairs) if pairs.size > 1 else float("nan")
        for name, pairs in (
            ("within_class", pairs_within(classes)),
            ("non_unanimous", pairs_among(disputed)),
        )
    }
    return {**whole, **parts, "n_images": human.n, "n_pairs": len(human)}


def _positions(human: RDM, votes: HumanVotes) -> np.ndarray:
    """Rows of the votes of the RDM's images."""
    index = pd.Index(votes.ids)
    order = index.get_indexer(pd.Index(human.ids.astype(str)))
    if len(index) != human.n or (order < 0).any():
        raise InputError(
            f"the RDMs are over {human.n} images, the votes over {len(index)}, and they are not "
            "the same; make RDMs and votes again from one samples table"
        )
    return order


def gather(comparisons: Sequence[pd.DataFrame], ceiling: pd.DataFrame) -> pd.DataFrame:
    """All comparisons of one metric with the noise ceiling beside each.

    Args:
        comparisons: One row or more a model RDM.
        ceiling: One row: ``lower``, ``upper``.

    Returns:
        Table with :data:`RSA_COLUMNS`.

    Raises:
        InputError: No comparison, or a ceiling that is not one row.
    """
    if not comparisons or len(ceiling) != 1:
        raise InputError(
            f"{len(comparisons)} comparisons and {len(ceiling)} rows of ceilings; at least one "
            "comparison and exactly one ceiling are needed"
        )
    table = pd.concat(list(comparisons), ignore_index=True)
    table["ceiling_lower"] = float(ceiling["lower"].iloc[0])
    table["ceiling_upper"] = float(ceiling["upper"].iloc[0])
    return table[RSA_COLUMNS]


def model_similarity(paths: Sequence[Path], names: Sequence[str], scratch: Path) -> pd.DataFrame:
    """Spearman correlation of every RDM with every other one.

    Each RDM is ranked once; the ranks wait on the disk (4 bytes a pair), so that memory holds two
    RDMs however many there are.

    Args:
        paths: RDM files, ids beside them.
        names: Their names.
        scratch: Folder for the ranks; emptied again.

    Returns:
        Table ``model_a``, ``model_b``, ``value``: all ordered pairs, the diagonal 1 (NaN for a
        constant RDM).

    Raises:
        InputError: As many names as files are not given, a name is given twice, or the RDMs are
            over different ids.
    """
    if len(paths) != len(names) or len(set(names)) != len(names):
        raise InputError(f"{len(paths)} RDMs and the names {list(names)}; give each its own name")
    ranked: list[RankedRDM] = []
    size = len(names)
    values = np.full((size, size), np.nan)
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix=".tmp-ranks-") as folder:
        for i, path in enumerate(paths):
            new = rank_rdm(load_rdm(path))
            require_same_images([*ranked[:1], new])
            values[i, i] = 1.0 if new.ranks.variation > 0.0 else np.nan
            for j, other in enumerate(ranked):
                values[i, j] = values[j, i] = compare(other, new)
            ranked.append(_on_disk(new, Path(folder) / f"{i}.npy"))
            del new
        ranked.clear()
    a, b = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    listed = np.asarray(names, dtype=object)
    table = pd.DataFrame(
        {"model_a": listed[a.ravel()], "model_b": listed[b.ravel()], "value": values.ravel()}
    )
    return table.astype({"model_a": "str", "model_b": "str"})


def _on_disk(ranked: RankedRDM, path: Path) -> RankedRDM:
    """The same with its ranks memory-mapped."""
    save_npy(path, ranked.ranks.doubled)
    doubled = np.asarray(load_npy(path, mmap=True))
    ranks = Ranks(doubled, ranked.ranks.variation, ranked.ranks.tied_pairs)
    return RankedRDM(ranks, ranked.ids, ranked.pairs)
