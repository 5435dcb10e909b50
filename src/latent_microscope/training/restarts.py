"""Whether a trained VAE has to be trained again from other initial weights."""

import logging

import numpy as np
import torch

from latent_microscope.models.base import VAE
from latent_microscope.models.diagnostics import merged_share
from latent_microscope.models.pixels import image_batches, to_range, to_unit
from latent_microscope.training.device import numeric_environment

# More of the images than this with the latents of a different image: the encoder is half blind.
TOLERATED = 0.01
_BATCH = 500

log = logging.getLogger("latent_microscope")


@torch.no_grad()
def posterior_means(model: VAE, images: np.ndarray, input_range: str) -> np.ndarray:
    """Posterior means (n, d) of uint8 images (n, H, W, C), without dropout."""
    model.eval()
    device = next(model.parameters()).device
    parts = []
    with numeric_environment(device, deterministic=True):
        for _, block in image_batches(images, _BATCH):
            mean, _ = model.encode(to_range(to_unit(block.to(device)), input_range))
            parts.append(mean.cpu().numpy())
    return np.concatenate(parts)


def is_blind(model: VAE, images: np.ndarray, input_range: str, label: str) -> bool:
    """Whether the encoder gives too many images the very latents of a different one; says so."""
    share = merged_share(posterior_means(model, images, input_range), images)
    if share > TOLERATED:
        log.warning(
            "%s: %.1f %% of the images have the latents of a different image", label, 100 * share
        )
    return share > TOLERATED
