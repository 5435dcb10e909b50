import numpy as np
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table, require_finite, save_table
from latent_microscope.io.inputs import load_scores
from latent_microscope.models.diagnostics import (
    constant_image_errors,
    health_table,
    merged_share,
    posterior_table,
)
from latent_microscope.step import In, Out, log, run
from latent_microscope.training.splits import held_out_of


def main(
    *,
    images: In,
    latents: In,
    logvar: In,
    encoding: In,
    dimensions: In,
    diagnostics: Out,
    posterior: Out,
    errors: Out,
    images_of: In | None = None,
    held_out: float = 0.0,
    root_seed: int = 0,
    reconstruction: str = "mse",
) -> None:
    """Check active units, KL, errors and the aggregated posterior; a bad result is no error.

    diagnostics: .parquet, one row per check: value, limits, status (ok, warning, alarm), meaning
        and action.
    posterior: .parquet, one row per dimension: mean and variances of the aggregated posterior,
        mismatch with the prior (nats), saturated share.
    errors: .parquet, one row per image: id, reconstruction_error, constant_error (of the best
        constant image), held_out (of the training).
    images_of: samples.parquet of the images.
    held_out: share of them that was not trained on, as in training.
    reconstruction: mse or l1, as in training.
    """
    pixels = load_npy(images, mmap=True)
    table = load_scores(encoding, ["reconstruction_error"])
    means, spreads = load_npy(latents, mmap=True), load_npy(logvar, mmap=True)
    if not len(pixels) == len(table) == len(means):
        raise InputError(
            f"{images} has {len(pixels)} images, {encoding} {len(table)} rows and {latents} "
            f"{len(means)}; all must come from the same step"
        )
    require_finite(means, latents, table["id"].tolist())
    require_finite(spreads, logvar, table["id"].tolist())
    by_dimension = posterior_table(
        means, spreads, load_table(dimensions, ["dimension", "kl", "mean_variance", "active"])
    )
    constant = constant_image_errors(pixels, reconstruction)
    error = table["reconstruction_error"].to_numpy(float)
    new = np.zeros(len(pixels), dtype=bool)
    if images_of and held_out:
        new = held_out_of(load_table(images_of), held_out, root_seed)
    result = health_table(
        by_dimension, error, constant, merged_share(means, pixels), new if new.any() else None
    )
    for row in result[result["status"] != "ok"].to_dict("records"):
        log.warning("%s: %s = %.3g; %s", row["status"], row["check"], row["value"], row["action"])
    save_table(diagnostics, result)
    save_table(posterior, by_dimension)
    save_table(errors, pd.DataFrame({**table, "constant_error": constant, "held_out": new}))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
