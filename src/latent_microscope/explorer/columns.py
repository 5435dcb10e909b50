"""Values of a page: what a map can be coloured by, and arrays as a browser reads them."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

# Variants of the same score, for tables only.
_VARIANTS = ("_script", "_notebook")
MANY_LEVELS = 30
"""Levels up to which a categorical attribute is also tested level by level."""
TITLES = {
    "neighbors": "similar others",
    "reconstruction_error": "reconstruction error",
    "kl": "KL divergence",
    "human_entropy": "entropy of the votes (nats)",
    "human_accuracy": "votes for the label",
    "detected": "detected as authentic",
    "cluster": "cluster (UMAP)",
    "cmax": "cluster (latent space)",
    "label_name": "label",
}
_CLUSTERS = ("cluster", "cmax")


_TYPES = (("u1", 2**8), ("u2", 2**16), ("u4", 2**32))
POSITIONS = 65535
"""Steps of a coordinate over its extent: a pixel of the map until it is enlarged 60 times."""


def base64_text(content: bytes) -> str:
    """Base64 without line breaks."""
    return base64.b64encode(content).decode("ascii")


def packed(values: npt.NDArray) -> dict[str, Any]:
    """``type`` (u1, u2, u4, f4) and ``data``, little-endian bytes in base64, for the page.

    Non-negative integers in the narrowest unsigned type, others as float32 (NaN: no value).
    """
    name = "f4"
    if values.dtype.kind in "iub":
        largest = int(values.max(initial=0))
        name = next(name for name, limit in _TYPES if largest < limit)
    return {"type": name, "data": base64_text(values.astype(f"<{name}").tobytes())}


def packed_positions(plane: npt.NDArray) -> dict[str, Any]:
    """Finite coordinates (n, 2) on a grid of 65,536 steps over the larger of the two extents.

    ``type`` u2, ``data`` (x and y of each row in turn), ``low`` (of x, of y), ``step``.
    """
    low = plane.min(axis=0)
    extent = float(np.ptp(plane, axis=0).max())
    step = extent / POSITIONS if extent > 0.0 else 1.0
    grid = np.rint((plane - low) / step).astype("<u2")
    data = base64_text(grid.tobytes())
    return {"type": "u2", "data": data, "low": [float(value) for value in low], "step": step}


@dataclass(frozen=True)
class Column:
    """One value per image: n floats (NaN: none), n booleans, or n codes of ``levels``."""

    name: str  # unique in a study
    title: str | None  # as shown; None: the usual one of this name
    group: str  # score, cluster, label, identity or attribute
    values: npt.NDArray
    levels: list[str] | None = None  # most frequent first; None: numbers or booleans

    def payload(self) -> dict[str, Any]:
        """As the page reads it."""
        title = self.title or TITLES.get(self.name, self.name.replace("_", " "))
        if self.levels is not None:
            kind, array = "category", packed(self.values)
        elif self.values.dtype == bool:
            bits = np.packbits(self.values, bitorder="little")  # the first in the lowest bit
            kind, array = "binary", {"type": "bits", "data": base64_text(bits.tobytes())}
        else:
            kind, array = "number", packed(self.values)
        head = {"name": self.name, "title": title, "group": self.group, "kind": kind}
        return head | ({"levels": self.levels} if self.levels is not None else {}) | array


def category(name: str, values: pd.Series, group: str, title: str | None = None) -> Column:
    """A categorical column; missing values are the level "unknown"."""
    texts = values.map(_text).fillna("unknown")
    counts = texts.value_counts()
    # Most frequent first, ties by name: the same page whatever the order of the rows.
    order = sorted(counts.index, key=lambda level: (-int(counts[level]), level))
    codes = texts.map({level: code for code, level in enumerate(order)})
    return Column(name, title, group, codes.to_numpy(dtype=np.int64), order)


def _text(value: Any) -> str | None:
    if pd.isna(value):
        return None
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def score_columns(table: pd.DataFrame, titles: Mapping[str, str]) -> Iterator[Column]:
    """Every numeric column but ``id`` as a score, without variants; titles by name."""
    for name in table.columns:
        values = table[name]
        if name == "id" or str(name).endswith(_VARIANTS):
            continue
        if pd.api.types.is_bool_dtype(values):
            yield category(str(name), values.map({True: "yes", False: "no"}), "score")
        elif pd.api.types.is_numeric_dtype(values):
            yield _number(str(name), values, "score", titles.get(str(name)))


def _number(name: str, values: pd.Series, group: str, title: str | None = None) -> Column:
    return Column(name, title, group, values.to_numpy(dtype=np.float64, na_value=np.nan))


def cluster_columns(table: pd.DataFrame) -> Iterator[Column]:
    """Clusters in the embedding and in latent space; -1 is noise."""
    for name in _CLUSTERS:
        if name in table:
            labels = table[name].map(lambda label: "noise" if label == -1 else label)
            yield category(name, labels, "cluster")


def sample_columns(table: pd.DataFrame) -> Iterator[Column]:
    """The columns of the table of samples: label, identity and any others."""
    for name in table.columns:
        values = table[name]
        if name in ("id", "identity_name") or (name == "label" and "label_name" in table):
            continue
        if name == "identity":  # by the user's own names, if there are any
            shown = table.get("identity_name", values)
            if (values != -1).any():
                yield category("identity", shown.where(values != -1), "identity")
        elif pd.api.types.is_float_dtype(values):
            if values.notna().any():
                yield _number(str(name), values, "label")
        else:
            yield category(str(name), values, "label")


def attribute_columns(table: pd.DataFrame) -> Iterator[Column]:
    """Attributes: binary ones (0/1, ±1 or booleans) as such, others as numbers or categories.

    The levels of a category with at most :data:`MANY_LEVELS` are binary attributes, too; if the
    table has only its levels, as columns ``digit=0``, ``digit=1``, …, the category comes first.
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
        if values.isna().any() and is_binary(values.dropna()):
            yield category(key, values.map({1: "yes", 0: "no"}), "label", str(name))
        elif is_binary(values):
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
    """Categories of which only the levels are columns, at most one of them per row."""
    levels: dict[str, list[str]] = {}
    for name in table.columns:
        stem, equals, level = str(name).partition("=")
        if equals and stem and level and is_binary(table[name]):
            levels.setdefault(stem, []).append(str(name))
    return {
        stem: names
        for stem, names in levels.items()
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
    known = set(values.unique().tolist())
    return known <= {0, 1} or known <= {-1, 1}
