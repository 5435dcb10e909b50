"""The data manifest: what the schema lets through, and what the real file says."""

from pathlib import Path

import pytest
import yaml

from latent_microscope.data.manifest import (
    SCHEMA,
    entry_as_params,
    find_file,
    load_manifest,
)
from latent_microscope.errors import InputError
from latent_microscope.project import asset

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "config" / "datasets.yaml"
SHA = "a" * 64


def write(tmp_path: Path, file_entry: dict, **extra: object) -> Path:
    files = {"f.npy": {"role": "counts"} | file_entry}
    entry = {"description": "d", "version": "1", "licence": "none", "files": files}
    path = tmp_path / "datasets.yaml"
    path.write_text(yaml.safe_dump({"datasets": {"toy": entry | extra}}))
    return path


def test_the_real_manifest_is_valid_and_complete() -> None:
    manifest = load_manifest(MANIFEST)
    assert set(manifest) >= {
        "celeba-full",
        "celeba-10k-half",
        "cifar10-archive",
        "cifar10-parquet",
        "cifar10h",
        "cifar10h-published-predictions",
        "vae-celeba-weights",
        "demo-faces",
        "demo-objects",
    }
    for dataset in manifest.values():
        assert dataset.licence
        for file in dataset.files.values():
            if not file.generated:
                assert file.sha256 or file.md5 or file.check, file.label
                assert file.url or file.kaggle or file.mirror, file.label


def test_no_two_variants_share_a_place_in_the_mirror() -> None:
    places = [f.mirror for d in load_manifest(MANIFEST).values() for f in d.files.values()]
    places = [place for place in places if place]
    assert len(places) == len(set(places))


def test_urls_are_https() -> None:
    urls = [f.url for d in load_manifest(MANIFEST).values() for f in d.files.values() if f.url]
    assert len(urls) >= 7
    assert all(url.startswith("https://") for url in urls)


def test_a_kaggle_source_is_read() -> None:
    file = find_file(load_manifest(MANIFEST), "celeba-full", "celeba-dataset.zip")
    assert file.kaggle is not None
    assert file.kaggle.dataset == "jessicali9530/celeba-dataset"
    assert file.kaggle.file is None


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"url": "https://x/f", "sha256": SHA, "shasum": 1}, "shasum"),
        ({"url": "ftp://x/f", "sha256": SHA}, "ftp://x/f"),
        ({"url": "https://x/f", "sha256": SHA, "role": "picture"}, "role"),
        ({"url": "https://x/f", "sha256": "123"}, "sha256"),
        ({"url": "https://x/f", "sha256": None}, "needs a check of its content"),
        ({"sha256": SHA}, "needs a url, a kaggle source or a place in the mirror"),
        ({"url": None, "sha256": SHA}, "needs a url"),
        ({"mirror": "../f", "sha256": SHA}, "mirror"),
        ({"mirror": "/f", "sha256": SHA}, "mirror"),
        ({"mirror": "a/../../f", "sha256": SHA}, "mirror"),
        ({"generated": True, "url": "https://x/f"}, "url"),
        ({"generated": False}, "generated"),
        ({"url": "https://x/f", "sha256": SHA, "bytes": 0}, "bytes"),
        ({"kaggle": {"dataset": "no-owner"}, "sha256": SHA}, "dataset"),
        ({"url": "https://x/f", "check": {"kind": "npy", "rows": 3}}, "'rows' was unexpected"),
        ({"url": "https://x/f", "check": {"kind": "npy", "shape": ["3"]}}, "shape.0"),
        ({"url": "https://x/f", "check": {"kind": "pickle"}}, "check"),
        ({"url": "https://reader:swordfish@x/f", "sha256": SHA}, "url: holds a credential"),
        ({"url": "https://x/f?a=1&Token=swordfish", "sha256": SHA}, "url: holds a credential"),
        ({"url": "https://x/f?X-Amz-Signature=swordfish", "sha256": SHA}, "holds a credential"),
        ({"url": "https://x/f#api_key=swordfish", "sha256": SHA}, "url: holds a credential"),
    ],
)
def test_the_schema_refuses(tmp_path: Path, entry: dict, named: str) -> None:
    with pytest.raises(InputError, match=r"datasets\.toy\.files") as caught:
        load_manifest(write(tmp_path, entry))
    assert named in str(caught.value)
    assert "swordfish" not in str(caught.value)


@pytest.mark.parametrize(
    "entry",
    [
        {"url": "https://x/f", "sha256": SHA},
        {"mirror": "a/f..npy", "sha256": SHA},
        {"generated": True},
        {"url": "https://x.org/a@b/monkey-key/f.npy?download=1&v=2", "sha256": SHA},
        {"kaggle": {"dataset": "a/b", "file": "c.csv"}, "sha256": SHA},
        {"url": "https://x/f", "sha256": None, "check": {"kind": "npy", "shape": [3, 2]}},
        {"url": "https://x/f", "sha256": None, "md5": "0" * 32},
    ],
)
def test_the_schema_accepts(tmp_path: Path, entry: dict) -> None:
    assert "f.npy" in load_manifest(write(tmp_path, entry))["toy"].files


def test_an_unknown_key_of_a_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="mirrors"):
        load_manifest(write(tmp_path, {"generated": True}, mirrors=[]))


def test_a_data_set_may_name_its_reader(tmp_path: Path) -> None:
    path = write(tmp_path, {"generated": True}, reader="my_lab.mri:read_slices")
    assert load_manifest(path)["toy"].reader == "my_lab.mri:read_slices"
    for wrong in ("my_lab.mri", "my lab:read", "a:b\n"):
        with pytest.raises(InputError, match="reader"):
            load_manifest(write(tmp_path, {"generated": True}, reader=wrong))


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_manifest(tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("datasets: [")
    with pytest.raises(InputError, match="not valid YAML"):
        load_manifest(broken)


def test_unknown_names_list_what_there_is() -> None:
    manifest = load_manifest(MANIFEST)
    with pytest.raises(InputError, match="cifar10-parquet"):
        find_file(manifest, "cifar11", "x")
    with pytest.raises(InputError, match=r"cifar10h-counts\.npy"):
        find_file(manifest, "cifar10h", "x")


def test_entry_as_params_changes_with_the_entry_only(tmp_path: Path) -> None:
    first = load_manifest(write(tmp_path, {"url": "https://x/f", "sha256": SHA}))
    other = load_manifest(write(tmp_path, {"url": "https://x/f", "sha256": "b" * 64}))
    a, b = (entry_as_params(find_file(m, "toy", "f.npy")) for m in (first, other))
    assert a != b
    assert a["sha256"] == SHA


def test_the_schema_describes_its_keys() -> None:
    schema = yaml.safe_load(asset(SCHEMA).read_text())
    keys = schema["$defs"]["file"]["properties"]
    assert {"url", "sha256", "mirror", "check", "generated"} <= set(keys)
    assert schema["additionalProperties"] is False
