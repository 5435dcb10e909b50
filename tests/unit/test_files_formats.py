"""What each format contains, by the library that writes it."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from numpy.lib import recfunctions
from safetensors.numpy import save_file
from scipy import sparse
from scipy.io import savemat

from latent_microscope.custom.tables import read_table
from latent_microscope.errors import InputError
from latent_microscope.files.contents import ENDINGS, Contents, open_contents

N, D = 50, 4
MATRIX = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)
IDS = [f"s{i:03d}" for i in range(N)]
CODES = np.arange(N) % 3
AnyPath = Path
Write = Callable[[Path], None]


def names_of(contents: Contents) -> dict[str, tuple[int, ...]]:
    return {name: one.shape for name, one in contents.entries.items()}


def parquet(column: pa.Array) -> Write:
    return lambda path: pq.write_table(pa.table({"id": IDS, "emb": column}), path, row_group_size=7)


def lists(kind: pa.DataType) -> Write:
    return parquet(pa.array(MATRIX.astype(kind.value_type.to_pandas_dtype()).tolist(), kind))


def tensor() -> Write:
    return parquet(pa.FixedShapeTensorArray.from_numpy_ndarray(MATRIX))


def feather(path: Path) -> None:
    pd.DataFrame({"id": IDS, "emb": MATRIX.tolist()}).to_feather(path)


def arrow_backed(path: Path) -> None:
    column = pd.Series(MATRIX.tolist(), dtype=pd.ArrowDtype(pa.list_(pa.float32())))
    pd.DataFrame({"id": IDS, "emb": column}).to_parquet(path)


def json_lines(path: Path) -> None:
    rows = zip(IDS, MATRIX.tolist(), strict=True)
    path.write_text("\n".join(json.dumps({"id": i, "emb": v}) for i, v in rows), "utf-8")


def json_list(path: Path) -> None:
    path.write_text(json.dumps({"id": IDS, "emb": MATRIX.tolist()}), "utf-8")


def hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["id"] = IDS
        file.create_dataset("emb", data=MATRIX, chunks=(7, 2), compression="gzip")


def matlab(path: Path) -> None:
    savemat(path, {"emb": MATRIX, "id": np.array(IDS, dtype=object)})


def matlab_73(path: Path) -> None:
    """As MATLAB writes it: a user block, columns first, cells as references."""
    with h5py.File(path, "w", userblock_size=512) as file:
        emb = file.create_dataset("emb", data=MATRIX.T)
        emb.attrs["MATLAB_class"] = np.bytes_("single")
        group = file.create_group("#refs#")
        cell = file.create_dataset("id", (1, N), dtype=h5py.ref_dtype)
        cell.attrs["MATLAB_class"] = np.bytes_("cell")
        for k, one in enumerate(IDS):
            text = np.array([[ord(c)] for c in one], np.uint16)
            cell[0, k] = group.create_dataset(str(k), data=text).ref
    with path.open("r+b") as handle:
        handle.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(128))


def torch_file(path: Path) -> None:
    torch.save({"id": IDS, "emb": torch.from_numpy(MATRIX)}, path)


WRITTEN: dict[str, tuple[str, Write]] = {
    "npz": ("z.npz", lambda path: np.savez(path, id=IDS, emb=MATRIX)),
    "npz compressed": ("z.npz", lambda path: np.savez_compressed(path, id=IDS, emb=MATRIX)),
    "list": ("z.parquet", lists(pa.list_(pa.float32()))),
    "large list": ("z.parquet", lists(pa.large_list(pa.float64()))),
    "fixed-size list": ("z.parquet", lists(pa.list_(pa.float32(), D))),
    "tensor extension": ("z.parquet", tensor()),
    "arrow-backed pandas": ("z.parquet", arrow_backed),
    "feather": ("z.feather", feather),
    "JSON lines": ("z.jsonl", json_lines),
    "JSON": ("z.json", json_list),
    "HDF5": ("z.h5", hdf5),
    "MATLAB 5": ("z.mat", matlab),
    "MATLAB 7.3": ("z.mat", matlab_73),
    "PyTorch": ("z.pt", torch_file),
}


@pytest.mark.parametrize(("file", "write"), WRITTEN.values(), ids=WRITTEN)
def test_a_matrix_and_its_ids(tmp_path: Path, file: str, write: Write) -> None:
    write(tmp_path / file)
    found = open_contents(tmp_path / file)
    assert names_of(found) == {"id": (N,), "emb": (N, D)}
    assert found.entries["id"].read().tolist() == IDS
    assert np.array_equal(found.entries["emb"].read(np.float32), MATRIX)
    order = np.array([3, 41, 3, 0])
    assert np.array_equal(found.entries["emb"].take(order, np.float32), MATRIX[order])


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int8, np.uint16, bool])
def test_numpy_numbers(tmp_path: Path, kind: type) -> None:
    array: np.ndarray = (MATRIX * 3).astype(kind)
    np.save(tmp_path / "z.npy", np.asfortranarray(array))
    found = open_contents(tmp_path / "z.npy").entries[""]
    assert found.dtype == kind
    assert np.array_equal(found.read(), array)


def test_half_precision_of_parquet_and_torch(tmp_path: Path) -> None:
    half = MATRIX.astype(np.float16)
    flat = pa.array(half.ravel())
    column = pa.FixedSizeListArray.from_arrays(flat, D)
    pq.write_table(pa.table({"emb": column}), tmp_path / "z.parquet")
    torch.save(torch.from_numpy(MATRIX).bfloat16(), tmp_path / "z.pt")
    save_file({"emb": half}, tmp_path / "z.safetensors")
    for file in ("z.parquet", "z.safetensors"):
        found = open_contents(tmp_path / file).entries["emb"]
        assert found.dtype == np.float16
        assert np.array_equal(found.read(), half)
    brain = open_contents(tmp_path / "z.pt").entries[""].read()
    assert np.abs(brain - MATRIX).max() < 0.02 * np.abs(MATRIX).max()


def test_safetensors_of_bfloat16(tmp_path: Path) -> None:
    from safetensors.torch import save_file as save

    save({"a.emb": torch.from_numpy(MATRIX).bfloat16()}, tmp_path / "z.safetensors")
    found = open_contents(tmp_path / "z.safetensors").entries["a.emb"]
    assert np.abs(found.take(np.array([2, 1])) - MATRIX[[2, 1]]).max() < 0.02


def test_annotated_data(tmp_path: Path) -> None:
    """The layout of AnnData 0.10: sparse X, categories, the index of obs under its own name."""
    counts = sparse.random(N, 9, 0.3, "csr", random_state=0)
    for encoding, stored in (("csr_matrix", counts), ("csc_matrix", counts.tocsc())):
        path = tmp_path / f"{encoding}.h5ad"
        with h5py.File(path, "w") as file:
            x = file.create_group("X")
            x.attrs.update({"encoding-type": encoding, "shape": counts.shape})
            for part in ("data", "indices", "indptr"):
                x[part] = getattr(stored, part)
            obs = file.create_group("obs")
            obs.attrs.update({"encoding-type": "dataframe", "_index": "cell"})
            obs["cell"] = IDS
            kind = obs.create_group("kind")
            kind.attrs["encoding-type"] = "categorical"
            kind["codes"], kind["categories"] = (CODES - 1).astype(np.int8), ["a", "b"]
            file.create_group("obsm")["X_pca"] = MATRIX
        found = open_contents(path)
        shapes = {"X": (N, 9), "obs/kind": (N,), "obs/_index": (N,), "obsm/X_pca": (N, D)}
        assert names_of(found) == shapes
        assert np.array_equal(found.entries["X"].read(), counts.toarray())
        assert found.entries["obs/_index"].read().tolist() == IDS
        assert found.entries["obs/kind"].read()[:4].tolist() == [None, "a", "b", None]


def test_annotated_attributes_are_those_of_samples_and_empty_where_masked(tmp_path: Path) -> None:
    path = tmp_path / "x.h5ad"
    mask = np.arange(4) == 1
    columns = {
        "age": ("nullable-integer", [20, 1, 40, 50]),
        "hat": ("nullable-boolean", [True, True, False, True]),
        "town": ("nullable-string-array", ["Ulm", "", "Bonn", "Ulm"]),
    }
    with h5py.File(path, "w") as file:
        for part, count in (("obs", 4), ("var", 3)):
            frame = file.create_group(part)
            frame.attrs.update({"encoding-type": "dataframe", "_index": "_index"})
            frame["_index"] = [f"{part}{k}" for k in range(count)]
        for name, (encoding, values) in columns.items():
            column = file["obs"].create_group(name)
            column.attrs["encoding-type"] = encoding
            column["values"], column["mask"] = values, mask
        for k in range(9):
            file["var"][f"gene{k}"] = np.arange(3.0)
    table = read_table(path)
    assert table["id"].tolist() == [f"obs{k}" for k in range(4)]
    assert set(table) == {"age", "hat", "id", "town"}
    assert table[["age", "hat", "town"]].isna().to_numpy().tolist() == [[m] * 3 for m in mask]
    assert table["age"].tolist()[2:] == [40, 50]
    assert table["town"].tolist() == ["Ulm", None, "Bonn", "Ulm"]
    with h5py.File(path, "a") as file:
        file["obs/age/mask"][:] = False
        del file["obs/hat/mask"]
        file["obs/hat/mask"] = np.zeros(3, dtype=bool)
    with pytest.raises(InputError, match="'obs/hat' is not a whole column"):
        open_contents(path)
    with h5py.File(path, "a") as file:
        del file["obs/hat"]
    assert open_contents(path).entries["obs/age"].read().dtype == np.int64


@pytest.mark.parametrize(
    ("part", "value"),
    [("indices", 10**6), ("indices", -1), ("indptr", 10**6), ("indptr", -5), ("indptr", 0)],
)
@pytest.mark.parametrize("encoding", ["csr_matrix", "csc_matrix"])
def test_a_sparse_matrix_that_points_outside_is_refused(
    encoding: str, part: str, value: int, tmp_path: Path
) -> None:
    """scipy would write there, and the process end."""
    made = sparse.random(N, N, 0.3, encoding[:3], random_state=0)
    with h5py.File(tmp_path / "x.h5ad", "w") as file:
        x = file.create_group("X")
        x.attrs.update({"encoding-type": encoding, "shape": made.shape})
        for name in ("data", "indices", "indptr"):
            x[name] = getattr(made, name)
        x[part][3 if value else -1] = value
    entry = open_contents(tmp_path / "x.h5ad").entries["X"]
    with pytest.raises(InputError, match="not a whole sparse matrix"):
        entry.read()


@pytest.mark.parametrize("offset", [10**8, -7])
def test_a_feather_file_whose_offsets_point_outside_is_refused(offset: int, tmp_path: Path) -> None:
    path = tmp_path / "z.feather"
    table = pa.table({"z": pa.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])})
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)
    data = path.read_bytes()
    offsets = np.array([0, 2, 4, 6], dtype="<i4").tobytes()
    assert data.count(offsets) == 1
    path.write_bytes(data.replace(offsets, np.array([0, 2, offset, 6], dtype="<i4").tobytes()))
    with pytest.raises(InputError, match=r"z\.feather: not a whole Arrow file"):
        open_contents(path).entries["z"].read()


def test_structs_of_matlab_and_fields_of_numpy(tmp_path: Path) -> None:
    savemat(tmp_path / "s.mat", {"s": {"emb": MATRIX, "who": CODES[:, None]}})
    assert names_of(open_contents(tmp_path / "s.mat")) == {"s.emb": (N, D), "s.who": (N,)}
    fields = recfunctions.unstructured_to_structured(MATRIX, names=list("abcd"))
    np.save(tmp_path / "f.npy", fields)
    found = open_contents(tmp_path / "f.npy")
    assert np.array_equal(found.matrix_of(list("abcd")).read(), MATRIX)


def test_columns_of_a_table_are_a_matrix(tmp_path: Path) -> None:
    table = pd.DataFrame(MATRIX, columns=list("abcd")).assign(id=IDS, who=CODES)
    table.to_parquet(tmp_path / "t.parquet", row_group_size=11)
    table.to_csv(tmp_path / "t.csv", index=False)
    for file in ("t.parquet", "t.csv"):
        found = open_contents(tmp_path / file)
        assert np.allclose(found.matrix_of(list("abcd")).read(np.float32), MATRIX)
        assert found.entries["who"].dtype == np.int64
        assert found.entries["id"].is_text


def test_types_of_parquet(tmp_path: Path) -> None:
    columns = {
        "dictionary": pa.array(["a", "b", "a"]).dictionary_encode(),
        "empty": pa.array([1, None, 3]),
        "decimal": pa.array(["1.5", "2.5", "3.5"]).cast(pa.decimal128(4, 2)),
        "day": pa.array([0, 1, 2], pa.date32()),
        "view": pa.array(["x", None, "z"], pa.string_view()),
        "half": pa.array(np.array([1, 2, 3], np.float16)),
        "struct": pa.array([{"a": 1}] * 3),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    found = open_contents(tmp_path / "t.parquet").entries
    assert found["dictionary"].read().tolist() == ["a", "b", "a"]
    assert np.array_equal(found["empty"].read(), [1, np.nan, 3], equal_nan=True)
    assert found["decimal"].read().tolist() == [1.5, 2.5, 3.5]
    assert found["day"].read()[1] == "1970-01-02"
    assert found["view"].read().tolist() == ["x", None, "z"]
    assert found["half"].read().tolist() == [1, 2, 3]
    with pytest.raises(InputError, match=r"t\.parquet: the column 'struct'"):
        found["struct"].read()


def objects(path: Path) -> None:
    np.savez(path, emb=MATRIX, id=np.array(IDS, dtype=object))


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    objects(tmp_path / "z.npz")
    found = open_contents(tmp_path / "z.npz").entries
    assert np.array_equal(found["emb"].read(), MATRIX)
    with pytest.raises(InputError, match=r"z\.npz: the array 'id' .*dtype=str"):
        found["id"].read()
    np.save(tmp_path / "z.npy", np.array(IDS, dtype=object))
    with pytest.raises(InputError, match=r"z\.npy: .*dtype=str"):
        open_contents(tmp_path / "z.npy").entries[""].read()


def test_other_files_are_not_reached_through_hdf5(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["emb"] = MATRIX
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["emb"] = h5py.ExternalLink("secret.h5", "emb")
    layout = h5py.VirtualLayout((N, D), MATRIX.dtype)
    layout[:] = h5py.VirtualSource(tmp_path / "secret.h5", "emb", (N, D))
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("emb", layout)
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        file.create_dataset("emb", (N,), "u1", external=[(str(tmp_path / "secret.h5"), 0, N)])
    for name in ("link", "virtual", "raw"):
        with pytest.raises(InputError, match=rf"{name}\.h5: .*refused"):
            open_contents(tmp_path / f"{name}.h5")


@pytest.mark.parametrize("ending", [*ENDINGS, ".pkl", ".xlsx", ".rds"])
def test_damaged_and_unknown_files_are_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"z{ending}"
    path.write_bytes(b"\x80\x04 not a file of any format \x00\xff")
    with pytest.raises(InputError, match=rf"z\{ending}: "):
        open_contents(path)
    with pytest.raises(InputError, match="no such file"):
        open_contents(tmp_path / f"none{ending}")


def test_a_pickle_in_a_torch_file_is_not_run(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    torch.save({"emb": Harm()}, tmp_path / "z.pt")
    with pytest.raises(InputError, match=r"z\.pt: not a file of tensors"):
        open_contents(tmp_path / "z.pt")
    assert not (tmp_path / "ran").exists()
