"""A fingerprint of the code that a step runs: its script and the library modules it imports.

Taken over the syntax trees without docstrings, so that comments, formatting and docstrings change
nothing, while an edit of any function that the step may reach does. It follows what imports lead
to, not what modules are called: a module that moves or gets another name keeps every hash. It is
the same on all supported versions of Python, as a step may run in another environment than
Snakemake.
"""

import ast
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from latent_microscope.errors import InputError

PACKAGE = "latent_microscope"
LIBRARY = Path(__file__).resolve().parents[1]
CACHE = Path(".snakemake/latent_microscope/parsed.json")
"""Parsed files by their content, below the folder of a run; jobs start faster by it."""

# They start, time, report, plan and describe a job and never touch its values: an edit of a
# progress line, of a sidecar or of the planning must not cost a training.
NOT_COUNTED = tuple(
    f"{PACKAGE}.{name}"
    for name in (
        "step",
        "arguments",
        "registry",
        "declarations",
        "config",
        "progress",
        "project",
        "planning",
        "provenance.sidecars",
        "provenance.codehash",
    )
)
_FORMAT = 1
_MANY_FILES = 2000
_DEPTH = 10  # of packages that pass a name on
_Edge = tuple[str, Path | None]
"""What is imported, and the file that it leads to; None for what does not count."""


def code_hash(script: Path, assets: Iterable[Path] = (), functions: Iterable[str] = ()) -> str:
    """Hash a script together with every library module that it imports, transitively.

    A name imported from a package that the package itself imports from one of its modules leads to
    that module. :data:`NOT_COUNTED` does not count. The files in the folder ``assets`` of a package
    (a page's style and code) count for its modules that speak of ``assets``.

    Args:
        script: Path of a Python file.
        assets: Files and folders that the script reads beside its inputs, such as a notebook.
        functions: Declared functions that it calls (``module:function``), whose modules count; of
            another package its own modules and ours, but not what else it imports.

    Returns:
        16 hexadecimal digits.

    Raises:
        FileNotFoundError: The script, an asset or a module that it imports does not exist.
        SyntaxError: A file on the way is not valid Python.
    """
    return CodeHasher().code_hash(script, assets, functions)


def dependencies(script: Path) -> list[str]:
    """Dotted names of the library modules that a script imports, transitively, sorted."""
    graph = CodeHasher().reach(script.resolve())
    return sorted(_dotted(path) for path in graph if path != script.resolve())


@dataclass(frozen=True)
class _Source:
    """What counts of a file.

    Attributes:
        code: Digest of its code without notes and without imports of the library, in which the
            names that those bind are numbered.
        imports: (level, module, name, number of the bound name, number among its imports).
        exports: Name → (level, module, name) of what it imports from the library.
        assets: Whether it speaks of its package's assets.
    """

    code: str
    imports: tuple[tuple[int, str, str, int, int], ...]
    exports: Mapping[str, tuple[int, str, str]]
    assets: bool


