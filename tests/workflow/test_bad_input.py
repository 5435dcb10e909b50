"""Bad input as the user meets it: Snakemake fails, one message says what to do, nothing is left."""

import io
import re
import zipfile
from collections.abc import Callable, Sequence
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


def refused(
    project: Project, *arguments: str, targets: Sequence[str], home: Path | None = None
) -> list[str]:
    """The messages, one per target, of a run that must fail and leave no part of an output."""
    environment = {"HOME": str(home), "XDG_CONFIG_HOME": str(home)} if home else {}
    words = [*targets, "--cores", "1", "--keep-going", *arguments]
    done = project.snakemake(*words, environment=environment)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout
    folders = [(project.folder / target).parent for target in targets]
    assert [path for folder in folders for path in folder.rglob("*")] == []
    # The steps' logs, which Snakemake shows.
    found = {line.partition(" ERROR ")[2] for line in done.stdout.splitlines() if " ERROR " in line}
    assert len(found) == len(targets), done.stdout
    return sorted(found)


def test_files_that_cannot_be_downloaded(project: Project, tmp_path: Path) -> None:
    half, full = "celeba-10k-half/identity_CelebA.txt", "celeba-full/celeba-dataset.zip"
    targets = [COUNTS, f"data/{half}", f"data/{full}"]
    private, kaggle, closed = refused(project, targets=targets, home=tmp_path)
    assert private.startswith(f"error: {half}: ")
    assert "`download_mirror`" in private
    assert kaggle.startswith(f"error: {full}: ")
    assert "kaggle.json" in kaggle
    assert closed.startswith(f"error: cifar10h/cifar10h-counts.npy: {CLOSED[:18]}")
    assert "mirror" in closed


def test_bad_files_in_the_mirror(project: Project, tmp_path: Path) -> None:
    (tmp_path / "cifar10h").mkdir()
    sizes = {"counts": 800128, "probs": 800128}
    (tmp_path / "cifar10h/cifar10h-counts.npy").write_bytes(b"\x93NUMPY")
    (tmp_path / "cifar10h/cifar10h-probs.npy").write_bytes(bytes(sizes["probs"]))
    targets = [f"data/cifar10h/cifar10h-{name}.npy" for name in sizes]
    short, damaged = refused(project, "--config", f"download_mirror={tmp_path}", targets=targets)
    assert short.startswith("error: cifar10h/cifar10h-counts.npy: ")
    assert re.search(rf"\b6 bytes.*\b{sizes['counts']}\b", short), short
    assert damaged.startswith("error: cifar10h/cifar10h-probs.npy: ")
    assert "damaged" in damaged


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
        images = "results/tiny-faces/data/images.npy"
        (message,) = refused(project, *tiny(targets=[]), targets=[images])
    assert re.search(wanted, message), message
