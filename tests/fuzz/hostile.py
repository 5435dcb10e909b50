"""Files that mean harm or are broken: Hypothesis strategies of the bytes of every kind we read."""

import copy
import io
import json
import pickle
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml
from hypothesis import strategies as st
from PIL import Image

Files = st.SearchStrategy[bytes]

NAMES = [
    "a.jpg",
    "img/b.png",
    "list_attr_celeba.csv",
    "../up.jpg",
    "/etc/x.jpg",
    "a/../../b.jpg",
    "C:/x.jpg",
    "a\\b.jpg",
    ".jpg",
    "",
    "x" * 300 + ".jpg",
    "<script>alert(1)</script>.jpg",
    "line\nbreak.jpg",
    "ü\u202e.png",
    "a.jpg/",
]
TEXTS = [
    "",
    "0",
    "-1",
    "²",
    "NaN",
    "inf",
    "1e999",
    "9" * 25,
    "9" * 5000,
    "0x10",
    "\x00",
    "a b",
    "'; --",
    "<b>",
    "\u2028",
    "id",
    "name",
]
NUMBERS = [0, 1, -1, 2, 10**6, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64, 10**30]
EDITS = ("flip", "cut", "repeat", "insert", "end", "number", "zeros")


@st.composite
def damaged(draw: st.DrawFn, files: Sequence[bytes], edits: int = 4) -> bytes:
    """A whole file with a few bytes changed, cut out, repeated or put in, or its end missing."""
    data = bytearray(draw(st.sampled_from(files)))
    for kind in draw(st.lists(st.sampled_from(EDITS), min_size=1, max_size=edits)):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        size = draw(st.integers(1, 64))
        if kind == "flip" and data:
            data[at] ^= draw(st.integers(1, 255))
        elif kind == "cut":
            del data[at : at + size]
        elif kind == "repeat":
            data[at:at] = data[at : at + size]
        elif kind == "insert":
            data[at:at] = draw(st.binary(max_size=16))
        elif kind == "end":
            del data[at:]
        elif kind == "zeros":
            data[at : at + size] = bytes(size)
        elif kind == "number":
            form = draw(st.sampled_from(["<I", ">I", "<Q", ">H"]))
            value = draw(st.sampled_from(NUMBERS)) % 2 ** (8 * struct.calcsize(form))
            data[at : at + struct.calcsize(form)] = struct.pack(form, value)
    return bytes(data)


def zipped(
    members: Sequence[tuple[str, bytes]], method: int = zipfile.ZIP_STORED, mode: int = 0
) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as archive:
        warnings.simplefilter("ignore")  # of names that stand in it twice
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.compress_type, info.external_attr = method, mode << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def tarred(
    members: Sequence[tuple[tarfile.TarInfo, bytes]], mode: str = "w:gz", form: int = 1
) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=form) as archive:  # type: ignore[call-overload]
        for info, content in members:
            info.size = len(content)
            with suppress(ValueError):  # this form cannot hold such a name
                archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def tar_member(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd" if kind in (b"1", b"2") else ""
    return info


def zips(contents: Files) -> Files:
    """Archives with names, kinds and sizes of all sorts."""
    member = st.tuples(st.sampled_from(NAMES) | st.text(max_size=12), contents)
    made = st.builds(
        zipped,
        st.lists(member, max_size=5),
        st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA]),
        st.sampled_from([0, 0, 0, 0o100644, 0o120777, 0o020666]),
    )
    return made | made.flatmap(lambda data: damaged([data]))


def tars(contents: Files, names: Sequence[str] = NAMES) -> Files:
    member = st.tuples(
        st.builds(tar_member, st.sampled_from(names), st.sampled_from([b"0"] * 6 + [*KINDS])),
        contents,
    )
    made = st.builds(
        tarred,
        st.lists(member, max_size=4),
        st.sampled_from(["w", "w:gz", "w:bz2"]),
        st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    )
    return made | made.flatmap(lambda data: damaged([data]))


KINDS = (b"1", b"2", b"3", b"5", b"6", b"S", b"L", b"x", b"g", b"\x00")


