"""A server that answers anything at all: the file is whole, or one message, and never a mess."""

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judge import little_memory, processor_time  # type: ignore[import-not-found]

from latent_microscope.data.download import obtain
from latent_microscope.data.manifest import ManifestFile
from latent_microscope.errors import InputError
from latent_microscope.messages import one_line

CONTENT = b"0123456789" * 20
COUNT = 150
STATUS = [
    "200 OK",
    "206 Partial Content",
    "416 Nope",
    "301 Moved",
    "302 Found",
    "404 No",
    "503 Busy",
]
STATUS += ["204 No Content", "100 Continue", "999 What", "abc", "200"]
VALUES = [
    "0",
    "200",
    "-5",
    "9" * 30,
    "9" * 5000,
    "²",
    "1e9",
    "gzip",
    "chunked",
    "bytes 0-199/200",
    "bytes 50-199/200",
    "bytes */200",
    "bytes */" + "9" * 5000,
    f"bytes {'9' * 5000}-1/*",
    '"one"',
    'W/"one"',
    '"o\x0bne"',
    "\xff\xfe",
    "http://",
    "http://127.0.0.1:99999999/",
    "http://[::1/",
    "http://.example/x",
    "file:///etc/passwd",
    "ftp://127.0.0.1/x",
    "//",
    "x" * 70000,
]
NAMES = ["Content-Length", "Content-Range", "ETag", "Retry-After", "Location", "Content-Encoding"]
NAMES += ["Transfer-Encoding", "X", ""]


def answer(status: str, headers: list[tuple[str, str]], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


ANSWERS = st.builds(
    answer,
    st.sampled_from(["200 OK", "206 Partial Content", *STATUS]),
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=4),
    st.sampled_from(
        [CONTENT, CONTENT[50:], CONTENT[:50], b"", b"\x1f\x8bxx", b"5\r\nabc", CONTENT * 99]
    ),
) | st.binary(max_size=60)


class Server:
    """Sends the same bytes to whoever connects."""

    def __init__(self) -> None:
        self.answer = b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(2)
                try:
                    connection.recv(65536)
                    connection.sendall(self.answer)
                except OSError:
                    continue

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def test_an_answer_of_any_kind_gives_the_file_or_one_message(
    server: Server, tmp_path: Path, record_property: Any
) -> None:
    file = ManifestFile(
        dataset="toy",
        name="file.bin",
        role="archive",
        url=f"http://user:hunter2@127.0.0.1:{server.port}/file.bin?token=hunter3",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        bytes=len(CONTENT),
    )
    target, part = tmp_path / "file.bin", tmp_path / "file.bin.part"
    tried: set[tuple[bytes, bytes]] = set()
    good = 0

    @settings(
        max_examples=COUNT,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(ANSWERS, st.sampled_from([b"", b"", CONTENT[:50], CONTENT, CONTENT * 2]))
    def try_one(sent: bytes, begun: bytes) -> None:
        nonlocal good
        for path in tmp_path.iterdir():
            path.unlink()
        if begun:
            part.write_bytes(begun)
        tried.add((sent, begun))
        server.answer = sent
        message = ""
        try:
            with processor_time(10):
                obtain(file, target, attempts=2, sleep=lambda _: None)
        except InputError as error:
            message = one_line(str(error))
        left = {path.name for path in tmp_path.iterdir()}
        assert left <= {"file.bin", "file.bin.part", "file.bin.part.etag"}
        if message:
            assert "file.bin" not in left
            assert message.startswith("toy/file.bin: ")
            assert "hunter" not in message
            assert len(message) < 2000
            assert not part.exists() or part.stat().st_size <= 2 * len(CONTENT) + 2**20
        else:
            good += 1
            assert left == {"file.bin"}
            assert target.read_bytes() == CONTENT

    with little_memory():
        begun = time.process_time()
        try_one()
    assert good > 2
    assert len(tried) > 0.65 * COUNT
    record_property("hostile inputs", len(tried))
    record_property("processor seconds", time.process_time() - begun)
