"""What the config's classes are made of: strict sections, types of fields, and messages."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
)

from latent_microscope import former_names
from latent_microscope.errors import InputError

STUDY_NAME = "^[a-z0-9]+(-[a-z0-9]+)*$"
MODEL_NAME = "^[a-z0-9_]+$"
NAME_RULES = {
    STUDY_NAME: "lower-case letters and digits, parts joined by '-'",
    MODEL_NAME: "lower-case letters, digits and '_'",
}
"""In words."""
_PROBLEMS = {
    "too_short": "has too few items",
    "too_long": "has too many items",
}
_TYPES = {"string": "text", "object": "mapping", "boolean": "`true` or `false`", "null": "`null`"}
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
_UNKNOWN = ("extra_forbidden", "invalid_key")
_SCALAR, _LIST, _MAPPING = "[scalar]", "[list]", "[mapping]"


class Absent:
    """Value of an optional part that the config does not have."""


class Section(BaseModel):
    """A mapping of the config: each key is a field; other keys are errors.

    Types are strict: 3.0 is no integer, and numbers are finite. Plugins declare theirs with
    pydantic's ``Field`` or with :func:`setting`.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)

    @field_validator("*", mode="wrap")
    @classmethod
    def _as_written(cls, value: Any, handler: Any) -> Any:
        """The value itself where validation changes no more than 1 to 1.0."""
        found = handler(value)
        return value if found == value else found


def setting(description: str, default: Any = ..., **limits: Any) -> Any:
    """A field of a :class:`Section`; ``limits`` are those of pydantic (ge, gt, le, lt, …)."""
    return Field(default, description=description, **limits)


def optional(description: str | None = None, **limits: Any) -> Any:
    """A field of a :class:`Section` that the resolved config does not have if it is left out."""
    return Field(default_factory=lambda: Absent, description=description, **limits)