def archive_bomb(size: int) -> bytes:
    """A tar whose extended header is ``size`` bytes of nothing, compressed to almost none."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, size
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = packer.compress(info.tobuf(tarfile.USTAR_FORMAT))
    block = bytes(2**20)
    for _ in range(size // len(block)):
        data += packer.compress(block)
    return data + packer.flush()


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
# Beside what pandas itself would stumble over: see test_foreign_metadata_of_pandas.
PANDAS = [
    b"{}",
    b"[]",
    b'{"index_columns": ["zz"], "columns": [], "column_indexes": []}',
    b'{"index_columns": ["id"], "columns": 3}',
]
METADATA: list[dict[bytes, bytes]] = [
    {},
    {b"pandas": b"{"},
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


def encoded(width: int, height: int, kind: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(
    width: int, height: int, depth: int, colour: int, interlace: int, data: bytes, extra: bytes
) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    body = chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + body + chunk(b"IEND", b"")


SIDES = [0, 1, 8, 31, 3999, 4000, 65535, 2**20, 2**31 - 1, 2**32 - 1]
CHUNKS = [
    b"",
    chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**24))),
    chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2**22))),
    chunk(b"PLTE", b"abc"),
    chunk(b"tRNS", b"a"),
    chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)),
    chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff"),
    struct.pack(">I", 2**31 - 1) + b"IDATx",
]


def images() -> Files:
    """Images: damaged ones, and PNG, JPEG and BMP headers that claim absurd sizes."""
    side = st.sampled_from(SIDES)
    headers = st.builds(
        png_of,
        side,
        side,
        st.sampled_from([1, 2, 4, 8, 16, 3]),
        st.sampled_from([0, 2, 3, 4, 6, 1]),
        st.sampled_from([0, 1, 2]),
        st.binary(max_size=40) | st.just(bytes(2**16)),
        st.sampled_from(CHUNKS),
    )
    jpeg, bmp = encoded(9, 8, "JPEG"), encoded(9, 8, "BMP")
    start = jpeg.index(b"\xff\xc0") + 5
    claims = st.builds(
        lambda h, w: jpeg[:start] + struct.pack(">HH", h % 65536, w % 65536) + jpeg[start + 4 :],
        side,
        side,
    ) | st.builds(lambda w, h: bmp[:18] + struct.pack("<II", w, h) + bmp[26:], side, side)
    whole = [encoded(9, 8, kind) for kind in ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")]
    return damaged(whole, edits=3) | headers | claims | st.binary(max_size=32)


class Hostile:
    """A pickle of it makes a file when it is run."""

    def __reduce__(self) -> Any:
        return (exec, ("open('escaped', 'w')",))


OPCODES = [
    b"}",
    b"]",
    b"(",
    b")",
    b"N",
    b"0",
    b"2",
    b"a",
    b"e",
    b"s",
    b"u",
    b"t",
    b"d",
    b"l",
    b"R",
    b"b",
    b"K\x05",
    b"X\x04\0\0\0data",
    b"X\x06\0\0\0labels",
    b"X\xff\xff\xff\xff",
    b"\x8d" + b"\xff" * 8,
    b"\x8e" + struct.pack("<Q", 2**40),
    b"\x96" + struct.pack("<Q", 2**40),
    b"\x8b" + struct.pack("<I", 2**31 - 1),
    b"r" + struct.pack("<I", 2**32 - 1),
    b"p4294967295\n",
    b"j\xff\xff\xff\xff",
    b"q\x00",
    b"h\x00",
    b"I99999999999999999999\n",
    b"F1e999\n",
    b"cos\nsystem\n",
    b"cnumpy\ndtype\n",
    b"cnumpy\nndarray\n",
    b"cnumpy.core.multiarray\n_reconstruct\n",
    b"c_codecs\nencode\n",
    b"cbuiltins\ngetattr\n",
    b"\x95" + struct.pack("<Q", 2**40),
    b"\x80\x02",
    b"\x80\x09",
    b"Pabc\n",
    b"Q",
    b"ios\nsystem\n",
    b"U\x04echo",
    b"C\x03abc",
    b".",
]


def pickles() -> Files:
    """Pickles: programs at random, of forbidden names, and almost right ones."""
    data = np.zeros((2, 3072), dtype=np.uint8)
    whole = [
        {"data": data, "labels": [1, 2]},
        {"data": data[:, :9], "labels": [1]},
        {"data": data, "labels": [1, 2.5]},
        {"data": data, "labels": [1, 2**70]},
        {"data": data.astype("f4"), "labels": [1, 2]},
        {"data": Hostile(), "labels": [1, 2]},
        {"label_names": [Hostile()]},
        {1: 2, None: []},
        [data],
        data,
    ]
    programs = st.lists(st.sampled_from(OPCODES), max_size=14).map(
        lambda ops: b"\x80\x02" + b"".join(ops) + b"."
    )
    dumps = [pickle.dumps(value, protocol=p) for value in whole for p in (0, 2, 4, 5)]
    return programs | st.sampled_from(dumps[:4]) | st.sampled_from(dumps) | damaged(dumps)


def weights(state: dict[str, Any]) -> Files:
    """``.pt`` files: states that do not fit, pickles that run code, damage."""

    def saved(content: Any, **options: Any) -> bytes:
        buffer = io.BytesIO()
        torch.save(content, buffer, **options)
        return buffer.getvalue()

    name = next(iter(state))
    values: list[Any] = [
        torch.zeros(0),
        torch.full((3,), float("nan")),
        state[name].double(),
        state[name].to(torch.complex64),
        state[name].half() * float("nan"),
        torch.zeros(1).expand(10**5, 10**5),
        torch.sparse_coo_tensor(torch.zeros((1, 1), dtype=torch.int64), torch.ones(1), (3,)),
        "text",
        None,
        [1],
    ]
    whole = [saved(state | {name: value}) for value in values]
    whole += [saved(state | {key: value}) for key in ("x", "", 5) for value in values[:2]]
    whole += [saved(state), saved(state, _use_new_zipfile_serialization=False), saved([state])]
    whole += [saved({"a": Hostile()}), saved(Hostile()), pickle.dumps(Hostile())]
    programs = st.lists(st.sampled_from(OPCODES), max_size=10).map(
        lambda ops: zipped([("x/data.pkl", b"\x80\x02" + b"".join(ops) + b"."), ("x/v", b"3")])
    )
    return st.sampled_from(whole) | damaged(whole) | programs


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


YAML_TEXTS = [
    "[" * 1000,
    "a: &a [x, x]\n"
    + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in pairwise("abcdefghij"))
    + "seed: *j\n",
    "a: &a [*a]\nseed: *a\n",
    "? [1, 2]\n: x\n",
    "1: 2\n",
    "~: 2\n",
    "seed: !!python/object/apply:os.system ['touch escaped']\n",
    "seed: " + "9" * 5000 + "\n",
    "seed: 2026-13-45\n",
    "seed: !!set {a, b}\n",
    "seed: !!binary //8=\n",
    "- a\n",
    "seed",
    "",
    "\ufeffseed: 1\n",
    "%YAML 9.9\n---\n",
    "a: b\n---\nc: d\n",
    "seed: 0o9\nseed: 1\n",
    "{" * 500,
]  # fmt: skip
LEAVES: list[Any] = [
    None,
    True,
    0,
    -1,
    10**30,
    0.5,
    float("nan"),
    float("inf"),
    "",
    "x" * 5000,
    "../..",
    "/etc/passwd",
    "<script>",
    "a\nb",
    [],
    {},
    [[[]]],
    {"a": {"b": 1}},
    {1: 2},
    {None: 1},
    b"\xff",
]


@st.composite
def trees(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """A mapping of mappings with values, keys and branches changed at a few places."""
    content: dict[str, Any] = json.loads(json.dumps(whole))
    for _ in range(draw(st.integers(1, 3))):
        part: Any = content
        while True:
            keys = list(part) if isinstance(part, dict) else list(range(len(part)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(part[key], dict | list) and part[key] and draw(st.integers(0, 3)):
                part = part[key]
                continue
            what = draw(st.sampled_from(["set", "set", "drop", "add", "text"]))
            if what == "drop":
                del part[key]
            elif what == "add" and isinstance(part, dict):
                part[draw(st.sampled_from([*TEXTS, "seed", "models", 1, None]))] = part[key]
            elif what == "text":
                part[key] = draw(st.text(max_size=8))
            else:
                part[key] = copy.deepcopy(draw(st.sampled_from(LEAVES)))
            break
    return content


def yamls(whole: dict[str, Any]) -> Files:
    """YAML: trees with changes, damaged text, and what parsers choke on."""

    def dump(tree: dict[str, Any]) -> bytes:
        return yaml.dump(tree, Dumper=_DUMPER, sort_keys=False).encode()

    texts = [yaml.dump(whole, Dumper=_DUMPER).encode()]
    made = trees(whole).map(dump)
    return made | made | damaged(texts, edits=2) | st.sampled_from([t.encode() for t in YAML_TEXTS])


_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def jsons(whole: dict[str, Any]) -> Files:
    odd = [
        b"[" * 20000,
        b"{}",
        b"[]",
        b"1",
        b"null",
        b'{"a": ' * 2000,
        b"9" * 5000,
        b"\xff",
        b"NaN",
    ]
    made = trees(whole).map(lambda tree: json.dumps(_plain(tree)).encode())
    return made | damaged([json.dumps(whole).encode()], edits=2) | st.sampled_from(odd)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value.decode("latin-1") if isinstance(value, bytes) else value


Reader = Callable[..., None]
