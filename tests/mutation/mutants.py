"""Mutants of a module: where its code can be changed to something wrong, and into what.

The changes are cosmic-ray's, applied to the text. A *site* is a place and a kind of change (a
number, a comparison, …): of a site's mutants one is drawn, else binary operators with their many
replacements, most of which raise at once, would make up most of a draw.

Left out, since no test could or should see it:

- annotations, aliases of types (module level, ``CamelCase = …``), ``isinstance`` with a union
- decorators (``dataclass(frozen=True)``, ``njit(cache=True)``), ``__repr__`` and ``__str__``
- what is said: ``raise`` statements, calls of ``warnings`` and of loggers, f-strings
- ``assert`` and ``TYPE_CHECKING`` (for the type checker), ``strict=`` of ``zip``
- sizes of blocks and numbers of threads, on which no result depends: constants listed in
  ``modules.toml``; arguments and variables ``block_size``, ``n_jobs`` and ``threads``
- operators that floats do not have (``<<``, ``&``, …) in place of arithmetic, ``==`` by ``is``,
  and other changes of an operator that only raise
"""

import ast
import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from cosmic_ray.ast import Visitor, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

Place = tuple[int, int]  # line from 1, column in characters
Span = tuple[Place, Place]

_ARITHMETIC = ("Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow")
_BITS = ("BitAnd", "BitOr", "BitXor")
_SHIFTS = ("LShift", "RShift")
_ORDER = ("Eq", "NotEq", "Lt", "LtE", "Gt", "GtE")
_IDENTITY = ("Is", "IsNot")
_KINDS = {
    "AddNot": "condition",
    "ReplaceTrueWithFalse": "flag",
    "ReplaceFalseWithTrue": "flag",
    "ReplaceAndWithOr": "junction",
    "ReplaceOrWithAnd": "junction",
    "ReplaceBreakWithContinue": "loop",
    "ReplaceContinueWithBreak": "loop",
    "ZeroIterationForLoop": "loop",
    "ExceptionReplacer": "exception",
    "NumberReplacer": "number",
}
_SPEED = {"block_size", "n_jobs", "threads"}
_LOGS = {"warnings", "log", "logger", "logging", "LOG"}


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    operator: str  # cosmic-ray's name
    occurrence: int  # of the operator in the module
    line: int
    column: int
    kind: str


def kind_of(operator: str) -> str | None:
    """Kind of change of an operator; None: never used."""
    name = operator.partition("/")[2]
    if name in _KINDS:
        return _KINDS[name]
    if found := re.fullmatch(r"ReplaceUnaryOperator_Delete_(\w+)", name):
        return "sign"  # the other replacements are the same or raise
    if found := re.fullmatch(r"Replace(Binary|Comparison)Operator_(\w+)_(\w+)", name):
        binary, old, new = found[1] == "Binary", found[2], found[3]
        families = (_ARITHMETIC, _BITS, _SHIFTS) if binary else (_ORDER, _IDENTITY)
        if any(old in family and new in family for family in families):
            return "operation" if binary else "comparison"
    return None


class _Places(Visitor):
    """Where an operator applies, in the order of its occurrences."""

    def __init__(self, operator: str) -> None:
        self.operator = get_operator(operator)()
        self.found: list[Place] = []
        self.bare: set[Place] = set()

    def visit(self, node: object) -> object:
        self.found += [start for start, _ in self.operator.mutation_positions(node)]
        parent = getattr(node, "parent", None)
        if parent is not None and parent.type == "parameters":  # a bare * or /
            self.bare.add(node.start_pos)  # type: ignore[attr-defined]
        return node


def all_mutants(source: str) -> list[Mutant]:
    """Every mutant of the kinds used, in the order of the text."""
    tree, found = get_ast(source), []
    for operator in sorted(operator_names()):
        kind = kind_of(operator)
        if kind is not None:
            places = _Places(operator)
            places.walk(tree)
            found += [
                Mutant(operator, i, line, column, kind)
                for i, (line, column) in enumerate(places.found)
                if (line, column) not in places.bare
            ]
    return sorted(found, key=lambda one: (one.line, one.column, one.kind, one.operator))


def _spoken(node: ast.AST) -> bool:
    """Whether a call only says something."""
    if not isinstance(node, ast.Call):
        return False
    base = node.func.value if isinstance(node.func, ast.Attribute) else node.func
    return isinstance(base, ast.Name) and base.id in _LOGS


def _is_alias(node: ast.stmt) -> bool:
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    return (
        isinstance(target, ast.Name)
        and re.fullmatch("[A-Z][A-Za-z0-9]*[a-z0-9]", target.id) is not None
    )


