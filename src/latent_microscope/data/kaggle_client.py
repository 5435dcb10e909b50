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
    """Whether there are credentials in one of the places where Kaggle's client looks."""
    get = os.environ.get
    if get("KAGGLE_API_TOKEN") or (get("KAGGLE_USERNAME") and get("KAGGLE_KEY")):
        return True
    home = Path.home()
    folders = [home / ".kaggle", Path(get("XDG_CONFIG_HOME") or home / ".config") / "kaggle"]
    if get("KAGGLE_CONFIG_DIR"):
        folders.append(Path(os.environ["KAGGLE_CONFIG_DIR"]))
    names = ("kaggle.json", "access_token", "access_token.txt", "credentials.json")
    return any((folder / name).is_file() for folder in folders for name in names)


def fetch_from_kaggle(
    file: ManifestFile, target: Path, verify: Callable[[Path, ManifestFile], None]
) -> None:
    """Download a data set (as one zip) or one file of it to ``target``, verified by ``verify``.

    The client works in a folder beside the target, which stays after an interruption so that it
    can continue.
    """
    assert file.kaggle is not None
    if not has_credentials():
        raise InputError(f"{file.label}: {_NO_CREDENTIALS}{file.mirror_hint}")
    folder = target.with_name(f".kaggle-{target.name}")
    folder.mkdir(parents=True, exist_ok=True)
    log.info("%s: from Kaggle, data set %s", file.label, file.kaggle.dataset)
    try:
        _call_client(file, folder)
        files = [p for p in folder.iterdir() if p.is_file() and not p.name.endswith(_PARTIAL)]
        if len(files) != 1:
            raise InputError(f"{file.label}: Kaggle's client left {len(files)} files, not one")
        verify(files[0], file)
    except _Unfinished as error:
        raise InputError(str(error)) from None  # the folder stays: the client continues from it
    except (InputError, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    os.replace(files[0], target)
    shutil.rmtree(folder, ignore_errors=True)


class _Unfinished(Exception):  # noqa: N818 - a state, not an error of the program
    """The network failed in the middle."""


def _call_client(file: ManifestFile, folder: Path) -> None:
    """Call the client with its output discarded: it may hold user names or signed addresses."""
    assert file.kaggle is not None
    output = io.StringIO()
    options: dict[str, Any] = {"path": str(folder), "quiet": True}
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            if file.kaggle.file is None:
                _client().dataset_download_files(file.kaggle.dataset, unzip=False, **options)
            else:
                _client().dataset_download_file(file.kaggle.dataset, file.kaggle.file, **options)
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
