"""A study's near-duplicates as a list to act on."""

import numpy as np
import pandas as pd

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.tables.runs import stack

COLUMNS = {
    "rank": "int64",
    "id_i": "str",
    "id_j": "str",
    "verdict": "str",
    "group": "int64",
    "same": "str",
    "label_i": "str",
    "label_j": "str",
    "differing": "str",
    "detail": "float64",
    "detail_centre": "float64",
    "pixel_difference": "float64",
    "similarity_mean": "float64",
    "distance_mean": "float64",
    "runs_found": "int64",
    "n_runs": "int64",
    "action": "str",
}
VERDICTS = ("copy", "near-duplicate", "look-alike")
ACTIONS = {
    ("duplicate", "yes"): "one photograph twice: keep one, and never one in each split",
    ("duplicate", "no"): "one photograph with two labels: correct one of them",
    ("duplicate", "unknown"): "one photograph twice: keep one",
    ("look-alike", "yes"): "look: one photograph changed, or two that the model hardly tells apart",
    ("look-alike", "no"): "look: different labels that the model hardly tells apart",
    (
        "look-alike",
        "unknown",
    ): "look: one photograph changed, or two that the model hardly tells apart",
}


def tabulate_duplicates(
    *,
    duplicates: list[In],
    runs: list[int],
    samples: In,
    attributes: In | None = None,
    pictures: bool = True,
) -> pd.DataFrame:
    """List the pairs of all runs with what is known of both images, and what to do.

    Args:
        duplicates: .parquet of the pairs of each run.
        runs: number of each.
        samples: .parquet with id and identity (-1: unknown), or label_name.
        attributes: .parquet with id and one 0/1 column an attribute: where two copies of one
            photograph differ in an attribute, one of them is wrong.
        pictures: whether the samples are images; else no action calls them photographs.

    Returns:
        Table with :data:`COLUMNS`: copies and near-duplicates by falling detail correlation, then
        look-alikes by falling mean cosine. ``group`` numbers photographs, so that three copies are
        one group (-1 for look-alikes). ``same``: yes, no or unknown; ``label_i``, ``label_j``:
        identity or class; ``differing``: attributes that differ (of near-duplicates);
        ``runs_found``: runs that list the pair; means are over these.

    Raises:
        InputError: An id that the samples lack.
    """
    table = stack([load_table(path) for path in duplicates], {"run": runs}, "duplicates")
    people = load_table(samples)
    key = "identity" if "identity" in people else "label_name"
    known = people.set_index(people["id"].astype("str"))[key]
    unknown = [i for i in [*table["id_i"], *table["id_j"]] if i not in known.index]
    if unknown:
        raise InputError(f"duplicates: the id {unknown[0]!r} is not among the samples; find again")
    table["place"] = table["verdict"].map({name: k for k, name in enumerate(VERDICTS)})
    pairs = table.groupby(["id_i", "id_j"], sort=False, as_index=False).agg(
        # A pair that any run shows to be one photograph is one.
        place=("place", "min"), detail=("detail", "first"),
        detail_centre=("detail_centre", "first"), pixel_difference=("pixel_difference", "first"),
        similarity_mean=("similarity", "mean"),
        distance_mean=("distance", "mean"), runs_found=("run", "nunique"),
    )  # fmt: skip
    pairs["verdict"] = np.asarray(VERDICTS, dtype=object)[pairs["place"].to_numpy(int)]
    first, second = known.loc[pairs["id_i"]].to_numpy(), known.loc[pairs["id_j"]].to_numpy()
    missing = (first == -1) | (second == -1) if key == "identity" else np.zeros(len(pairs), bool)
    pairs["same"] = np.where(missing, "unknown", np.where(first == second, "yes", "no"))
    pairs["label_i"], pairs["label_j"] = first, second
    pairs["n_runs"] = len(set(runs))
    duplicate = pairs["verdict"] != "look-alike"
    pairs["order"] = np.where(duplicate, 2.0 + pairs["detail"], pairs["similarity_mean"])
    pairs = pairs.sort_values(["order", "id_i", "id_j"], ascending=[False, True, True])
    pairs = pairs.reset_index(drop=True)
    duplicate = pairs["verdict"] != "look-alike"
    pairs["rank"] = np.arange(1, len(pairs) + 1)
    pairs["group"] = _groups(pairs, duplicate.to_numpy(bool))
    facts = load_table(attributes) if attributes else None
    pairs["differing"] = _differing(pairs, facts, duplicate.to_numpy(bool))
    kinds = np.where(duplicate, "duplicate", "look-alike")
    actions = [ACTIONS[pair] for pair in zip(kinds, pairs["same"], strict=True)]
    pairs["action"] = [
        text if pictures else text.replace("photograph", "sample") for text in actions
    ]
    return pairs[list(COLUMNS)].astype(COLUMNS)


def _groups(pairs: pd.DataFrame, duplicate: np.ndarray) -> list[int]:
    """Connected components of the near-duplicates, numbered from 0 in order; -1 for others."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for a, b in pairs.loc[duplicate, ["id_i", "id_j"]].itertuples(index=False):
        parent[root(b)] = root(a)
    numbers: dict[str, int] = {}
    return [
        numbers.setdefault(root(a), len(numbers)) if is_duplicate else -1
        for a, is_duplicate in zip(pairs["id_i"], duplicate, strict=True)
    ]


def _differing(
    pairs: pd.DataFrame, attributes: pd.DataFrame | None, duplicate: np.ndarray
) -> list[str]:
    """Names of the attributes in which two copies of a photograph differ."""
    if attributes is None:
        return [""] * len(pairs)
    names = [str(c) for c in attributes.columns if c != "id"]
    values = attributes.set_index(attributes["id"].astype("str"))[names]
    out = []
    for (a, b), is_duplicate in zip(
        pairs[["id_i", "id_j"]].itertuples(index=False), duplicate, strict=True
    ):
        if not is_duplicate or a not in values.index or b not in values.index:
            out.append("")
            continue
        differ = values.loc[a].to_numpy() != values.loc[b].to_numpy()
        out.append(" ".join(np.asarray(names)[differ]))
    return out
