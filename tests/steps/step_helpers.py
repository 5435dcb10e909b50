"""What the tests of steps share: running a step twice, and looking at its files."""

import runpy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pandas as pd
from figure_faults import drawn_texts, faults  # type: ignore[import-not-found]

from latent_microscope import project, registry
from latent_microscope.io.artefacts import load_table, save_npy, save_table


def judged_images(folder: Path, n: int, classes: Sequence[str]) -> list[str]:
    """Images, samples and votes (rows in another order) of n noisy images; returns their ids."""
    generator = np.random.default_rng(0)
    labels = np.arange(n) % len(classes)
    ids = [f"test-{i:05d}" for i in range(n)]
    save_npy(folder / "images.npy", generator.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8))
    samples = {"id": ids, "label": labels, "label_name": np.asarray(classes)[labels]}
    save_table(folder / "samples.parquet", pd.DataFrame(samples))
    even = np.full(len(classes), 1.0 / len(classes))
    counts = generator.multinomial(10, even, n) + 40 * np.eye(len(classes), dtype=int)[labels]
    votes = pd.DataFrame(counts, columns=list(classes)).assign(id=ids)
    save_table(folder / "votes.parquet", votes.sample(frac=1, random_state=1))
    return ids


def run_twice(
    main: Callable[..., None], folder: Path, outputs: Mapping[str, str], **arguments: Any
) -> dict[str, Path]:
    """Run a step in two folders, require the same bytes, and return the first one's files.

    Args:
        main: The step.
        folder: Where; ``first`` and ``second`` are made in it.
        outputs: File name of each output argument.
        arguments: Inputs and parameters.
    """
    made = []
    for name in ("first", "second"):
        paths = {key: folder / name / file for key, file in outputs.items()}
        main(**paths, **arguments)
        made.append(paths)
    for key, path in made[0].items():
        assert path.read_bytes() == made[1][key].read_bytes(), f"{key} differs between two runs"
    left = {p.name for p in (folder / "first").iterdir()}
    extra = left - set(outputs.values())
    assert not {name for name in extra if name.startswith(".tmp")}, f"left behind: {extra}"
    return made[0]


def drawer(figure: str) -> Callable[..., None]:
    """The step of a declared figure: takes png, pdf, style and its arguments by keyword.

    A figure whose text is cut, unreadably small or on other text fails the test.
    """
    declared = registry.find("figures", figure)
    assert isinstance(declared, registry.Figure)
    draw = resolve_name(declared.function)
    finish = runpy.run_path(str(project.script("plot")))["finish"]

    def main(*, png: Any, pdf: Any, style: Any = None, **given: Any) -> None:
        paths = {
            name: [path] if isinstance(path, Path) else path
            for name, path in (("png", png), ("pdf", pdf))
        }
        with drawn_texts() as texts:
            finish(figure, partial(draw, **given), paths, style=style)
        found = faults(texts)
        assert not found, "\n".join([figure, *found])

    return main


def tabulator(rule: str) -> Callable[..., None]:
    """The step of a rule of declared tables: takes outputs and arguments by keyword."""
    declared = registry.find("tables", rule)
    assert isinstance(declared, registry.Table)
    outputs = registry.outputs_of(declared)
    tabulate = resolve_name(declared.function)
    finish = runpy.run_path(str(project.script("tabulate")))["finish"]

    def main(**given: Any) -> None:
        paths = {name: [given.pop(name)] for name in outputs if name in given}
        finish(rule, partial(tabulate, **given), paths)

    return main


def load(path: Path) -> Any:
    """A table; ``Any``, for what tests do to tables is beyond the type stubs of pandas."""
    return load_table(path)


def columns(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table.columns]


def kinds(table: pd.DataFrame, names: Sequence[str] | None = None) -> dict[str, str]:
    """Names of the dtypes of a table's columns."""
    return {name: str(table[name].dtype) for name in (names or columns(table))}
