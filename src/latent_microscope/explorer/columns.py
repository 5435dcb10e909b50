"""What a map can be coloured by: scores, clusters, labels, identities, attributes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.explorer.arrays import packed, packed_bits

# Other readings of the same score, of interest to tables only.
_VARIANTS = ("_script", "_notebook")
MANY_LEVELS = 30
"""Levels up to which a categorical attribute is also tested level by level."""
TITLES = {
    "neighbors": "similar others",
    "reconstruction_error": "reconstruction error",
    "kl": "KL divergence",
    "human_entropy": "entropy of the votes (nats)",
    "human_accuracy": "votes for the label",
    "cluster": "cluster (UMAP plane)",
    "cmax": "cluster (latent space)",
    "label_name": "label",
}
_CLUSTERS = ("cluster", "cmax")


@dataclass(frozen=True)
class Column:
    """One value an image.

    Attributes:
        name: Unique in a study.
        title: As people read it.
        group: score, cluster, label, identity or attribute.
        values: n floats (NaN: none), n booleans, or n codes of ``levels`` from 0.
        levels: Names of the codes, most frequent first; None: numbers or booleans.
    """

    name: str
    title: str
    group: str
    values: npt.NDArray
    levels: list[str] | None = None

    def payload(self) -> dict[str, Any]:
        """As the page reads it."""
        if self.levels is not None:
            kind, array = "category", packed(self.values)
        elif self.values.dtype == bool:
            kind, array = "binary", packed_bits(self.values)
        else:
            kind, array = "number", packed(self.values)
        found = {"name": self.name, "title": self.title, "group": self.group, "kind": kind}
        levels = {} if self.levels is None else {"levels": self.levels}
        return {**found, **levels, **array}


def category(name: str, values: pd.Series, group: str, title: str | None = None) -> Column:
    """A categorical column; missing values are a level of their own."""
    texts = values.map(_text).fillna("unknown")
    counts = texts.value_counts()
    # Most frequent first, ties by name: the same page whatever the order of the rows.
    order = sorted(counts.index, key=lambda level: (-int(counts[level]), level))
    codes = texts.map({level: code for code, level in enumerate(order)})
    return Column(
        name,
        title or TITLES.get(name, name.replace("_", " ")),
        group,
        codes.to_numpy(dtype=np.int64),
        order,
    )


def _text(value: Any) -> str | None:
    if pd.isna(value):
        return None
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def score_columns(table: pd.DataFrame, titles: Mapping[str, str]) -> Iterator[Column]:
    """Every numeric column of a table as a score, without variants of the same one.

    Args:
        table: ``id`` and numbers.
        titles: Of scores, by name.
    """
    for name in table.columns:
        values = table[name]
        if name == "id" or str(name).endswith(_VARIANTS):
            continue
        if pd.api.types.is_bool_dtype(values):
            yield category(str(name), values.map({True: "yes", False: "no"}), "score")
        elif pd.api.types.is_numeric_dtype(values):
            yield _number(str(name), values, "score", titles.get(str(name)))


def _number(name: str, values: pd.Series, group: str, title: str | None = None) -> Column:
    title = title or TITLES.get(name, name.replace("_", " "))
    return Column(name, title, group, values.to_numpy(dtype=np.float64, na_value=np.nan))


def cluster_columns(table: pd.DataFrame) -> Iterator[Column]:
    """Clusters on the plane and in latent space; -1 is noise."""
    for name in _CLUSTERS:
        if name in table:
            yield category(name, table[name].map(_cluster, na_action="ignore"), "cluster")


def _cluster(label: Any) -> str:
    return "noise" if label == -1 else str(int(label))


def sample_columns(table: pd.DataFrame) -> Iterator[Column]:
    """What the table of samples says of them: label, identity and whatever else there is."""
    for name in table.columns:
        values = table[name]
        if name == "id" or (name == "label" and "label_name" in table):
            continue
        if name == "identity":
            known = values.where(values != -1)
            if known.notna().any():
                yield category("identity", known, "identity")
        elif pd.api.types.is_float_dtype(values):
            if values.notna().any():
                yield _number(str(name), values, "label")
        else:
            yield category(str(name), values, "label")


def attribute_columns(table: pd.DataFrame) -> Iterator[Column]:
    """Attributes: binary ones (0/1, ±1 or booleans) as such, others as numbers or categories.

    The levels of a category with at most :data:`MANY_LEVELS` are binary attributes, too; where
    only its levels are there, as columns ``digit=0``, ``digit=1``, …, the category comes first.
    """
    stems = _stems(table)
    for name in table.columns:
        if name == "id":
            continue
        values, key = table[name], f"attribute: {name}"
        stem = str(name).partition("=")[0]
        if stem in stems and name == stems[stem][0]:
            levels = table[stems[stem]].set_axis([n.partition("=")[2] for n in stems[stem]], axis=1)
            known = levels.idxmax(axis=1).where(levels.max(axis=1) > 0)
            yield category(f"attribute: {stem}", known, "label", stem)
        if is_binary(values):
            yield Column(key, str(name), "attribute", values.to_numpy(dtype=np.float64) > 0.0)
        elif pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            yield _number(key, values, "score", str(name))
        else:
            whole = category(key, values, "label", str(name))
            yield whole
            if whole.levels is not None and len(whole.levels) <= MANY_LEVELS:
                for code, level in enumerate(whole.levels):
                    title = f"{name}: {level}"
                    yield Column(f"{key}: {level}", title, "attribute", whole.values == code)


def _stems(table: pd.DataFrame) -> dict[str, list[str]]:
    """Categories of which only the levels are columns, no two of them in one row."""
    found: dict[str, list[str]] = {}
    for name in table.columns:
        stem, equals, level = str(name).partition("=")
        if equals and stem and level and is_binary(table[name]):
            found.setdefault(stem, []).append(str(name))
    return {
        stem: names
        for stem, names in found.items()
        if len(names) > 1
        and stem not in table
        and int((table[names].to_numpy(dtype=np.float64) > 0).sum(axis=1).max()) == 1
    }


def is_binary(values: pd.Series) -> bool:
    """Whether a column holds nothing but 0 and 1, nothing but -1 and 1, or booleans."""
    if pd.api.types.is_bool_dtype(values):
        return bool(values.notna().all())
    if not pd.api.types.is_numeric_dtype(values) or values.isna().any():
        return False
    found = set(values.unique().tolist())
    return found <= {0, 1} or found <= {-1, 1}
