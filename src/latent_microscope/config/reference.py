"""The config reference, generated from the classes of the config."""

import inspect
import json
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from latent_microscope import registry
from latent_microscope.config.fields import Absent, Section, allowed
from latent_microscope.config.models import model_section
from latent_microscope.config.studies import KINDS, Config, study_section

_HEAD = """# Configuration

Made by `make reference` from the classes in `src/latent_microscope/config`; do not edit.

`config.yaml` is the embedded default. A file given with `--configfile` is merged into it key by
key (lists are replaced), then `--config key=value`. `studies` holds the studies by name, `run`
names those to run, `size` picks one of a study's `sizes` (its values are merged into the study, and
its results go to `results/<study>-<size>/`). Any other key that is not listed below is an error
that names it. A key without a default must be given if its section is; those of `transform` (the
network's own then) and `figures.limits` may be left out.

What the scores are (uniqueness, originality, stability, CLS, SBS): [Scores](../docs/scores.md);
intervals, baselines and noise ceilings: [Statistics](../docs/statistics.md). An RDM is the matrix
of dissimilarities of all pairs of images, a probe a linear classifier of an attribute.

| file | studies | sizes |
|---|---|---|
| `config.yaml` | the embedded default: small synthetic demo data for both halves | – |
| `synthetic.yaml` | synthetic ground truth | workstation, paper |
| `detection.yaml` | detectors compared on unseen and on harder synthetic data | – |
| `simulations.yaml` | false alarms, coverage and power of the inference, simulated | – |
| `faces.yaml` | CelebA | workstation, paper, full, published |
| `alignment.yaml` | CIFAR-10 and CIFAR-10H | quick, workstation, paper |
| `external.yaml` | published networks by their logits, against the votes of CIFAR-10H | – |
| `logits.yaml` | the alignment study from the published logits of its networks | – |
| yours | `latent-microscope init FILES` writes a study of the kind `custom` from your files | – |
| `datasets.yaml` | the data manifest: where each file comes from, and its checksum | – |
"""


def config_reference() -> str:
    """Markdown with each key, its values, default and meaning."""
    lines = [_HEAD, "## Top level", "", *_table(Config)]
    for kind in KINDS:
        lines += ["", f"## A study of the kind `{kind}`", "", *_table(study_section(kind))]
    lines += ["", "## Models, by `type`"]
    for declared in registry.model_types():
        said = (declared.config and inspect.getdoc(declared.config)) or declared.title
        kinds = f"studies of the kind {', '.join(declared.kinds)}."
        lines += ["", f"### {declared.name}", "", f"{said.rstrip('.')}; {kinds}", ""]
        lines += _table(model_section(declared))
    return "\n".join([*lines, ""])


def _table(section: type[Section]) -> Iterator[str]:
    yield "| key | values | default | meaning |"
    yield "|---|---|---|---|"
    # What says of what kind a section is comes before all else.
    rows = sorted(_rows(section, ""), key=lambda row: row[0] not in ("kind", "type"))
    for key, values, default, meaning in rows:
        yield f"| `{key}` | {values} | {default} | {meaning} |"


def _rows(section: type[Section], prefix: str) -> Iterator[tuple[str, str, str, str]]:
    schema = section.model_json_schema()
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from _rows(field.annotation, f"{prefix}{name}.")
        elif name != "studies":
            values = allowed(schema["properties"][name], schema.get("$defs", {}))
            default = field.get_default(call_default_factory=True, validated_data={})
            shown = "" if field.is_required() or default is Absent else _code(default)
            yield prefix + name, values, shown, (field.description or "").replace("|", "\\|")
            for inner, below in _inside(field.annotation):
                yield from _rows(inner, f"{prefix}{name}{below}.")


def _inside(annotation: Any) -> Iterator[tuple[type[Section], str]]:
    """Sections in the values of a mapping, or in the alternatives of a key, and where."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        if annotation.model_config.get("extra") != "allow":
            yield annotation, ""
    elif get_origin(annotation) is dict:
        yield from ((s, f".<name>{below}") for s, below in _inside(get_args(annotation)[1]))
    else:
        for part in get_args(annotation):
            yield from _inside(part)


def _code(value: Any) -> str:
    """A value as YAML."""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
