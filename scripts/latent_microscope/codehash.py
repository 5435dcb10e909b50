"""A fingerprint of the code that a step runs: its script and the library modules it imports.

Taken over the syntax trees without docstrings, so that comments, formatting, docstrings and
touched files change nothing, while an edit of any function that the step may reach does.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = "latent_microscope"
LIBRARY = Path(__file__).resolve().parent


def code_hash(script: Path) -> str:
    """Hash a script together with every library module that it imports, transitively.

    The ``__init__`` of a package counts only when names are imported from the package itself:
    ours hold lazy tables of names and no logic.

    Args:
        script: Path of a Python file.

    Returns:
        16 hexadecimal digits.

    Raises:
        FileNotFoundError: The script does not exist.
        SyntaxError: A file on the way is not valid Python.
    """
    digest = hashlib.sha256(_normalised(script.resolve()).encode())
    for module in sorted(_reachable(script.resolve())):
        digest.update(f"\n{module}\n".encode())
        digest.update(_normalised(_module_file(module)).encode())
    return digest.hexdigest()[:16]


def dependencies(script: Path) -> list[str]:
    """Dotted names of the library modules that a script imports, transitively, sorted."""
    return sorted(_reachable(script.resolve()))


def _reachable(script: Path) -> set[str]:
    found: set[str] = set()
    queue = list(_imports(script, None))
    while queue:
        module = queue.pop()
        if module in found:
            continue
        found.add(module)
        queue.extend(_imports(_module_file(module), module))
    return found


def _module_file(module: str) -> Path:
    path = LIBRARY.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _exists(module: str) -> bool:
    return _module_file(module).is_file()


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), filename=str(path))


@cache
def _imports(path: Path, module: str | None) -> tuple[str, ...]:
    return tuple(_walk_imports(path, module))


def _walk_imports(path: Path, module: str | None) -> Iterator[str]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == PACKAGE)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, path, module)
            if base is None or base.split(".")[0] != PACKAGE:
                continue
            submodules = [f"{base}.{alias.name}" for alias in node.names]
            yield from (name for name in submodules if _exists(name))
            if not all(_exists(name) for name in submodules):
                yield base


def _base(node: ast.ImportFrom, path: Path, module: str | None) -> str | None:
    if node.level == 0:
        return node.module
    if module is None:
        return None
    parts = module.split(".")
    parts = parts[: len(parts) - node.level + (path.name == "__init__.py")]
    return ".".join([*parts, *([node.module] if node.module else [])])


@cache
def _normalised(path: Path) -> str:
    tree = ast.parse(path.read_bytes(), filename=str(path))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        first = node.body[0] if node.body else None
        if (
            isinstance(first, ast.Expr)
            and isinstance(first.value, ast.Constant)
            and isinstance(first.value.value, str)
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree, annotate_fields=False)
