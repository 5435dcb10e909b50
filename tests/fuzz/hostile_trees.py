"""Hostile YAML and JSON."""

import copy
import json
from itertools import pairwise
from typing import Any

import yaml
from hostile import TEXTS, Files, damaged  # type: ignore[import-not-found]
from hypothesis import strategies as st

YAML_TEXTS = [
    "[" * 1000,
    "a: &a [x, x]\n"
    + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in pairwise("abcdefghij"))
    + "seed: *j\n",
    "a: &a [*a]\nseed: *a\n",
    "? [1, 2]\n: x\n",
    "1: 2\n",
    "~: 2\n",
    "seed: !!python/object/apply:os.system ['touch escaped']\n",
    "seed: " + "9" * 5000 + "\n",
    "seed: 2026-13-45\n",
    "seed: !!set {a, b}\n",
    "seed: !!binary //8=\n",
    "- a\n",
    "seed",
    "",
    "\ufeffseed: 1\n",
    "%YAML 9.9\n---\n",
    "a: b\n---\nc: d\n",
    "seed: 0o9\nseed: 1\n",
    "{" * 500,
]  # fmt: skip
LEAVES: list[Any] = [
    None,
    True,
    0,
    -1,
    10**30,
    0.5,
    float("nan"),
    float("inf"),
    "",
    "x" * 5000,
    "../..",
    "/etc/passwd",
    "<script>",
    "a\nb",
    [],
    {},
    [[[]]],
    {"a": {"b": 1}},
    {1: 2},
    {None: 1},
    b"\xff",
]


@st.composite
def trees(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """A mapping of mappings with values, keys and branches changed at a few places."""
    content: dict[str, Any] = json.loads(json.dumps(whole))
    for _ in range(draw(st.integers(1, 3))):
        part: Any = content
        while True:
            keys = list(part) if isinstance(part, dict) else list(range(len(part)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(part[key], dict | list) and part[key] and draw(st.integers(0, 3)):
                part = part[key]
                continue
            what = draw(st.sampled_from(["set", "set", "drop", "add", "text"]))
            if what == "drop":
                del part[key]
            elif what == "add" and isinstance(part, dict):
                part[draw(st.sampled_from([*TEXTS, "seed", "models", 1, None]))] = part[key]
            elif what == "text":
                part[key] = draw(st.text(max_size=8))
            else:
                part[key] = copy.deepcopy(draw(st.sampled_from(LEAVES)))
            break
    return content


def yamls(whole: dict[str, Any]) -> Files:
    """YAML: trees with changes, damaged text, and what parsers choke on."""

    def dump(tree: dict[str, Any]) -> bytes:
        return yaml.dump(tree, Dumper=_DUMPER, sort_keys=False).encode()

    texts = [yaml.dump(whole, Dumper=_DUMPER).encode()]
    made = trees(whole).map(dump)
    return made | made | damaged(texts, edits=2) | st.sampled_from([t.encode() for t in YAML_TEXTS])


_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def jsons(whole: dict[str, Any]) -> Files:
    odd = [
        b"[" * 20000,
        b"{}",
        b"[]",
        b"1",
        b"null",
        b'{"a": ' * 2000,
        b"9" * 5000,
        b"\xff",
        b"NaN",
    ]
    made = trees(whole).map(lambda tree: json.dumps(_plain(tree)).encode())
    return made | damaged([json.dumps(whole).encode()], edits=2) | st.sampled_from(odd)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value.decode("latin-1") if isinstance(value, bytes) else value
