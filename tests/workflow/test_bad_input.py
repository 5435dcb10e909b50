"""Bad input as the user meets it: Snakemake fails, one message says what to do, nothing is left."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from snakemake_project import (  # type: ignore[import-not-found]
    Project,
    copy_project,
    edited,
    tiny,
)

pytestmark = pytest.mark.workflow

COUNTS = "data/cifar10h/cifar10h-counts.npy"
CLOSED = "http://127.0.0.1:9/cifar10h-counts.npy"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy whose CIFAR-10H has an address that nobody serves, and that gives up at once."""
    project = copy_project(tmp_path_factory.mktemp("bad"))
    manifest = project.folder / "config/datasets.yaml"
    content = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    content["datasets"]["cifar10h"]["files"]["cifar10h-counts.npy"]["url"] = CLOSED
    manifest.write_text(yaml.safe_dump(content), encoding="utf-8")
    code = project.folder / "src/latent_microscope/data/download.py"
    text = code.read_text(encoding="utf-8")
    assert text.count("ATTEMPTS = 6") == 1
    code.write_text(text.replace("ATTEMPTS = 6", "ATTEMPTS = 1"), encoding="utf-8")
    return project


def refused(project: Project, target: str, *options: str, home: Path | None = None) -> str:
    """The one message of a run that must fail without leaving a part of its output."""
    environment = {"HOME": str(home), "XDG_CONFIG_HOME": str(home)} if home else {}
    done = project.snakemake(target, *options, "--cores", "1", environment=environment)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout
    folder = (project.folder / target).parent
    left = [p.name for p in folder.rglob("*")] if folder.exists() else []
    assert left == []
    # The step's log, which Snakemake shows.
    found = {line.partition(" ERROR ")[2] for line in done.stdout.splitlines() if " ERROR " in line}
    assert len(found) == 1, done.stdout
    return found.pop()


def test_no_mirror_and_no_network(project: Project) -> None:
    message = refused(project, COUNTS)
    assert message.startswith("error: cifar10h/cifar10h-counts.npy: http://127.0.0.1:9")
    assert "mirror" in message


def test_no_public_address(project: Project) -> None:
    message = refused(project, "data/celeba-10k-half/identity_CelebA.txt")
    assert "celeba-10k-half/identity_CelebA.txt" in message
    assert "`mirror`" in message


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"\x93NUMPY", r"6 bytes.* 800128"),
        (bytes(800128), r"[0-9a-f]{16}|damaged"),
    ],
    ids=["truncated", "wrong checksum"],
)
def test_bad_file_in_the_mirror(
    project: Project, tmp_path: Path, content: bytes, wanted: str
) -> None:
    (tmp_path / "cifar10h").mkdir()
    (tmp_path / "cifar10h/cifar10h-counts.npy").write_bytes(content)
    message = refused(project, COUNTS, "--config", f"mirror={tmp_path}")
    assert message.startswith("error: cifar10h/cifar10h-counts.npy: ")
    assert re.search(wanted, message), message


def test_no_kaggle_credentials(project: Project, tmp_path: Path) -> None:
    message = refused(project, "data/celeba-full/celeba-dataset.zip", home=tmp_path)
    assert message.startswith("error: celeba-full/celeba-dataset.zip: ")
    assert "kaggle.json" in message


def damaged(archive: str, name: str, change: Callable[[bytes], bytes]) -> str:
    """A zip, as latin-1 text, with one member changed."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive.encode("latin-1"))) as old,
        zipfile.ZipFile(made, "w") as new,
    ):
        for info in old.infolist():
            content = old.read(info)
            new.writestr(info, change(content) if info.filename.endswith(name) else content)
    return made.getvalue().decode("latin-1")


@pytest.mark.parametrize(
    ("name", "change", "wanted"),
    [
        ("000007.jpg", lambda image: image[: len(image) // 2], r"000007\.jpg"),
        (
            "list_attr_celeba.csv",
            lambda table: table.replace(b"000007.jpg", b"700000.jpg"),
            r"list_attr_celeba\.csv: 1 of 400 .*'000007\.jpg'",
        ),
    ],
    ids=["corrupt image", "attributes of another image"],
)
def test_damaged_faces(
    project: Project, name: str, change: Callable[[bytes], bytes], wanted: str
) -> None:
    archive = project.folder / "data/demo-faces/demo-faces.zip"
    if not archive.exists():
        made = project.snakemake(str(archive.relative_to(project.folder)), "--cores", "1")
        assert made.returncode == 0, made.stdout
    with edited(archive, lambda text: damaged(text, name, change)):
        message = refused(project, *tiny(targets=["results/tiny-faces/data/images.npy"]))
    assert re.search(wanted, message), message
