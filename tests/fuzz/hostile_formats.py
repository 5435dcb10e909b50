"""Hostile files of the formats that other programs write: whole ones, damaged."""

import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import pandas as pd
import torch
from hostile import Files, damaged  # type: ignore[import-not-found]
from hostile_tables import csvs  # type: ignore[import-not-found]
from hostile_trees import jsons  # type: ignore[import-not-found]
from safetensors.numpy import save
from scipy.io import savemat

MATRIX = np.arange(12, dtype=np.float32).reshape(4, 3)
IDS = ["a", "b", "c", "d"]


def _hdf5(*, annotated: bool) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        if annotated:
            obs = file.create_group("obs")
            obs.attrs.update({"encoding-type": "dataframe", "_index": "cell"})
            obs["cell"] = IDS
            kind = obs.create_group("kind")
            kind.attrs["encoding-type"] = "categorical"
            kind["codes"], kind["categories"] = np.zeros(4, np.int8), ["x"]
            x = file.create_group("X")
            x.attrs.update({"encoding-type": "csr_matrix", "shape": (4, 3)})
            x["data"], x["indices"], x["indptr"] = [1.0, 2.0], [0, 1], [0, 1, 2, 2, 2]
        else:
            file["id"] = IDS
            file.create_dataset("emb", data=MATRIX, chunks=(2, 3), compression="gzip")
    return buffer.getvalue()


def _saved(write: object, name: str) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)  # type: ignore[operator]
        return path.read_bytes()


def _matlab_73(path: Path) -> None:
    with h5py.File(path, "w", userblock_size=512) as file:
        emb = file.create_dataset("emb", data=MATRIX.T)
        emb.attrs["MATLAB_class"] = np.bytes_("single")
        cell = file.create_dataset("id", (1, 4), dtype=h5py.ref_dtype)
        cell.attrs["MATLAB_class"] = np.bytes_("cell")
        for k, one in enumerate(IDS):
            cell[0, k] = file.create_dataset(f"r{k}", data=np.array([[ord(one)]], np.uint16)).ref
    with path.open("r+b") as handle:
        handle.write(b"MATLAB 7.3 MAT-file".ljust(128))


def formats() -> dict[str, Files]:
    """Strategies of file contents by ending."""
    table = pd.DataFrame({"id": IDS, "emb": MATRIX.tolist(), "age": [1, 2, 3, 4]})
    feather = _saved(table.to_feather, "z.feather")
    tensors = {"id": IDS, "emb": torch.from_numpy(MATRIX)}
    lines = [json.dumps({"id": i, "emb": v}) for i, v in zip(IDS, MATRIX.tolist(), strict=True)]
    old = {"emb": MATRIX, "id": np.array(IDS, dtype=object), "s": {"x": 1.0, "y": IDS}}
    return {
        ".h5": damaged([_hdf5(annotated=False)]),
        ".h5ad": damaged([_hdf5(annotated=True)]),
        ".mat": damaged(
            [
                _saved(lambda path: savemat(path, old), "z.mat"),
                _saved(lambda path: savemat(path, old, do_compression=True), "c.mat"),
                _saved(_matlab_73, "z73.mat"),
            ]
        ),
        ".pt": damaged([_saved(lambda path: torch.save(tensors, path), "z.pt")]),
        ".safetensors": damaged([save({"emb": MATRIX})]),
        ".feather": damaged([feather]),
        ".jsonl": damaged(["\n".join(lines).encode()]),
        ".json": jsons({"id": IDS, "emb": MATRIX.tolist()}),
        ".tsv": csvs(["id", "x1", "x2"]),
    }
