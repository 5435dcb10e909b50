"""Whether a VAE's latent space can carry the analysis: collapse, reconstruction, prior match."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError

Floats = npt.NDArray[np.float64]
_ROWS = 1_000
_COLUMNS = 256
_SATURATED = 10.0  # |log variance|: a factor of 22,000 from the prior's


@dataclass(frozen=True)
class Limit:
    """When a check warns or alarms, and what to do then."""

    warning: float
    alarm: float  # NaN: none
    above: bool  # whether values above a limit are bad (else those below)
    meaning: str
    action: str

    def status(self, value: float) -> str:
        """``ok``, ``warning`` or ``alarm``; a value that is not a number is an alarm."""
        if np.isnan(value):
            return "alarm"
        for name, limit in (("alarm", self.alarm), ("warning", self.warning)):
            if not np.isnan(limit) and (value > limit if self.above else value < limit):
                return name
        return "ok"


LIMITS: Mapping[str, Limit] = {
    "active_share": Limit(
        0.5, 0.1, False,
        "share of dimensions whose mean has a variance above 0.01 (Burda et al.)",
        "posterior collapse: lower beta, warm it up, or take fewer latent dimensions",
    ),
    "active_units": Limit(
        3, 1, False, "active latent dimensions",
        "posterior collapse: scores, clusters and bias of this VAE say nothing; train it again",
    ),
    "kl_share_of_log_n": Limit(
        1.0, 0.1, False,
        "mean KL over ln n: nats of the code over those that tell n images apart",
        "the code cannot tell the images apart: lower beta or train longer",
    ),
    "error_ratio": Limit(
        0.5, 0.95, True,
        "reconstruction error over that of the best constant image",
        "the decoder hardly uses the code: train longer, lower beta, check the input range",
    ),
    "worse_than_constant": Limit(
        0.01, 0.5, True, "share of images reconstructed worse than by the constant image",
        "look at these images: outliers, or another range of values",
    ),
    "held_out_error_ratio": Limit(
        0.5, 0.95, True,
        "error over that of the best constant image, images held out of the training",
        "the decoder says little about new images: take more images or fewer epochs",
    ),
    "held_out_gap": Limit(
        1.5, float("nan"), True,
        "error of images held out of the training over that of the others",
        "the VAE remembers its images, and their scores say less of new ones: fewer epochs",
    ),
    "prior_mismatch": Limit(
        0.25, float("nan"), True,
        "KL of the aggregated posterior's moments from the prior, over the KL",
        "decoded prior samples do not look like the data; read latent distances per dimension",
    ),
    "largest_mean": Limit(
        0.5, float("nan"), True, "largest absolute mean of a dimension (prior: 0)",
        "a dimension holds an offset: standardise latents before comparing dimensions",
    ),
    "variance_off": Limit(
        0.1, float("nan"), True,
        "share of dimensions with an aggregated variance below 0.5 or above 2",
        "dimensions weigh differently in Euclidean distances: standardise before clustering",
    ),
    "saturated": Limit(
        0.001, 0.1, True,
        "share of posterior log variances beyond ±10: as good as exact or blind",
        "the encoder's variances run away: raise beta, lower the learning rate, or clip them",
    ),
    "merged": Limit(
        0.001, 0.1, True,
        "share of images whose latents equal those of a different image bit for bit",
        "the encoder has gone blind to these images, and so is every score of them: train again "
        "from other initial weights (vae.restarts)",
    ),
}  # fmt: skip


def merged_share(latents: np.ndarray, images: np.ndarray) -> float:
    """Share of images (n, H, W, C) whose latents (n, d) also belong to an image with other pixels.

    Rectified units that are silent for a kind of image leave nothing of it but the biases of the
    last layer: bit for bit the same latents for all of them.
    """
    sharing: dict[bytes, list[int]] = {}
    for row, code in enumerate(latents):
        sharing.setdefault(_digest(code), []).append(row)
    merged = 0
    for rows in sharing.values():
        if len(rows) > 1 and len({_digest(images[row]) for row in rows}) > 1:
            merged += len(rows)
    return merged / max(len(latents), 1)


def _digest(values: np.ndarray) -> bytes:
    return blake2b(values.tobytes(), digest_size=16).digest()


def constant_image_errors(images: np.ndarray, reconstruction: str) -> Floats:
    """Error per image when one constant image is predicted: the baseline of any VAE.

    The constant is the best one for these uint8 images (n, H, W, C): their mean for squared errors
    (``mse``), their median for absolute ones (``l1``). Errors are sums over the image in [0, 1].
    """
    if reconstruction not in ("mse", "l1"):
        raise InputError(f"reconstruction {reconstruction!r} is unknown; choose mse or l1")
    n = len(images)
    flat = images.reshape(n, -1)
    if reconstruction == "mse":
        total = np.zeros(flat.shape[1])
        for start in range(0, n, _ROWS):
            total += flat[start : start + _ROWS].sum(axis=0, dtype=np.int64)
        constant = total / n
    else:
        constant = np.empty(flat.shape[1])
        for start in range(0, flat.shape[1], _COLUMNS):
            part = slice(start, start + _COLUMNS)
            constant[part] = np.median(np.asarray(flat[:, part]), axis=0)
    errors = np.empty(n)
    for start in range(0, n, _ROWS):
        block = (flat[start : start + _ROWS] - constant) / 255.0
        block = np.square(block) if reconstruction == "mse" else np.abs(block)
        errors[start : start + len(block)] = block.sum(axis=1)
    return errors


def posterior_table(
    latents: np.ndarray, logvar: np.ndarray, dimensions: pd.DataFrame
) -> pd.DataFrame:
    """The aggregated posterior of every dimension, beside the prior N(0, 1).

    ``latents`` and ``logvar`` are (n, d). Added to the columns of ``dimensions`` are ``mean`` (over
    images), ``posterior_variance`` (mean over images), ``aggregated_variance`` (their sum with
    mean_variance: that of codes drawn for random images; prior: 1), ``mismatch`` (KL in nats of the
    normal with that mean and variance from the prior, at most the dimension's KL; the rest tells
    images apart), ``saturated`` (share of log variances beyond ±10).
    """
    if latents.shape != logvar.shape or latents.shape[1] != len(dimensions):
        raise InputError(
            f"latents {latents.shape}, logvar {logvar.shape} and {len(dimensions)} dimensions must "
            "be of one model"
        )
    n, d = latents.shape
    total, variance, beyond = np.zeros(d), np.zeros(d), np.zeros(d)
    for start in range(0, n, _ROWS):
        rows = slice(start, start + _ROWS)
        spread = np.asarray(logvar[rows], dtype=np.float64)
        total += np.asarray(latents[rows], dtype=np.float64).sum(axis=0)
        variance += np.exp(spread).sum(axis=0)
        beyond += (np.abs(spread) > _SATURATED).sum(axis=0)
    mean, within = total / n, variance / n
    aggregated = dimensions["mean_variance"].to_numpy(float) + within
    with np.errstate(divide="ignore"):  # a variance of 0: infinitely far from the prior
        mismatch = 0.5 * (aggregated + mean**2 - 1.0 - np.log(aggregated))
    return dimensions[["dimension", "kl", "mean_variance", "active"]].assign(
        mean=mean, posterior_variance=within, aggregated_variance=aggregated,
        mismatch=np.maximum(mismatch, 0.0), saturated=beyond / n,
    )  # fmt: skip


def health_table(
    posterior: pd.DataFrame,
    errors: Floats,
    constant: Floats,
    merged: float = 0.0,
    held_out: npt.NDArray[np.bool_] | None = None,
) -> pd.DataFrame:
    """All checks of one VAE, one row per check of :data:`LIMITS`.

    ``errors`` and ``constant`` are the n reconstruction errors of the VAE and of the constant
    image; ``held_out``: which of the n images it was not trained on, if any. Columns: ``check``,
    ``value``, ``warning`` and ``alarm`` (their limits), ``bad`` (above or below), ``status`` (ok,
    warning, alarm), ``meaning``, ``action`` (empty where ok).
    """
    kl = float(posterior["kl"].sum())
    aggregated = posterior["aggregated_variance"]
    mismatch = float(posterior["mismatch"].sum())
    values = {
        "active_share": float(posterior["active"].mean()),
        "active_units": float(posterior["active"].sum()),
        "kl_share_of_log_n": kl / np.log(max(len(errors), 2)),
        "error_ratio": _ratio(errors, constant),
        "worse_than_constant": float(np.mean(errors > constant)),
        **({} if held_out is None else _of_held_out(errors, constant, held_out)),
        "prior_mismatch": mismatch / kl if kl > 0.0 else 0.0,
        "largest_mean": float(posterior["mean"].abs().max()),
        "variance_off": float(((aggregated < 0.5) | (aggregated > 2.0)).mean()),
        "saturated": float(posterior["saturated"].mean()),
        "merged": merged,
    }
    limits = [LIMITS[name] for name in values]
    table = pd.DataFrame({"check": list(values), "value": list(values.values())})
    table["warning"] = [float(limit.warning) for limit in limits]
    table["alarm"] = [float(limit.alarm) for limit in limits]
    table["bad"] = ["above" if limit.above else "below" for limit in limits]
    table["status"] = [LIMITS[name].status(value) for name, value in values.items()]
    table["meaning"] = [limit.meaning for limit in limits]
    table["action"] = [limit.action for limit in limits]
    table.loc[table["status"] == "ok", "action"] = ""
    return table.astype(dict.fromkeys(("check", "bad", "status", "meaning", "action"), "str"))


def _ratio(errors: Floats, others: Floats) -> float:
    baseline = float(np.mean(others))
    return float(np.mean(errors)) / baseline if baseline > 0.0 else float("nan")


def _of_held_out(
    errors: Floats, constant: Floats, held_out: npt.NDArray[np.bool_]
) -> dict[str, float]:
    return {
        "held_out_error_ratio": _ratio(errors[held_out], constant[held_out]),
        "held_out_gap": _ratio(errors[held_out], errors[~held_out]),
    }
