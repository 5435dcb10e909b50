"""Attribute bias of the groups of one VAE: clusters, C_max and sub-niches."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.forensics.bias import attribute_bias, binary_attributes, by_known_rows
from latent_microscope.io.artefacts import load_table
from latent_microscope.io.inputs import joined
from latent_microscope.statistics.clusters import resampling_units
from latent_microscope.statistics.summaries import benjamini_hochberg

COLUMNS = {
    "group": "str",
    "n_members": "int64",
    **dict.fromkeys(("definition", "attribute"), "str"),
    "value": "float64",
    **dict.fromkeys(("direction", "status"), "str"),
    **dict.fromkeys(("estimate", "low", "high", "p", "q", "q_seed"), "float64"),
    **dict.fromkeys(("risk_difference", "difference_low", "difference_high"), "float64"),
    "cohens_h": "float64",
    "magnitude": "str",
    "agrees": "bool",
    **dict.fromkeys(("prevalence_members", "prevalence_rest"), "float64"),
}


def bias_groups(
    clusters: pd.DataFrame, niches: pd.DataFrame | None = None
) -> dict[str, npt.NDArray[np.bool_]]:
    """Members of each group whose bias is measured, n booleans by name.

    Groups: ``cluster 0`` …, ``cmax`` (the largest cluster in latent space), ``sub-niche 0`` ….
    Groups without members are left out; noise is no group.
    """
    labels = clusters["cluster"].to_numpy()
    groups = {f"cluster {c}": labels == c for c in np.unique(labels[labels != -1])}
    groups["cmax"] = clusters["cmax"].eq(0).fillna(False).to_numpy(dtype=bool)
    if niches is not None:
        unknown = niches["id"][~niches["id"].isin(clusters["id"])]
        if len(unknown):
            raise InputError(
                f"sub-niches: id {unknown.iloc[0]!r} is not among the clustered samples; compute "
                "the sub-niches again"
            )
        for niche in np.unique(niches["niche"]):
            members = niches["id"][niches["niche"] == niche]
            groups[f"sub-niche {niche}"] = clusters["id"].isin(members).to_numpy()
    return {name: members for name, members in groups.items() if members.any()}


def resampled_people(samples: Path | None, like: Path) -> npt.NDArray[np.int64] | None:
    """Codes of people, in the row order of ``like``; None if there are none."""
    if not samples or "identity" not in load_table(samples):
        return None
    return resampling_units(joined(like, samples, ([], ["identity"]))["identity"])


def bias_table(
    groups: dict[str, npt.NDArray[np.bool_]],
    attributes: pd.DataFrame,
    definitions: Sequence[str],
    *,
    identities: npt.NDArray[np.int64] | None,
) -> pd.DataFrame:
    """Attribute bias index of every group, definition and attribute: :data:`COLUMNS`.

    ``q`` adjusts over the attributes of one group: the family of someone who asks about that group.
    ``q_seed`` adjusts over the attributes of all groups of the VAE: the family of someone who
    searches the whole table. Neither counts a hypothesis twice: both definitions test the same one,
    with the same p, and other seeds are replicates, not more hypotheses. ``identities`` are
    clusters of samples; None: samples are independent. A sample whose cell is missing does not
    count for that attribute.
    """
    if not len(attributes.columns):
        groups = {}
    shared = list(by_known_rows(attributes))
    names = [str(name) for name in attributes.columns]
    parts = []
    for group, members in groups.items():
        found = [
            _measured(values, members[known], definitions, identities, known)
            for known, values in shared
        ]
        count = int(np.count_nonzero(members))
        for definition in definitions:
            table = pd.concat([one[definition] for one in found])
            table = table.set_index("attribute").loc[names].reset_index()
            table["q"] = benjamini_hochberg(table["p"].to_numpy())
            parts.append(table.assign(group=group, n_members=count, definition=definition))
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
    table = pd.concat(parts, ignore_index=True)
    families = table.groupby("definition")["p"]
    table["q_seed"] = families.transform(lambda p: benjamini_hochberg(p.to_numpy()))
    return table[list(COLUMNS)].astype(COLUMNS)


def _measured(
    attributes: pd.DataFrame,
    members: npt.NDArray[np.bool_],
    definitions: Sequence[str],
    identities: npt.NDArray[np.int64] | None,
    known: npt.NDArray[np.bool_],
) -> dict[str, pd.DataFrame]:
    """Bias by definition with prevalences; of no member, or nobody at all, as if constant."""
    if not members.any():
        nobody = pd.DataFrame(0, index=[0], columns=attributes.columns)
        return {
            name: table.assign(prevalence_members=np.nan, prevalence_rest=np.nan)
            for name, table in attribute_bias(nobody, [True], definitions).items()
        }
    present = binary_attributes(attributes)[0]
    rest = ~members
    shares = {
        "prevalence_members": present[members].mean(axis=0),
        "prevalence_rest": present[rest].mean(axis=0) if rest.any() else np.nan,
    }
    own = None if identities is None else identities[known]
    measured = attribute_bias(attributes, members, definitions, identities=own)
    return {name: table.assign(**shares) for name, table in measured.items()}


def label_columns(samples: pd.DataFrame) -> pd.DataFrame:
    """One uint8 0/1 column per class, named by it and ordered by its number, after ``id``."""
    pairs = samples[["label", "label_name"]].drop_duplicates().sort_values("label")
    for column in ("label", "label_name"):
        twice = pairs[column][pairs[column].duplicated()]
        if len(twice):
            raise InputError(
                f"samples: {column} {str(twice.iloc[0])!r} belongs to more than one class; give "
                "each class one number and one name"
            )
    columns = {
        str(name): (samples["label"] == label).to_numpy(dtype=np.uint8)
        for label, name in pairs.itertuples(index=False)
    }
    return pd.DataFrame({"id": samples["id"].astype("str"), **columns})
