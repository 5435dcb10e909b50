"""Tables of unknown origin: every mistake one sentence that names the file."""

import json
import tempfile
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latent_microscope.custom.arrays import chosen_rows, read_ids, read_rows
from latent_microscope.custom.looking import look
from latent_microscope.custom.tables import clean_ids, id_column, read_table
from latent_microscope.errors import InputError


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_text_is_read_as_text_whatever_separates_it(tmp_path: Path, separator: str) -> None:
    rows = [["id", "name", "age"], ["007", '"a, b; c"', "4"], ["8", "NaN", ""]]
    path = write(tmp_path / "t.csv", "﻿" + "\r\n".join(separator.join(r) for r in rows))
    table = read_table(path)
    assert list(table.columns) == ["id", "name", "age"]
    assert table["id"].tolist() == ["007", "8"]
    assert table["name"].tolist() == ["a, b; c", None]
    assert table["age"].tolist() == ["4", None]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,name\n1,\u65e5\n".encode("shift_jis"), "not UTF-8 text"),
        ("id,a,a\n1,2,3\n", "'a'"),
        ("id,a\n1,2,3\n", "line 2 .*3.*2"),
        ("id,a\n1\n", "line 2 .*1.*2"),
        ("id,a\n", "no rows"),
        ("", "empty"),
    ],
)
def test_a_bad_table_is_one_sentence(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = write(tmp_path / "t.csv", content)
    with pytest.raises(InputError, match=message) as caught:
        read_table(path)
    assert str(caught.value).startswith(str(path))


def test_a_missing_file_a_folder_and_another_kind_are_named(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    write(tmp_path / "t.xlsx", "x")
    for name, message in (
        ("none.csv", "no such file"),
        ("folder.csv", "is a folder"),
        ("t.xlsx", "save it as CSV"),
    ):
        with pytest.raises(InputError, match=message):
            read_table(tmp_path / name)


def test_ids_are_texts_and_lose_the_ending_of_an_image() -> None:
    assert clean_ids(np.array([3, 10]), "x").tolist() == ["3", "10"]
    assert clean_ids(pd.Series([3.0, 10.0]), "x").tolist() == ["3", "10"]
    assert clean_ids(["a.PNG", "./b/c.jpeg", "d.v2", " e "], "x").tolist() == [
        "a",
        "b/c",
        "d.v2",
        "e",
    ]
    assert clean_ids(["007", "7"], "x").tolist() == ["007", "7"]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["a", "b", "a"], "f.csv: .*'a'"),
        (["a.png", "a.jpg"], "f.csv: .*'a'"),
        (["a", None], "f.csv: row 1"),
        ([1.0, float("nan")], "f.csv: row 1"),
    ],
)
def test_repeated_and_missing_ids_are_refused(ids: list[object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        clean_ids(pd.Series(ids, dtype=object), "f.csv")


def test_the_column_of_ids_is_found_by_its_name(tmp_path: Path) -> None:
    table = pd.DataFrame({"age": [1], "Image": ["x"], "ID": ["y"]})
    assert id_column(table, None, tmp_path) == "ID"
    assert id_column(table, "age", tmp_path) == "age"
    assert id_column(table[["age"]], None, tmp_path) is None
    with pytest.raises(InputError, match="'key'"):
        id_column(table, "key", tmp_path)


def test_numbers_are_read_from_every_kind_of_file(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float64).reshape(3, 2)
    ids = ["a", "b", "c"]
    np.save(tmp_path / "x.npy", values)
    np.savez(tmp_path / "x.npz", z=values, ids=np.array(ids), other=np.arange(3))
    pd.DataFrame({"id": ids, "p": values[:, 0], "q": values[:, 1]}).to_parquet(
        tmp_path / "wide.parquet"
    )
    pd.DataFrame({"id": ids, "vector": list(values), "note": ["x"] * 3}).to_parquet(
        tmp_path / "long.parquet"
    )
    write(tmp_path / "ids.txt", "a\nb\nc\n")
    found = {
        "x.npy": read_rows(tmp_path / "x.npy", ids=tmp_path / "ids.txt"),
        "x.npz": read_rows(tmp_path / "x.npz"),
        "wide": read_rows(tmp_path / "wide.parquet"),
        "long": read_rows(tmp_path / "long.parquet", array="vector"),
    }
    for name, one in found.items():
        assert one.ids is not None, name
        assert one.ids.tolist() == ids, name
        np.testing.assert_array_equal(one.values, values, err_msg=name)
    assert read_rows(tmp_path / "x.npy").ids is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: np.save(p / "x.npy", np.zeros(3)), r"x.npy: .*\(3,\)"),
        (lambda p: np.save(p / "x.npy", np.array([["a"]])), "x.npy: .*shape"),
        (lambda p: np.save(p / "x.npy", np.zeros((2, 2), complex)), "x.npy: .*shape"),
        (lambda p: np.save(p / "x.npy", np.array([[{}]]), allow_pickle=True), "x.npy: "),
        (lambda p: write(p / "x.npy", b"\x93NUMPY"), "x.npy: "),
        (lambda p: np.save(p / "x.npy", np.zeros((0, 4))), "x.npy: .*shape"),
    ],
)
def test_what_is_no_matrix_is_refused(tmp_path: Path, make: object, message: str) -> None:
    make(tmp_path)  # type: ignore[operator]
    with pytest.raises(InputError, match=message):
        read_rows(tmp_path / "x.npy")


