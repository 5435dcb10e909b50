"""Reading YAML files of limited size."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from latent_microscope.errors import InputError

MAX_VALUES = 100_000
"""More than any study needs; YAML anchors can expand a few lines to billions of values."""


class _Loader(yaml.SafeLoader):
    """Refuses a key that is twice in a mapping, of which YAML's keep the last in silence."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"the key {key.value!r} is there twice; rename or remove one",
                        problem_mark=key.start_mark,
                    )
                seen.add(key.value)
        return node


def load_yaml(path: Path) -> Any:
    """Read a YAML file; :class:`InputError` names the file and line of a mistake."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (yaml.YAMLError, ValueError) as error:  # of dates, huge numbers, other encodings
        raise InputError(f"{path}: not valid YAML ({error})") from error
    except RecursionError:
        raise InputError(f"{path}: not valid YAML (nested too deeply)") from None
    require_modest(content, path)
    return content


def require_modest(content: Any, where: Path | str) -> None:
    """Refuse a tree of over :data:`MAX_VALUES` values, those behind anchors counted each time."""
    queue, count = [content], 0
    while queue and count <= MAX_VALUES:
        part = queue.pop()
        count += 1
        if isinstance(part, Mapping):
            queue.extend(part.values())
        elif isinstance(part, list | tuple | set):
            queue.extend(part)
    if queue:
        raise InputError(
            f"{where}: over {MAX_VALUES} values, or an endless loop, after expanding its anchors "
            "(& and *); write it without them"
        )
