"""Tables as text: CSV in the dialect of any program, and JSON."""

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from latent_microscope.errors import InputError
from latent_microscope.files.contents import ID_NAMES, Contents, Entry, sliced
from latent_microscope.files.meadows import of_tasks
from latent_microscope.files.numbers import MISSING, Cells, parsed, plain_numbers

MAX_BYTES = 2**29
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
_TRIED = 1000  # rows that the separator is chosen by
_WAVELENGTHS = 8  # numbers of a header that are no counts: fewer rise by chance
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Windows-1252 if beside single letters there are only these: other encodings give pairs, or others.
_WESTERN = re.compile(r"(?<![^\x00-\x7f])[À-ÖØ-öø-ÿŠšŽžŒœŸ€£°§µ’–\xa0](?![^\x00-\x7f])")
_JSON = (".json", ".jsonl", ".ndjson")


def open_file(path: Path) -> Contents:
    """Columns of a table, and of JSON also vectors (lists of numbers)."""
    if _ending(path) in _JSON:
        return _json(path)
    table = read_text_table(path)
    entries = {name: _column(name, cells, path) for name, cells in table.columns.items()}
    return Contents(path, entries, notes=table.notes)


def is_text(path: Path) -> bool:
    """Whether a file is a table of cells that are texts, by its ending."""
    return _ending(path) in (".csv", ".tsv", ".txt")


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    return Path(path.stem).suffix.lower() if ending == ".gz" else ending


@dataclass(frozen=True)
class TextTable:
    """Cells of a table by column; "" where a cell is empty."""

    columns: Mapping[str, Cells]
    notes: tuple[str, ...]


def read_text_table(path: Path, *, may_be_list: bool = False) -> TextTable:
    """Read CSV: the separator that gives every row as many fields as the header.

    Leading lines of comments (``#``) and Excel's ``sep=`` are no rows; a first column without a
    name holds ids, as pandas and R write them. ``may_be_list``: spaces separate nothing unless the
    header names a column of ids.

    Raises:
        InputError: Names the line whose number of fields differs.
    """
    text, notes = _text(path)
    lines = text.split("\n", 200)
    skipped, separator = 0, None
    if lines[0].lower().startswith("sep=") and len(lines[0].strip()) == 5:
        skipped, separator = 1, lines[0].strip()[4]
    while skipped < len(lines) - 1 and lines[skipped].startswith("#"):
        skipped += 1
    body = "\n".join(lines[skipped:])
    comments = [line.lstrip("#").strip() for line in lines[:skipped] if line.startswith("#")]
    rows, first = _rows(body, separator, path, skipped, may_be_list=may_be_list)
    if not rows:
        raise InputError(f"{path}: is empty; give a header and rows")
    if comments and len(comments[-1].split(first)) == len(rows[0]) > 1:  # a header after "#"
        rows = [[name.strip() for name in comments[-1].split(first)], *rows]
    if _is_headerless(rows):
        notes.append(f"no header: {len(rows)} rows of {len(rows[0])} cells")
        texts = parsed([row[0].strip() for row in rows]) is None
        rows = [["id" if texts else "0", *(str(k) for k in range(1, len(rows[0])))], *rows]
    header, rows = _header([name.strip() for name in rows[0]], rows[1:], path)
    if first not in (",", "\t") and len(header) > 1:
        notes.append(f"separated by {SEPARATORS.get(first, repr(first))}")
    columns = {name: [row[k].strip() for row in rows] for k, name in enumerate(header) if name}
    return TextTable(columns, tuple(notes))


