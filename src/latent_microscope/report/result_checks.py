"""Checks of finished artefacts: what must hold for any study, whatever its data."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.training.splits import verify_members

Finding = tuple[str, bool, str]
"""Name of the check, whether it passed, details."""
_BLOCK = 4096
# scores-intended.parquet, score-<name>.parquet; but euclidean-models is no euclidean
_PREFIXES = ("scores", "score", "funnel")
_MAY_BE_EMPTY = (
    *("abi", "signatures", "subniches", "subniche-profile", "overlaps"),
    *("bias", "cluster-jaccard", "unmatched", "correlations"),
    "dissimilarity-differences",  # one model and no label
    *("bias-tests", "probes", "class-probes"),  # a column of many classes is no 0/1 attribute
)
_COLLAPSED = "not collapsed to a point"
# What fails where a VAE has collapsed: its latents, and that nothing could be compared.
_OF_COLLAPSE = {("latents", _COLLAPSED), ("comparison", "not empty"), ("search", "not empty")}


def check_artefacts(
    paths: Sequence[Path], measured: Sequence[str], may_collapse: bool = False
) -> pd.DataFrame:
    """Run every check that fits the name of an artefact: artefact, check, passed, detail.

    Scores named in ``measured`` must be finite; with ``may_collapse`` a collapsed VAE passes.
    """
    rows = []
    for path in paths:
        for check, passed, detail in _checks_of(path, measured):
            allowed = may_collapse and (path.stem, check) in _OF_COLLAPSE
            rows.append((str(path), check, bool(passed) or allowed, detail))
    return pd.DataFrame(rows, columns=["artefact", "check", "passed", "detail"])


def _checks_of(path: Path, measured: Sequence[str]) -> Iterator[Finding]:
    if path.suffix == ".npy":
        yield from _array(path)
    elif path.suffix == ".parquet":
        table = load_table(path)
        yield "not empty", len(table) > 0 or path.stem in _MAY_BE_EMPTY, f"{len(table)} rows"
        if path.stem == "members":  # of cross-validated networks, with their record beside it
            yield from verify_members(table, load_table(path.with_name("provenance.parquet")))
        if path.parent.name == "tables":  # over seeds: tables/funnel.parquet is no seed's funnel
            return
        of_scores = (["id", *measured], partial(_scores, measured=measured))
        for kind, (columns, checks) in (_TABLE_CHECKS | {"scores": of_scores}).items():
            if path.stem == kind or (kind in _PREFIXES and path.stem.startswith(f"{kind}-")):
                missing = [c for c in columns if c not in table.columns]
                yield "has its columns", not missing, f"missing: {', '.join(missing) or 'none'}"
                if not missing:
                    yield from checks(table)
    else:
        yield "not empty", path.stat().st_size > 0, f"{path.stat().st_size} bytes"


def _array(path: Path) -> Iterator[Finding]:
    array = load_npy(path, mmap=True)
    yield "not empty", array.size > 0, f"shape {array.shape}"
    if array.size == 0:
        return
    array = np.atleast_1d(array)
    if array.dtype.kind == "f":
        finite = all(np.isfinite(array[i : i + _BLOCK]).all() for i in range(0, len(array), _BLOCK))
        yield "all finite", finite, f"{array.dtype}"
    if path.stem in ("latents", "umap"):
        spread = float(np.asarray(array[:_BLOCK]).std(axis=0).max())
        yield _COLLAPSED, spread > 1e-6, f"largest standard deviation {spread:.3g}"
    if path.parent.parent.name == "rdms":
        low = min(float(array[i : i + 2**22].min()) for i in range(0, len(array), 2**22))
        yield "distances are not negative", low >= 0, f"smallest {low:.3g}"


def _ids(table: pd.DataFrame) -> Iterator[Finding]:
    yield "ids are unique", table["id"].is_unique, f"{table['id'].nunique()} ids"


def _finite(table: pd.DataFrame, columns: Sequence[str]) -> Iterator[Finding]:
    for column in columns:
        bad = int((~np.isfinite(table[column].to_numpy(float))).sum())
        yield f"{column} is finite", bad == 0, f"{bad} not finite"


def _within(table: pd.DataFrame, column: str, low: float, high: float) -> Finding:
    values = table[column].dropna()
    ok = bool(((values >= low - 1e-9) & (values <= high + 1e-9)).all())
    return f"{column} within [{low:g}, {high:g}]", ok, f"{values.min():.4g} to {values.max():.4g}"


def _scores(table: pd.DataFrame, measured: Sequence[str] | None = None) -> Iterator[Finding]:
    """Of some of the scores, by default of all columns."""
    yield from _ids(table)
    yield from _finite(table, list(table.columns.drop("id")) if measured is None else measured)
    if measured and "cls" in measured:
        yield _within(table, "cls", 0, 1)


def _training(table: pd.DataFrame) -> Iterator[Finding]:
    yield from _finite(table, ["loss"])
    epochs = table["epoch"].tolist()
    yield "every epoch once", epochs == list(range(len(epochs))), f"{len(epochs)} epochs"


def _rsa(table: pd.DataFrame) -> Iterator[Finding]:
    yield from _finite(table, ["value"])
    yield _within(table, "value", -1, 1)
    labels = table[table["model"] == "label"]
    gap = float((labels["value"] - labels["label_only"]).abs().max()) if len(labels) else 0.0
    yield "the label's RDM scores as the label-only line", gap < 1e-9, f"difference {gap:.2g}"


def _confusions(table: pd.DataFrame) -> Iterator[Finding]:
    sums = table.groupby(["source", "seed", "true"])["share"].sum()
    gap = float((sums[sums > 0] - 1).abs().max())
    yield "rows sum to 1", gap < 1e-9, f"largest difference {gap:.2g}"


def _funnel(table: pd.DataFrame) -> Iterator[Finding]:
    wrong = int((table["tp"] + table["fp"] != table["selected"]).sum())
    yield "TP + FP = selected", wrong == 0, f"{wrong} rows differ"


def _abi(table: pd.DataFrame) -> Iterator[Finding]:
    tested = table[table["status"] == "ok"]
    yield from (_within(tested, p, 0, 1) for p in ("p", "q") if tested[p].notna().any())


_RSA = (["model", "method", "value", "label_only"], _rsa)
_TABLE_CHECKS: dict[str, tuple[list[str], Callable[[pd.DataFrame], Iterator[Finding]]]] = {
    "samples": (["id"], _ids),
    "encoding": (["id"], _ids),
    "score": (["id"], _scores),
    "training": (["epoch", "loss"], _training),
    "confusions": (["source", "seed", "true", "share"], _confusions),
    "funnel": (["tp", "fp", "selected"], _funnel),
    "abi": (["status", "p", "q"], _abi),
    "euclidean": _RSA,
    "correlation": _RSA,
    "cosine": _RSA,
}
