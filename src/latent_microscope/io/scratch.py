"""A folder for what a step writes only to read it again."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_folder(output: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``output``, gone afterwards.

    Its name is the output's, which no two jobs make at once: what a killed run left is found and
    removed by the next one.
    """
    folder = output.with_name(f".tmp-{output.name}-scratch")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
