"""Files that mean harm or are broken: Hypothesis strategies of the bytes of every kind we read.

Here: damage of any file, and archives. ``hostile_*.py`` have the other kinds.
"""

import io
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress

from hypothesis import strategies as st

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
