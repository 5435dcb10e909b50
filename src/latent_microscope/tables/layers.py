"""Similarity to human judgements per layer: profile of one network, and all of a study."""

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
from latent_microscope.similarity.comparison import compare, partial_compare, rank_rdm, rho_a
from latent_microscope.similarity.rdms import pairs_within, rdm
from latent_microscope.similarity.votes import vote_shares
from latent_microscope.statistics.summaries import over_runs

_MEASURES = ["value", "spearman", "partial_label", "within_class_rho_a"]
_SHARED = ["label_only", "n_images", "n_pairs"]
COLUMNS = ["metric", "layer", "position", "depth", "width", *_MEASURES, *_SHARED]


def balanced(labels: npt.NDArray[np.int64], wanted: int) -> npt.NDArray[np.int64]:
    """Rising positions of the first images of each class, as many of each as possible.

    Where the classes cannot be equally large, earlier images come first.
    """
    order = np.argsort(labels, kind="stable")
    sizes = np.unique(labels, return_counts=True)[1]
    turn = np.concatenate([np.arange(size) for size in sizes])  # place within the class
    chosen = order[np.lexsort((order, turn))][: min(wanted, len(labels))]
    return np.sort(chosen).astype(np.int64)


def layer_profile(
    features: Sequence[tuple[str, np.ndarray]], votes: HumanVotes, metric: str = "euclidean"
) -> pd.DataFrame:
    """Similarity of the RDM of each layer (name, (n, f)), first to last, with that of the votes.

    rho-a over all pairs (``value``) and among pairs of one class, Spearman over all pairs and with
    the label RDM held constant; ``depth`` is the position as a share of the last. NaN where not
    defined. No RDM is kept.
    """
    n = len(votes.ids)
    human = rdm(vote_shares(votes.answers), metric, votes.ids)
    ranked = rank_rdm(human)
    label = rank_rdm(rdm(np.eye(len(votes.classes))[votes.labels], metric, votes.ids))
    within = pairs_within(votes.labels)
    human_within = rank_rdm(human, pairs=within) if within.size > 1 else None
    label_only = compare(ranked, label, "rho-a")
    rows = []
    for position, (name, layer) in enumerate(features):
        matrix = rdm(layer, metric, votes.ids)
        model = rank_rdm(matrix)
        among = float("nan")
        if human_within:
            among = rho_a(human_within.ranks, rank_rdm(matrix, pairs=within).ranks)
        rows.append(
            {
                "metric": metric,
                "layer": name,
                "position": position,
                "depth": position / max(len(features) - 1, 1),
                "width": int(layer.shape[1]),
                "value": compare(ranked, model, "rho-a"),
                "spearman": compare(ranked, model),
                "partial_label": partial_compare(ranked, model, [label]),
                "within_class_rho_a": among,
                "label_only": label_only,
                "n_images": n,
                "n_pairs": len(matrix),
            }
        )
        del matrix, model
    return pd.DataFrame(rows)[COLUMNS].astype({"metric": "str", "layer": "str"})


def load_layers(
    layers: Path, index: Path, layer_ids: Path, votes: HumanVotes, samples: Path
) -> list[tuple[str, np.ndarray]]:
    """Name and rows of each layer of a network, which stand side by side in ``layers``.

    :class:`InputError` unless its rows (``layer_ids``) are the images of the votes.
    """
    if load_table(layer_ids, ["id"])["id"].tolist() != votes.ids.tolist():
        raise InputError(f"{layer_ids}: not the images of {samples}; extract the layers again")
    every = load_npy(layers, mmap=True)
    columns = load_table(index, ["name", "start", "width"])
    places = zip(*(columns[key].tolist() for key in columns), strict=True)
    return [(name, every[:, start : start + width]) for name, start, width in places]


def selected(votes: HumanVotes, rows: npt.NDArray[np.int64]) -> HumanVotes:
    """The votes of some images."""
    return HumanVotes(votes.ids[rows], votes.labels[rows], votes.classes, votes.answers[rows])


def joined_profiles(profiles: Sequence[pd.DataFrame], model: str, seed: int) -> pd.DataFrame:
    """Profiles of one network by several metrics, with its name and seed in front."""
    table = pd.concat(profiles, ignore_index=True)
    table.insert(0, "model", model)
    table.insert(1, "seed", seed)
    return table.astype({"model": "str", "seed": "int64"})


