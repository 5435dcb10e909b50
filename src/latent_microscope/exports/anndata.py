"""AnnData files (``.h5ad``), in the encoding that its documentation specifies.

https://anndata.readthedocs.io/en/stable/fileformat-prose.html
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from latent_microscope.explorer.columns import Column
from latent_microscope.exports.study import BLOCK, Samples
from latent_microscope.io.artefacts import atomic

_TEXT = h5py.string_dtype("utf-8")


def write(samples: Samples, path: Path) -> None:
    """Write a study as AnnData.

    ``X``: its vectors, float32; ``obs``: ids, scores, clusters, labels, attributes; ``obsm``: the
    map (``X_umap``, ``X_tsne`` or ``X_pca``); ``obsp``: ``distances``, sparse: those of the
    nearest neighbours in standard deviations, which ``uns["neighbors"]`` describes.
    """
    layout, n = samples.layout, len(samples.ids)
    with atomic(path) as temporary, h5py.File(temporary, "w", track_order=True) as file:
        _mark(file, "anndata", "0.1.0")
        x = _array(file, "X", layout.space.shape, np.float32)
        for start in range(0, n, BLOCK):
            x[start : start + BLOCK] = layout.space[start : start + BLOCK]
        _frame(file, "obs", samples.ids, samples.columns)
        dimensions = [str(number) for number in range(layout.space.shape[1])]
        _frame(file, "var", dimensions, {})
        _array(_group(file, "obsm", "dict"), _map_name(layout.method), data=layout.plane)
        _sparse(_group(file, "obsp", "dict"), "distances", samples)
        uns = _group(file, "uns", "dict")
        for name, text in (("study", samples.study.name), ("space", samples.space)):
            _text(uns, name, text)
        neighbours = _group(uns, "neighbors", "dict")
        _text(neighbours, "distances_key", "distances")
        params = _group(neighbours, "params", "dict")
        k = params.create_dataset("n_neighbors", data=layout.neighbours.shape[1])
        _mark(k, "numeric-scalar")
        _text(params, "metric", "euclidean")
        for name in ("layers", "varm", "varp"):
            _group(file, name, "dict")


def _map_name(method: str) -> str:
    return {"UMAP": "X_umap", "t-SNE": "X_tsne"}.get(method, "X_pca")


def _mark(place: Any, kind: str, version: str = "0.2.0") -> Any:
    place.attrs["encoding-type"], place.attrs["encoding-version"] = kind, version
    return place


def _group(parent: h5py.Group, name: str, kind: str) -> h5py.Group:
    version = "0.1.0" if kind in ("dict", "csr_matrix") else "0.2.0"
    return _mark(parent.create_group(name, track_order=True), kind, version)


def _array(parent: h5py.Group, name: str, shape: Any = None, dtype: Any = None, **data: Any) -> Any:
    return _mark(parent.create_dataset(name, shape, dtype, **data), "array")


def _text(parent: h5py.Group, name: str, text: str) -> None:
    _mark(parent.create_dataset(name, data=text, dtype=_TEXT), "string")


def _texts(parent: h5py.Group, name: str, texts: list[str]) -> None:
    _mark(parent.create_dataset(name, data=np.array(texts, object), dtype=_TEXT), "string-array")


def _frame(file: h5py.File, name: str, index: list[str], columns: dict[str, Column]) -> None:
    group = _group(file, name, "dataframe")
    key = "_index" if "id" in columns else "id"
    group.attrs["_index"] = key
    group.attrs.create("column-order", list(columns), dtype=_TEXT, shape=(len(columns),))
    _texts(group, key, index)
    for title, column in columns.items():
        if column.levels is None:
            _array(group, title, data=column.values)
            continue
        category = _group(group, title, "categorical")
        category.attrs["ordered"] = False
        _array(category, "codes", data=column.values.astype(np.int32))
        _texts(category, "categories", column.levels)


def _sparse(parent: h5py.Group, name: str, samples: Samples) -> None:
    near = samples.layout.neighbours
    order = np.argsort(near, axis=1)
    group = _group(parent, name, "csr_matrix")
    group.attrs["shape"] = (len(near), len(near))
    group.create_dataset("data", data=np.take_along_axis(samples.distances, order, 1).ravel())
    group.create_dataset("indices", data=np.take_along_axis(near, order, 1).ravel())
    group.create_dataset("indptr", data=np.arange(len(near) + 1) * near.shape[1])
