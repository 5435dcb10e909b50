"""Downloads against a server on the loopback that behaves as badly as real ones."""

import errno
import hashlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latent_microscope.data import download
from latent_microscope.data.download import obtain, shown
from latent_microscope.data.manifest import ManifestFile
from latent_microscope.errors import InputError

CONTENT = np.random.default_rng(0).bytes(3 * 2**20 + 17)
SHA = hashlib.sha256(CONTENT).hexdigest()
Behaviour = Callable[[BaseHTTPRequestHandler, int], bool]


class Server:
    """Serves CONTENT with ranges; ``behave`` may answer a request by itself."""

    def __init__(self) -> None:
        self.requests: list[dict[str, str]] = []
        self.behave: Behaviour = lambda handler, number: False
        self.etag: str | None = '"one"'
        self.content = CONTENT
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

            def do_GET(self) -> None:
                server.requests.append(dict(self.headers))
                if not server.behave(self, len(server.requests)):
                    server.answer(self)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/data/file.bin"

    def answer(self, handler: BaseHTTPRequestHandler, stop_after: int | None = None) -> None:
        start, wanted = 0, handler.headers.get("Range")
        condition = handler.headers.get("If-Range")
        if wanted and condition in (None, self.etag):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(self.content):
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(self.content)}")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        handler.send_response(206 if start else 200)
        if start:
            last = len(self.content) - 1
            handler.send_header("Content-Range", f"bytes {start}-{last}/{len(self.content)}")
        if self.etag:
            handler.send_header("ETag", self.etag)
        handler.send_header("Content-Length", str(len(self.content) - start))
        handler.end_headers()
        body = self.content[start:]
        handler.wfile.write(body if stop_after is None else body[:stop_after])


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()
    made.thread.join(5)


def entry(server: Server | None, **options: Any) -> ManifestFile:
    options = {"sha256": SHA, "url": server.url if server else None} | options
    return ManifestFile(dataset="toy", name="file.bin", role="archive", **options)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def refuse_status(status: int, times: int, **headers: str) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler, number: int) -> bool:
        if number > times:
            return False
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    return behave


def test_a_plain_download(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "data" / "file.bin"
    obtain(entry(server), target)
    assert target.read_bytes() == CONTENT
    assert names(target.parent) == ["file.bin"]


def test_a_truncating_server_is_continued_where_it_stopped(server: Server, tmp_path: Path) -> None:
    def behave(handler: BaseHTTPRequestHandler, number: int) -> bool:
        if number > 2:
            return False
        server.answer(handler, stop_after=2**20)
        return True

    server.behave = behave
    waits: list[float] = []
    obtain(entry(server), tmp_path / "file.bin", sleep=waits.append)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert len(server.requests) == 3
    assert "Range" not in server.requests[0]
    starts = [int(r["Range"].removeprefix("bytes=").rstrip("-")) for r in server.requests[1:]]
    assert 0 < starts[0] < starts[1] < len(CONTENT)
    assert waits == [1.0, 2.0]


def test_503_then_ok_waits_as_long_as_the_server_asks(server: Server, tmp_path: Path) -> None:
    server.behave = refuse_status(503, 2, Retry_After="7")
    waits: list[float] = []
    obtain(entry(server), tmp_path / "file.bin", sleep=waits.append)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert waits == [7.0, 7.0]


def test_a_server_that_stays_down_ends_in_an_input_error(server: Server, tmp_path: Path) -> None:
    server.behave = refuse_status(503, 99)
    waits: list[float] = []
    with pytest.raises(InputError, match=r" 3 times.*HTTP 503.*copies/file\.bin"):
        obtain(
            entry(server, mirror="copies/file.bin"),
            tmp_path / "file.bin",
            attempts=3,
            sleep=waits.append,
        )
    assert waits == [1.0, 2.0]
    assert names(tmp_path) == []


def test_404_is_not_tried_again(server: Server, tmp_path: Path) -> None:
    server.behave = refuse_status(404, 99)
    with pytest.raises(InputError, match="HTTP 404"):
        obtain(entry(server), tmp_path / "file.bin", sleep=lambda _: pytest.fail("waited"))
    assert len(server.requests) == 1
    assert names(tmp_path) == []


def test_a_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"sha256 .*{SHA}.*{'0' * 64}"):
        obtain(entry(server, sha256="0" * 64), tmp_path / "file.bin")
    assert names(tmp_path) == []
    assert len(server.requests) == 1


def test_md5_and_size_are_checked_too(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="md5"):
        obtain(entry(server, sha256=None, md5="0" * 32), tmp_path / "file.bin")
    with pytest.raises(InputError, match=r"toy/file.bin: .*5 bytes"):
        obtain(entry(server, bytes=5), tmp_path / "file.bin")
    assert names(tmp_path) == []


