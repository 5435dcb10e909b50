"""What goes wrong around a run: kills, full disks, two at once, lost downloads; docs/faults.md."""

import hashlib
import os
import random
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import chaos  # type: ignore[import-not-found]
import numpy as np
import pytest
import runs  # type: ignore[import-not-found]
import yaml
from snakemake_project import (  # type: ignore[import-not-found]
    ROOT,
    Project,
    copy_project,
    tiny,
)

pytestmark = pytest.mark.workflow

RUN = "results/tiny-faces/vae/whole/seed0"
EVERY_KIND = [
    f"{RUN}/latents.npy",
    f"{RUN}/figures/vae-samples.png",
    "results/tiny-objects/rsa/euclidean-ceiling.parquet",
]
"""Targets with every kind of artefact behind them; a run through SLURM compares more steps."""
WEIGHTS = f"{RUN}/weights.pt"
PACKED = "results/tiny-faces/data/images.npy"
COUNTS = "data/cifar10h/cifar10h-counts.npy"
PAGE = ROOT / "docs/faults.md"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return copy_project(tmp_path / "project")


def one_error(output: str) -> str:
    """The message of the one step that failed."""
    found = {line.partition(" ERROR ")[2] for line in output.splitlines() if " ERROR " in line}
    assert len(found) == 1, output
    assert "Traceback" not in output
    return found.pop()


def test_killed_at_random_the_next_run_makes_the_same_bytes(
    finished: Project, project: Project
) -> None:
    """In another folder, and on one core instead of two."""
    arguments = tiny("--cores", "1", targets=EVERY_KIND)
    steps = project.plan(*arguments).total()
    rng = random.Random(5)
    # By steps that are done, and a moment after: no clock of another run is needed.
    timeline = [float(10 * step) for step in range(1, steps + 1)]
    moments = [10 * done + rng.uniform(0, 4) for done in rng.sample(range(steps), 2)]
    kills = [
        chaos.kill_at(project.folder, arguments, moment, timeline) for moment in sorted(moments)
    ]
    assert all(kill.done < steps for kill in kills)
    runs.start(project.folder, arguments).finish()
    made = runs.digests(project.folder)
    assert {Path(name).suffix for name in made} >= {".npy", ".parquet", ".pt", ".png", ".pdf"}
    assert {Path(name).suffix for name in made} >= {".zip", ".txt"}
    undisturbed = runs.digests(finished.folder)
    assert made.keys() <= undisturbed.keys()
    assert [name for name in made if made[name] != undisturbed[name]] == []
    assert list(project.folder.rglob(".tmp-*")) == []


@pytest.mark.slow
def test_a_training_killed_at_random_ends_with_the_same_bytes(
    finished: Project, tmp_path: Path
) -> None:
    sidecar = finished.folder / f"{WEIGHTS}.meta.json"
    moments, count, differing = chaos.disturb_training(
        finished.folder,
        partial(chaos.training_command, sidecar, epochs=5),
        tmp_path,
        2,
        random.Random(0),
    )
    assert len(moments) == 2
    assert count == 4
    assert differing == []


def test_two_runs_a_kill_and_ctrl_c_meet_snakemakes_lock(project: Project) -> None:
    arguments = tiny("--cores", "1", targets=[PACKED])
    first = runs.start(project.folder, arguments)
    assert first.wait_until(lambda output: bool(runs.running(output)))
    try:
        first.pause()
        second = project.snakemake(*arguments)
        assert second.returncode == 1
        assert second.stdout.count("LockException") == 1
    finally:
        first.resume()
    first.kill()
    refused = project.snakemake(*arguments)
    assert refused.returncode == 1
    assert "LockException" in refused.stdout
    assert "--unlock" in refused.stdout
    third = runs.start(project.folder, arguments)
    assert third.wait_until(lambda output: bool(runs.running(output)))
    assert third.interrupt() != 0
    assert not (project.folder / PACKED).exists()
    done = project.snakemake(*arguments)  # no lock is left
    assert done.returncode == 0, done.stdout
    assert (project.folder / PACKED).exists()


