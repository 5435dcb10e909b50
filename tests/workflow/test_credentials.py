"""Credentials reach the servers they are for, and no file, log, report or crate of ours."""

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from snakemake_project import (  # type: ignore[import-not-found]
    SECRETS,
    copy_project,
    holding,
)
from test_faults import COUNTS, set_source  # type: ignore[import-not-found]

pytestmark = pytest.mark.workflow

USER, PASSWORD = "reader", "swordfish-of-netrc"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
CONTENT = np.random.default_rng(0).bytes(1000)


class Guarded:
    """A server that wants a user and a password."""

    def __init__(self) -> None:
        self.seen: list[str | None] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

            def do_GET(self) -> None:
                given = self.headers.get("Authorization")
                server.seen.append(given)
                body = CONTENT if given == f"Basic {BASIC}" else b""
                self.send_response(200 if body else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()
        self.address = f"127.0.0.1:{self.http.server_port}/file.npy"


@pytest.fixture
def server() -> Iterator[Guarded]:
    made = Guarded()
    yield made
    made.http.shutdown()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    netrc = folder / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n", encoding="utf-8")
    netrc.chmod(0o600)
    return folder


def test_a_download_with_a_password_leaves_no_trace_of_it(
    server: Guarded, home: Path, tmp_path: Path
) -> None:
    project = copy_project(tmp_path / "project")
    set_source(project, CONTENT, f"http://{server.address}")
    environment = SECRETS | {"HOME": str(home)}
    done = project.snakemake(COUNTS, "--cores", "1", "--verbose", environment=environment)
    assert done.returncode == 0, done.stdout
    assert server.seen == [f"Basic {BASIC}"]
    assert (project.folder / COUNTS).read_bytes() == CONTENT
    secrets = {"password": PASSWORD, "basic": BASIC, **SECRETS}
    assert holding(project.folder, secrets) == []
    assert [word for word in secrets.values() if word in done.stdout] == []


def test_a_credential_in_the_manifest_is_refused_and_not_repeated(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    set_source(project, CONTENT, "http://reader:swordfish@127.0.0.1:9/x.npy")
    done = project.snakemake(COUNTS, "--cores", "1")
    assert done.returncode == 1
    assert "cifar10h-counts.npy.url" in done.stdout
    assert ".netrc" in done.stdout
    assert "swordfish" not in done.stdout
    (project.folder / "config/datasets.yaml").unlink()
    assert holding(project.folder, {"": "swordfish"}) == []
