"""Downloading a file of the manifest: mirror folder, HTTP with resume, or Kaggle; verified."""

import hashlib
import logging
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.exceptions import ChunkedEncodingError

from latent_microscope.data.content_checks import check_content
from latent_microscope.data.kaggle_client import fetch_from_kaggle
from latent_microscope.data.manifest import ManifestFile
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import atomic
from latent_microscope.progress import progress

log = logging.getLogger("latent_microscope")
# Its warnings of unusual responses show whole addresses, with their secrets.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)

ATTEMPTS = 6
TIMEOUT = (15.0, 60.0)
_CHUNK = 2**20
_RETRY_STATUS = {408, 425, 429, 500, 502, 503, 504}
# Headers come from anyone: no more digits than int() takes, no characters illegal in a request.
_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)")
_WHOLE = re.compile(r"bytes \*/([0-9]{1,18})")
_NUMBER = re.compile(r"[0-9]{1,18}")
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]{0,200}"')  # a weak one does not identify the bytes


class _TryAgainError(Exception):
    """A temporary fault of the network or the server; ``wait`` is what the server asked for."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


def obtain(
    file: ManifestFile,
    target: Path,
    mirror: Path | None = None,
    *,
    attempts: int = ATTEMPTS,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Put a file of the manifest at ``target``: whole and verified, or not at all.

    Tried in this order: the folder ``mirror``, Kaggle (if that is the source), HTTP. An interrupted
    HTTP download leaves ``target.part`` and continues from there the next time.
    """
    if file.generated:
        raise InputError(f"{file.label} is not downloaded: a rule of the workflow generates it")
    target.parent.mkdir(parents=True, exist_ok=True)
    copy = mirror / file.mirror if mirror and file.mirror else None
    if copy and copy.is_file():
        log.info("%s: from the mirror folder", file.label)
        with atomic(target) as temporary:
            shutil.copyfile(copy, temporary)
            verify(temporary, file)
    elif file.kaggle:
        fetch_from_kaggle(file, target, verify)
    elif file.url:
        part = target.with_name(target.name + ".part")
        _download(file, part, attempts, sleep)
        os.replace(part, target)
        _etag_path(part).unlink(missing_ok=True)
    else:
        raise InputError(
            f"{file.label}: has no public address; put it at {file.mirror} in a folder and "
            "set `download_mirror` in the config to that folder"
        )


def verify(path: Path, file: ManifestFile) -> None:
    """Check size, checksum and content of a file against the manifest."""
    size = path.stat().st_size
    if file.bytes is not None and size != file.bytes:
        amount = str(size) if size < file.bytes else f"over {file.bytes}"
        raise InputError(f"{file.label}: {amount} bytes, the manifest says {file.bytes}")
    for name, expected in (("sha256", file.sha256), ("md5", file.md5)):
        if expected is not None:
            with path.open("rb") as handle:
                digest = hashlib.file_digest(handle, name).hexdigest()
            if digest != expected:
                raise InputError(
                    f"{file.label}: its {name} is {digest}, the manifest says {expected}: another "
                    "version or a damaged file"
                )
    if file.check:
        check_content(path, file.check, file.label)
    if file.sha256 or file.md5:
        log.info("%s: checksum verified", file.label)
    else:
        checked = "its content was checked" if file.check else "NOTHING was verified"
        log.info("%s: no checksum of this variant is known yet; %s", file.label, checked)


def _download(
    file: ManifestFile, part: Path, attempts: int, sleep: Callable[[float], None]
) -> None:
    """Fill ``part`` and verify it; a resumed part that fails is downloaded again from 0."""
    resumed = part.exists()
    _fetch_with_retries(file, part, attempts, sleep)
    try:
        verify(part, file)
    except InputError:
        _discard(part)
        if not resumed:
            raise
        log.info("%s: the resumed download failed the check; starting from scratch", file.label)
        _download(file, part, attempts, sleep)


