"""Hostile pickles, by themselves and in ``.pt`` files."""

import io
import pickle
import struct
from typing import Any

import numpy as np
import torch
from hostile import Files, damaged, zipped  # type: ignore[import-not-found]
from hypothesis import strategies as st


class Hostile:
    """A pickle of it makes a file when it is run."""

    def __reduce__(self) -> Any:
        return (exec, ("open('escaped', 'w')",))


OPCODES = [
    b"}",
    b"]",
    b"(",
    b")",
    b"N",
    b"0",
    b"2",
    b"a",
    b"e",
    b"s",
    b"u",
    b"t",
    b"d",
    b"l",
    b"R",
    b"b",
    b"K\x05",
    b"X\x04\0\0\0data",
    b"X\x06\0\0\0labels",
    b"X\xff\xff\xff\xff",
    b"\x8d" + b"\xff" * 8,
    b"\x8e" + struct.pack("<Q", 2**40),
    b"\x96" + struct.pack("<Q", 2**40),
    b"\x8b" + struct.pack("<I", 2**31 - 1),
    b"r" + struct.pack("<I", 2**32 - 1),
    b"p4294967295\n",
    b"j\xff\xff\xff\xff",
    b"q\x00",
    b"h\x00",
    b"I99999999999999999999\n",
    b"F1e999\n",
    b"cos\nsystem\n",
    b"cnumpy\ndtype\n",
    b"cnumpy\nndarray\n",
    b"cnumpy.core.multiarray\n_reconstruct\n",
    b"c_codecs\nencode\n",
    b"cbuiltins\ngetattr\n",
    b"\x95" + struct.pack("<Q", 2**40),
    b"\x80\x02",
    b"\x80\x09",
    b"Pabc\n",
    b"Q",
    b"ios\nsystem\n",
    b"U\x04echo",
    b"C\x03abc",
    b".",
]


def pickles() -> Files:
    """Pickles: programs at random, of forbidden names, and almost right ones."""
    data = np.zeros((2, 3072), dtype=np.uint8)
    whole = [
        {"data": data, "labels": [1, 2]},
        {"data": data[:, :9], "labels": [1]},
        {"data": data, "labels": [1, 2.5]},
        {"data": data, "labels": [1, 2**70]},
        {"data": data.astype("f4"), "labels": [1, 2]},
        {"data": Hostile(), "labels": [1, 2]},
        {"label_names": [Hostile()]},
        {1: 2, None: []},
        [data],
        data,
    ]
    programs = st.lists(st.sampled_from(OPCODES), max_size=14).map(
        lambda ops: b"\x80\x02" + b"".join(ops) + b"."
    )
    dumps = [pickle.dumps(value, protocol=p) for value in whole for p in (0, 2, 4, 5)]
    return programs | st.sampled_from(dumps[:4]) | st.sampled_from(dumps) | damaged(dumps)


def weights(state: dict[str, Any]) -> Files:
    """``.pt`` files: states that do not fit, pickles that run code, damage."""

    def saved(content: Any, **options: Any) -> bytes:
        buffer = io.BytesIO()
        torch.save(content, buffer, **options)
        return buffer.getvalue()

    name = next(iter(state))
    values: list[Any] = [
        torch.zeros(0),
        torch.full((3,), float("nan")),
        state[name].double(),
        state[name].to(torch.complex64),
        state[name].half() * float("nan"),
        torch.zeros(1).expand(10**5, 10**5),
        torch.sparse_coo_tensor(torch.zeros((1, 1), dtype=torch.int64), torch.ones(1), (3,)),
        "text",
        None,
        [1],
    ]
    whole = [saved(state | {name: value}) for value in values]
    whole += [saved(state | {key: value}) for key in ("x", "", 5) for value in values[:2]]
    whole += [saved(state), saved(state, _use_new_zipfile_serialization=False), saved([state])]
    whole += [saved({"a": Hostile()}), saved(Hostile()), pickle.dumps(Hostile())]
    programs = st.lists(st.sampled_from(OPCODES), max_size=10).map(
        lambda ops: zipped([("x/data.pkl", b"\x80\x02" + b"".join(ops) + b"."), ("x/v", b"3")])
    )
    return st.sampled_from(whole) | damaged(whole) | programs
