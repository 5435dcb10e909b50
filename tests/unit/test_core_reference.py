"""The config reference: a row for each key of the classes; generated pages are current."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from latent_microscope import registry
from latent_microscope.config.fields import Distinct, OrList, Section, optional, setting
from latent_microscope.config.models import model_section
from latent_microscope.config.reference import _table, config_reference
from latent_microscope.config.studies import KINDS, Config, study_section
from latent_microscope.io.yaml_files import load_yaml
from write_reference import command_reference, function_reference

ROOT = Path(__file__).parents[2]
PAGE = config_reference()
SECTIONS: dict[str, type[Section]] = {
    "## Top level": Config,
    **{f"## A study of the kind `{kind}`": study_section(kind) for kind in KINDS},
    **{f"### {one.name}": model_section(one) for one in registry.model_types()},
}


def leaves(section: type[Section], prefix: str = "") -> set[str]:
    found = set()
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            found |= leaves(field.annotation, f"{prefix}{name}.")
        else:
            found.add(prefix + name)
            assert field.description or name in ("kind", "type"), f"{prefix}{name}: no description"
    return found


def test_the_committed_pages_are_current() -> None:
    for page, text in (
        ("config/README.md", PAGE),
        ("docs/cli.md", command_reference()),
        ("docs/functions.md", function_reference()),
    ):
        assert (ROOT / page).read_text(encoding="utf-8") == text, "run make reference"


def test_every_shipped_config_file_is_listed() -> None:
    files = list((ROOT / "config").glob("*.yaml"))
    assert len(files) > 6
    for path in files:
        assert f"| `{path.name}` |" in PAGE
        sizes = [
            size
            for study in (load_yaml(path).get("studies") or {}).values()
            for size in study.get("sizes", {})
        ]
        row = PAGE.partition(f"| `{path.name}` |")[2].partition("\n")[0]
        assert all(size in row for size in sizes)


@pytest.mark.parametrize("title", SECTIONS)
def test_every_key_has_a_row(title: str) -> None:
    text = PAGE.partition(f"\n{title}\n")[2].partition("\n#")[0]
    rows = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
    inside = {row for row in rows if "<name>" in row or row.endswith(".choose")}
    assert rows - inside == leaves(SECTIONS[title]) - {"studies"}
    assert len(rows) >= 2


class Inner(Section):
    """Inner."""

    e: Literal["constant", "cosine"] = setting("E", "cosine")


class Outer(Section):
    """Outer."""

    a: int = setting("A|B", 3, ge=1, le=9)
    b: Literal["x", "y"] = setting("B", "x")
    c: Annotated[float, Field(gt=0)] | None = setting("C", None)
    d: Inner = Field(default_factory=Inner)
    f: Distinct[Literal["x"]] = setting("F", ["x"])
    g: OrList[bool, str] = setting("G")
    h: list[float] = setting("H", [1, 2.5], min_length=2, max_length=2)
    o: Distinct[int] = optional()
    kind: Literal["outer"]


def test_rows_show_type_range_and_default() -> None:
    assert list(_table(Outer))[2:] == [
        "| `kind` | `outer` |  |  |",
        "| `a` | integer ≥ 1, ≤ 9 | `3` | A\\|B |",
        "| `b` | `x`, `y` | `x` | B |",
        "| `c` | number > 0 or `null` | `null` | C |",
        "| `d.e` | `constant`, `cosine` | `cosine` | E |",
        '| `f` | list of `x` | `["x"]` | F |',
        "| `g` | `true` or `false` or list of text |  | G |",
        "| `h` | list of 2 numbers | `[1, 2.5]` | H |",
        "| `o` | list of integers |  |  |",
    ]
