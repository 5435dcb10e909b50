"""Downloads from Kaggle through its official client; credentials never reach a log."""

import contextlib
import io
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from latent_microscope.data.manifest import ManifestFile
from latent_microscope.errors import InputError

log = logging.getLogger("latent_microscope")
_PARTIAL = ".kaggle-partial"
_NO_CREDENTIALS = (
    "needs a Kaggle account: set KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY, or save "
    "~/.kaggle/access_token or ~/.kaggle/kaggle.json (kaggle.com, Settings, API)"
)


def has_credentials() -> bool:
    """Whether credentials lie in one of the places where Kaggle's client looks."""
    environment = os.environ
    if environment.get("KAGGLE_API_TOKEN"):
        return True
    if environment.get("KAGGLE_USERNAME") and environment.get("KAGGLE_KEY"):
        return True
    home = Path(os.path.expanduser("~"))
    folders = [home / ".kaggle"]
    if environment.get("KAGGLE_CONFIG_DIR"):
        folders.append(Path(environment["KAGGLE_CONFIG_DIR"]))
    config = environment.get("XDG_CONFIG_HOME")
    folders.append((Path(config) if config else home / ".config") / "kaggle")
    names = ("kaggle.json", "access_token", "access_token.txt", "credentials.json")
    return any((folder / name).is_file() for folder in folders for name in names)


def fetch_from_kaggle(
    file: ManifestFile, target: Path, verify: Callable[[Path, ManifestFile], None]
) -> None:
    """Download a data set (as one zip) or one file of it to ``target``.

    The client works in a folder beside the target, which stays after an interruption so that it
    can go on; the file is verified there and then renamed.

    Args:
        file: The manifest's entry, with its ``kaggle`` source.
        target: Final path.
        verify: Checks a file against the manifest.

    Raises:
        InputError: No credentials, refused, no network, or not what the manifest says.
    """
    assert file.kaggle is not None
    if not has_credentials():
        hint = f"; or put the file at {file.mirror} in a mirror folder" if file.mirror else ""
        raise InputError(f"{file.label}: {_NO_CREDENTIALS}{hint}")
    folder = target.with_name(f".kaggle-{target.name}")
    folder.mkdir(parents=True, exist_ok=True)
    log.info("%s: from Kaggle, data set %s", file.label, file.kaggle.dataset)
    try:
        _call_client(file, folder)
        name = _only_file(folder, file)
        verify(name, file)
    except _Unfinished as error:
        raise InputError(str(error)) from None  # the folder stays: the client goes on from it
    except (InputError, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    os.replace(name, target)
    shutil.rmtree(folder, ignore_errors=True)


class _Unfinished(Exception):  # noqa: N818 - a state, not an error of the program
    """The network failed in the middle."""


def _only_file(folder: Path, file: ManifestFile) -> Path:
    found = [p for p in folder.iterdir() if p.is_file() and not p.name.endswith(_PARTIAL)]
    if len(found) != 1:
        raise InputError(f"{file.label}: Kaggle's client left {len(found)} files instead of one")
    return found[0]


def _call_client(file: ManifestFile, folder: Path) -> None:
    """Call the client with its talk swallowed: it may hold names of users or signed addresses."""
    assert file.kaggle is not None
    talk = io.StringIO()
    with contextlib.redirect_stdout(talk), contextlib.redirect_stderr(talk):
        try:
            api = _client()
            if file.kaggle.file is None:
                api.dataset_download_files(
                    file.kaggle.dataset, path=str(folder), quiet=True, unzip=False
                )
            else:
                api.dataset_download_file(
                    file.kaggle.dataset, file.kaggle.file, path=str(folder), quiet=True
                )
        except ImportError as error:
            raise InputError(
                f"{file.label}: Kaggle's client cannot be loaded ({error}); install the packages "
                "of envs/requirements.lock"
            ) from None
        except SystemExit:
            raise InputError(
                f"{file.label}: Kaggle did not accept the credentials; {_NO_CREDENTIALS}"
            ) from None
        except requests.HTTPError as error:
            status = error.response.status_code if error.response is not None else "error"
            raise InputError(
                f"{file.label}: Kaggle answers HTTP {status} for {file.kaggle.dataset}; check the "
                "credentials, and accept the data set's terms on its page"
            ) from None
        except requests.RequestException as error:
            raise _Unfinished(
                f"{file.label}: Kaggle cannot be reached ({type(error).__name__}); run again later"
            ) from None
        except ValueError as error:
            raise InputError(
                f"{file.label}: Kaggle's client refuses ({type(error).__name__})"
            ) from None


def _client() -> Any:
    """The authenticated client. Imported only here: the import itself looks for credentials."""
    from kaggle.api.kaggle_api_extended import KaggleApi

    api = KaggleApi()
    api.authenticate()
    return api
