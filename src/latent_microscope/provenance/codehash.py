"""A hash of the code that a step runs: its script and the library modules that it imports.

It is taken over the syntax trees without docstrings: comments, formatting and docstrings change
nothing, while an edit of any function that the step may reach does. It follows where imports lead,
not what modules are called: a module that moves or is renamed keeps every hash. It is equal on all
supported versions of Python, as a step may run in another environment than Snakemake.
"""

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from latent_microscope.errors import InputError

PACKAGE = "latent_microscope"
LIBRARY = Path(__file__).resolve().parents[1]
CACHE = Path(".snakemake/latent_microscope/parsed.json")
"""Parsed files by their content, below the folder of a run: jobs start faster with it."""

# They start, time, report, plan and describe a job and never touch its values: an edit of a
# progress line, of a sidecar or of the planning must not cost a training.
NOT_COUNTED = (
    *("step", "arguments", "registry", "declarations", "config", "progress", "project", "planning"),
    *("provenance/sidecars", "provenance/codehash"),
)
_FORMAT = "2"  # of the cache
_DEPTH = 10  # packages that pass a name on
_Edge = tuple[str, Path | None]
"""What is imported, and the file that it leads to; None for what does not count."""
_Import = tuple[int, str, str, str]
"""Level, module, name, and the name that it is bound to."""


def code_hash(script: Path, assets: Iterable[Path] = (), functions: Iterable[str] = ()) -> str:
    """Hash a script together with every library module that it imports, transitively.

    A name imported from a package that the package itself imports from one of its modules leads to
    that module. The files in the folder ``assets`` of a package (a page's style and code) count for
    its modules that contain the text ``"assets"``.

    Args:
        script: Path of a Python file.
        assets: Files and folders that the script reads beside its inputs, such as a notebook.
        functions: Declared functions that it calls (``module:function``), whose modules count; of
            another package its own modules and ours, but not what else it imports.

    Returns:
        16 hexadecimal digits.

    Raises:
        FileNotFoundError: The script, an asset or a module that it imports does not exist.
        SyntaxError: One of the files is not valid Python.
    """
    return CodeHasher().code_hash(script, assets, functions)