class CodeHasher:
    """Hashes many scripts of one state of the code; a file is read and parsed once.

    Args:
        cache: File that keeps what was parsed over processes; read here, written by :meth:`save`.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache
        self._kept = _load_cache(cache)
        self._new = False
        self._used: set[str] = set()
        self._sources: dict[Path, _Source] = {}
        self._edges: dict[Path, list[_Edge]] = {}
        self._digests: dict[Path, str] = {}

    def code_hash(
        self, script: Path, assets: Iterable[Path] = (), functions: Iterable[str] = ()
    ) -> str:
        """As :func:`code_hash`."""
        parts = [self._digest_of(script.resolve())]
        for function in functions:
            module, _, name = function.partition(":")
            file = _module_file(module)
            if not file.is_file():
                raise InputError(f"declared function {function}: there is no {file}")
            parts += [name, self._digest_of(file)]
        for asset in assets:
            files = sorted(p for p in asset.rglob("*") if p.is_file()) or [asset]
            parts += [_digest([file.name, file.read_bytes().hex()]) for file in files]
        return _digest(parts)[:16]

    def _digest_of(self, path: Path) -> str:
        if path not in self._digests:
            self._digest_all(self.reach(path), path)
        return self._digests[path]

    def save(self) -> None:
        """Keep what was parsed for the next process, if the folder can be written."""
        if self._cache is None or not self._new:
            return
        if len(self._kept) > _MANY_FILES:  # of many earlier states of the code
            self._kept = {key: kept for key, kept in self._kept.items() if key in self._used}
        temporary = self._cache.with_name(f".tmp-{os.getpid()}-{self._cache.name}")
        with suppress(OSError):
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps({"format": _FORMAT, "files": self._kept}))
            os.replace(temporary, self._cache)

    def reach(self, script: Path) -> dict[Path, list[_Edge]]:
        """The script and all modules behind it, each with what it imports."""
        graph: dict[Path, list[_Edge]] = {}
        queue = [script]
        while queue:
            path = queue.pop()
            if path not in graph:
                if path not in self._edges:
                    self._edges[path] = list(self._imports(path))
                graph[path] = self._edges[path]
                queue.extend(target for _, target in graph[path] if target is not None)
        return graph

    def _imports(self, path: Path) -> Iterator[_Edge]:
        for level, module, name, bound, number in self._source(path).imports:
            source = _absolute(level, module, path)
            if source is not None:
                # A module may be called anything: its name does not count, that of a function does.
                what = "" if name and _is_module(f"{source}.{name}") else name
                yield f"{bound} {number} {what}", self._target(source, name)
        if path.name == "__init__.py":  # what a package imports for types it may load on first use
            for name, (level, module, wanted) in sorted(self._source(path).exports.items()):
                if inner := _absolute(level, module, path):
                    yield f"export {name}", self._target(inner, wanted)

    def _target(self, source: str, name: str, depth: int = 0) -> Path | None:
        """The file that ``from source import name`` leads to."""
        if name and _is_module(f"{source}.{name}"):
            source, name = f"{source}.{name}", ""
        path = _module_file(source)
        if path.name == "__init__.py" and name:
            export = self._source(path).exports.get(name)
            inner = _absolute(export[0], export[1], path) if export else None
            if export and inner and inner != source and depth < _DEPTH:
                return self._target(inner, export[2], depth + 1)
        if any(source == left or source.startswith(f"{left}.") for left in NOT_COUNTED):
            return None
        if not path.is_file() and not path.is_relative_to(LIBRARY):
            return None  # a compiled module, or a folder, of a plugin
        return path

    def _source(self, path: Path) -> _Source:
        if path not in self._sources:
            content = path.read_bytes()
            ours = {PACKAGE, _package_of(path) or PACKAGE}
            # Which imports are followed depends on the package that a file is in.
            known = b"" if ours == {PACKAGE} else repr(sorted(ours)).encode()
            key = hashlib.sha256(known + content).hexdigest()
            kept = self._kept.get(key)
            if kept is None:
                kept = self._kept[key] = _parse(content, str(path), ours)
                self._new = True
            self._used.add(key)
            self._sources[path] = _Source(
                kept["code"],
                tuple(tuple(entry) for entry in kept["imports"]),
                {name: tuple(entry) for name, entry in kept["exports"].items()},
                kept["assets"],
            )
        return self._sources[path]

    def _own(self, path: Path) -> str:
        source = self._source(path)
        if not source.assets:
            return source.code
        files = sorted(p for p in (path.parent / "assets").glob("*") if p.is_file())
        return _digest([source.code, *[[p.name, p.read_bytes().hex()] for p in files]])

    def _digest_all(self, graph: Mapping[Path, Sequence[_Edge]], script: Path) -> None:
        """Digests of all files of a graph, those that a file imports before its own."""
        for circle in _components(graph, script):
            if all(path in self._digests for path in circle):
                continue
            # In a circle of imports no file can be first: each takes in the others step by step,
            # until what one of them says has reached all (as many rounds as there are files).
            state = {path: self._own(path) for path in circle}
            own = dict(state)
            for _ in circle:
                known = {**self._digests, **state}
                state = {
                    path: _digest(
                        [
                            own[path],
                            sorted([what, known[t] if t else ""] for what, t in graph[path]),
                        ]
                    )
                    for path in circle
                }
            self._digests |= state


def _components(graph: Mapping[Path, Sequence[_Edge]], start: Path) -> Iterator[list[Path]]:
    """Strongly connected components, those that are imported first (Tarjan 1972)."""
    index: dict[Path, int] = {start: 0}
    low = {start: 0}
    stack, waiting = [start], {start}
    work = [(start, iter(graph[start]))]
    while work:
        path, targets = work[-1]
        for _, target in targets:
            if target is None:
                continue
            if target not in index:
                index[target] = low[target] = len(index)
                stack.append(target)
                waiting.add(target)
                work.append((target, iter(graph[target])))
                break
            if target in waiting:
                low[path] = min(low[path], index[target])
        else:
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[path])
            if low[path] == index[path]:
                cut = stack.index(path)
                waiting -= set(stack[cut:])
                yield stack[cut:]
                del stack[cut:]


def _roots() -> dict[str, Path]:
    """Folder of our package and of those that declare something; of a module alone, its file."""
    return {PACKAGE: LIBRARY} | _PLUGINS


_PLUGINS: dict[str, Path] = {}


def _root(package: str) -> Path:
    """Where a package is, found without importing it.

    Raises:
        InputError: It is not installed.
    """
    if package not in _roots():
        spec = find_spec(package)
        places = list(spec.submodule_search_locations or ()) if spec else []
        if spec and spec.origin and not places:  # a module alone
            places = [spec.origin]
        if not places:
            raise InputError(f"the package {package} of a declared function is not installed")
        _PLUGINS[package] = Path(places[0]).resolve()
    return _roots()[package]


def _package_of(path: Path) -> str | None:
    """The package that a file is in; None of a script."""
    return next((name for name, root in _roots().items() if path.is_relative_to(root)), None)


def _module_file(module: str) -> Path:
    package, *parts = module.split(".")
    path = _root(package).joinpath(*parts)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _is_module(module: str) -> bool:
    return _module_file(module).is_file()


def _dotted(path: Path) -> str:
    package = _package_of(path) or ""
    return ".".join([package, *_parts_below(path, package)])


def _parts_below(path: Path, package: str) -> tuple[str, ...]:
    parts = path.relative_to(_root(package)).with_suffix("").parts
    return parts[:-1] if parts[-1:] == ("__init__",) else parts


def _absolute(level: int, module: str, path: Path) -> str | None:
    """The module that an import names, of the library or of the file's package; None for others."""
    package = _package_of(path)
    if level == 0:
        return module if module.split(".")[0] in {PACKAGE, package} else None
    if package is None:  # a script
        return None
    parts = (package, *path.relative_to(_root(package)).with_suffix("").parts)
    parents = parts[: len(parts) - level]
    return ".".join([*parents, *([module] if module else [])])


