"""Predictions of an image as the mean over crops of it: shifted by a few pixels, and flipped.

Networks trained with random crops and flips give slightly different outputs for each; their mean
varies less (test-time augmentation; Krizhevsky et al. 2012 averaged ten crops).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from latent_microscope.messages import log
from latent_microscope.models.philnet import PhilNet
from latent_microscope.similarity.behaviour import cross_fitted_temperatures, fit_temperature
from latent_microscope.training.folds import Float32, predict
from latent_microscope.training.splits import Ints


def shifts(size: int) -> list[tuple[int, int]]:
    """Shifts (down, right) in pixels: none, and ``size`` in each of four directions."""
    return [(0, 0), (size, 0), (-size, 0), (0, size), (0, -size)] if size else [(0, 0)]


def shifted(images: np.ndarray, down: int, right: int) -> np.ndarray:
    """Images (n, H, W, C) moved by whole pixels; pixels from outside are reflected."""
    border, (_, height, width, _) = max(abs(down), abs(right)), images.shape
    wider = np.pad(images, ((0, 0), (border, border), (border, border), (0, 0)), mode="reflect")
    top, left = border - down, border - right
    return wider[:, top : top + height, left : left + width]


def predict_folds(
    networks: Mapping[int, PhilNet],
    images: np.ndarray,
    members: Mapping[int, Mapping[str, Ints]],
    shares: npt.NDArray[np.float64],
    settings: Mapping[str, Any],
    device: torch.device,
) -> tuple[Float32, Float32, pd.DataFrame]:
    """Predict each image by the network of its fold, with a temperature from other images.

    Args:
        networks: By fold.
        images: uint8 (n, H, W, C).
        members: From :func:`rows_by_role`.
        shares: Vote shares, (n, classes).
        settings: ``shift`` (pixels; 0: none) and ``flip`` (also the mirror image of each).
        device: Where to compute.

    Returns:
        Features (n, width), logits (n, classes), and the table ``fold``, ``temperature``.
    """
    n, flip = len(images), settings["flip"]
    fold_of, temperature = np.empty(n, dtype=np.int64), np.full(n, np.nan)
    features: Float32 = np.empty((0, 0), dtype=np.float32)
    logits = np.empty(shares.shape, dtype=np.float32)
    for fold, rows in members.items():
        held, inner = rows["held_out"], rows["inner"]
        pixels = np.asarray(images[np.concatenate([held, inner])])
        by_crop = [
            predict(networks[fold], shifted(pixels, *by), device=device, flip=flip)
            for by in shifts(settings["shift"])
        ]
        outputs = [torch.stack(part).mean(dim=0).numpy() for part in zip(*by_crop, strict=True)]
        if not features.size:
            features = np.empty((n, outputs[0].shape[1]), dtype=np.float32)
        features[held], logits[held] = (output[: len(held)] for output in outputs)
        fold_of[held] = fold
        if inner.size:
            temperature[held] = fit_temperature(outputs[1][len(held) :], shares[inner])
        log.info("fold %d: %d images predicted", fold, len(held))
    if np.isnan(temperature).any():
        temperature = cross_fitted_temperatures(logits, shares, fold_of)
    return features, logits, pd.DataFrame({"fold": fold_of, "temperature": temperature})


def rows_by_role(members: pd.DataFrame, ids: npt.ArrayLike) -> dict[int, dict[str, Ints]]:
    """Rows of ``ids`` that were ``inner`` and ``held_out`` in each fold of ``members``."""
    index = pd.Index(np.asarray(ids, dtype=str))
    return {
        int(str(fold)): {
            role: index.get_indexer(part.loc[part["role"] == role, "id"].astype(str))
            for role in ("inner", "held_out")
        }
        for fold, part in members.groupby("fold")
    }
