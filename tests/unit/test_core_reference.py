"""The config reference: every key of the schema, and the committed page is the generated one."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from latent_microscope import registry
from latent_microscope.config.reference import config_reference
from latent_microscope.config.schema import config_schema, definition
from latent_microscope.io.yaml_files import load_yaml

ROOT = Path(__file__).parents[2]
SCHEMA = config_schema(ROOT / "workflow/schemas/config.schema.yaml")
STUDIES = ("synthetic", "detection", "simulations", "faces", "alignment", "own")


def leaves(part: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, spec in part["properties"].items():
        spec = {**SCHEMA["$defs"].get(spec.get("$ref", "").rpartition("/")[2], {}), **spec}
        if "properties" in spec:
            yield from leaves(spec, f"{prefix}{name}.")
        else:
            yield prefix + name, spec


def section(title: str) -> str:
    page = config_reference(SCHEMA)
    assert title in page
    return page.partition(title)[2].partition("\n## ")[0]


def test_the_committed_page_is_the_generated_one() -> None:
    page = ROOT / "config/README.md"
    assert page.read_text(encoding="utf-8") == config_reference(SCHEMA), "run make docs"


def test_every_shipped_config_file_is_listed() -> None:
    page = config_reference(SCHEMA)
    for path in (ROOT / "config").glob("*.yaml"):
        assert f"| `{path.name}` |" in page
        sizes = [
            size
            for study in (load_yaml(path).get("studies") or {}).values()
            for size in study.get("sizes", {})
        ]
        row = page.partition(f"| `{path.name}` |")[2].partition("\n")[0]
        assert all(size in row for size in sizes)


@pytest.mark.parametrize("kind", STUDIES)
def test_every_key_of_a_study_has_a_row_and_a_meaning(kind: str) -> None:
    text = section(f"## A study of the kind `{kind}`")
    keys = dict(leaves(SCHEMA["$defs"][kind]))
    assert len(keys) > (8 if kind == "simulations" else 20)
    assert text.count("\n| `") == len(keys)
    for key, spec in keys.items():
        assert f"\n| `{key}` | " in text
        assert "const" in spec or spec.get("description"), f"{kind}.{key} has no description"


def test_top_level_keys_have_rows() -> None:
    text = section("## Top level")
    assert all(f"\n| `{key}` | " in text for key, _ in leaves(SCHEMA) if "studies" not in key)
    assert "| `seed` | integer ≥ 0 | `20250812` | root seed;" in text


def test_rows_show_type_range_default_and_the_default_of_a_section_left_out() -> None:
    schema = {
        "properties": {
            "a": {
                "type": "integer",
                "minimum": 1,
                "maximum": 9,
                "default": 3,
                "description": "A|B",
            },
            "b": {"enum": ["x", "y"], "default": "x"},
            "c": {"type": ["number", "null"], "exclusiveMinimum": 0, "default": None},
            "d": {
                "$ref": "#/$defs/d",
                "default": {"e": "cosine"},
            },
            "f": {"type": "array", "items": {"enum": ["x"]}, "default": ["x"]},
        },
        "$defs": {
            "d": {"properties": {"e": {"enum": ["constant", "cosine"], "default": "constant"}}},
            **{
                name: {"properties": {"z": {"const": name}}}
                for name in (*STUDIES, *{definition(m.name) for m in registry.model_types()})
            },
        },
    }
    page = config_reference(schema)
    assert "| `a` | integer ≥ 1, ≤ 9 | `3` | A\\|B |" in page
    assert "| `b` | `x`, `y` | `x` |  |" in page
    assert "| `c` | number or none (`null`) > 0 | `null` |  |" in page
    expected = "| `constant`; `cosine` if all of `d` is left out |"
    assert f"| `d.e` | `constant`, `cosine` {expected}" in page
    assert '| `f` | array of `x` | `["x"]` |  |' in page
    assert "| `z` | `faces` |  |  |" in page