def _parse(content: bytes, name: str, ours: Set[str] = frozenset({PACKAGE})) -> dict[str, Any]:
    """What counts of a file's content, as JSON.

    Args:
        content: Of the file.
        name: For the messages of syntax errors.
        ours: Packages whose imports are followed.
    """
    tree = ast.parse(content, filename=name)
    exports = {
        alias.asname or alias.name: [node.level, node.module or "", alias.name]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.level or _is_in(ours, node.module))
        for alias in node.names
    }
    for name in _bound_again(tree) & exports.keys():
        del exports[name]
    assets = any(
        isinstance(node, ast.Constant) and node.value == "assets" for node in ast.walk(tree)
    )
    found: list[tuple[int, str, str, str]] = []
    _take_out(tree, found, ours)
    numbers: dict[str, int] = {bound: -1 for *_, bound in found}
    code = hashlib.sha256("".join(_canonical(tree, numbers)).encode()).hexdigest()
    imports: list[list[Any]] = []
    seen: list[str] = []
    for level, module, wanted, bound in found:
        imports.append([level, module, wanted, numbers[bound], seen.count(bound)])
        seen.append(bound)
    return {"code": code, "imports": imports, "exports": exports, "assets": assets}


def _bound_again(tree: ast.Module) -> set[str]:
    """Names that a module binds by itself: they are not what it imports."""
    targets = (
        n for s in tree.body if isinstance(s, ast.Assign | ast.AnnAssign) for n in ast.walk(s)
    )
    names = {n.id for n in targets if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return names | {s.name for s in tree.body if isinstance(s, defined)}


def _is_in(packages: Set[str], module: str | None) -> bool:
    return module is not None and module.split(".")[0] in packages


def _take_out(node: ast.AST, found: list[tuple[int, str, str, str]], ours: Set[str]) -> None:
    """Remove notes, blocks for type checkers and imports of the library; list the last.

    An entry is (level, module, name, bound name).
    """
    for part in ("body", "orelse", "finalbody"):
        block = getattr(node, part, None)
        if isinstance(block, list):
            kept = [s for s in block if not _is_note(s) and not _is_for_types(s)]
            setattr(node, part, [s for s in kept if not _is_followed(s, found, ours)])
    for child in ast.iter_child_nodes(node):
        _take_out(child, found, ours)


def _is_followed(
    statement: ast.AST, found: list[tuple[int, str, str, str]], ours: Set[str]
) -> bool:
    if isinstance(statement, ast.ImportFrom) and (
        statement.level or _is_in(ours, statement.module)
    ):
        found += [
            (statement.level, statement.module or "", a.name, a.asname or a.name)
            for a in statement.names
        ]
        return True
    if isinstance(statement, ast.Import):
        followed = [a for a in statement.names if _is_in(ours, a.name)]
        found += [(0, a.name, "", a.asname or a.name.split(".")[0]) for a in followed]
        statement.names = [a for a in statement.names if a not in followed]
        return bool(followed) and not statement.names
    return False


def _is_note(statement: ast.AST) -> bool:
    """A docstring, or a string after a name that it documents: no effect on what runs."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _is_for_types(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.If)
        and ast.unparse(statement.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        and not statement.orelse
    )


def _canonical(node: Any, numbers: dict[str, int]) -> Iterator[str]:
    """A syntax tree as text that is the same on every version of Python.

    Args:
        node: A node, a list of nodes or a constant.
        numbers: Names that are bound by imports of the library → their number, -1 before their
            first use; filled in on the way.
    """
    if isinstance(node, ast.Name) and node.id in numbers:
        if numbers[node.id] < 0:
            numbers[node.id] = max(numbers.values()) + 1
        yield f"<{numbers[node.id]}>"
    elif isinstance(node, ast.expr_context):
        return
    elif isinstance(node, ast.AST):
        if isinstance(node, ast.JoinedStr):  # Python 3.12 puts empty texts into format specs
            node.values = [v for v in node.values if not _is_empty_text(v)]
        yield type(node).__name__ + "("
        for field, value in ast.iter_fields(node):
            # What is empty is left out: later versions have more fields.
            if value is not None and value != [] and field not in ("kind", "type_comment"):
                yield field + "="
                yield from _canonical(value, numbers)
        if isinstance(node, ast.Constant) and node.value is None:
            yield "None"
        yield ")"
    elif isinstance(node, list):
        yield "["
        for item in node:
            yield from _canonical(item, numbers)
            yield ","
        yield "]"
    else:
        yield ascii(node)  # repr depends on the version's tables of Unicode


def _is_empty_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == ""


def _digest(parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _load_cache(path: Path | None) -> dict[str, Any]:
    """Files that an earlier process parsed; a damaged cache is an empty one."""
    if path is not None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(path.read_text())
            if kept["format"] == _FORMAT:
                return dict(kept["files"])
    return {}
