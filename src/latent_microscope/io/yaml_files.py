"""Reading YAML files of limited size."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from latent_microscope.errors import InputError

MAX_VALUES = 100_000
"""More than any study needs; YAML anchors can expand a few lines to billions of values."""


def load_yaml(path: Path) -> Any:
    """Read a YAML file; :class:`InputError` names the file and line of a mistake."""
    try:
        text = path.read_text(encoding="utf-8")
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        _require_different_keys(root)
        content = None if root is None else loader.construct_document(root)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (yaml.YAMLError, ValueError) as error:  # of dates, huge numbers, other encodings
        raise InputError(f"{path}: not valid YAML ({error})") from error
    except RecursionError:
        raise InputError(f"{path}: not valid YAML (nested too deeply)") from None
    require_modest(content, path)
    return content


def _require_different_keys(root: yaml.Node | None) -> None:
    """Refuse a key that is twice in a mapping, of which YAML keeps the last in silence."""
    queue, known = [root], set[int]()
    while queue:
        node = queue.pop()
        if not isinstance(node, yaml.CollectionNode) or id(node) in known:
            continue
        known.add(id(node))  # those behind anchors once
        if isinstance(node, yaml.SequenceNode):
            queue += node.value
            continue
        seen = set[str]()
        for key, value in node.value:
            queue += [key, value]
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {name!r} is there twice; rename or remove one",
                    problem_mark=key.start_mark,
                )
            seen |= {name} - {"", "<<"}


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
