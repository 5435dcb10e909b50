"""Predictions of an image as the mean over views of it: shifted by a few pixels, and mirrored.

Networks trained with random crops and flips answer a little differently to each; the mean over
views is a steadier answer of the same network (Krizhevsky et al. 2012 averaged ten).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from latent_microscope.models.philnet import PhilNet
from latent_microscope.similarity.behaviour import cross_fitted_temperatures, fit_temperature
from latent_microscope.training.folds import predict

log = logging.getLogger("latent_microscope")
Float32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def shifts(size: int) -> list[tuple[int, int]]:
    """Shifts (down, right) in pixels: none, and ``size`` in each of four directions."""
    return [(0, 0)] + [
        (size * down, size * right) for down, right in ((1, 0), (-1, 0), (0, 1), (0, -1)) if size
    ]


def shifted(images: np.ndarray, down: int, right: int) -> np.ndarray:
    """Images (n, H, W, C) moved by whole pixels; what comes in from outside is reflected."""
    _, height, width, _ = images.shape
    return images[:, _source(height, down)][:, :, _source(width, right)]


def _source(size: int, shift: int) -> Ints:
    place = np.abs(np.arange(size) - shift)
    return np.where(place >= size, 2 * (size - 1) - place, place)


def predict_views(
    model: PhilNet, images: np.ndarray, *, shift: int, mirror: bool, device: torch.device
) -> tuple[Float32, Float32]:
    """Penultimate features and logits, each the mean over all views.

    Args:
        model: The network.
        images: uint8 (n, H, W, C).
        shift: Pixels; 0: the image where it is.
        mirror: Also the mirror image of each.
        device: Where to compute.
    """
    found = [
        predict(model, shifted(images, *by), device=device, mirror=mirror) for by in shifts(shift)
    ]
    features, logits = (torch.stack(part).mean(dim=0) for part in zip(*found, strict=True))
    return features.numpy(), logits.numpy()


@dataclass(frozen=True, eq=False)
class Roles:
    """Images of one fold.

    Attributes:
        held_out: Rows that its network predicts.
        inner: Rows that it was not trained on either, to fit its temperature; may be empty.
    """

    held_out: Ints
    inner: Ints


def predict_folds(
    networks: Mapping[int, PhilNet],
    images: np.ndarray,
    roles: Mapping[int, Roles],
    shares: npt.NDArray[np.float64],
    *,
    shift: int,
    mirror: bool,
    device: torch.device,
) -> tuple[Float32, Float32, Ints, npt.NDArray[np.float64]]:
    """Predict each image by the network of its fold, with a temperature from other images.

    Args:
        networks: By fold.
        images: uint8 (n, H, W, C).
        roles: By fold; every image is held out once.
        shares: Vote shares, (n, classes).
        shift: As :func:`predict_views`.
        mirror: As :func:`predict_views`.
        device: Where to compute.

    Returns:
        Features (n, width), logits (n, classes), fold and temperature of each image.
    """
    n = len(images)
    fold_of = np.empty(n, dtype=np.int64)
    temperature = np.full(n, np.nan)
    features: Float32 = np.empty((0, 0), dtype=np.float32)
    logits = np.empty(shares.shape, dtype=np.float32)
    for fold, role in roles.items():
        rows = np.concatenate([role.held_out, role.inner])
        some, answers = predict_views(
            networks[fold], np.asarray(images[rows]), shift=shift, mirror=mirror, device=device
        )
        if not features.size:
            features = np.empty((n, some.shape[1]), dtype=np.float32)
        held = len(role.held_out)
        features[role.held_out], logits[role.held_out] = some[:held], answers[:held]
        fold_of[role.held_out] = fold
        if role.inner.size:
            temperature[role.held_out] = fit_temperature(answers[held:], shares[role.inner])
        log.info("fold %d: %d images predicted", fold, held)
    if np.isnan(temperature).any():
        temperature = cross_fitted_temperatures(logits, shares, fold_of)
    return features, logits, fold_of, temperature


def state_of_fold(weights: Mapping[str, Tensor], fold: int) -> dict[str, Tensor]:
    """The state dict of one fold's network, out of those of all (names led by ``fold0.`` ...)."""
    lead = f"fold{fold}."
    return {
        name.removeprefix(lead): value for name, value in weights.items() if name.startswith(lead)
    }


def roles_of(
    folds: Sequence[int], ids: Sequence[str], roles: Sequence[str], order: Mapping[str, int]
) -> dict[int, Roles]:
    """Rows of each fold's images.

    Args:
        folds: Of each record of who was what to which network.
        ids: Image of each record.
        roles: What it was: train, inner or held_out.
        order: Row of each id.
    """
    fold_of, names, role_of = np.asarray(folds), np.asarray(ids), np.asarray(roles)

    def rows(fold: int, role: str) -> Ints:
        chosen = names[(fold_of == fold) & (role_of == role)]
        return np.array([order[str(name)] for name in chosen], dtype=np.int64)

    return {
        int(fold): Roles(rows(fold, "held_out"), rows(fold, "inner"))
        for fold in np.unique(fold_of).tolist()
    }