def _distinct(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError("has the same item twice")
    return values


def _shape(value: Any) -> str:
    return _LIST if isinstance(value, list) else _MAPPING if isinstance(value, dict) else _SCALAR


T = TypeVar("T")
S = TypeVar("S")
Distinct = Annotated[list[T], AfterValidator(_distinct), Field(min_length=1)]
"""A list of at least one item, none of them twice."""
OrList = Annotated[
    Annotated[S, Tag(_SCALAR)] | Annotated[list[T], Tag(_LIST)], Discriminator(_shape)
]
"""A scalar, or a list."""
OrMapping = Annotated[
    Annotated[S, Tag(_SCALAR)] | Annotated[T, Tag(_MAPPING)], Discriminator(_shape)
]
"""A scalar, or a section."""
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Percentile = Annotated[float, Field(ge=0, le=100)]
Percentiles = Annotated[list[Percentile], Field(min_length=1)]
Seeds = Distinct[Annotated[int, Field(ge=0)]]


def check(section: type[Section], content: Any, prefix: str) -> dict[str, Any]:
    """The content as a plain dict, with the defaults of the section.

    Raises:
        InputError: The first mistake, deepest key first, with the key's dotted name.
    """
    try:
        return _plain(section.model_validate(content))  # type: ignore[no-any-return]
    except ValidationError as error:
        schema = section.model_json_schema()
        mistakes = [(_place(schema, one), one) for one in error.errors(include_url=False)]
        # Deepest first; a key that is unknown before one that is missing, perhaps misspelt.
        mistakes.sort(key=lambda pair: (-len(pair[0]), pair[1]["type"] == "missing"))
        raise InputError(_message(schema, *mistakes[0], prefix)) from None


def unknown_key(key: str, known: Iterable[str]) -> str:
    """The message about a key that no section has."""
    name = key.rpartition(".")[2]
    if (new := former_names.new_name(key)) and new in known:
        return f"config key {key}: now called {new}; rename it"
    if why := former_names.gone(key):
        return f"config key {key}: has no use any more, since {why}; remove it"
    if near := get_close_matches(name, known, n=1):
        return (
            f"config key {key}: unknown key; did you mean {near[0]}? known here: {_listed(known)}"
        )
    return f"config key {key}: unknown key; known here: {_listed(known)}"


def unknown_value(key: str, value: Any, known: Iterable[str]) -> str:
    """The message about a value that is not one of those known."""
    if isinstance(value, str) and (new := former_names.new_name(f"{key}: {value}")):
        return f"config key {key}: {value} is now called {new}; rename it"
    return f"config key {key}: {_shown(value)} is unknown; {like(value, known)}known here: " + (
        _listed(known)
    )


def allowed(spec: Mapping[str, Any], parts: Mapping[str, Any]) -> str:
    """Words for the values of a JSON schema; ``parts`` are its definitions."""
    return " or ".join(_words(one, parts) for one in _alternatives(spec, parts))


def _plain(value: Any) -> Any:
    if isinstance(value, Section):
        return {name: _plain(part) for name, part in value if part is not Absent}
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _place(schema: Mapping[str, Any], mistake: Mapping[str, Any]) -> list[Any]:
    """Keys and positions, without pydantic's names of the alternatives of a union."""
    place: list[Any] = []
    parts, steps = schema.get("$defs", {}), [step for step in mistake["loc"] if step != "[key]"]
    for row, step in enumerate(steps, 1):
        among = list(_alternatives(_at(schema, place, parts), parts))
        is_key = len(among) == 1 or any(_below(one, step) for one in among)
        if is_key or (row == len(steps) and mistake["type"] in _UNKNOWN):
            place.append(step)
    return place


def _message(
    schema: Mapping[str, Any], place: Sequence[Any], mistake: Mapping[str, Any], prefix: str
) -> str:
    parts, value, kind = schema.get("$defs", {}), mistake["input"], mistake["type"]
    key = ".".join(str(step) for step in (prefix, *place) if step != "") or "(top level)"
    if kind in _UNKNOWN:
        above = _alternatives(_at(schema, place[:-1], parts), parts)
        return unknown_key(key, {name for one in above for name in one.get("properties", ())})
    if mistake["loc"][-1:] == ("[key]",):
        key = key.removesuffix(f".{place[-1]}")
        rule = NAME_RULES.get(mistake.get("ctx", {}).get("pattern", ""), "text, in quotes")
        return f"config key {key}: {value!r} is not a valid name; use {rule}"
    spec = _at(schema, place, parts)
    known = [name for one in _alternatives(spec, parts) for name in one.get("enum", ())]
    types = {one.get("type") for one in _alternatives(spec, parts)}
    wanted = f"expected {'one of ' if known else ''}{allowed(spec, parts).replace('`', '')}"
    if meaning := spec.get("description", "").partition("\n\n")[0].rstrip("."):
        wanted += f" ({meaning})"
    if kind == "missing":
        return f"config key {key}: missing; {wanted}"
    if isinstance(value, str) and (new := former_names.new_name(f"{key}: {value}")):
        return f"config key {key}: {value} is now called {new}; rename it"
    problem = _PROBLEMS.get(kind, "is not allowed")
    if kind == "value_error":
        problem = str(mistake["ctx"]["error"])
    if isinstance(value, str) and "number" in types and (number := _as_number(value)):
        problem = f"is text in YAML; write {number}"
    return f"config key {key}: {_shown(value)} {problem}; {like(value, known)}{wanted}"


def _at(spec: Mapping[str, Any], place: Sequence[Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a key; items of a list have the description of the list."""
    found = dict(spec)
    for step in place:
        inside = (_below(one, step) for one in _alternatives(found, parts))
        inner: dict[str, Any] = next(filter(None, inside), {})
        above = [found] if isinstance(step, int) else []
        said = (one.get("description") for one in (inner, *_alternatives(inner, parts), *above))
        found = {**inner, "description": next(filter(None, said), "")}
    return found


def _below(spec: Mapping[str, Any], step: Any) -> Any:
    if step in spec.get("properties", {}):
        return spec["properties"][step]
    more = spec.get("items") if isinstance(step, int) else spec.get("additionalProperties")
    if isinstance(more, dict):
        return more
    return next(iter(spec.get("patternProperties", {}).values()), {})


def _alternatives(spec: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "$ref" in spec:
        yield from _alternatives(parts[spec["$ref"].rpartition("/")[2]], parts)
    elif branches := spec.get("anyOf") or spec.get("oneOf"):
        for branch in branches:
            yield from _alternatives(branch, parts)
    else:
        yield spec


def _words(spec: Mapping[str, Any], parts: Mapping[str, Any]) -> str:
    if "const" in spec or "enum" in spec:
        return ", ".join(f"`{value}`" for value in spec.get("enum") or [spec["const"]])
    kind = spec.get("type", "")
    if kind == "array":
        least, most = spec.get("minItems"), spec.get("maxItems")
        items = re.sub(r"^(integer|number)\b", r"\1s", allowed(spec.get("items", {}), parts))
        return f"list of {f'{least} ' if least == most and most else ''}{items}"
    bounds = [f"{sign} {spec[bound]:g}" for bound, sign in _BOUNDS.items() if bound in spec]
    return f"{_TYPES.get(kind, kind)} {', '.join(bounds)}".strip()


def _as_number(text: str) -> str | None:
    """How YAML 1.1 writes a number that it reads as text: 1e-3 → 1.0e-3."""
    found = re.fullmatch(r"([-+]?\d+)(\.\d*)?e([-+]?)(\d+)", text, re.IGNORECASE)
    return found and f"{found[1]}{found[2] or '.0'}e{found[3] or '+'}{found[4]}"


def like(name: Any, known: Iterable[str]) -> str:
    """The question for a name that is close to a known one, else empty."""
    near = get_close_matches(name, known, n=1) if isinstance(name, str) else []
    return f"did you mean {near[0]}? " if near else ""


def _listed(known: Iterable[str]) -> str:
    return ", ".join(sorted(known)) or "none"


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= 80 else f"{text[:77]}..."