def test_an_absurd_header_takes_no_memory(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 100000), }"
    header += b" " * (64 - (10 + len(header) + 1) % 64) + b"\n"
    body = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with pytest.raises(InputError, match=r"x.npy: "):
        read_rows(write(tmp_path / "x.npy", body))


def test_an_archive_with_several_arrays_wants_a_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.zeros((2, 2)), b=np.zeros((2, 2)))
    with pytest.raises(InputError, match=r"x.npz: .*`array` .*a, b"):
        read_rows(tmp_path / "x.npz")
    np.savez(tmp_path / "y.npz", a=np.zeros((2, 2)), ids=np.array(["x"]))
    with pytest.raises(InputError, match=r"1 ids .*2 rows"):
        read_rows(tmp_path / "y.npz")
    with pytest.raises(InputError, match=r"x.npz: .*'key'"):
        read_rows(tmp_path / "x.npz", id_name="key")


def test_ragged_vectors_and_texts_are_refused(tmp_path: Path) -> None:
    pd.DataFrame({"id": [1, 2], "v": [[1.0], [1.0, 2.0]]}).to_parquet(tmp_path / "r.parquet")
    with pytest.raises(InputError, match=r"r.parquet: .*'v'"):
        _ = read_rows(tmp_path / "r.parquet").values
    pd.DataFrame({"id": [1, 2], "v": [1.0, 2.0], "t": ["x", "y"]}).to_parquet(
        tmp_path / "t.parquet"
    )
    with pytest.raises(InputError, match=r"t.parquet: .*'t'"):
        read_rows(tmp_path / "t.parquet")


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_a_value_that_is_not_finite_is_named_by_its_id(tmp_path: Path, bad: float) -> None:
    values = np.arange(6.0).reshape(3, 2)
    values[2, 1] = bad
    np.savez(tmp_path / "x.npz", z=values, ids=np.array(["a", "b", "c"]))
    found = read_rows(tmp_path / "x.npz")
    assert found.ids is not None
    ids = found.ids[[2, 0]]
    with pytest.raises(InputError, match=r"x.npz: .*\bc\b"):
        chosen_rows(found, np.array([2, 0]), ids, tmp_path / "x.npz")
    good = chosen_rows(found, np.array([0, 1]), ids, tmp_path / "x.npz")
    assert good.dtype == np.float32


def test_an_index_of_pandas_is_the_column_of_ids(tmp_path: Path) -> None:
    table = pd.DataFrame({"age": [1, 2]}, index=["a", "b"])
    table.to_csv(tmp_path / "t.csv")
    table.to_parquet(tmp_path / "t.parquet")
    table.rename_axis("image").to_parquet(tmp_path / "named.parquet")
    for name, column in (("t.csv", "id"), ("t.parquet", "id"), ("named.parquet", "image")):
        found = read_table(tmp_path / name)
        assert set(found.columns) == {column, "age"}, name
        assert found[column].tolist() == ["a", "b"]
    numbered = pd.DataFrame({"id": ["x", "y"], "age": [1, 2]})
    numbered.to_csv(tmp_path / "n.csv")
    assert list(read_table(tmp_path / "n.csv").columns) == ["id", "age"]
    numbered.iloc[::-1].to_parquet(tmp_path / "n.parquet")
    assert list(read_table(tmp_path / "n.parquet").columns) == ["id", "age"]


