import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_ids, load_rows
from latent_microscope.seeds import derive
from latent_microscope.step import In, run_declared


def finish(
    name: str,
    compute: Callable[..., Any],
    outputs: Mapping[str, Sequence[Path]],
    *,
    latents: In,
    encoding: In,
    settings: dict[str, Any],
    root_seed: int = 0,
    seed: int = 0,
) -> None:
    """Compute a declared score of the latents: id and a column named as the score."""
    ids = load_ids(encoding)
    rows = np.array(load_rows(latents, ids, encoding), dtype=np.float64)
    random = "seed" in inspect.signature(compute).parameters
    seeded = {"seed": derive(root_seed, "apply_score", name, seed)} if random else {}
    values = _checked(name, compute, compute(rows, **{**seeded, **settings}), ids)
    save_table(outputs["score"][0], pd.DataFrame({"id": pd.Series(ids, dtype="str"), name: values}))


def _checked(name: str, compute: Callable[..., Any], given: Any, ids: npt.NDArray) -> npt.NDArray:
    """What the function returned as n finite floats, or a message that names it."""
    function = getattr(compute, "func", compute)
    called = getattr(function, "__qualname__", type(function).__qualname__)
    where = f"score {name}: {function.__module__}:{called} returned"
    values = np.asarray(given)
    if values.shape != (len(ids),) or values.dtype.kind not in "iufb":
        raise InputError(
            f"{where} {values.dtype} of shape {values.shape}; a real number for each of the "
            f"{len(ids)} samples is needed"
        )
    values = values.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise InputError(
            f"{where} NaN or infinity for {bad.size} of {len(ids)} samples, first {ids[bad[0]]!r}"
        )
    return values


if __name__ == "__main__":
    run_declared("scores", finish, globals().get("snakemake"))
