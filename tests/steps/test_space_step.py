"""A layer of a network as the latents of a study."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from step_helpers import load, run_twice  # type: ignore[import-not-found]

import import_space
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_npy, save_table

OUT = {"latents": "latents.npy", "encoding": "encoding.parquet"}


def written(folder: Path, ids: list[str], features: np.ndarray) -> dict[str, Path]:
    save_npy(folder / "layer.npy", features)
    save_table(folder / "ids.parquet", pd.DataFrame({"id": ids}))
    save_table(folder / "samples.parquet", pd.DataFrame({"id": list("abcdef")}))
    names = {"features": "layer.npy", "feature_ids": "ids.parquet", "samples": "samples.parquet"}
    return {key: folder / name for key, name in names.items()}


def test_a_layer_without_its_constant_columns(tmp_path: Path) -> None:
    features = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    features[:, 1] = 7.0
    made = run_twice(
        import_space.main, tmp_path, OUT, **written(tmp_path, list("abcdef"), features)
    )
    np.testing.assert_array_equal(np.load(made["latents"]), features[:, [0, 2]])
    assert load(made["encoding"])["id"].tolist() == list("abcdef")


def test_rows_of_other_images_are_refused(tmp_path: Path) -> None:
    files = written(tmp_path, list("acbdef"), np.eye(6, dtype=np.float32))
    outputs = {key: tmp_path / name for key, name in OUT.items()}
    with pytest.raises(InputError, match=r"ids\.parquet: not the images of .*samples\.parquet"):
        import_space.main(**files, **outputs)