def tabulate_networks(*, networks: list[In], models: list[str], seeds: list[int]) -> pd.DataFrame:
    """Join what is known of each network that is not trained here.

    Args:
        networks: .parquet of one row per network and seed.
        models: name of the model of each file.
        seeds: seed of each file.

    Returns:
        ``model``, ``seed``, ``kind`` (its type), ``name`` (in its library), ``weights`` (random,
        pretrained or file), ``file``, ``sha256`` (of that file, or of the weights as used),
        ``package`` and version, ``parameters``, ``preprocessing``.
    """
    table = pd.concat([load_table(path) for path in networks], ignore_index=True)
    table.insert(0, "model", pd.Series(models, dtype="str"))
    table.insert(1, "seed", seeds)
    return table


def tabulate_layers(
    *,
    profiles: list[In],
    votes: In,
    samples: In,
    wanted: int = 2000,
    splits: int = 20,
    root_seed: int = 0,
    notes: dict[str, str] | None = None,
) -> pd.DataFrame:
    """Summarise the layer profiles of all networks, with noise ceilings of the same images.

    Args:
        profiles: .parquet per network and seed.
        votes: .parquet with id and one column of counts per class.
        samples: .parquet with id, label, label_name.
        wanted: images of the profiles; the same images are chosen here.
        splits: random halvings of the votes.
        root_seed: root seed.
        notes: remark per model name.

    Returns:
        One row per metric, model and layer: these and ``position``, ``depth``, ``width``, then
        ``<measure>_mean`` and ``<measure>_sd`` over seeds of ``value`` (rho-a), ``spearman``,
        ``partial_label`` and ``within_class_rho_a``, ``n`` seeds, ``label_only``,
        ``<measure>_ceiling`` (the true responses),
        ``<measure>_ceiling_lower`` and ``_upper`` (halves of the votes, and root Spearman-Brown of
        that), ``n_images``, ``n_pairs``, ``note``.
    """
    if not profiles:
        raise InputError("no profile; give that of at least one network")
    table = pd.concat([load_table(path) for path in profiles], ignore_index=True)
    human = load_votes(votes, samples)
    chosen = selected(human, balanced(human.labels, wanted))
    if set(table["n_images"]) != {len(chosen.ids)}:
        raise InputError(
            f"the profiles are of {sorted(set(table['n_images']))} images, the votes of "
            f"{len(chosen.ids)}; compute the profiles again"
        )
    by = ["metric", "model", "layer", "position", "depth", "width"]
    result = over_runs(table, by, _MEASURES)
    result = result.merge(table.groupby("metric", sort=False)[_SHARED].first().reset_index())
    metrics = table["metric"].unique()
    ceilings = pd.DataFrame(
        [_ceilings(chosen, name, splits, root_seed) for name in metrics], metrics
    )
    result = result.join(ceilings, on="metric")
    remarks = [(notes or {}).get(model, "") for model in result["model"]]
    result["note"] = pd.Series(remarks, dtype="str")
    ends = ["n_images", "n_pairs", "note"]
    return result[[name for name in result.columns if name not in ends] + ends]


def _ceilings(votes: HumanVotes, metric: str, splits: int, seed: int) -> dict[str, float]:
    label = rdm(np.eye(len(votes.classes))[votes.labels], metric)
    within = pairs_within(votes.labels)
    options: list[tuple[str, dict]] = [
        ("rho-a", {}),
        ("spearman", {}),
        ("spearman", {"controls": [label]}),
        ("rho-a", {"pairs": within}),
    ]
    ends = ("_ceiling", "_ceiling_lower", "_ceiling_upper")
    found = {f"{name}{end}": float("nan") for name in _MEASURES for end in ends}
    for name, (method, more) in zip(_MEASURES, options, strict=True):
        if "pairs" in more and within.size < 2:
            continue
        bounds = noise_ceiling(votes.answers, metric, method, splits, seed, **more)
        found[f"{name}_ceiling"] = bounds.ceiling
        found[f"{name}_ceiling_lower"] = bounds.lower
        found[f"{name}_ceiling_upper"] = bounds.upper
    return found