class CodeHasher:
    """Hashes many scripts of one state of the code; each file is read and parsed once.

    ``cache`` keeps parsed files over processes: it is read here and written by :meth:`save`.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache, self._kept = cache, _load_cache(cache)
        self._used: dict[str, Any] = {}
        self._sources: dict[Path, dict[str, Any]] = {}
        self._edges: dict[Path, list[_Edge]] = {}
        self._owns: dict[Path, str] = {}
        self._digests: dict[Path, str] = {}

    def code_hash(
        self, script: Path, assets: Iterable[Path] = (), functions: Iterable[str] = ()
    ) -> str:
        """As :func:`code_hash`."""
        parts = [self._digest_all(script.resolve())]
        for function in functions:
            module, _, name = function.partition(":")
            file = _file(_root(module).joinpath(*module.split(".")[1:]))
            if not file.is_file():
                raise InputError(f"declared function {function}: {file} does not exist")
            parts += [name, self._digest_all(file)]
        return _digest([*parts, *map(_digest_files, assets)])[:16]

    def save(self) -> None:
        """Keep what was parsed for the next process, if the folder can be written."""
        if self._cache and self._used.keys() - self._kept.keys():
            with suppress(OSError):
                self._cache.parent.mkdir(parents=True, exist_ok=True)
                self._cache.write_text(json.dumps(self._used))

    def reach(self, script: Path) -> dict[Path, list[_Edge]]:
        """The script and all modules behind it, each with what it imports."""
        graph: dict[Path, list[_Edge]] = {}
        queue = [script]
        while queue:
            path = queue.pop()
            if path not in graph:
                if path not in self._edges:
                    self._edges[path] = sorted(self._imports(path), key=str)
                graph[path] = self._edges[path]
                queue.extend(target for _, target in graph[path] if target is not None)
        return graph

    def _digest_all(self, script: Path) -> str:
        """Of a file and all behind it: own code of each, and to which code its imports lead."""
        graph = self.reach(script)
        for path in graph.keys() - self._digests.keys():
            links = [[what, self._own(to) if to else ""] for what, to in graph[path]]
            self._digests[path] = _digest([self._own(path), sorted(links)])
        return _digest([self._digests[script], *sorted(self._digests[path] for path in graph)])

    def _imports(self, path: Path) -> Iterator[_Edge]:
        source, package = self._source(path), _package_of(path)
        for level, module, name, bound in source["imports"]:
            if stem := _stem(level, module, path, package):
                # A module may be called anything: its name does not count, that of a function does.
                stem, what = _resolved(stem, name)
                yield f"{bound} {what}", self._target(stem, what)
        if path.name == "__init__.py":  # what a package imports for types it may load on first use
            for name, (level, module, wanted) in source["exports"].items():
                if stem := _stem(level, module, path, package):
                    yield f"export {name}", self._target(*_resolved(stem, wanted))

    def _target(self, stem: Path, name: str, depth: int = 0) -> Path | None:
        """The file that importing a name from a module (a path without its suffix) leads to."""
        path = _file(stem)
        if path.name == "__init__.py" and name in self._source(path)["exports"] and depth < _DEPTH:
            level, module, wanted = self._source(path)["exports"][name]
            inner = _stem(level, module, path, _package_of(path))
            if inner and inner != stem:
                return self._target(*_resolved(inner, wanted), depth + 1)
        below = str(stem).removeprefix(f"{LIBRARY}/")
        if any(f"{below}/".startswith(f"{left}/") for left in NOT_COUNTED):
            return None
        if not path.is_file() and not path.is_relative_to(LIBRARY):
            return None  # a compiled module, or a folder, of a plugin
        return path

    def _source(self, path: Path) -> dict[str, Any]:
        if path not in self._sources:
            content = path.read_bytes()
            # Which imports are followed depends on the package that a file is in.
            ours = {PACKAGE, _package_of(path) or PACKAGE}
            key = hashlib.sha256(f"{_FORMAT} {sorted(ours)} ".encode() + content).hexdigest()
            found = self._kept.get(key) or _parse(content, str(path), ours)
            self._sources[path] = self._used[key] = found
        return self._sources[path]

    def _own(self, path: Path) -> str:
        if path not in self._owns:
            source, assets = self._source(path), path.parent / "assets"
            files = [_digest_files(assets)] if source["assets"] and assets.is_dir() else []
            self._owns[path] = _digest([source["code"], *files])
        return self._owns[path]


_PLUGINS: dict[str, Path] = {}


def _root(module: str) -> Path:
    """The folder of a module's package, or the file of a module alone, found without an import."""
    package = module.split(".")[0]
    if package == PACKAGE:
        return LIBRARY
    if package not in _PLUGINS:
        spec = find_spec(package)
        places = [*(spec.submodule_search_locations or ()), spec.origin] if spec else [None]
        if places[0] is None:
            raise InputError(f"the package {package} of a declared function is not installed")
        _PLUGINS[package] = Path(places[0]).resolve()
    return _PLUGINS[package]


def _package_of(path: Path) -> str | None:
    """The package that a file is in; None for a script."""
    roots = {PACKAGE: LIBRARY, **_PLUGINS}
    return next((n for n, root in roots.items() if f"{path}/".startswith(f"{root}/")), None)


def _file(stem: Path) -> Path:
    return stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")


def _resolved(stem: Path, name: str) -> tuple[Path, str]:
    """A module and a name in it; a name that is a module itself becomes part of the path."""
    is_module = bool(name) and _file(stem / name).is_file()
    return (stem / name, "") if is_module else (stem, name)


def _stem(level: int, module: str, path: Path, package: str | None) -> Path | None:
    """Path of an imported module without its suffix; None if the import is not followed."""
    parts = module.split(".") if module else []
    if level:
        return path.parents[level - 1].joinpath(*parts) if package else None
    return _root(module).joinpath(*parts[1:]) if parts[0] in (PACKAGE, package) else None