def _left_out(tree: ast.Module, sizes: Sequence[str]) -> Iterator[tuple[str, ast.AST]]:
    """Reason and node of everything that is not mutated."""
    for statement in tree.body:
        if _is_alias(statement):
            yield "types", statement
        if isinstance(statement, ast.Assign):  # of the module
            names = {part.id for part in ast.walk(statement) if isinstance(part, ast.Name)}
            if names & set(sizes):
                yield "sizes of blocks", statement
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            parts = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            parts += [part for part in (node.args.vararg, node.args.kwarg) if part]
            yield from (("types", part.annotation) for part in parts if part.annotation)
            defaults = [None] * len(node.args.posonlyargs + node.args.args) + node.args.defaults
            defaults = defaults[len(node.args.defaults) :] + node.args.kw_defaults
            for part, default in zip(parts, defaults, strict=False):
                if default is not None and part.arg in _SPEED:
                    yield "sizes of blocks", default
            if node.returns:
                yield "types", node.returns
            if node.name in ("__repr__", "__str__"):
                yield "words", node
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from (("decorators", one) for one in node.decorator_list)
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Name) and target.id in _SPEED:
            yield "sizes of blocks", node
        if isinstance(node, ast.AnnAssign):
            yield "types", node.annotation
        if isinstance(node, ast.Raise | ast.JoinedStr) or _spoken(node):
            yield "words", node
        if isinstance(node, ast.Assert):
            yield "types", node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield "types", node
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "isinstance":
                yield "types", node.args[1]
            if node.func.id == "zip":
                yield from (("strict zip", one) for one in node.keywords if one.arg == "strict")


def excluded_spans(source: str, sizes: Sequence[str] = ()) -> list[tuple[str, Span]]:
    """Reason and span, columns in characters, of everything that is not mutated."""
    lines = source.splitlines()

    def place(line: int, offset: int) -> Place:
        return line, len(lines[line - 1].encode()[:offset].decode())

    spans = []
    for reason, node in _left_out(ast.parse(source), sizes):
        assert isinstance(node, ast.expr | ast.stmt | ast.keyword)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start, end = (
            place(node.lineno, node.col_offset),
            place(node.end_lineno, node.end_col_offset),
        )
        spans.append((reason, (start, end)))
    return spans


def sites(source: str, sizes: Sequence[str] = ()) -> tuple[list[list[Mutant]], dict[str, int]]:
    """Mutants by site, and the number of mutants left out by reason."""
    spans = excluded_spans(source, sizes)
    kept, out = (
        [],
        dict.fromkeys(("types", "decorators", "words", "strict zip", "sizes of blocks"), 0),
    )
    for mutant in all_mutants(source):
        at = (mutant.line, mutant.column)
        reason = next((why for why, (start, end) in spans if start <= at < end), None)
        if reason is None:
            kept.append(mutant)
        else:
            out[reason] += 1
    groups = groupby(kept, key=lambda one: (one.line, one.column, one.kind))
    return [list(group) for _, group in groups], out


def mutated(source: str, mutant: Mutant) -> str | None:
    """The module with the change; None where it means the same or is no Python."""
    try:
        code = mutate_code(source, get_operator(mutant.operator)(), mutant.occurrence)
    except AttributeError:  # cosmic-ray 8.7: exceptions named by module and name
        return None
    if code is None:
        return None
    try:
        changed = ast.dump(ast.parse(code))
    except SyntaxError:
        return None
    return None if changed == ast.dump(ast.parse(source)) else code


def shares(weights: Sequence[int], total: int) -> list[int]:
    """Whole numbers in proportion to weights with this sum: largest remainders, first if tied."""
    exact = [total * weight / max(sum(weights), 1) for weight in weights]
    parts = [int(value) for value in exact]
    order = sorted(range(len(exact)), key=lambda i: parts[i] - exact[i])
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts


def drawn(
    source: str, name: str, count: int, seed: int, sizes: Sequence[str] = ()
) -> list[tuple[Mutant, str]]:
    """``count`` mutants of a module at different sites, with the changed module."""
    generator = random.Random(f"{seed} {name}")
    places = sites(source, sizes)[0]
    generator.shuffle(places)
    found: list[tuple[Mutant, str]] = []
    for mutants in places:
        if len(found) == count:
            break
        mutant = generator.choice(mutants)
        code = mutated(source, mutant)
        if code is not None:
            found.append((mutant, code))
    return found


def fingerprint(*texts: str) -> str:
    """A short name of texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
