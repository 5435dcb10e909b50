"""The RO-Crate of the demo's faces: which results lie in it, and who is said to have made what.

Sources are left out: a crate holds all files of the workflow, wherever they lie, as a test sees to.
"""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import store  # type: ignore[import-not-found]
from differences import Difference, compared  # type: ignore[import-not-found]
from renames import Renames  # type: ignore[import-not-found]

FILE = store.TAKEN / "crate.json.xz"
STUDY = "demo-faces"
METADATA = "ro-crate-metadata.json"
_HASH = re.compile(r"-[0-9a-f]{16}$")
_RESULTS = ("results/", "data/")

Crate = dict[str, Any]
"""``files``, ``sources`` (not compared) and ``entities``: id without hashes → its facts."""


def take(checkout: Path, python: Path, study: str = STUDY) -> Crate:
    """Export the study of a checkout, where it is finished, and describe the crate."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "crate"
        subprocess.run(
            [*_exporter(checkout, python), study, folder],
            cwd=checkout,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return describe(folder)


def _exporter(checkout: Path, python: Path) -> list[Path | str]:
    """Its script, or the console command that has taken its place."""
    scripts = sorted((checkout / "scripts").rglob("export_crate.py"))
    return [python, scripts[0]] if scripts else [python.parent / "latent-microscope", "export"]


def describe(folder: Path) -> Crate:
    """What a crate holds, without hashes, times and machines."""
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    graph = json.loads((folder / METADATA).read_text(encoding="utf-8"))["@graph"]
    sources = {name for name in files if not name.startswith(_RESULTS) and name != METADATA}
    named = {entity["@id"]: _name(entity, sources) for entity in graph}
    entities: dict[str, Any] = {}
    for entity in graph:
        if entity["@id"] not in sources:
            name = named[entity["@id"]]
            assert name not in entities, f"two entities {name}"
            entities[name] = _facts(entity, named)
    return {
        "files": [name for name in files if name not in sources],
        "sources": sorted(sources),
        "entities": dict(sorted(entities.items())),
    }


def _name(entity: Mapping[str, Any], sources: set[str]) -> str:
    identifier = str(entity["@id"])
    if identifier in sources:
        return PurePosixPath(identifier).stem
    if identifier.startswith("#job-"):
        results = [part["@id"] for part in _listed(entity.get("result"))]
        return f"#job {sorted(_HASH.sub('', one).removeprefix('#') for one in results)[0]}"
    if identifier.startswith("#param-"):
        return f"#param {entity['name']}={entity['value']}"
    return _HASH.sub("", identifier)


def _facts(entity: Mapping[str, Any], named: Mapping[str, str]) -> dict[str, Any]:
    """Type, and what actions read and made with which step."""
    facts: dict[str, Any] = {"type": entity["@type"]}
    for key in ("object", "result", "instrument", "conformsTo", "mentions", "encodingFormat"):
        if key in entity:
            parts = _listed(entity[key])
            facts[key] = sorted(
                named.get(part["@id"], part["@id"]) if isinstance(part, dict) else part
                for part in parts
            )
    return facts


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def save(found: Crate, path: Path = FILE) -> None:
    """All but the sources."""
    store.write(path, {name: found[name] for name in ("files", "entities")})


def load(path: Path = FILE) -> Crate:
    """What :func:`save` has written."""
    found: Crate = store.read(path)
    return found


def renamed(found: Crate, renames: Renames) -> Crate:
    """An old crate with new names of files and steps; params are the plans' matter."""
    entities = {
        _renamed(name, renames): {
            key: [_renamed(one, renames) for one in value]
            if key in ("object", "result")
            else [renames.name("rules", one) for one in value]
            if key == "instrument"
            else value
            for key, value in facts.items()
        }
        for name, facts in found["entities"].items()
    }
    return {**found, "files": [renames.path(name) for name in found["files"]], "entities": entities}


def _renamed(name: str, renames: Renames) -> str:
    prefix = "#job " if name.startswith("#job ") else "#" if name.startswith("#results") else ""
    return prefix + renames.path(name.removeprefix(prefix))


def differences(old: Crate, new: Crate) -> Iterator[Difference]:
    """In files and entities."""
    for field, was, now in compared(sorted(old["files"]), sorted(new["files"])):
        yield Difference("crate", "files", field, was, now)
    for name in sorted({**old["entities"], **new["entities"]}):
        was, now = (side["entities"].get(name) for side in (old, new))
        for field, one, two in compared(was, now):
            yield Difference("crate", name, field, one, two)
