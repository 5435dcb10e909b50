"""Tables of the identity study."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.forensics.identity import (
    INTRA,
    IdentityGroups,
    group_silhouette,
    group_summary,
    group_tests,
    identity_groups,
    pair_aucs,
    spaces_of,
)
from latent_microscope.seeds import rng


def identity_tables(
    latents: npt.ArrayLike,
    scores: Mapping[str, npt.ArrayLike],
    ids: npt.NDArray[np.object_],
    identities: npt.NDArray[np.int64],
    *,
    images: int,
    seed: int,
) -> tuple[dict[str, pd.DataFrame], str | None]:
    """Run the identity study on the samples of known identity (not -1).

    ``images`` of one person are wanted; the largest groups are taken if all have fewer.

    Returns:
        The tables ``groups``, ``members``, ``tests`` and ``pairs``; a note, if there are fewer
        images than wanted.
    """
    known = np.flatnonzero(np.asarray(identities) >= 0)
    z = np.asarray(latents)[known]
    people = np.asarray(identities)[known]
    values = {name: np.asarray(score)[known] for name, score in scores.items()}
    found = identity_groups(people, images=images, seed=seed)
    controls = {"mixed": found.rows["mixed"]}
    others = _different_people(people, found, seed)
    if len(others) > 1:
        controls = {"inter": others, **controls}
    (first, rows), *more = controls.items()
    blocks = [{**{name: found.rows[name] for name in INTRA}, first: rows}, dict(more)]
    groups = pd.concat([group_summary(block, values) for block in blocks], ignore_index=True)
    both = dict(zip(INTRA, map(int, found.identities), strict=True))
    groups.insert(1, "identity", [both.get(group, -1) for group in groups["group"]])
    members = [
        pd.DataFrame(
            {"group": group, "index": known[own], "id": ids[known[own]], "identity": people[own]}
        )
        for block in blocks
        for group, own in block.items()
    ]
    tests = [group_tests(found, *control, values, seed=seed) for control in controls.items()]
    spaces = spaces_of(z, values)
    pairs = pair_aucs(people, spaces, seed=seed)
    pairs["silhouette"] = [
        group_silhouette(spaces[name], found) if name in spaces else np.nan
        for name in pairs["space"]
    ]
    tables = {
        "groups": groups.astype({"group": "str", "identity": "int64", "score": "str"}),
        "members": pd.concat(members, ignore_index=True).astype({"group": "str", "id": "str"}),
        "tests": pd.concat(tests, ignore_index=True),
        "pairs": pairs.astype({"space": "str", "status": "str"}),
    }
    return tables, found.note


def _different_people(
    people: npt.NDArray[np.int64], groups: IdentityGroups, seed: int
) -> npt.NDArray[np.int64]:
    """One image each of other people, as many as the smaller of the two groups has."""
    others = np.setdiff1d(people, [int(name) for name in groups.identities])
    count = min(len(others), *(len(groups.rows[name]) for name in INTRA))
    generator = rng(seed, "different-people")
    chosen = generator.permutation(others)[:count]
    return np.sort(
        np.array([generator.choice(np.flatnonzero(people == p)) for p in chosen], dtype=np.int64)
    )
