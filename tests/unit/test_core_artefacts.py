"""Files: atomic under every kind of failure, clear errors for what cannot be read, joins by id."""

import io
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from latent_microscope.errors import InputError
from latent_microscope.io import artefacts
from latent_microscope.io.artefacts import (
    NoSpaceError,
    atomic,
    join_by_id,
    load_json,
    load_npy,
    load_table,
    remove_leftovers,
    require_finite,
    save_csv,
    save_json,
    save_npy,
    save_table,
    writing_npy,
)

SCRIPTS = Path(artefacts.__file__).parents[1]
# A busy machine is no failure, and each example writes its file anew.
CALM = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def npy_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def test_atomic_makes_folders_and_leaves_only_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "x.txt"
    with atomic(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_atomic_keeps_the_old_file_when_the_body_fails(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")

    def half() -> None:
        with atomic(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_kill_in_the_middle_leaves_the_old_file_and_a_leftover_to_remove(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    save_npy(path, np.arange(3))
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from latent_microscope.io.artefacts import writing_npy\n"
        "with writing_npy(Path(sys.argv[1]), (1000, 10), 'f8') as array:\n"
        "    array[:500] = 1\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=SCRIPTS, check=False)
    assert done.returncode == -signal.SIGKILL
    np.testing.assert_array_equal(load_npy(path), np.arange(3))
    assert len(list(tmp_path.iterdir())) == 2
    remove_leftovers(path)
    assert list(tmp_path.iterdir()) == [path]


def test_leftovers_of_other_files_stay(tmp_path: Path) -> None:
    names = [".tmp-12-subniche-profile.parquet", ".tmp-1-profile.parquet.part", ".tmp-profile"]
    for name in [*names, ".tmp-12-profile.parquet", ".tmp-34567-profile.parquet"]:
        (tmp_path / name).touch()
    remove_leftovers(tmp_path / "profile.parquet")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)
    remove_leftovers(tmp_path / "no such folder" / "x.npy")


def test_the_full_disk_is_told_with_the_final_name(tmp_path: Path) -> None:
    path, outer = tmp_path / "x.txt", tmp_path / "outer.txt"
    with pytest.raises(NoSpaceError) as caught, atomic(outer), atomic(path):
        raise OSError(28, "No space left on device", "source", None, "target")
    assert caught.value.filename == str(path)
    with pytest.raises(PermissionError), atomic(path):
        raise PermissionError(13, "denied")
    assert list(tmp_path.iterdir()) == []


@given(hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=1, max_dims=3, min_side=0)))
@settings(CALM, max_examples=40)
def test_npy_as_numpy_writes_it(tmp_path: Path, array: np.ndarray) -> None:
    path = tmp_path / "x.npy"
    save_npy(path, array)
    assert path.read_bytes() == npy_bytes(array)
    for mmap in (False, True):
        np.testing.assert_array_equal(load_npy(path, mmap=mmap), array)


def test_npy_in_c_order_and_without_objects(tmp_path: Path) -> None:
    array = np.arange(6.0).reshape(2, 3)
    save_npy(tmp_path / "a.npy", array.T)
    assert (tmp_path / "a.npy").read_bytes() == npy_bytes(array.T.copy())
    with pytest.raises(ValueError, match="Object arrays"):
        save_npy(tmp_path / "b.npy", np.array([{}]))
    assert [p.name for p in tmp_path.iterdir()] == ["a.npy"]


@pytest.mark.parametrize("shape", [(7, 2, 3), (0, 5), (4,)])
def test_writing_npy_in_pieces_gives_the_same_bytes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    whole = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    with writing_npy(tmp_path / "x.npy", shape, "float32") as array:
        for i, row in enumerate(whole):
            array[i] = row
        assert not (tmp_path / "x.npy").exists()
    assert (tmp_path / "x.npy").read_bytes() == npy_bytes(whole)


def test_writing_npy_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), writing_npy(tmp_path / "x.npy", (3,), "u1") as array:
        array[0] = 1 // 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mmap", [False, True])
def test_load_npy_names_the_file_it_cannot_read(tmp_path: Path, mmap: bool) -> None:
    path = tmp_path / "x.npy"
    with pytest.raises(InputError, match=r"x\.npy: no such file"):
        load_npy(path, mmap=mmap)
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"x\.npy: "):
        load_npy(path, mmap=mmap)
    with path.open("wb") as handle:
        np.savez(handle, a=np.arange(3))
    with pytest.raises(InputError, match=r"x\.npy: .*npz"):
        load_npy(path, mmap=mmap)
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match=r"x\.npy: "):
        load_npy(path, mmap=mmap)


@given(st.integers(0, 200 + 128 - 1), st.booleans())
@settings(CALM, max_examples=60)
def test_truncated_npy_is_always_an_input_error(tmp_path: Path, size: int, mmap: bool) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(npy_bytes(np.zeros(25))[:size])
    with pytest.raises(InputError, match=r"x\.npy"):
        load_npy(path, mmap=mmap)


@given(st.integers(0, 127), st.integers(0, 255))
@example(where=50, value=66)  # a bytes key among the header's: numpy raises TypeError
@settings(CALM, max_examples=200)
def test_damaged_npy_header_is_an_input_error_or_an_array(
    tmp_path: Path, where: int, value: int
) -> None:
    content = bytearray(npy_bytes(np.zeros(25)))
    content[where] = value
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    try:
        found: object = load_npy(path)
    except InputError as error:
        found = error
    assert isinstance(found, np.ndarray) or "x.npy: not a" in str(found)


