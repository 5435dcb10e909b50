"""A study's near-duplicates as a list with actions."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.statistics.summaries import stack

COLUMNS = {
    "rank": "int64",
    **dict.fromkeys(("id_i", "id_j", "verdict", "relation", "proposed_by"), "str"),
    "group": "int64",
    **dict.fromkeys(("same", "label_i", "label_j", "differing"), "str"),
    **dict.fromkeys(("difference", "pixel_difference", "hash_bits"), "float64"),
    **dict.fromkeys(("similarity_mean", "distance_mean"), "float64"),
    **dict.fromkeys(("seeds_found", "n_seeds", "compared"), "int64"),
    "action": "str",
}
VERDICTS = (
    *("copy", "near-duplicate", "identical latents", "near-identical latents", "near match"),
)
_CHECK = "look: two photographs that the model hardly tells apart"
ACTIONS = {
    ("duplicate", "yes"): "one photograph twice: keep one, and never one in each split",
    ("duplicate", "no"): "one photograph with two labels: correct one of them",
    ("duplicate", "unknown"): "one photograph twice: keep one",
    ("near match", "yes"): _CHECK,
    ("near match", "no"): "look: different labels that the model hardly tells apart",
    ("near match", "unknown"): _CHECK,
    ("latents", "yes"): "same latents: one sample twice, or two that the model does not tell apart",
    ("latents", "no"): "same latents but different labels: look at the samples",
    ("latents", "unknown"): "same latents: look at the samples",
}


def tabulate_duplicates(
    *,
    duplicates: list[In],
    seeds: list[int],
    samples: In,
    attributes: In | None = None,
    pictures: bool = True,
) -> pd.DataFrame:
    """List the pairs of all seeds with the labels of both images, and what to do.

    Args:
        duplicates: .parquet of the pairs per seed.
        seeds: seed of each.
        samples: .parquet with id and identity (-1: unknown), or label_name.
        attributes: .parquet with id and one 0/1 column per attribute: where two copies of one
            photograph differ in an attribute, one of them is wrong.
        pictures: whether the samples are images; else no action calls them photographs.

    Returns:
        Table with :data:`COLUMNS`: copies and near-duplicates by rising difference (without images
        identical and near-identical latents), then near matches by falling mean cosine. ``group``
        numbers photographs, so that three copies are one group (-1 for near matches). ``same``:
        yes, no or unknown; ``label_i``, ``label_j``: identity or class; ``differing``: attributes
        that differ (of near-duplicates); ``seeds_found``: seeds that list the pair; means are over
        these; ``compared``: pairs of images that were compared, by the seed that compared most.
    """
    table = stack([load_table(path) for path in duplicates], {"seed": seeds}, "duplicates")
    known = load_table(samples)
    key = "identity" if "identity" in known else "label_name"
    labels = known.set_index(known["id"].astype("str"))[key]
    listed = pd.concat([table["id_i"], table["id_j"]])
    missing = listed[~listed.isin(labels.index)]
    if len(missing):
        raise InputError(
            f"duplicates: id {missing.iloc[0]!r} is not in {samples}; search for duplicates again"
        )
    table["place"] = [VERDICTS.index(name) for name in table["verdict"]]
    pairs = table.groupby(["id_i", "id_j"], sort=False, as_index=False).agg(
        place=("place", "min"),  # one photograph if any seed shows it
        relation=("relation", "max"),
        proposed_by=("proposed_by", "max"),
        difference=("difference", "first"),
        pixel_difference=("pixel_difference", "first"),
        hash_bits=("hash_bits", "first"),
        similarity_mean=("similarity", "mean"),
        distance_mean=("distance", "mean"),
        seeds_found=("seed", "nunique"),
    )
    duplicate = pairs["place"] < VERDICTS.index("near match")
    pairs["order"] = np.where(duplicate, pairs["difference"], 2.0 - pairs["similarity_mean"])
    pairs = pairs.sort_values(["order", "place", "id_i", "id_j"], na_position="first")
    pairs = pairs.reset_index(drop=True)
    verdicts = [VERDICTS[place] for place in pairs["place"]]
    pairs["verdict"] = pd.Series(verdicts, pairs.index, dtype="str")  # of no pairs, too
    first, second = labels.loc[pairs["id_i"]].to_numpy(), labels.loc[pairs["id_j"]].to_numpy()
    unknown = (first == -1) | (second == -1) if key == "identity" else np.zeros(len(pairs), bool)
    pairs["same"] = np.where(unknown, "unknown", np.where(first == second, "yes", "no"))
    named = known.get("identity_name", known[key]).set_axis(labels.index)
    pairs["label_i"], pairs["label_j"] = (
        named.loc[pairs[end]].to_numpy() for end in ("id_i", "id_j")
    )
    pairs["n_seeds"], pairs["rank"] = len(set(seeds)), np.arange(1, len(pairs) + 1)
    pairs["compared"] = table["compared"].max() if len(table) else 0
    copies = pairs[pairs["verdict"] != "near match"]
    pairs["group"] = _groups(copies).reindex(pairs.index, fill_value=-1)
    pairs["differing"] = ""
    if attributes:
        values = load_table(attributes).astype({"id": "str"}).set_index("id")
        known_pairs = copies["id_i"].isin(values.index) & copies["id_j"].isin(values.index)
        a, b = (
            values.reindex(copies[end]).to_numpy(np.float64, na_value=np.nan)
            for end in ("id_i", "id_j")
        )
        differ = (np.abs(a - b) > 0) & known_pairs.to_numpy()[:, None]
        pairs.loc[copies.index, "differing"] = [" ".join(values.columns[row]) for row in differ]
    kinds = np.select(
        [pairs["verdict"] == "near match", pairs["verdict"].str.endswith("latents")],
        ["near match", "latents"],
        "duplicate",
    )
    actions = [ACTIONS[pair] for pair in zip(kinds, pairs["same"], strict=True)]
    pairs["action"] = actions if pictures else [a.replace("photograph", "sample") for a in actions]
    return pairs[list(COLUMNS)].astype(COLUMNS)


def _groups(pairs: pd.DataFrame) -> pd.Series:
    """Connected component of each pair, numbered from 0 in their order."""
    codes, ids = pd.factorize(pd.concat([pairs["id_i"], pairs["id_j"]]))
    first, second = codes[: len(pairs)], codes[len(pairs) :]
    edges = coo_array((np.ones(len(pairs)), (first, second)), shape=(len(ids), len(ids)))
    component = connected_components(edges, directed=False)[1]
    return pd.Series(pd.factorize(component[first])[0], pairs.index)
