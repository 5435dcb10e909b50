"""Similarity to people layer by layer: profile of one network, and all of a study together."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.io.inputs import HumanVotes, load_votes
from latent_microscope.similarity.ceiling import noise_ceiling
from latent_microscope.similarity.comparison import (
    RankedRDM,
    compare,
    partial_compare,
    rank_rdm,
    spearman,
)
from latent_microscope.similarity.rdms import pairs_within, rdm
from latent_microscope.similarity.votes import vote_shares
from latent_microscope.tables.runs import over_runs, stack

COLUMNS = [
    "metric",
    "layer",
    "position",
    "depth",
    "width",
    "value",
    "partial_label",
    "within_class",
    "label_only",
    "n_images",
    "n_pairs",
]
_MEASURES = ["value", "partial_label", "within_class"]


def balanced(labels: npt.NDArray[np.int64], wanted: int) -> npt.NDArray[np.int64]:
    """Positions of the first images of each class, as many of each as can be, in their order.

    Args:
        labels: Class of each image.
        wanted: Images in all; all of them if there are no more.

    Returns:
        Rising positions. Where the classes cannot be equally large, earlier images come first.
    """
    order = np.argsort(labels, kind="stable")
    sizes = np.unique(labels, return_counts=True)[1]
    turn = np.concatenate([np.arange(size) for size in sizes])  # place within the class
    chosen = order[np.lexsort((order, turn))][: min(wanted, len(labels))]
    return np.sort(chosen).astype(np.int64)


def layer_profile(
    features: Sequence[tuple[str, Path]], votes: HumanVotes, metric: str = "euclidean"
) -> pd.DataFrame:
    """Similarity of each layer's RDM with that of people's votes. No RDM is kept.

    Args:
        features: Name and ``.npy`` of each layer, first to last, one row an image.
        votes: Of the same images in the same order.
        metric: Distance of the RDMs.

    Returns:
        Table of :data:`COLUMNS`, one row a layer: ``position`` 0.. of the layer, ``depth`` the
        same as a share of the last, ``width`` numbers an image, ``value`` (Spearman over all
        pairs), ``partial_label`` (label RDM held constant), ``within_class`` (pairs of one class
        only), ``label_only`` (Spearman of the label RDM with people's). NaN where not defined.

    Raises:
        InputError: Features without a distance, such as no variance under correlation.
    """
    n = len(votes.ids)
    human = rdm(vote_shares(votes.counts), metric, votes.ids)
    ranked = rank_rdm(human)
    label = rank_rdm(rdm(np.eye(len(votes.classes))[votes.labels], metric, votes.ids))
    within = pairs_within(votes.labels)
    people = rank_rdm(human, pairs=within) if within.size > 1 else None
    label_only = compare(ranked, label)
    rows = []
    for position, (name, path) in enumerate(features):
        matrix = rdm(load_npy(path, mmap=True), metric, votes.ids)
        theirs = rank_rdm(matrix)
        rows.append(
            {
                "metric": metric,
                "layer": name,
                "position": position,
                "depth": position / max(len(features) - 1, 1),
                "width": int(load_npy(path, mmap=True).shape[1]),
                "value": compare(ranked, theirs),
                "partial_label": partial_compare(ranked, theirs, [label]),
                "within_class": _among(people, rank_rdm(matrix, pairs=within) if people else None),
                "label_only": label_only,
                "n_images": n,
                "n_pairs": len(matrix),
            }
        )
        del matrix, theirs
    table = pd.DataFrame(rows)[COLUMNS]
    return table.astype({"metric": "str", "layer": "str"})


def _among(a: RankedRDM | None, b: RankedRDM | None) -> float:
    return float("nan") if a is None or b is None else spearman(a.ranks, b.ranks)


def selected(votes: HumanVotes, rows: npt.NDArray[np.int64]) -> HumanVotes:
    """The votes of some images."""
    return HumanVotes(votes.ids[rows], votes.labels[rows], votes.classes, votes.counts[rows])


def joined_profiles(profiles: Sequence[pd.DataFrame], model: str, seed: int) -> pd.DataFrame:
    """Profiles of one network by several metrics, with its name and run in front."""
    keys: dict[str, list[object]] = {
        "model": [model] * len(profiles),
        "seed": [seed] * len(profiles),
    }
    return stack(profiles, keys, "profiles").astype({"model": "str", "seed": "int64"})


def tabulate_layers(
    *,
    profiles: list[In],
    votes: In,
    samples: In,
    wanted: int = 2000,
    splits: int = 20,
    seed: int = 0,
    notes: dict[str, str] | None = None,
) -> pd.DataFrame:
    """Put the profiles of all networks together, with noise ceilings of the same images.

    Args:
        profiles: .parquet of each network and run.
        votes: .parquet with id and one column of counts a class.
        samples: .parquet with id, label, label_name.
        wanted: images that the profiles are of; the same choice is made here.
        splits: random halvings of the votes.
        seed: root seed.
        notes: what a reader must know of a model, by its name.

    Returns:
        One row a metric, model and layer: these and ``position``, ``depth``, ``width``, then
        ``<measure>_mean`` and ``<measure>_sd`` over runs of ``value``, ``partial_label`` and
        ``within_class``, ``n`` runs, ``label_only``, ``<measure>_ceiling_lower`` and
        ``_upper`` (halves of the votes, and root Spearman-Brown of that), ``n_images``,
        ``n_pairs``, ``note``.

    Raises:
        InputError: No profile, or profiles of another number of images.
    """
    if not profiles:
        raise InputError("no profile; give that of at least one network")
    table = pd.concat([load_table(path) for path in profiles], ignore_index=True)
    every = load_votes(votes, samples)
    chosen = selected(every, balanced(every.labels, wanted))
    if set(table["n_images"]) != {len(chosen.ids)}:
        raise InputError(
            f"the profiles are of {sorted(set(table['n_images']))} images, these votes of "
            f"{len(chosen.ids)}; make the profiles again"
        )
    by = ["metric", "model", "layer", "position", "depth", "width"]
    result = over_runs(table, by, _MEASURES)
    shared = ["label_only", "n_images", "n_pairs"]
    result = result.merge(table.groupby("metric", sort=False)[shared].first().reset_index())
    bounds = {
        metric: _ceilings(chosen, metric, splits, seed) for metric in dict.fromkeys(table["metric"])
    }
    for name in next(iter(bounds.values())):
        result[name] = [bounds[metric][name] for metric in result["metric"]]
    result["note"] = pd.Series(
        [(notes or {}).get(model, "") for model in result["model"]], dtype="str"
    )
    ends = ["n_images", "n_pairs", "note"]
    return result[[name for name in result.columns if name not in ends] + ends]


def _ceilings(votes: HumanVotes, metric: str, splits: int, seed: int) -> dict[str, float]:
    label = rdm(np.eye(len(votes.classes))[votes.labels], metric)
    found: dict[str, float] = {}
    for name, options in (
        ("value", {}),
        ("partial_label", {"controls": [label]}),
        ("within_class", {"pairs": pairs_within(votes.labels)}),
    ):
        bounds = noise_ceiling(votes.counts, metric, "spearman", splits, seed, **options)
        found[f"{name}_ceiling_lower"] = bounds.lower
        found[f"{name}_ceiling_upper"] = bounds.upper
    return found