def test_damaged_npz_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"1234")
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(InputError, match=r"x\.npy"):
        load_npy(path)


def test_require_finite_names_row_and_id() -> None:
    array = np.zeros((4, 2, 2))
    require_finite(array, "z.npy")
    require_finite(np.zeros((0, 3)), "empty.npy")
    require_finite(np.zeros(3), "flat.npy")
    array[2, 0, 1], array[3, 1, 1] = np.nan, np.inf
    with pytest.raises(InputError, match=r"z\.npy: row 2 \(id c\) .* 1 more"):
        require_finite(array, "z.npy", ids=["a", "b", "c", "d"])


def test_table_round_trip_same_bytes_any_index(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["b", "a"], "n": pd.array([1, None], dtype="Int64")})
    save_table(tmp_path / "a.parquet", table)
    save_table(tmp_path / "b.parquet", table.set_axis([7, 3]))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    pd.testing.assert_frame_equal(load_table(tmp_path / "a.parquet"), table)
    assert list(load_table(tmp_path / "a.parquet", ["n"]).columns) == ["n"]


def test_load_table_names_file_and_column(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    with pytest.raises(InputError, match=r"t\.parquet: no such file"):
        load_table(path)
    save_table(path, pd.DataFrame({"a": [1], "b": [2]}))
    with pytest.raises(InputError, match=r"t\.parquet: .*'c'.* \['a', 'b'\]"):
        load_table(path, ["a", "c"])
    whole = path.read_bytes()
    for size in (0, 3, 8, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"t\.parquet: "):
            load_table(path)


def test_json_and_csv(tmp_path: Path) -> None:
    save_json(tmp_path / "x.json", {"b": Path("p"), "a": 1})
    assert (tmp_path / "x.json").read_text() == '{\n "a": 1,\n "b": "p"\n}\n'
    assert load_json(tmp_path / "x.json") == {"a": 1, "b": "p"}
    (tmp_path / "x.json").write_bytes(b'{"a": \xff')
    with pytest.raises(InputError, match=r"x\.json: "):
        load_json(tmp_path / "x.json")
    with pytest.raises(InputError, match=r"y\.json: no such file"):
        load_json(tmp_path / "y.json")
    save_csv(tmp_path / "x.csv", pd.DataFrame({"a": ["x,y"], "b": [1 / 3]}))
    assert (tmp_path / "x.csv").read_text() == 'a,b\n"x,y",0.333333\n'


@given(st.permutations(list("abcdef")), st.permutations(list("abcdef")))
@settings(CALM, max_examples=30)
def test_join_by_id_keeps_the_left_order(left: list[str], right: list[str]) -> None:
    a = pd.DataFrame({"id": left, "x": [ord(i) for i in left]})
    b = pd.DataFrame({"id": right, "y": [2 * ord(i) for i in right]})
    joined = join_by_id(a, b, names=("a", "b"))
    assert joined["id"].tolist() == left
    assert (joined["y"] == 2 * joined["x"]).all()


def test_join_by_id_names_table_and_id() -> None:
    def table(*ids: object) -> pd.DataFrame:
        return pd.DataFrame({"id": list(ids)})

    names = ("scores", "samples")
    with pytest.raises(InputError, match=r"scores: id 'a'"):
        join_by_id(table("a", "b", "a"), table("a", "b"), names=names)
    with pytest.raises(InputError, match=r"samples: id 'b'"):
        join_by_id(table("a", "b"), table("a", "b", "b"), names=names)
    with pytest.raises(InputError, match=r"scores: 2 ids .* samples, first 'c'"):
        join_by_id(table("a", "c", "d"), table("a"), names=names)
    with pytest.raises(InputError, match=r"samples: 1 ids .* scores, first 'z'"):
        join_by_id(table("a"), table("a", "z"), names=names)
    with pytest.raises(InputError, match=r"no match"):
        join_by_id(table(1), table("1"), names=names)
    with pytest.raises(InputError, match=r"samples: .*'id'.* \['x'\]"):
        join_by_id(table("a"), pd.DataFrame({"x": [1]}), names=names)


def test_texts_that_are_no_utf8_are_refused(tmp_path: Path) -> None:
    offsets = pa.py_buffer(np.array([0, 2, 4], np.int32))
    texts = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"a\xffbb"))
    pq.write_table(pa.table({"id": texts}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"t.parquet: not a readable Parquet file .*UTF"):
        load_table(tmp_path / "t.parquet", ["id"])


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_a_negative_size_of_items_without_bytes_is_refused(tmp_path, version):
    """Mapped by numpy 2.4 it divides by zero, which no exception reports."""
    path = tmp_path / "a.npy"
    with path.open("wb") as handle:
        np.lib.format.write_array(handle, np.zeros(3, "V0"), version=version)
    data = path.read_bytes()
    assert load_npy(path, mmap=True).shape == (3,)
    path.write_bytes(data.replace(b"(3,), ", b"(-1,),"))
    with pytest.raises(InputError, match="its shape is"):
        load_npy(path, mmap=True)


@pytest.mark.parametrize("shape", [b"(9,)", b"(2**0,)", b"(4611686018427387904, 4)"])
def test_a_mapped_array_that_is_cut_short_is_refused(tmp_path, shape):
    path = tmp_path / "a.npy"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': " + shape + b"}"
    header += b" " * (118 - len(header) - 1) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(64))
    with pytest.raises(InputError, match=r"cut short|readable"):
        load_npy(path, mmap=True)
