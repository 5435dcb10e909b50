"""A fingerprint of the code that a step runs: its script and the library modules it imports.

Taken over the syntax trees without docstrings, so that comments, formatting, docstrings and
touched files change nothing, while an edit of any function that the step may reach does.
"""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

PACKAGE = "latent_microscope"
LIBRARY = Path(__file__).resolve().parent

# They start, time, report and describe a job and never touch its values: an edit of a progress
# line or of a sidecar must not cost a training.
PLUMBING = {f"{PACKAGE}.{name}" for name in ("step", "progress", "provenance", "codehash")}


def code_hash(script: Path) -> str:
    """Hash a script together with every library module that it imports, transitively.

    The ``__init__`` of a package counts only when names are imported from the package itself:
    ours hold lazy tables of names and no logic. :data:`PLUMBING` does not count. The files in the
    folder ``assets`` of a package (a page's style and code) count for its module ``page``.

    Args:
        script: Path of a Python file.

    Returns:
        16 hexadecimal digits.

    Raises:
        FileNotFoundError: The script or a module that it imports does not exist.
        SyntaxError: A file on the way is not valid Python.
    """
    digest = hashlib.sha256(_parsed(script.resolve()).code)
    for module in sorted(_reachable(script.resolve())):
        digest.update(f"\n{module}\n".encode())
        digest.update(_parsed(_module_file(module)).code)
        for asset in _assets(module):
            digest.update(f"\n{asset.name}\n".encode())
            digest.update(asset.read_bytes())
    return digest.hexdigest()[:16]


def dependencies(script: Path) -> list[str]:
    """Dotted names of the library modules that a script imports, transitively, sorted."""
    return sorted(_reachable(script.resolve()))


def _reachable(script: Path) -> set[str]:
    found: set[str] = set()
    queue = list(_imports(script, None))
    while queue:
        module = queue.pop()
        if module in found or module in PLUMBING:
            continue
        found.add(module)
        queue.extend(_imports(_module_file(module), module))
    return found


def _module_file(module: str) -> Path:
    path = LIBRARY.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _assets(module: str) -> list[Path]:
    if not module.endswith(".page"):
        return []
    return sorted(
        path for path in (_module_file(module).parent / "assets").glob("*") if path.is_file()
    )


def _exists(module: str) -> bool:
    return _module_file(module).is_file()


def _imports(path: Path, module: str | None) -> Iterator[str]:
    """Dotted names of the library modules that a file imports; ``module`` is its own name."""
    for level, base, names in _parsed(path).imports:
        source = _absolute(level, base, path, module)
        if source is None or source.split(".")[0] != PACKAGE:
            continue
        submodules = [f"{source}.{name}" for name in names]
        yield from (name for name in submodules if _exists(name))
        if not names or not all(_exists(name) for name in submodules):
            yield source


def _absolute(level: int, base: str | None, path: Path, module: str | None) -> str | None:
    if level == 0:
        return base
    if module is None:  # a script is in no package
        return None
    parts = module.split(".")
    parts = parts[: len(parts) - level + (path.name == "__init__.py")]
    return ".".join([*parts, *([base] if base else [])])


@dataclass(frozen=True)
class _Source:
    """What counts of a file: its code without notes, its imports as (level, module, names)."""

    code: bytes
    imports: tuple[tuple[int, str | None, tuple[str, ...]], ...]


def _parsed(path: Path) -> _Source:
    return _parse(path.read_bytes(), str(path))


@lru_cache(maxsize=1024)
def _parse(content: bytes, name: str) -> _Source:
    tree = ast.parse(content, filename=name)
    imports: list[tuple[int, str | None, tuple[str, ...]]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [(0, alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports.append((node.level, node.module, tuple(alias.name for alias in node.names)))
        for part in ("body", "orelse", "finalbody"):
            block = getattr(node, part, None)
            if isinstance(block, list):
                setattr(node, part, [statement for statement in block if not _is_note(statement)])
    return _Source(ast.dump(tree, annotate_fields=False).encode(), tuple(imports))


def _is_note(statement: ast.AST) -> bool:
    """A docstring, or a string after a name that it documents: no effect on what runs."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
