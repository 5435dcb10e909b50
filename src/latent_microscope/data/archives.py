"""Reading zip and tar archives of unknown origin without being harmed by them."""

import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Self

from latent_microscope.errors import InputError

MAX_MEMBERS = 1_000_000
MAX_MEMBER_BYTES = 256 * 2**20
MAX_TOTAL_BYTES = 64 * 2**30
MAX_HEADER_BYTES = 2**20
_DRIVE = re.compile(r"^[A-Za-z]:")
_RATIO = 1100  # deflate packs no more than 1032 times; an archive that claims more is a bomb


DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError)
"""What zipfile raises for a damaged member."""


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip archive; :class:`InputError` if it is missing, truncated or no zip."""
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
        raise InputError(
            f"{path}: not a whole zip archive ({error}); delete it and download it again"
        ) from error


def zip_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files in a zip, in its order; :class:`InputError` if one is unsafe or too large.

    That is an absolute name or one with ``..``, a link or special file, an encrypted or repeated
    one.
    """
    members = [info for info in archive.infolist() if not info.filename.endswith("/")]
    where = str(archive.filename)
    _check_names([info.filename for info in members], where)
    for info in members:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise InputError(f"{where}: {info.filename!r} is a link or a special file: refused")
        if info.flag_bits & 0x1:
            raise InputError(f"{where}: {info.filename!r} is encrypted: refused")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(f"{where}: {info.filename!r} is not packed by deflate: refused")
    _check_sizes([(info.filename, info.file_size) for info in members], where)
    return members


def read_zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The content of one member, never more than its declared size; InputError if damaged."""
    try:
        with archive.open(info) as handle:
            data = handle.read(info.file_size + 1)
    except DAMAGED as error:
        raise InputError(
            f"{archive.filename}: {info.filename!r} is damaged ({error}); download it again"
        ) from error
    if len(data) != info.file_size:
        raise InputError(f"{archive.filename}: {info.filename!r} is not of its declared size")
    return data


def require_moderate(path: Path) -> None:
    """Raise :class:`InputError` if a zip claims to unpack to more than it can, or than is sane."""
    with open_zip(path) as archive:
        total = sum(info.file_size for info in archive.infolist())
    if total > min(MAX_TOTAL_BYTES, _RATIO * path.stat().st_size):
        raise InputError(f"{path}: unpacks to {total} bytes: refused")


def tar_members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file of a tar archive (gzip or none), read as a stream, in order.

    :class:`InputError` as for a zip.
    """
    count = total = 0
    try:
        # Not the other compressions: the header of an .xz alone may ask for gigabytes.
        with path.open("rb") as handle:
            mode = "r|gz" if handle.read(2) == b"\x1f\x8b" else "r|"
        with tarfile.open(path, mode=mode, tarinfo=_Member) as archive:  # type: ignore[call-overload]
            for member in archive:
                _check_names([member.name], str(path))
                if member.isdir():
                    continue
                if not member.isreg():
                    raise InputError(f"{path}: {member.name!r} is a link or a special file")
                count, total = count + 1, total + member.size
                _check_sizes([(member.name, member.size)], str(path))
                if count > MAX_MEMBERS or total > MAX_TOTAL_BYTES:
                    raise InputError(f"{path}: {count} files, {total} bytes: refused as too much")
                content = archive.extractfile(member)
                data = content.read() if content is not None else b""
                if content is None or len(data) != member.size:
                    raise InputError(f"{path}: {member.name!r} is cut short; download it again")
                yield member.name, data
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    # TypeError: tarfile at a gzip header that ends early
    except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{path}: not a whole tar archive ({error}); delete it and download it again"
        ) from error


class _Member(tarfile.TarInfo):
    """A header; what belongs to headers is read into memory at once, so it must be small."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header."""
        member = super().frombuf(buf, encoding, errors)
        if member.type not in tarfile.REGULAR_TYPES and member.size > MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {member.size} bytes: refused")
        return member


def _check_names(names: Sequence[str], where: str) -> None:
    seen: set[str] = set()
    for name in names:
        path = PurePosixPath(name)
        if not name or name.startswith(("/", "\\")) or _DRIVE.match(name) or "\x00" in name:
            raise InputError(f"{where}: {name!r} has an absolute path: refused")
        if ".." in path.parts or "\\" in name:
            raise InputError(f"{where}: {name!r} points out of the archive: refused")
        if name in seen:
            raise InputError(f"{where}: {name!r} occurs in it twice: refused")
        seen.add(name)


def _check_sizes(sizes: Sequence[tuple[str, int]], where: str) -> None:
    if len(sizes) > MAX_MEMBERS:
        raise InputError(f"{where}: {len(sizes)} members, more than {MAX_MEMBERS}: refused")
    for name, size in sizes:
        if size > MAX_MEMBER_BYTES:
            raise InputError(f"{where}: {name!r} unpacks to {size} bytes: refused")
    if sum(size for _, size in sizes) > MAX_TOTAL_BYTES:
        raise InputError(f"{where}: unpacks to more than {MAX_TOTAL_BYTES} bytes: refused")
