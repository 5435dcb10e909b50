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
    """Execute all cells in a fresh kernel.

    Args:
        notebook: ``.ipynb`` with one cell tagged ``parameters``, whose values are replaced.
        parameters: Name → value, of plain Python types.
        folder: Working folder of the kernel.
        timeout: Seconds that a cell may take.

    Returns:
        The notebook with its outputs, as JSON; without times, so that the same input gives the
        same text.

    Raises:
        InputError: Not a notebook, no such cell, or a cell that fails.
    """
    try:
        book = nbformat.read(notebook, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        raise InputError(f"{notebook}: not a notebook ({error})") from error
    cell = next((c for c in book.cells if _TAG in c.metadata.get("tags", [])), None)
    if cell is None:
        raise InputError(f"{notebook}: no cell has the tag {_TAG!r}; give one to the first")
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
