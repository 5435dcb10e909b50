"""What a cluster may have in common before anyone looks: light, colour, blur, background."""

import numpy as np
import numpy.typing as npt
import pandas as pd

COVARIATES = (
    *("brightness", "contrast", "saturation", "red_minus_blue", "green_minus_magenta", "blur"),
    *("background_brightness", "background_red_minus_blue", "background_green_minus_magenta"),
)
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_BLOCK = 2**20  # pixels that are in memory at a time
_BORDER = 16  # the background: a frame as wide as this part of the shorter side
_FLAT = 1e-7  # variance of the Laplacian below that of any 8-bit edge

Floats = npt.NDArray[np.float64]


def pixel_covariates(images: npt.NDArray[np.uint8]) -> pd.DataFrame:
    """:data:`COVARIATES` of uint8 images (n, H, W, 1 or 3), row by row, of channels in [0, 1].

    ``brightness`` and ``contrast``: mean and standard deviation of the luma. ``saturation``: mean
    chroma, the largest channel minus the smallest. The hue is two contrasts of mean channels,
    ``red_minus_blue`` and ``green_minus_magenta`` (green minus the mean of red and blue): an angle
    has no mean and no meaning near grey. With the brightness they are the mean colour. ``blur``:
    -log10 of the variance of the Laplacian of the luma. ``background_…``: of a frame along the
    border, 1/16 of the shorter side wide.

    Source: Pech-Pacheco et al. 2000 for the variance of the Laplacian.
    """
    n, height, width = images.shape[:3]
    found = np.empty((n, len(COVARIATES)))
    step = max(1, _BLOCK // (height * width))
    for start in range(0, n, step):
        block = np.asarray(images[start : start + step])
        found[start : start + len(block)] = _measured(block)
    return pd.DataFrame(found, columns=list(COVARIATES))


def group_means(
    images: npt.NDArray[np.uint8], groups: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Mean images of each group of samples and of all others, (k, H, W, C) in [0, 1].

    Args:
        images: (n, H, W, C).
        groups: (k, n) members; every group has some, and leaves out some.
    """
    n, shape = len(images), images.shape[1:]
    inside, total = np.zeros((len(groups), int(np.prod(shape)))), np.zeros(int(np.prod(shape)))
    step = max(1, _BLOCK // (shape[0] * shape[1]))
    for start in range(0, n, step):
        block = np.asarray(images[start : start + step]).reshape(-1, len(total)) / np.float32(255.0)
        inside += groups[:, start : start + step].astype(np.float32) @ block
        total += block.sum(axis=0, dtype=np.float64)
    sizes = groups.sum(axis=1, keepdims=True)
    means = inside / sizes, (total - inside) / (n - sizes)
    return means[0].reshape(-1, *shape), means[1].reshape(-1, *shape)


def brightness_and_hue(images: Floats) -> Floats:
    """(…, H, W, C) → (…, 2, H, W): luma, and red minus blue, of each pixel."""
    red, blue = images[..., 0], images[..., -1]
    luma = images @ np.array(_LUMA) if images.shape[-1] == 3 else red
    return np.stack([luma, red - blue], axis=-3)


def _measured(block: npt.NDArray[np.uint8]) -> Floats:
    """One row per image of a block."""
    red, green, blue = _channels(block)
    luma = np.float32(_LUMA[0]) * red + np.float32(_LUMA[1]) * green + np.float32(_LUMA[2]) * blue
    chroma = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    wide = max(1, min(luma.shape[1:]) // _BORDER)
    frame = np.ones(luma.shape[1:], dtype=bool)
    frame[wide:-wide, wide:-wide] = False
    whole = [one.mean(axis=(1, 2), dtype=np.float64) for one in (luma, red, green, blue)]
    behind = [one[:, frame].mean(axis=1, dtype=np.float64) for one in (luma, red, green, blue)]
    return np.column_stack(
        [
            whole[0],
            luma.std(axis=(1, 2), dtype=np.float64),
            chroma.mean(axis=(1, 2), dtype=np.float64),
            *_hue(*whole[1:]),
            _blur(luma),
            behind[0],
            *_hue(*behind[1:]),
        ]
    )


def _channels(block: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.float32]]:
    """Red, green and blue (n, H, W) in [0, 1]; of grey images three times the same."""
    each = [block[..., k].astype(np.float32) / np.float32(255.0) for k in range(block.shape[3])]
    return each if len(each) == 3 else each * 3


def _hue(red: Floats, green: Floats, blue: Floats) -> tuple[Floats, Floats]:
    """Contrasts of mean channels."""
    return red - blue, green - (red + blue) / 2.0


def _blur(luma: npt.NDArray[np.float32]) -> Floats:
    """-log10 of the variance of the Laplacian, inside; images without an inside have none."""
    if min(luma.shape[1:]) < 3:
        return np.zeros(len(luma))
    around = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:]
    edges = around - 4.0 * luma[:, 1:-1, 1:-1]
    return np.asarray(-np.log10(edges.var(axis=(1, 2), dtype=np.float64) + _FLAT))