def _parse(content: bytes, name: str, ours: Set[str] = frozenset({PACKAGE})) -> dict[str, Any]:
    """What counts of a file, as JSON; imports from the packages ``ours`` are followed.

    ``code`` is a digest without notes and without followed imports, in which the names that those
    bind are numbered; ``imports`` lists (level, module, name, number of the bound name);
    ``exports`` maps names to what is imported as (level, module, name); ``assets`` says whether the
    text "assets" occurs.
    """
    tree = ast.parse(content, filename=name)
    nodes = list(ast.walk(tree))
    exports = {
        alias.asname or alias.name: [node.level, node.module or "", alias.name]
        for node in nodes
        if isinstance(node, ast.ImportFrom) and _is_followed(node.level, node.module, ours)
        for alias in node.names
    }
    exports = {name: target for name, target in exports.items() if name not in _bound(tree)}
    assets = any(isinstance(node, ast.Constant) and node.value == "assets" for node in nodes)
    found: list[_Import] = []
    _take_out(tree, found, ours)
    numbers = {bound: -1 for *_, bound in found}
    code = _digest(_canonical(tree, numbers))
    # A name that is bound more than once is told apart by the order of its imports.
    bound = [bound for *_, bound in found]
    labels = [f"{numbers[name]}.{bound[:i].count(name)}" for i, name in enumerate(bound)]
    imports = [[*entry[:3], label] for entry, label in zip(found, labels, strict=True)]
    return {"code": code, "imports": imports, "exports": exports, "assets": assets}


def _bound(tree: ast.Module) -> set[str]:
    """Names that a module itself defines or assigns."""
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    assigned = (n for s in tree.body if not isinstance(s, defined) for n in ast.walk(s))
    names = {n.id for n in assigned if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return names | {s.name for s in tree.body if isinstance(s, defined)}


def _is_followed(level: int, module: str | None, ours: Set[str]) -> bool:
    return level > 0 or (module or "").split(".")[0] in ours


def _take_out(node: ast.AST, found: list[_Import], ours: Set[str]) -> None:
    """Remove notes, blocks for type checkers and followed imports; append these to ``found``."""
    for part in ("body", "orelse", "finalbody"):
        block = getattr(node, part, None)
        if isinstance(block, list):
            kept = [statement for statement in block if not _is_taken_out(statement, found, ours)]
            setattr(node, part, kept)
    for child in ast.iter_child_nodes(node):
        _take_out(child, found, ours)


def _is_taken_out(statement: ast.stmt, found: list[_Import], ours: Set[str]) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant(value=str())):
            return True  # a docstring, or one after a name
        case ast.If(test=ast.Name(id=name) | ast.Attribute(attr=name), orelse=[]):
            return name == "TYPE_CHECKING"
        case ast.ImportFrom(level=level, module=module, names=names):
            if followed := _is_followed(level, module, ours):
                found += [(level, module or "", a.name, a.asname or a.name) for a in names]
            return followed
        case ast.Import(names=names):
            ones = [a for a in names if _is_followed(0, a.name, ours)]
            found += [(0, a.name, "", a.asname or a.name.split(".")[0]) for a in ones]
            statement.names = [a for a in names if a not in ones]
            return not statement.names
    return False


def _canonical(node: Any, numbers: dict[str, int]) -> str:
    """A syntax tree as text that is equal on every version of Python.

    ``numbers`` are those of imported names, in the order of their first use; -1 before that.
    """
    if isinstance(node, ast.Name) and node.id in numbers:
        if numbers[node.id] < 0:
            numbers[node.id] = max(numbers.values()) + 1
        return f"<{numbers[node.id]}>"
    if isinstance(node, ast.AST):
        if isinstance(node, ast.JoinedStr):  # Python 3.12 puts empty texts into format specs
            node.values = [v for v in node.values if getattr(v, "value", None) != ""]
        fields = (
            f"{name}={_canonical(value, numbers)}"
            for name, value in ast.iter_fields(node)
            # What is empty is left out: later versions have more fields.
            if value is not None and value != [] and name not in ("kind", "type_comment")
        )
        return f"{type(node).__name__}({','.join(fields)})"
    if isinstance(node, list):
        return f"[{','.join(_canonical(item, numbers) for item in node)}]"
    return ascii(node)  # repr depends on the version's tables of Unicode


def _digest(parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _digest_files(path: Path) -> str:
    """Of names and contents of a file, or of all files in a folder."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) or [path]
    return _digest([[p.name, hashlib.sha256(p.read_bytes()).hexdigest()] for p in files])


def _load_cache(path: Path | None) -> dict[str, Any]:
    """Files that an earlier process parsed; a damaged cache counts as empty."""
    with suppress(OSError, ValueError):
        kept = json.loads(path.read_text()) if path else {}
        return kept if isinstance(kept, dict) else {}
    return {}