def _is_headerless(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is one of the others: begins with a file's name, or holds numbers.

    Counts of the columns, and wavelengths, are a header; so are numbers after a usual name of ids.
    """
    tried = [[cell.strip() for cell in row] for row in rows[:_TRIED]]
    first = tried[0]
    if len(first) < 2 or len(rows) < 2:
        return False
    if first[0].lower().endswith(_IMAGES) and tried[1][0].lower().endswith(_IMAGES):
        return True
    if not all(parsed(row[1:]) is not None for row in tried) or _names_columns(tried):
        return False
    return parsed(first[:1]) is not None or first[0].lower() not in ("", *ID_NAMES)


def _names_columns(rows: Sequence[Sequence[str]]) -> bool:
    """Whether whole numbers of the first row rise as names of columns do, not as votes may."""
    first = rows[0]
    own = parsed(first[:1]) is not None  # a name of a column, too
    numbers = [parsed([cell]) for cell in (first if own else first[1:])]
    whole = [int(one[0]) for one in numbers if one is not None and one.dtype.kind == "i"]
    if len(whole) < max(2, len(numbers)) or (np.diff(whole) <= 0).any():
        return False
    counts = whole[0] in (0, 1) and whole[-1] == whole[0] + len(whole) - 1
    ids = {re.sub(r"\d+", "0", row[0]) for row in rows[1:]}
    unlike = own or re.sub(r"\d+", "0", first[0]) not in ids
    return unlike and (counts or len(whole) >= _WAVELENGTHS)


def _header(
    header: list[str], rows: list[list[str]], path: Path
) -> tuple[list[str], list[list[str]]]:
    if not rows:
        raise InputError(f"{path}: has a header but no rows")
    if len(rows[0]) == len(header) + 1:  # as R writes row names, or rows end with a separator
        names_rows = any(row[-1].strip() for row in rows) and not _names_ids(header)
        header = ["", *header] if names_rows else [*header, ""]
    repeated = next((name for name, count in Counter(header).items() if name and count > 1), None)
    if repeated is not None:
        raise InputError(f"{path}: the column {repeated!r} occurs more than once")
    nameless = [k for k, name in enumerate(header) if not name]
    filled = [k for k in nameless if any(row[k].strip() for row in rows)]
    if filled and filled != [0]:
        raise InputError(f"{path}: the column {filled[-1] + 1} has no name; give it one")
    return [INDEX if k in filled else name for k, name in enumerate(header)], rows


INDEX = "__index_level_0__"
"""Name of a column without one: row names of R, the index of pandas (its own name in Parquet)."""


def _text(path: Path) -> tuple[str, list[str]]:
    content = _content(path)
    encoding = next((name for bom, name in _BOMS.items() if content.startswith(bom)), "utf-8")
    notes = []
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        text = content.decode("cp1252", "replace")
        if not _WESTERN.sub("", text).isascii() or encoding != "utf-8":
            raise InputError(
                f"{path}: not UTF-8 text (byte {error.start}); save it with the encoding UTF-8"
            ) from None
        notes.append("not UTF-8: read as Windows-1252")
    if "\x00" in text:
        raise InputError(f"{path}: not a text (it contains a NUL); save it with the encoding UTF-8")
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\n")
    if not text.strip():
        raise InputError(f"{path}: is empty; give a header and rows")
    return text, notes


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give a file")
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as handle:
            content = handle.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    if len(content) > MAX_BYTES:
        raise InputError(f"{path}: larger than {MAX_BYTES // 2**20} MiB; save it as Parquet")
    return bytes(content)


def _rows(
    text: str, separator: str | None, path: Path, skipped: int, *, may_be_list: bool
) -> tuple[list[list[str]], str]:
    """All rows, and their separator."""
    if _begins_with_its_size(text):
        text, skipped = text.partition("\n")[2], skipped + 1
    chosen = separator or _separator(text, path, skipped, may_be_list=may_be_list)
    if chosen == " ":
        text = _single_spaced(text)
    rows, problem = _parse(text, chosen, skipped)
    if problem:
        raise InputError(f"{path}: {problem}")
    return rows, chosen


def _begins_with_its_size(text: str) -> bool:
    """Whether a line with the numbers of rows and columns comes first, as word2vec writes it."""
    first, second = ([*text.split("\n", 2), "", ""])[:2]
    size = re.fullmatch(r"\d+ (\d+) *", first)
    return size is not None and int(size[1]) == len(second.split()) - 1 > 1


def _single_spaced(text: str) -> str:
    return re.sub(r"(?m)^ +| +$", "", re.sub(" {2,}", " ", text))


def _separator(text: str, path: Path, skipped: int, *, may_be_list: bool) -> str:
    """The separator by which all rows have the same number of fields, more than one if possible."""
    tried = {one: _parse(text, one, skipped, _TRIED) for one in SEPARATORS}
    fields = {one: len(rows[0]) for one, (rows, bad) in tried.items() if rows and not bad}
    most = max(fields.values(), default=0)
    best = [one for one, count in fields.items() if count == most]
    if most > 1 and len(best) > 1:
        names = " or ".join(SEPARATORS[one] for one in best)
        raise InputError(
            f"{path}: could be separated by {names}; begin the file with a line such as "
            f"sep={best[0]}"
        )
    if best and most > 1:
        return best[0]
    rows, bad = _parse(_single_spaced(text), " ", 0, _TRIED)
    if not bad and len(rows[0]) > 1 and all(parsed(row[1:]) is not None for row in rows[1:]):
        numbered = len(rows[0]) == 2 and parsed(rows[0][1:]) is not None  # "img 1", "img 2"
        if numbered and len({row[0] for row in rows}) < len(rows):
            may_be_list = True
        if not may_be_list or _names_ids(rows[0]):
            return " "
    # No separator suits all rows: that of the header, so that the message names the row.
    header = text.split("\n", 1)[0]
    return max(SEPARATORS, key=header.count)


def _parse(
    text: str, separator: str, skipped: int, limit: int | None = None
) -> tuple[list[list[str]], str]:
    """Rows that are not empty, and what is wrong with the first that has another length."""
    found = _parse_quoted(text, separator, skipped, limit, csv.QUOTE_MINIMAL)
    if found[1] and separator == " ":  # a word of a vocabulary may be a quote
        return _parse_quoted(text, separator, skipped, limit, csv.QUOTE_NONE)
    return found


def _parse_quoted(
    text: str, separator: str, skipped: int, limit: int | None, quoting: Literal[0, 3]
) -> tuple[list[list[str]], str]:
    rows: list[list[str]] = []
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=separator, strict=True, quoting=quoting)
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            rows.append(row)
            if len(row) != (len(rows[0]) + 1 if _are_longer(rows) else len(rows[0])):
                cells = f"{len(row)} cells but the header {len(rows[0])}"
                return rows, (
                    f"line {reader.line_num + skipped} has {cells}; fix it, or quote cells that "
                    "contain the separator"
                )
            if limit is not None and len(rows) > limit:
                break
    except csv.Error as error:
        return rows, f"line {reader.line_num + skipped} is not readable CSV ({error})"
    return rows, ""


def _are_longer(rows: Sequence[Sequence[str]]) -> bool:
    """Whether rows have one cell more than the header: R's row names, or an empty last one."""
    if len(rows) < 2 or len(rows[1]) != len(rows[0]) + 1:
        return False
    return not rows[1][-1].strip() or not _names_ids(rows[0])


def _names_ids(header: Sequence[str]) -> bool:
    """Whether a header has a column of ids, so that rows have no names of their own."""
    names = [name.strip().lower() for name in header]
    return names[0] in ID_NAMES or "id" in names


def _column(name: str, cells: Cells, path: Path) -> Entry:
    numbers = parsed(cells)
    if numbers is not None:
        found = Entry(name, numbers.shape, numbers.dtype, sliced(numbers))
        if numbers.dtype.kind == "i" and list(map(str, numbers.tolist())) == list(cells):
            return found
        return replace(found, spelt=partial(_spelling, name, path))
    texts = np.array([cell or None for cell in cells], dtype=object)
    return Entry(name, texts.shape, texts.dtype, sliced(texts))


def holds_ids(name: str) -> bool:
    """Whether a column has a usual name of ids, whose texts are never plain numbers."""
    return name == INDEX or name.lower() in ID_NAMES


def _spelling(name: str, path: Path) -> np.ndarray:
    """Cells of a column of numbers, read again: all of a table's would take much memory."""
    cells = read_text_table(path).columns[name]
    cells = cells if holds_ids(name) else plain_numbers(cells, "")[0]
    return np.array([None if c.lower() in {"", *MISSING} else c for c in cells], dtype=object)


def _json(path: Path) -> Contents:
    text, notes = _text(path)
    try:
        if _ending(path) == ".json":
            content = json.loads(text)
        else:
            content = [json.loads(line) for line in text.split("\n") if line.strip()]
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable JSON ({error})") from None
    return Contents(path, _json_entries(content, path), notes=tuple(notes))


def _json_entries(content: Any, path: Path) -> dict[str, Entry]:
    if isinstance(content, dict) and isinstance(content.get("tasks"), list):
        return of_tasks(content["tasks"], path)
    if isinstance(content, list) and content and all(isinstance(one, dict) for one in content):
        names = list(dict.fromkeys(name for row in content for name in row))
        content = {name: [row.get(name) for row in content] for name in names}
    if isinstance(content, list) and content:
        return {"": json_entry("", content, path)}
    if isinstance(content, dict) and any(isinstance(one, list) for one in content.values()):
        lists = {name: one for name, one in content.items() if isinstance(one, list) and one}
        return {name: json_entry(name, one, path) for name, one in lists.items()}
    raise InputError(f"{path}: contains no rows; give a list of objects, or one object per line")


def json_entry(name: str, values: list[Any], path: Path) -> Entry:
    """One value per row: numbers, texts (also of larger numbers), or lists of one length."""
    filled = [value for value in values if value is not None]
    if filled and all(isinstance(value, list) for value in filled):
        try:
            array = np.array(values, dtype=np.float64)
        except (ValueError, TypeError):
            array = np.empty(0)
        if array.ndim < 2:
            raise InputError(
                f"{path}: {name or 'a row'!r} must contain one list of numbers per row, all of one "
                "length"
            )
        return Entry(name, array.shape, array.dtype, sliced(array))
    if filled and all(isinstance(value, (int, float)) for value in filled):
        whole = len(filled) == len(values) and all(isinstance(v, int) for v in filled)
        for kind in (np.int64, np.uint64) if whole else (np.float64,):
            with suppress(OverflowError):
                numbers = np.array(values, dtype=kind)
                return Entry(name, numbers.shape, numbers.dtype, sliced(numbers))
    texts = np.array([None if v is None else _as_text(v) for v in values], dtype=object)
    return Entry(name, texts.shape, texts.dtype, sliced(texts))


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