@pytest.fixture
def small_disk(project: Project) -> Iterator[Path]:
    """The project's results on a disk of half a MiB."""
    folder = project.folder / "results"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs root, to mount a small tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up_is_one_message_and_room_is_enough(
    finished: Project, project: Project, small_disk: Path
) -> None:
    shutil.copytree(finished.folder / "data", project.folder / "data")
    arguments = tiny("--cores", "1", targets=[PACKED])
    done = project.snakemake(*arguments)
    assert done.returncode == 1
    assert f"{PACKED}: no space left" in one_error(done.stdout)
    assert {path.suffix for path in small_disk.rglob("*") if path.is_file()} <= {".log"}
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    done = project.snakemake(*arguments)
    assert done.returncode == 0, done.stdout
    assert (project.folder / PACKED).read_bytes() == (finished.folder / PACKED).read_bytes()


class Slow:
    """A server that sends half of a file and then waits, as long as it is slow."""

    def __init__(self, content: bytes) -> None:
        self.ranges: list[str | None] = []
        self.slow = True
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

            def do_GET(self) -> None:
                wanted = self.headers.get("Range")
                server.ranges.append(wanted)
                first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
                self.send_response(206 if wanted else 200)
                self.send_header("ETag", '"one"')
                self.send_header("Content-Length", str(len(content) - first))
                last = f"{len(content) - 1}/{len(content)}"
                self.send_header("Content-Range", f"bytes {first}-{last}")
                self.end_headers()
                if server.slow:
                    self.wfile.write(content[: len(content) // 2])
                    time.sleep(60)
                else:
                    self.wfile.write(content[first:])

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_port}/file.npy"

    def close(self) -> None:
        self._http.shutdown()


def set_source(project: Project, content: bytes, url: str) -> None:
    """Let the manifest's CIFAR-10H come from here."""
    manifest = project.folder / "config/datasets.yaml"
    entries = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    entries["datasets"]["cifar10h"]["files"]["cifar10h-counts.npy"] = {
        "role": "counts",
        "url": url,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    manifest.write_text(yaml.safe_dump(entries), encoding="utf-8")


def test_a_download_killed_in_the_middle_goes_on_from_there(project: Project) -> None:
    content = np.random.default_rng(0).bytes(6 * 2**20)
    server = Slow(content)
    set_source(project, content, server.url)
    arguments = [COUNTS, "--cores", "1"]
    part = project.folder / f"{COUNTS}.part"
    try:
        run = runs.start(project.folder, arguments)
        assert run.wait_until(lambda _: part.exists() and part.stat().st_size >= 2 * 2**20)
        run.kill()
        assert not (project.folder / COUNTS).exists()
        begun = part.stat().st_size
        server.slow = False
        runs.start(project.folder, arguments).finish()
    finally:
        server.close()
    assert server.ranges == [None, f"bytes={begun}-"]
    assert (project.folder / COUNTS).read_bytes() == content
    assert not part.exists()


def test_until_stops_there_and_forcerun_changes_no_byte(finished: Project) -> None:
    arguments = tiny("--cores", "2")
    before = runs.digests(finished.folder)
    assert finished.plan(*arguments).total() == 0
    jobs = finished.plan(*arguments, "--forcerun", "pack_faces", "--until", "pack_faces")
    assert jobs == {"pack_faces": 1}
    done = finished.snakemake(*arguments, "--forcerun", "pack_faces", "--until", "pack_faces")
    assert done.returncode == 0, done.stdout
    assert runs.digests(finished.folder) == before
    # Made anew with the same content: nothing that reads it has to run.
    assert finished.plan(*arguments).total() == 0


def test_a_training_is_not_repeated_on_the_same_bytes(finished: Project) -> None:
    arguments = tiny("--cores", "2")
    before = runs.digests(finished.folder)
    log = finished.folder / "results/tiny-faces/logs/train_vae-whole-seed0.log"
    forced = [*arguments, "--forcerun", "pack_faces", "--until", "train_vae"]
    assert finished.plan(*forced) == {"pack_faces": 1, "train_vae": 1}
    done = finished.snakemake(*forced)
    assert done.returncode == 0, done.stdout
    assert "not trained again" in log.read_text()
    assert runs.digests(finished.folder) == before
    assert finished.plan(*arguments).total() == 0


def test_every_row_of_the_page_names_its_test() -> None:
    """And every test that it names is there."""
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| *"]
    assert len(rows) > 12
    tests = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
    }
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named, row
        assert set(named) <= tests, row
