"""Parquet, Feather and Arrow files, by their own types: what pandas noted in them is not used."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from latent_microscope.errors import InputError
from latent_microscope.files.contents import BLOCK_BYTES, Contents, Entry, unusable

_ROWS, _MOST_ROWS = 65_536, 10**9
Batches = Callable[[Sequence[str]], Iterator[pa.RecordBatch]]


def open_file(path: Path) -> Contents:
    """Columns: numbers, texts, and vectors of numbers (lists of one length)."""
    with _reading(path):
        table = _parquet(path) if path.suffix.lower() == ".parquet" else _feather(path)
    if not 0 <= table.rows <= _MOST_ROWS:
        raise InputError(f"{path}: claims {table.rows} rows: refused")
    names = table.schema.names
    if len(set(names)) < len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{path}: the column {repeated!r} occurs more than once")
    with _reading(path):
        entries = {field.name: _entry(field, table) for field in table.schema}
    return Contents(path, entries, lambda names: _side_by_side([entries[n] for n in names], table))


@dataclass(frozen=True)
class _Table:
    path: Path
    schema: pa.Schema
    rows: int
    batches: Batches


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError) as error:
        kind = "Parquet" if path.suffix.lower() == ".parquet" else "Arrow"
        raise InputError(
            f"{path}: not a whole {kind} file ({error}); recreate it or download it again"
        ) from error


def _parquet(path: Path) -> _Table:
    with pq.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows

    def batches(names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        step = _batch_rows(schema, names)
        with _reading(path), pq.ParquetFile(path, pre_buffer=False) as file:
            yield from file.iter_batches(batch_size=step, columns=list(names), use_threads=False)

    return _Table(path, schema, rows, batches)


def _feather(path: Path) -> _Table:
    def batches(names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with _reading(path), pa.memory_map(str(path)) as source:
            reader = pa.ipc.open_file(source)
            for i in range(reader.num_record_batches):
                batch = reader.get_batch(i).select(list(names))
                batch.validate(full=True)  # offsets of a damaged file point anywhere
                yield batch

    with pa.memory_map(str(path)) as source:
        reader = pa.ipc.open_file(source)
        rows = sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))
        return _Table(path, reader.schema, rows, batches)


def _batch_rows(schema: pa.Schema, names: Sequence[str]) -> int:
    """Rows at a time: fewer of wide ones."""
    width = sum(_list_size(schema.field(name).type) or 512 for name in names)
    return max(64, min(_ROWS, BLOCK_BYTES // (8 * width)))


def _list_size(kind: pa.DataType) -> int:
    return int(kind.list_size) if types.is_fixed_size_list(kind) else 0


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type that an extension or a dictionary is stored by."""
    while isinstance(kind, pa.BaseExtensionType) or types.is_dictionary(kind):
        kind = kind.value_type if types.is_dictionary(kind) else kind.storage_type
    return kind


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or types.is_list_view(kind)
        or types.is_large_list_view(kind)
    )


def _is_number(kind: pa.DataType) -> bool:
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def _is_text(kind: pa.DataType) -> bool:
    others = types.is_temporal(kind) or types.is_null(kind)
    return bool(
        types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or others
    )


def _entry(field: pa.Field, table: _Table) -> Entry:
    name, kind = field.name, _plain(field.type)
    if _is_list(kind) and _is_number(_plain(kind.value_type)):
        return _vectors(name, kind, table)
    if _is_number(kind) or types.is_decimal(kind):
        dtype = _dtype(kind, table, name)
        read = _texts if dtype.kind == "O" else _numbers
        return Entry(name, (table.rows,), dtype, _blocks(table, name, read))
    if _is_text(kind):
        return Entry(name, (table.rows,), np.dtype(object), _blocks(table, name, _texts))
    why = f"{table.path}: the column {name!r} has no numbers and no texts ({field.type})"
    return unusable(name, (table.rows,), why)


def _dtype(kind: pa.DataType, table: _Table, name: str) -> np.dtype:
    """Numbers with empty cells are floats, whose empty cells are NaN; texts: whole beyond int64."""
    if types.is_decimal(kind) and kind.scale:
        return np.dtype(np.float64)
    own = np.dtype(np.int64 if types.is_decimal(kind) else kind.to_pandas_dtype())
    if own.kind == "f":
        return own
    if types.is_decimal(kind):
        try:
            for batch in table.batches([name]):
                _stored(batch.column(0)).cast(pa.int64())
        except pa.ArrowInvalid:
            return np.dtype(object)
    empty = any(batch.column(0).null_count for batch in table.batches([name]))
    return np.dtype(np.float64) if empty else own


def _blocks(
    table: _Table, name: str, convert: Callable[[pa.Array], np.ndarray]
) -> Callable[[], Iterator[np.ndarray]]:
    def blocks() -> Iterator[np.ndarray]:
        for batch in table.batches([name]):
            with _reading(table.path):
                found = convert(_stored(batch.column(0)))
            yield found

    return blocks


def _stored(column: pa.Array) -> pa.Array:
    while isinstance(column, pa.ExtensionArray) or types.is_dictionary(column.type):
        column = column.dictionary_decode() if types.is_dictionary(column.type) else column.storage
    return column


def _numbers(column: pa.Array) -> np.ndarray:
    if types.is_decimal(column.type):
        column = column.cast(pa.float64() if column.type.scale else pa.int64())
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _texts(column: pa.Array) -> np.ndarray:
    if types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    found = [None if one is None else str(one) for one in column.to_pylist()]
    return np.array(found, dtype=object)


def _vectors(name: str, kind: pa.DataType, table: _Table) -> Entry:
    size = _list_size(kind)
    if not size:
        first = next((b.column(0) for b in table.batches([name]) if b.num_rows), None)
        lengths = [] if first is None else [len(row) for row in first[:1] if row.is_valid]
        size = lengths[0] if lengths else 0
    dtype = np.dtype(_plain(kind.value_type).to_pandas_dtype())

    def convert(column: pa.Array) -> np.ndarray:
        if types.is_list_view(column.type) or types.is_large_list_view(column.type):
            column = column.cast(pa.large_list(column.type.value_type))
        values = _numbers(_stored(column.flatten()))
        lengths = (
            column.value_lengths().to_numpy(zero_copy_only=False)
            if not _list_size(column.type)
            else np.full(len(column) - column.null_count, size)
        )
        if column.null_count or (lengths != size).any() or values.size != size * len(column):
            raise InputError(
                f"{table.path}: the column {name!r} must contain one list of numbers per row, all "
                f"of one length ({size} in the first)"
            )
        return values.reshape(len(column), size)

    return Entry(name, (table.rows, size), dtype, _blocks(table, name, convert))


def _side_by_side(columns: Sequence[Entry], table: _Table) -> Entry:
    names = [one.name for one in columns]
    dtype = np.result_type(*(one.dtype for one in columns))

    def blocks() -> Iterator[np.ndarray]:
        for batch in table.batches(names):
            found = np.empty((batch.num_rows, len(names)), dtype)
            for place, name in enumerate(names):
                with _reading(table.path):
                    found[:, place] = _numbers(_stored(batch.column(name)))
            yield found

    return Entry("", (table.rows, len(names)), dtype, blocks)
