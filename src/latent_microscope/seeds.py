"""Random streams derived from one root seed and the name of what they are for."""

import hashlib
import operator

import numpy as np


def derive(root: int, *names: str | int) -> int:
    """A seed in [0, 2**63) for one named use of a root seed, e.g. ``"train_vae", "faces", 0``.

    Different names give independent streams, the same names always the same; 1 is not "1".
    """
    text = "\x1f".join([str(int(root)), *(_tagged(name) for name in names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def _tagged(name: str | int) -> str:
    """The name with its kind; numpy's integers and subclasses of str count as int and str."""
    return f"str:{name}" if isinstance(name, str) else f"int:{operator.index(name)}"


def rng(root: int, *names: str | int) -> np.random.Generator:
    """A numpy generator for the named stream (see :func:`derive`)."""
    return np.random.Generator(np.random.PCG64(derive(root, *names)))
