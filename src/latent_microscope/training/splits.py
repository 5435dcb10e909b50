"""Folds of images for cross-validation, and the record of who was in which training."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.seeds import derive

Ints = npt.NDArray[np.int64]
ROLES = ("train", "inner", "held_out")
"""What an image is to a fold's network: trained on, seen for choices only, or never seen."""


def stratified_order(ids: npt.ArrayLike, labels: npt.ArrayLike, rng: np.random.Generator) -> Ints:
    """Rows class by class, in random order within a class.

    Any count along this order (every k-th row, say) takes each class in proportion. It depends on
    the ids and their classes, not on the order of the rows.
    """
    names = np.asarray(ids).astype(str)
    shuffled = np.argsort(names, kind="stable")[rng.permutation(names.size)]
    return shuffled[np.argsort(np.asarray(labels)[shuffled], kind="stable")].astype(np.int64)


def assign_folds(
    ids: npt.ArrayLike, labels: npt.ArrayLike, folds: int, rng: np.random.Generator
) -> Ints:
    """The fold of each image; folds differ by at most one image, overall and in each class."""
    order = stratified_order(ids, labels, rng)
    if not 2 <= folds <= order.size:
        raise InputError(
            f"folds: {folds} must lie between 2 and the number of images, {order.size}"
        )
    fold = np.empty(order.size, dtype=np.int64)
    fold[order] = np.arange(order.size) % folds
    return fold


def hold_out(
    rows: Ints, ids: npt.ArrayLike, labels: npt.ArrayLike, share: float, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Split rows into those to train on and a stratified share to choose by, both ascending.

    ``ids`` and ``labels`` are those of all images.
    """
    order = rows[stratified_order(np.asarray(ids)[rows], np.asarray(labels)[rows], rng)]
    steps = np.floor(np.arange(order.size + 1) * share + 1e-9)
    chosen = np.diff(steps) > 0
    if share > 0 and (not chosen.any() or chosen.all()):
        raise InputError(
            f"validation_fraction: {share:g} of {order.size} images leaves none on one side; "
            "change it"
        )
    return np.sort(order[~chosen]), np.sort(order[chosen])


def held_out_of(samples: pd.DataFrame, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Which samples are not trained on: whole people, where ``identity`` is known, up to a share.

    Single images, at least one, where nobody has so few. It depends on ids and identities, not on
    the order of the rows.
    """
    ids = samples["id"].astype(str).to_numpy(dtype=object)
    known = samples["identity"].to_numpy() if "identity" in samples else np.full(len(ids), -1)
    people = np.where(known >= 0, [f"person {code}" for code in known], ids)
    most = max(1, int(share * len(ids)))
    for units in (people, ids):
        names, unit, sizes = np.unique(units.astype(str), return_inverse=True, return_counts=True)
        order = np.random.default_rng(derive(seed, "held out")).permutation(len(names))
        chosen = order[np.cumsum(sizes[order]) <= most]
        if len(chosen):
            break
    return np.asarray(np.isin(unit, chosen))


def hash_ids(ids: npt.ArrayLike) -> str:
    """SHA-256 of a set of ids: sorted, one per line."""
    text = "\n".join(sorted(np.asarray(ids).astype(str).tolist()))
    return hashlib.sha256(text.encode()).hexdigest()


def hash_array(array: np.ndarray) -> str:
    """SHA-256 of an array's type, shape and bytes."""
    head = f"{array.dtype.str}{array.shape}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(array).tobytes()).hexdigest()


def members_of(ids: npt.ArrayLike, fold: int, roles: Sequence[Ints]) -> pd.DataFrame:
    """Table ``fold``, ``id``, ``role`` of one fold, from the rows of each of :data:`ROLES`."""
    table = pd.DataFrame(
        {
            "fold": np.int64(fold),
            "id": np.asarray(ids, dtype=object)[np.concatenate(list(roles))],
            "role": np.repeat(ROLES, [len(rows) for rows in roles]),
        }
    )
    return table.astype({"id": "str", "role": "str"})


def verify_members(
    members: pd.DataFrame, provenance: pd.DataFrame
) -> Iterator[tuple[str, bool, str]]:
    """Prove from the record that no image was held out from a network that knew its votes.

    ``members`` is from :func:`members_of`; ``provenance`` has one row per fold with ``overlap`` and
    the hashes ``<role>_ids``. Yields each check, whether it holds, and what was measured.
    """
    everything = set(members["id"])
    known = members[members["role"] != "held_out"]
    held = members[members["role"] == "held_out"]
    both = known.merge(held, on=["fold", "id"])
    yield "no image is known to its own network", both.empty, f"{len(both)} images"
    sizes = members.groupby("fold")["id"].agg(["size", "nunique"])
    whole = (sizes == len(everything)).all(axis=None)
    yield "training and held-out images make up all", bool(whole), f"{len(everything)} images"
    once = held["id"].is_unique and set(held["id"]) == everything
    yield "each image is held out once", bool(once), f"{held['id'].nunique()} held out"
    overlap = int(provenance["overlap"].abs().sum())
    yield "the recorded overlap is 0", overlap == 0, f"{overlap} images"
    groups = {key: part["id"] for key, part in members.groupby(["fold", "role"])}
    wrong = [
        f"fold {row['fold']}, {role}"
        for row in provenance.to_dict("records")
        for role in ROLES
        if hash_ids(groups.get((row["fold"], role), [])) != row[f"{role}_ids"]
    ]
    same = sorted(provenance["fold"]) == sorted(sizes.index) and not wrong
    yield "ids hash as recorded", same, f"differing: {', '.join(wrong) or 'none'}"
