"""Tables of the identity study."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.forensics.identity import (
    IdentityGroups,
    group_silhouette,
    group_summary,
    group_tests,
    identity_groups,
    pair_aucs,
)
from latent_microscope.seeds import rng

# Names of the groups, spaces and tests in our tables.
_GROUPS = {"identity_a": "intra A", "identity_b": "intra B", "mixed": "mixed"}
_SPACES = {"latents_euclidean": "latents", "latents_cosine": "latents (cosine)"}
_TESTS = {"levene": "levene", "mannwhitney": "mann-whitney", "ks": "kolmogorov-smirnov"}


@dataclass(frozen=True)
class IdentityTables:
    """The tables of the identity study."""

    groups: pd.DataFrame  # group, identity (-1 for several), n, score, mean, sd
    members: pd.DataFrame  # group, index, id, identity
    tests: pd.DataFrame  # score, comparison, test, statistic, p, low, high
    pairs: pd.DataFrame  # space, auc, n_same, n_different, low, high, silhouette
    note: str | None  # if there are fewer images than wanted


def identity_tables(
    latents: npt.ArrayLike,
    scores: Mapping[str, npt.ArrayLike],
    ids: npt.NDArray[np.object_],
    identities: npt.NDArray[np.int64],
    *,
    images: int,
    seed: int,
) -> IdentityTables:
    """Run the identity study on the samples of known identity (not -1).

    ``images`` of one person are wanted; the largest groups are taken if all have fewer.
    """
    known = np.flatnonzero(np.asarray(identities) >= 0)
    z = np.asarray(latents)[known]
    people = np.asarray(identities)[known]
    values = {name: np.asarray(score)[known] for name, score in scores.items()}
    found = identity_groups(people, images=images, seed=seed)
    # The functions compare with the group in the place of the mix: once with each control.
    controls = {"mixed": found}
    others = _different_people(people, found, seed)
    if len(others) > 1:
        controls = {"inter": replace(found, rows={**found.rows, "mixed": others}), **controls}
    groups: list[pd.DataFrame] = []
    members: list[pd.DataFrame] = []
    tests: list[pd.DataFrame] = []
    for name, control in controls.items():
        labels = {**_GROUPS, "mixed": name}
        parts = {labels[key]: part for key, part in control.rows.items()}
        summary = group_summary(control, values)
        summary["group"] = summary["group"].map(labels)
        new = ["intra A", "intra B", name] if not groups else [name]
        groups.append(summary[summary["group"].isin(new)])
        members += [pd.DataFrame({"group": group, "index": parts[group]}) for group in new]
        tests.append(_long_tests(group_tests(control, values, seed=seed), labels))
    listed = pd.concat(members, ignore_index=True)
    rows = listed["index"].to_numpy()
    chosen = np.asarray(ids, dtype=object)[known[rows]]
    listed = listed.assign(index=known[rows], id=chosen, identity=people[rows])
    table = pd.concat(groups, ignore_index=True)
    both = dict(zip(("intra A", "intra B"), map(int, found.identities), strict=True))
    table["identity"] = [both.get(group, -1) for group in table["group"]]
    table = table[["group", "identity", "n", "score", "mean", "sd"]]
    return IdentityTables(
        groups=table.astype({"group": "str", "identity": "int64", "score": "str"}),
        members=listed.astype({"group": "str", "id": "str"}),
        tests=pd.concat(tests, ignore_index=True),
        pairs=_pair_table(people, z, values, found, seed),
        note=found.note,
    )


def _different_people(
    people: npt.NDArray[np.int64], groups: IdentityGroups, seed: int
) -> npt.NDArray[np.int64]:
    """One image each of other people, as many as the smaller of the two groups has."""
    others = np.setdiff1d(people, [int(name) for name in groups.identities])
    count = min(len(groups.rows["identity_a"]), len(groups.rows["identity_b"]), len(others))
    generator = rng(seed, "different-people")
    chosen = generator.permutation(others)[:count]
    return np.sort(
        np.array([generator.choice(np.flatnonzero(people == p)) for p in chosen], dtype=np.int64)
    )


def _long_tests(table: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """One row per test instead of one column."""
    rows = []
    for row in table.to_dict("records"):
        head = (row["score"], f"{labels[row['group']]} – {labels[row['against']]}")
        for key, test in _TESTS.items():
            values = (row[f"{key}_statistic"], row[f"{key}_p"], np.nan, np.nan)
            rows.append((*head, test, *values))
        ends = (row["variance_low"], row["variance_high"])
        rows.append((*head, "variance-difference", row["variance_difference"], np.nan, *ends))
    columns = ["score", "comparison", "test", "statistic", "p", "low", "high"]
    texts = dict.fromkeys(columns[:3], "str")
    return pd.DataFrame(rows, columns=columns).astype({**texts, "statistic": "float64"})


def _pair_table(
    people: npt.NDArray[np.int64],
    latents: np.ndarray,
    scores: Mapping[str, np.ndarray],
    groups: IdentityGroups,
    seed: int,
) -> pd.DataFrame:
    """AUC of same identity by space, and the silhouette of the two people where space is one."""
    table = pair_aucs(people, latents, scores, seed=seed)
    stacked = np.column_stack(list(scores.values())).astype(np.float64)
    spread = stacked.std(axis=0)
    spaces = {name: np.asarray(values)[:, None] for name, values in scores.items()}
    spaces["heuristics"] = (stacked - stacked.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    spaces["latents_euclidean"] = latents
    table["silhouette"] = [
        group_silhouette(spaces[name], groups) if name in spaces else np.nan
        for name in table["measure"]
    ]
    table["space"] = table["measure"].replace(_SPACES)
    columns = ["space", "auc", "n_same", "n_different", "low", "high", "silhouette"]
    return table[columns].astype({"space": "str"})
