"""Hostile arrays and tables: ``.npy``, Parquet, CSV."""

import io
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hostile import TEXTS, Files, damaged  # type: ignore[import-not-found]
from hypothesis import strategies as st


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=array.dtype.hasobject)
    return buffer.getvalue()


DESCRS = [
    "'<f8'",
    "'<f4'",
    "'|u1'",
    "'<i8'",
    "'<u8'",
    "'>f8'",
    "'<f2'",
    "'|b1'",
    "'<c16'",
    "'|O'",
    "'|V0'",
    "'|V8'",
    "'<U0'",
    "'<U9'",
    "'<U999999999'",
    "'|S3'",
    "'<M8[s]'",
    "'<f99'",
    "''",
    "None",
    "0",
    "('<f8', (1000000000,))",
    "[('a', '<f8'), ('b', '|O')]",
    "[('a', '<f8')]",
    "[]",
    "__import__('os').system('touch escaped')",
]
SHAPES = [
    "()",
    "(0,)",
    "(3,)",
    "(3, 2)",
    "(2, 3, 4)",
    "(0, 5)",
    "(-1,)",
    "(3, -2)",
    "(10000000000000,)",
    "(9223372036854775807, 2)",
    "(18446744073709551616,)",
    "(1000000, 1000000, 0)",
    "(1.5,)",
    "(True,)",
    "[3, 2]",
    "'a'",
    "None",
    "(" * 300 + ")" * 300,
]


def npy_header(descr: str, shape: str, order: str, version: int, extra: int, data: bytes) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    length = max(len(text) + extra, 0)
    form = "<H" if version == 1 else "<I"
    head = b"\x93NUMPY" + bytes([version, 0])
    return head + struct.pack(form, min(length, 65535)) + text + data


def arrays(*whole: np.ndarray) -> Files:
    """``.npy`` files: these whole ones damaged, and headers that claim anything."""
    headers = st.builds(
        npy_header,
        st.sampled_from(DESCRS),
        st.sampled_from(SHAPES),
        st.sampled_from(["False", "True", "1", "'x'"]),
        st.sampled_from([1, 1, 2, 3, 9]),
        st.sampled_from([0, 0, 0, 5, -5, 60000]),
        st.binary(max_size=64) | st.just(bytes(48)),
    )
    numbers = st.builds(
        lambda values, kind: npy(np.array(values, dtype=kind)),
        st.lists(st.lists(st.sampled_from([0, 1, 3, 100]), min_size=3, max_size=3), max_size=8),
        st.sampled_from(["i8", "u1", "f4", "f8", "c8", "b1", "U3", "S2", "O", "M8[s]"]),
    )
    return damaged([npy(array) for array in whole]) | headers | numbers


VALUES: list[Any] = [
    [0, 1, 2, 3],
    [0.5, float("nan"), float("inf"), 1e300],
    [-1, 2**62, 5, 5],
    ["a", "b", "a", ""],
    ["test-00000", "test-00001", "test-00002", "test-00003"],
    ["test-²", "test-99999999999999999999", "x", "<script>"],
    [None, None, None, None],
    [None, 1, 2, 3],
    [b"a", b"\xff\xfe", b"", b"x"],
    [True, False, True, True],
    [[1], [], None, [2]],
    [{"bytes": b"x"}, None, {"bytes": None}, {"bytes": b""}],
    [{"bytes": "text"}] * 4,
    [{"bytes": 5}] * 4,
    [{"path": "x"}] * 4,
    ["airplane", "airplane", "bird", "cat"],
]
PANDAS = [
    b"{}",
    b"[]",
    b'{"index_columns": ["zz"], "columns": [], "column_indexes": []}',
    b'{"index_columns": ["id"], "columns": 3}',
]
METADATA: list[dict[bytes, bytes]] = [
    {},
    {b"pandas": b"{"},
    *({b"pandas": value} for value in PANDAS),
    {b"huggingface": b"{"},
    {b"huggingface": b"[" * 5000},
    {b"huggingface": b'{"info": {"features": {"label": {"names": 7}}}}'},
    {b"huggingface": b'{"info": {"features": {"label": {"names": "abc"}}}}'},
    {b"huggingface": b'{"info": {"features": {"label": {"names": {"a": 1}}}}}'},
    {b"huggingface": b'{"info": {"features": {"label": {"names": [1, null, []]}}}}'},
    {b"ARROW:schema": b"AAAA"},
]


def parquet_of(columns: Sequence[tuple[str, Any]], metadata: dict[bytes, bytes]) -> bytes:
    columns = columns or [("x", [1])]
    table = pa.Table.from_arrays([pa.array(v) for _, v in columns], names=[n for n, _ in columns])
    if metadata:
        table = table.replace_schema_metadata(metadata)
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def parquets(names: Sequence[str], whole: Sequence[bytes]) -> Files:
    """Parquet files with these columns of wrong kinds, foreign metadata, or damage."""
    columns = st.lists(
        st.tuples(st.sampled_from([*names, "x"]), st.sampled_from(VALUES)), max_size=len(names) + 1
    )
    given = st.tuples(*(st.tuples(st.just(n), st.sampled_from(VALUES)) for n in names))
    made = st.builds(parquet_of, given.map(list) | columns, st.sampled_from(METADATA))
    return made | damaged(whole)


def table(**columns: Any) -> bytes:
    return parquet_of(list(columns.items()), {})


CELLS = st.sampled_from(["1", "-1", "1", "-1", *TEXTS])


def csvs(header: Sequence[str], cells: st.SearchStrategy[str] = CELLS) -> Files:
    """Tables in text: cells of all sorts, and damage."""
    names = st.lists(st.sampled_from([*header, *TEXTS]), min_size=1, max_size=len(header) + 1)
    rows = st.lists(st.lists(cells, min_size=1, max_size=len(header) + 1), max_size=4)
    made = st.builds(
        lambda head, body, cut, end: end.join(cut.join(row) for row in [head, *body]).encode(),
        st.just(list(header)) | names,
        rows,
        st.sampled_from([",", ",", ",", " ", ";", '","']),
        st.sampled_from(["\n", "\n", "\r\n", "\r", "\u2028"]),
    )
    return made | made.flatmap(lambda data: damaged([data], edits=2)) | st.binary(max_size=40)
