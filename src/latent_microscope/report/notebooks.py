"""Run a Jupyter notebook with parameters, from its cells alone."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from traitlets.config import Config

from latent_microscope.errors import InputError
from latent_microscope.provenance.codehash import LIBRARY

_TAG = "parameters"


def run_notebook(
    notebook: Path, parameters: Mapping[str, Any], folder: Path, *, timeout: int = 600
) -> str:
    """The notebook executed in a fresh kernel whose working folder is ``folder``, as JSON.

    The values of its cell tagged ``parameters`` are replaced. Without times, so that the same
    input gives the same text. Not a notebook, no such cell, or a cell that fails or takes more
    than ``timeout`` seconds is an InputError.
    """
    try:
        book = nbformat.read(notebook, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        raise InputError(f"{notebook}: not a notebook ({error})") from error
    cell = next((c for c in book.cells if _TAG in c.metadata.get("tags", [])), None)
    if cell is None:
        raise InputError(f"{notebook}: no cell has the tag {_TAG!r}; add it to the first cell")
    cell.source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    client = NotebookClient(
        book,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
        config=Config({"KernelManager": {"transport": "ipc"}}),  # no port is opened
    )
    paths = [str(LIBRARY.parent), os.environ.get("PYTHONPATH", "")]
    try:
        client.execute(env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))})
    except CellTimeoutError as error:
        raise InputError(f"{notebook}: a cell took more than {timeout} s") from error
    except CellExecutionError as error:
        raise InputError(f"{notebook}: {error.ename}: {error.evalue}") from error
    return nbformat.writes(book) + "\n"