def test_a_part_is_continued(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:1000])
    (tmp_path / "file.bin.part.etag").write_text('"one"')
    obtain(entry(server), tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.requests[0]["Range"] == "bytes=1000-"
    assert server.requests[0]["If-Range"] == '"one"'
    assert names(tmp_path) == ["file.bin"]


def test_a_complete_part_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    obtain(entry(server), tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_a_part_longer_than_the_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT + b"more")
    obtain(entry(server), tmp_path / "file.bin", sleep=lambda _: None)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_part_of_another_version_is_replaced(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(b"x" * 1000)
    (tmp_path / "file.bin.part.etag").write_text('"old"')
    obtain(entry(server), tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_a_rotten_part_without_tag_is_found_by_the_checksum(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(b"x" * 1000)
    obtain(entry(server), tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert [r.get("Range") for r in server.requests] == ["bytes=1000-", None]


def test_without_checksum_or_tag_a_part_is_not_trusted(server: Server, tmp_path: Path) -> None:
    server.etag = None
    (tmp_path / "file.bin.part").write_bytes(b"x" * 1000)
    obtain(entry(server, sha256=None), tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert "Range" not in server.requests[0]


def test_a_server_without_ranges_starts_anew(server: Server, tmp_path: Path) -> None:
    def behave(handler: BaseHTTPRequestHandler, number: int) -> bool:
        del handler.headers["Range"]
        return False

    server.behave = behave
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:1000])
    obtain(entry(server), tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_an_old_file_survives_a_failed_download(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(b"old")
    with pytest.raises(InputError):
        obtain(entry(server, sha256="0" * 64), tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == b"old"


def test_the_mirror_comes_first_and_is_verified(server: Server, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    (mirror / "a").mkdir(parents=True)
    (mirror / "a" / "copy.bin").write_bytes(CONTENT)
    file = entry(server, mirror="a/copy.bin")
    obtain(file, tmp_path / "out" / "file.bin", mirror)
    assert (tmp_path / "out" / "file.bin").read_bytes() == CONTENT
    assert server.requests == []
    (mirror / "a" / "copy.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(InputError, match="sha256"):
        obtain(file, tmp_path / "two" / "file.bin", mirror)
    assert names(tmp_path / "two") == []


def test_a_file_that_is_not_in_the_mirror_is_downloaded(server: Server, tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    obtain(entry(server, mirror="a/copy.bin"), tmp_path / "file.bin", tmp_path / "mirror")
    assert len(server.requests) == 1


def test_no_address_and_no_mirror_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a/copy\.bin.*mirror"):
        obtain(entry(None, mirror="a/copy.bin"), tmp_path / "file.bin")


def test_generated_files_are_not_downloaded(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"toy/file.bin"):
        obtain(entry(None, generated=True), tmp_path / "file.bin")


def test_without_a_checksum_the_content_is_checked_and_the_log_says_so(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    array = tmp_path / "array.npy"
    np.save(array, np.zeros((4, 3)))
    server.content = array.read_bytes()
    good = entry(server, sha256=None, check={"kind": "npy", "shape": [4, 3]})
    with caplog.at_level(logging.INFO, "latent_microscope"):
        logging.getLogger("latent_microscope").propagate = True
        obtain(good, tmp_path / "file.bin")
    assert "no checksum" in caplog.text
    bad = entry(server, sha256=None, check={"kind": "npy", "shape": [4, 4]})
    with pytest.raises(InputError, match=r"toy/file.bin: .*shape.*\[4, 3\]"):
        obtain(bad, tmp_path / "bad.bin")
    assert not (tmp_path / "bad.bin").exists()


class _FullDisk:
    """A file that takes some bytes and then meets the end of the disk."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle

    def __enter__(self) -> "_FullDisk":
        return self

    def __exit__(self, *_: object) -> None:
        self.handle.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.handle, name)

    def write(self, data: bytes) -> int:
        if self.handle.tell() > 2**20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.handle.write(data)


def test_a_full_disk_leaves_nothing_behind(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def full(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        handle = opened(self, mode, *args, **kwargs)
        return _FullDisk(handle) if "b" in mode and ("w" in mode or "+" in mode) else handle

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space left") as caught:
        obtain(entry(server), tmp_path / "file.bin")
    assert caught.value.errno == errno.ENOSPC
    assert names(tmp_path) == []


def test_a_full_disk_while_copying_from_the_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror, out = tmp_path / "mirror", tmp_path / "out"
    mirror.mkdir()
    (mirror / "copy.bin").write_bytes(CONTENT)

    def full(source: Path, target: Path) -> None:
        Path(target).write_bytes(CONTENT[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(download.shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        obtain(entry(None, mirror="copy.bin"), out / "file.bin", mirror)
    assert names(out) == []


def test_a_closed_port_is_tried_again_and_then_named(tmp_path: Path) -> None:
    made = Server()
    made.http.shutdown()
    made.http.server_close()
    waits: list[float] = []
    with pytest.raises(InputError, match=r" 2 times.*ConnectionError"):
        obtain(entry(made), tmp_path / "file.bin", attempts=2, sleep=waits.append)
    assert waits == [1.0]


def test_urls_are_shown_without_secrets() -> None:
    url = "https://user:secret@host.org:8443/a/b.zip?X-Signature=abc#frag"
    assert shown(url) == "https://host.org:8443/a/b.zip"


def test_an_error_message_shows_no_query(server: Server, tmp_path: Path) -> None:
    server.behave = refuse_status(403, 99)
    with pytest.raises(InputError, match="HTTP 403") as caught:
        obtain(entry(server, url=server.url + "?token=secret"), tmp_path / "file.bin")
    assert "secret" not in str(caught.value)
