"""Declared functions that do not fit their step: one line that names the function."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from latent_microscope import project
from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.step import _combined

if TYPE_CHECKING:
    from decimal import Decimal


def finish(name: str, call: Callable[..., Any], outputs: Any, *, style: Any = None) -> None:
    """Finish.

    Args:
        name: Of the declaration.
        call: The function.
        outputs: Files.
        style: the look.
    """
    outputs["png"][0].write_text(call(look="blue"))


def fits(*, scores: In, title: str, look: str) -> str:
    """Fits.

    Args:
        scores: a table.
        title: of it.
    """
    return f"{scores.name} {title} {look}"


def positional(scores: In, *, look: str) -> str:
    return look


def untyped(*, scores, look: str) -> str:  # type: ignore[no-untyped-def]
    return look


def hidden(*, scores: "Decimal", look: str) -> str:
    return look


def overlapping(*, style: str, look: str) -> str:
    return look


def test_the_arguments_of_both_are_those_of_the_step(tmp_path: Path) -> None:
    main = _combined(finish, fits, "fits", {"png": Path}, ["look"])
    main(scores=tmp_path / "a.parquet", title="t", png=tmp_path / "out")
    assert (tmp_path / "out").read_text() == "a.parquet t blue"
    assert "style: the look." in str(main.__doc__)
    assert "scores: a table." in str(main.__doc__)


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (positional, "'scores'"),
        (untyped, "'scores'"),
        (hidden, "'Decimal'"),
        (overlapping, "'style'"),
    ],
)
def test_a_function_that_does_not_fit_is_named(function: Any, named: str) -> None:
    with pytest.raises(InputError, match=f"{function.__name__}: .*{named}"):
        _combined(finish, function, "x", {"png": Path}, ["look"])


def test_what_functions_of_tables_and_figures_return_is_checked(tmp_path: Path) -> None:
    tabulate = runpy.run_path(str(project.script("tabulate")))["finish"]
    outputs = {name: [tmp_path / name] for name in ("stats", "stats_csv")}
    table = pd.DataFrame({"a": [1]})
    tabulate("x", lambda: table, outputs)
    assert (tmp_path / "stats_csv").read_text() == "a\n1\n"
    with pytest.raises(InputError, match=r"\['other'\].*\['stats'\]"):
        tabulate("x", lambda: {"other": table}, outputs)
    plot = runpy.run_path(str(project.script("plot")))["finish"]
    files = {"png": [tmp_path / "a.png"], "pdf": [tmp_path / "a.pdf"]}
    plot("x", lambda look: Figure(), files)
    assert (tmp_path / "a.png").is_file()
    for nothing in (None, [], ["text"]):
        with pytest.raises(InputError, match=r"a\.png"):
            plot("x", lambda look, found=nothing: found, files)
