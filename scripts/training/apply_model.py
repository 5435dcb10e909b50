from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table, save_npy, save_table
from latent_microscope.io.inputs import load_images
from latent_microscope.seeds import derive
from latent_microscope.step import In, run_declared


def finish(
    name: str,
    features_of: Callable[..., Any],
    outputs: Mapping[str, Sequence[Path]],
    *,
    images: In,
    samples: In,
    settings: dict[str, Any],
    root_seed: int = 0,
    seed: int = 0,
) -> None:
    """Save the features of images, float32 (n, f), that a declared type of model returns."""
    ids = load_table(samples, ["id"])
    pixels = load_images(images, samples, len(ids))
    stream = derive(root_seed, "apply_model", name, seed)
    features = np.asarray(features_of(pixels, settings, seed=stream))
    fits = features.ndim == 2 and features.shape[0] == len(ids) and features.shape[1] > 0
    if not fits or features.dtype.kind not in "biuf":
        raise InputError(
            f"model type {name}: its function returned {features.dtype} of shape "
            f"{features.shape}; it must return real numbers of shape ({len(ids)}, features)"
        )
    with np.errstate(over="ignore"):  # an error below
        features = features.astype(np.float32, copy=False)
    wrong = ~np.isfinite(features).all(axis=1)
    if wrong.any():
        raise InputError(
            f"model type {name}: the features of the image {ids['id'][int(wrong.argmax())]!r} are "
            "not finite as float32"
        )
    save_npy(outputs["features"][0], features)
    save_table(outputs["feature_ids"][0], ids)


if __name__ == "__main__":
    run_declared("models", finish, globals().get("snakemake"))
