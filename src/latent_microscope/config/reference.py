"""The config reference, generated from the schema."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from latent_microscope import registry
from latent_microscope.config.schema import definition

_HEAD = """# Configuration

Made from `workflow/schemas/config.schema.yaml` by `make docs`; do not edit by hand.

`config.yaml` is the embedded default. A file given with `--configfile` is laid on it key by key,
then `--config key=value`. `run` names the studies to run, `size` picks one of a study's `sizes`
(its values are merged into the study, and its results go to `results/<study>-<size>/`). A key that
stands nowhere below is an error that names it.

| file | studies | sizes |
|---|---|---|
| `config.yaml` | the embedded default: small, made-up data of both halves | – |
| `synthetic.yaml` | synthetic ground truth | workstation, paper |
| `detection.yaml` | detectors compared on harder synthetic ground truths | – |
| `simulations.yaml` | error rate, coverage and power of the bias index | – |
| `faces.yaml` | CelebA | workstation, paper, full, published |
| `alignment.yaml` | CIFAR-10 and CIFAR-10H | quick, workstation, paper |
| `external.yaml` | networks from elsewhere by their logits, against the votes of CIFAR-10H | – |
| yours | `latent-microscope init FILES` writes a study of the kind `own` from your files | – |
| `datasets.yaml` | the data manifest: where each file comes from, and its checksum | – |
"""


def config_reference(schema: Mapping[str, Any]) -> str:
    """Markdown that lists every key with its type, range, default and meaning."""
    parts = [_HEAD, "\n## Top level\n\n", *_table(schema, schema)]
    for kind in ("synthetic", "detection", "simulations", "faces", "alignment", "own"):
        parts += [f"\n## A study of the kind `{kind}`\n\n", *_table(schema["$defs"][kind], schema)]
    parts.append("\n## Models of an alignment study, by `type`\n")
    types: dict[str, list[str]] = {}
    for declared in registry.model_types():
        here = [declared.name] if "alignment" in declared.kinds else []
        types.setdefault(definition(declared.name), []).extend(here)
    for name, titles in types.items():
        title = ", ".join(titles) or f"{name} (studies of the kind own)"
        parts += [f"\n### {title}\n\n", *_table(schema["$defs"][name], schema)]
    return "".join(parts)


def _table(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    yield "| key | values | default | meaning |\n|---|---|---|---|\n"
    for key, spec in _rows(part, schema, "", {}):
        default = _default(spec, key)
        meaning = spec.get("description", "").replace("|", "\\|")
        yield f"| `{key}` | {_values(spec)} | {default} | {meaning} |\n"


def _rows(
    part: Mapping[str, Any], schema: Mapping[str, Any], prefix: str, absent: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Keys by dotted name; ``absent``: the values that count when their section is left out."""
    for name, spec in part.get("properties", {}).items():
        if "$ref" in spec:
            spec = {**schema["$defs"][spec["$ref"].rsplit("/", 1)[1]], **spec}
        if spec.get("properties") and name != "studies":
            yield from _rows(spec, schema, f"{prefix}{name}.", spec.get("default", {}))
        elif name in absent and absent[name] != spec.get("default"):
            yield prefix + name, {**spec, "absent": absent[name]}
        else:
            yield prefix + name, spec


def _values(spec: Mapping[str, Any]) -> str:
    if "const" in spec:
        return f"`{spec['const']}`"
    if "enum" in spec:
        return ", ".join(f"`{v}`" for v in spec["enum"])
    kind = spec.get("type", "")
    kinds = [kind] if isinstance(kind, str) else list(kind)
    text = " or ".join("none (`null`)" if k == "null" else k for k in kinds)
    bounds = [
        f"{sign} {spec[key]}"
        for key, sign in (
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
            ("exclusiveMaximum", "<"),
        )
        if key in spec
    ]
    items = spec.get("items", {})
    if "enum" in items:
        text += " of " + ", ".join(f"`{v}`" for v in items["enum"])
    return f"{text} {', '.join(bounds)}".strip()


def _default(spec: Mapping[str, Any], key: str) -> str:
    if "default" not in spec:
        return ""
    text = _code(spec["default"])
    if "absent" in spec:
        text += f"; {_code(spec['absent'])} if all of `{key.rpartition('.')[0]}` is left out"
    return text


def _code(value: Any) -> str:
    """A value as it stands in YAML."""
    return f"`{json.dumps(value)}`" if not isinstance(value, str) else f"`{value}`"