def _fetch_with_retries(
    file: ManifestFile, part: Path, attempts: int, sleep: Callable[[float], None]
) -> None:
    assert file.url is not None
    for attempt in range(1, attempts + 1):
        try:
            _fetch(file, part)
            return
        except _TryAgainError as error:
            if attempt == attempts:
                raise InputError(
                    f"{file.label}: {shown(file.url)} failed {attempts} times, last: {error}; run "
                    "again later (it resumes)" + file.mirror_hint
                ) from error
            wait = min(error.wait if error.wait is not None else 2.0 ** (attempt - 1), 120.0)
            next_attempt = f"attempt {attempt + 1} of {attempts} in {wait:.0f} s"
            log.info("%s: %s; %s", file.label, error, next_attempt)
            sleep(wait)
        except OSError:
            _discard(part)  # a full disk: free the space
            raise


def _fetch(file: ManifestFile, part: Path) -> None:
    """One attempt: append to ``part`` if the server can, else begin at 0."""
    assert file.url is not None
    have, etag = _resumable(file, part)
    headers = {"Accept-Encoding": "identity", "User-Agent": "latent-microscope"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if etag:
            headers["If-Range"] = etag
    try:
        with requests.get(file.url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            _receive(response, file, part, have)
    except (requests.ConnectionError, requests.Timeout, ChunkedEncodingError) as error:
        raise _TryAgainError(f"connection lost ({type(error).__name__})") from error
    except (requests.RequestException, UnicodeError) as error:
        raise InputError(
            f"{file.label}: {shown(file.url)} cannot be requested ({type(error).__name__})"
        ) from None


def _receive(response: requests.Response, file: ManifestFile, part: Path, have: int) -> None:
    status = response.status_code
    if status == 416:  # nothing after our part: it is whole, or a part of another file
        whole = _WHOLE.fullmatch(response.headers.get("Content-Range", ""))
        if whole and int(whole[1]) == have:
            return
        _discard(part)
        raise _TryAgainError("the partial download does not fit the file")
    if status in _RETRY_STATUS:
        wait = response.headers.get("Retry-After", "")
        raise _TryAgainError(f"HTTP {status}", float(wait) if _NUMBER.fullmatch(wait) else None)
    if status not in (200, 206):
        raise InputError(
            f"{file.label}: {shown(response.url)} returns HTTP {status}; check the address in "
            "the manifest" + file.mirror_hint
        )
    start, total = _extent(response, have)
    etag = response.headers.get("ETag", "")
    _etag_path(part).unlink(missing_ok=True)
    if _STRONG_ETAG.fullmatch(etag):
        _etag_path(part).write_text(etag, encoding="utf-8")
    size = total - start if total is not None else 0
    with (
        part.open("r+b" if start else "wb") as handle,
        progress(file.label, max(size, 1), "bytes") as bar,
    ):
        handle.seek(start)
        handle.truncate()
        for block in response.iter_content(_CHUNK):
            handle.write(block)
            bar.advance(len(block))
            if file.bytes is not None and handle.tell() > file.bytes:
                break  # an endless response must not fill the disk; verify() reports it
        handle.flush()
        os.fsync(handle.fileno())
        written = handle.tell()
    too_much = file.bytes is not None and written > file.bytes
    if total is not None and written != total and not too_much:
        raise _TryAgainError(f"received only {written} of {total} bytes")


def _extent(response: requests.Response, have: int) -> tuple[int, int | None]:
    """Where this response begins, and the size of the whole file if the server gives it."""
    if response.status_code == 206:
        match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != have:
            raise _TryAgainError("the server sent another range than requested")
        return have, None if match[2] == "*" else int(match[2])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if _NUMBER.fullmatch(length) else None


def _resumable(file: ManifestFile, part: Path) -> tuple[int, str | None]:
    """Bytes to keep of an old part, and its tag: only if a checksum or the tag can verify them."""
    if not part.exists():
        return 0, None
    path = _etag_path(part)
    etag = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    known = _STRONG_ETAG.fullmatch(etag) is not None
    if not known and file.sha256 is None and file.md5 is None:
        return 0, None
    return part.stat().st_size, etag if known else None


def _etag_path(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _etag_path(part).unlink(missing_ok=True)


def shown(url: str) -> str:
    """A URL for a log: without user, password and query."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