def test_texts_of_any_format_may_be_empty(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["a", "b"], "town": ["Ulm", None]})
    table.to_parquet(tmp_path / "t.parquet")
    table.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    for ending in ("parquet", "jsonl"):
        assert read_table(tmp_path / f"t.{ending}")["town"].tolist() == ["Ulm", None]


BIG = [str(10**18 + 7 + k) for k in range(3)]


@pytest.mark.parametrize(
    "names",
    [
        ["1.1", "1.10", "1.2"],
        ["0.0", "1.0", "2.0"],
        BIG,
        ["9" + one for one in BIG],
        ["+1", "2", "3"],
    ],
)
@pytest.mark.parametrize("header", ["id", "stimulus"])
def test_ids_of_digits_keep_their_spelling(tmp_path: Path, names: list[str], header: str) -> None:
    path = tmp_path / "t.csv"
    write(path, f"{header},d0,d1\n" + "".join(f"{one},0.5,{k}\n" for k, one in enumerate(names)))
    rows = read_rows(path, id_name=header)
    assert rows.ids is not None
    assert rows.ids.tolist() == names == clean_ids(read_table(path)[header], path).tolist()
    assert rows.columns == 2


@pytest.mark.parametrize("names", [["11.456.789", "12.456.789"], ['"1,234"', '"5,678"']])
def test_ids_are_no_thousands(tmp_path: Path, names: list[str]) -> None:
    path = tmp_path / "t.csv"
    write(path, "id,d0,d1\n" + "".join(f"{one},0.5,{k}\n" for k, one in enumerate(names)))
    found = read_rows(path).ids
    assert found is not None
    assert found.tolist() == [one.strip('"') for one in names]
    assert clean_ids(read_table(path)["id"], path).tolist() == found.tolist()


@pytest.mark.parametrize("power", [18, 19, 25])
@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_large_whole_ids_keep_their_digits(tmp_path: Path, power: int, ending: str) -> None:
    path, ids = tmp_path / f"t.{ending}", [10**power + 7 + k for k in range(3)]
    if ending == "parquet":
        whole = pa.array([Decimal(one) for one in ids], pa.decimal128(38, 0))
        count = pa.array([Decimal(5), None, Decimal(7)], pa.decimal128(38, 0))
        pq.write_table(pa.table({"id": whole, "n": count, "z": [[1.0, 2.0]] * 3}), path)
        assert read_table(path)["n"].tolist()[::2] == [5, 7]
    else:
        write(path, "\n".join(json.dumps({"id": one, "z": [1.0, 2.0]}) for one in ids))
    found = read_rows(path).ids
    assert found is not None
    assert found.tolist() == [str(one) for one in ids]
    assert clean_ids(read_table(path)["id"], path).tolist() == found.tolist()


@pytest.mark.parametrize("names", [["img 0", "img 1", "img 2"], ["cat 1", "dog 2", "eel 7"]])
def test_a_list_of_ids_with_spaces_is_read_by_lines(tmp_path: Path, names: list[str]) -> None:
    path = write(tmp_path / "ids.txt", "\n".join(names))
    assert read_ids(path).tolist() == names
    assert look(f"ids={path}").count == 3
    assert (look(str(path)).role == "ids") == (names[0] == "img 0")
    write(path, "id x\na 1\nb 2\n")
    assert read_ids(path).tolist() == ["a", "b"]


def test_quotes_hold_separators_and_lines_and_must_be_closed(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'id,note\n1,"a\nb, c"\n2,x\u2028y\n')
    assert read_table(path)["note"].tolist() == ["a\nb, c", "x\u2028y"]
    with pytest.raises(InputError, match=r"t.csv: "):
        read_table(write(tmp_path / "t.csv", 'id,note\n1,"a\n2,b\n'))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_one_sentence(data: bytes) -> None:
    for ending in ("csv", "parquet", "npy", "npz"):
        with tempfile.NamedTemporaryFile(suffix=f".{ending}") as file:
            file.write(data)
            file.flush()
            reader = read_table if ending in ("csv", "parquet") else read_rows
            with suppress(InputError):  # any other exception fails this test
                reader(Path(file.name))
