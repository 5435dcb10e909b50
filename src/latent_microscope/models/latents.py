"""What a trained VAE makes of images: latents, reconstructions, traversals, strips, variations."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import writing_npy
from latent_microscope.io.pages import release
from latent_microscope.models.pixels import image_batches, to_range, to_uint8, to_unit
from latent_microscope.models.vaes import VAE, kl_terms
from latent_microscope.progress import progress

ACTIVE_VARIANCE = 0.01  # Burda et al. 2016, "Importance weighted autoencoders"


@torch.inference_mode()
def encode(
    model: VAE,
    images: np.ndarray,
    latents: Path,
    logvar: Path,
    *,
    batch: int = 256,
    input_range: str = "unit",
    reconstruction: str = "mse",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write posterior means and log variances, .npy float32 (n, d), of images uint8 (n, H, W, C).

    Returns one row per image (reconstruction_error: squared or absolute error of the decoded mean,
    summed over the image in [0, 1]; kl: nats), and the table of :func:`dimension_table`.
    """
    if not len(images):
        raise InputError(f"{latents}: there are no images to encode")
    model.eval()
    device = next(model.parameters()).device
    n, d = len(images), model.latent
    table = {"reconstruction_error": np.empty(n), "kl": np.empty(n)}
    kl_sum, centre, squares = np.zeros(d), np.zeros(d), np.zeros(d)
    with (
        writing_npy(latents, (n, d), np.float32) as means_file,
        writing_npy(logvar, (n, d), np.float32) as logvar_file,
        progress("encoding", n, "images") as bar,
    ):
        for rows, block in image_batches(images, batch):
            unit = to_unit(block.to(device))
            mean, log_variance = model.encode(to_range(unit, input_range))
            terms = kl_terms(mean.double(), log_variance.double())
            if not bool(torch.isfinite(terms).all()):
                raise InputError(
                    f"{latents}: latents of the images {rows.start} to {rows.stop - 1} are not "
                    "finite; check the weights and input_range"
                )
            difference = (model.decode(mean) - unit).double().flatten(1)
            error = difference.square() if reconstruction == "mse" else difference.abs()
            table["reconstruction_error"][rows] = error.sum(1).cpu().numpy()
            table["kl"][rows] = terms.sum(1).cpu().numpy()
            kl_sum += terms.sum(0).cpu().numpy()
            codes = mean.double().cpu().numpy()  # their variance by Chan et al. 1983
            shift = codes.mean(0) - centre
            squares += ((codes - codes.mean(0)) ** 2).sum(0)
            squares += shift**2 * rows.start * len(codes) / rows.stop
            centre = centre + shift * len(codes) / rows.stop
            for file, values in ((means_file, mean), (logvar_file, log_variance)):
                file[rows] = values.cpu().numpy()
                release(file)
            bar.advance(rows.stop - rows.start)
    return pd.DataFrame(table), dimension_table(kl_sum / n, squares / n)


def dimension_table(kl: np.ndarray, mean_variance: np.ndarray) -> pd.DataFrame:
    """One row per latent dimension: dimension, kl (mean, nats), mean_variance, active.

    A unit is active where the variance over images of its posterior mean exceeds 0.01.
    """
    active = mean_variance > ACTIVE_VARIANCE
    columns = {"dimension": np.arange(len(kl)), "kl": kl, "mean_variance": mean_variance}
    return pd.DataFrame({**columns, "active": active})


@torch.inference_mode()
def decode_grid(model: VAE, codes: np.ndarray) -> np.ndarray:
    """Decode codes (r, c, d) to images uint8 (r, c, H, W, C), row by row."""
    model.eval()
    device = next(model.parameters()).device

    def tensor(row: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(row, dtype=np.float32, order="C")).to(device)

    return np.stack([to_uint8(model.decode(tensor(row))) for row in codes])


def traversal_codes(
    latents: np.ndarray, dimensions: pd.DataFrame, *, rows: int, steps: int, extent: float = 3.0
) -> np.ndarray:
    """Codes (rows, steps, d): one dimension per row varies, the others stay at their mean.

    The dimensions of largest KL are taken, largest first; they run from −``extent`` to ``extent``
    standard deviations of their means over the images.
    """
    order = np.argsort(-dimensions["kl"].to_numpy(), kind="stable")[:rows]
    sd = np.sqrt(dimensions["mean_variance"].to_numpy())
    centre = latents.mean(0, dtype=np.float64)
    codes = np.tile(centre, (len(order), steps, 1))
    for row, dimension in enumerate(order):
        codes[row, :, dimension] += np.linspace(-extent, extent, steps) * sd[dimension]
    return codes


def interpolation_codes(
    latents: np.ndarray, *, rows: int, steps: int, rng: np.random.Generator
) -> np.ndarray:
    """Codes (rows, steps, d): straight lines between random pairs of different images."""
    n = len(latents)
    if n < 2:
        return np.repeat(latents[:1, None], steps, axis=1)
    pairs = np.array([rng.choice(n, 2, replace=False) for _ in range(rows)])
    share = np.linspace(0.0, 1.0, steps)[None, :, None]
    return latents[pairs[:, 0], None] * (1.0 - share) + latents[pairs[:, 1], None] * share


def variation_codes(
    latents: np.ndarray, *, rows: int, columns: int, noise: float, rng: np.random.Generator
) -> np.ndarray:
    """Codes (rows, columns, d): an image's latent mean, then that plus N(0, noise²).

    The images are spread evenly over the file.
    """
    picked = np.unique(np.linspace(0, len(latents) - 1, min(rows, len(latents))).round())
    centre = latents[picked.astype(int), None].astype(np.float64)
    draws = rng.normal(0.0, noise, (len(centre), columns, latents.shape[1]))
    draws[:, 0] = 0.0
    return centre + draws
