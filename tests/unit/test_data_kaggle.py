"""Kaggle: where credentials are looked for, what is said without them, what never shows."""

import inspect
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from latent_microscope.data import kaggle_client
from latent_microscope.data.download import obtain
from latent_microscope.data.kaggle_client import has_credentials
from latent_microscope.data.manifest import KaggleSource, ManifestFile
from latent_microscope.errors import InputError

SECRET = "s3cr3t-key"


@pytest.fixture(autouse=True)
def _no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "KAGGLE_USERNAME",
        "KAGGLE_KEY",
        "KAGGLE_API_TOKEN",
        "KAGGLE_CONFIG_DIR",
        "XDG_CONFIG_HOME",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def entry(**options: Any) -> ManifestFile:
    source = options.pop("kaggle", KaggleSource("owner/name"))
    return ManifestFile(
        dataset="faces",
        name="faces.zip",
        role="archive",
        kaggle=source,
        mirror="m/faces.zip",
        **options,
    )


class Client:
    """Stands for KaggleApi: writes a file, or fails."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.calls: list[tuple[Any, ...]] = []

    def _save(self, path: str, name: str) -> None:
        print("Dataset URL: https://www.kaggle.com/signed?token=" + SECRET)
        if self.error is not None:
            raise self.error
        (Path(path) / name).write_bytes(b"content")

    def dataset_download_files(self, dataset: str, path: str, quiet: bool, unzip: bool) -> None:
        self.calls.append((dataset, quiet, unzip))
        self._save(path, "name.zip")

    def dataset_download_file(self, dataset: str, file: str, path: str, quiet: bool) -> None:
        self.calls.append((dataset, file, quiet))
        self._save(path, file)


def use(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "somebody")
    monkeypatch.setenv("KAGGLE_KEY", SECRET)
    monkeypatch.setattr(kaggle_client, "_client", lambda: client)


def test_no_credentials_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"KAGGLE_API_TOKEN.*KAGGLE_KEY.*m/faces\.zip"):
        obtain(entry(), tmp_path / "data" / "faces.zip")
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize(
    ("environment", "file"),
    [
        ({"KAGGLE_API_TOKEN": "x"}, None),
        ({"KAGGLE_USERNAME": "x", "KAGGLE_KEY": "y"}, None),
        ({}, "home/.kaggle/kaggle.json"),
        ({}, "home/.kaggle/access_token"),
        ({}, "home/.config/kaggle/kaggle.json"),
        ({"XDG_CONFIG_HOME": "{tmp}/xdg"}, "xdg/kaggle/kaggle.json"),
        ({"KAGGLE_CONFIG_DIR": "{tmp}/elsewhere"}, "elsewhere/kaggle.json"),
    ],
)
def test_credentials_are_found_in_the_usual_places(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    file: str | None,
) -> None:
    assert not has_credentials()
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(tmp=tmp_path))
    if file:
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text("{}")
    assert has_credentials()


def test_a_user_name_alone_is_no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "somebody")
    assert not has_credentials()


def test_a_whole_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    client = Client()
    use(monkeypatch, client)
    obtain(entry(), tmp_path / "faces.zip")
    assert (tmp_path / "faces.zip").read_bytes() == b"content"
    assert client.calls == [("owner/name", True, False)]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["faces.zip"]
    shown = capfd.readouterr()
    assert SECRET not in shown.out + shown.err


def test_one_file_of_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    use(monkeypatch, client)
    obtain(entry(kaggle=KaggleSource("owner/name", "a.csv")), tmp_path / "faces.zip")
    assert client.calls == [("owner/name", "a.csv", True)]


def test_a_wrong_checksum_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Client())
    with pytest.raises(InputError, match="sha256"):
        obtain(entry(sha256="0" * 64), tmp_path / "faces.zip")
    assert list(tmp_path.iterdir()) == []


def test_the_official_client_takes_the_arguments_that_we_give() -> None:
    KaggleApi = pytest.importorskip(
        "kaggle.api.kaggle_api_extended",
        reason="Kaggle's client (or `six`, which it needs without saying so) is not installed",
    ).KaggleApi
    whole = inspect.signature(KaggleApi.dataset_download_files)
    whole.bind(None, "owner/name", path="x", quiet=True, unzip=False)
    single = inspect.signature(KaggleApi.dataset_download_file)
    single.bind(None, "owner/name", "file.csv", path="x", quiet=True)
    inspect.signature(KaggleApi.authenticate).bind(None)


def http_error(status: int) -> requests.HTTPError:
    response: Any = SimpleNamespace(status_code=status, request=None)
    return requests.HTTPError(f"refused https://x/?token={SECRET}", response=response)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ImportError("No module named 'six'"), "'six'"),
        (SystemExit(1), "KAGGLE_API_TOKEN"),
        (http_error(403), "HTTP 403"),
        (requests.ConnectionError(f"https://x/?token={SECRET}"), "ConnectionError"),
        (ValueError(SECRET), "ValueError"),
    ],
)
def test_failures_are_told_without_secrets(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: BaseException,
    message: str,
) -> None:
    use(monkeypatch, Client(error))
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(InputError, match=message) as caught,
    ):
        obtain(entry(), tmp_path / "faces.zip")
    assert SECRET not in str(caught.value) + caplog.text
    assert caught.value.__suppress_context__
    assert not (tmp_path / "faces.zip").exists()
