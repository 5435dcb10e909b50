"""Unmix latents into independent sources: FastICA with restarts."""

import logging

from latent_microscope.forensics.sources import run_sources
from latent_microscope.io.artefacts import load_npy, require_finite, save_npy, save_table
from latent_microscope.step import In, Out, run

log = logging.getLogger("latent_microscope")


def main(
    *,
    latents: In,
    sources: Out,
    restarts: Out,
    unmixings: Out,
    method: str = "intended",
    components: int | None = None,
    n_restarts: int = 10,
    fit_rows: int = 20_000,
    seed: int = 0,
    run: int = 0,
) -> None:
    """Find independent sources of latent means.

    Args:
        latents: .npy (n, d) latent means.
        sources: .npy float64 (n, k) independent sources.
        restarts: .parquet, one row a FastICA restart: restart, seed, converged, n_iter,
            mean_abs_kurtosis, chosen.
        unmixings: .npy float64 (restarts, k, d + 1), of every restart: weights of the latent
            dimensions and, in the last column, the offset; NaN for a restart that failed.
        method: intended (best of the restarts, cube, deflation) or executed (one FastICA, logcosh,
            parallel), the two readings of the published scripts.
        components: number of sources; none: min(20, d).
        n_restarts: FastICA restarts (intended only).
        fit_rows: largest sample that the unmixing is fitted on.
        seed: root seed.
        run: number of the run.
    """
    z = load_npy(latents, mmap=True)
    require_finite(z, latents)
    settings = {"components": components, "restarts": n_restarts, "fit_rows": fit_rows}
    fit = run_sources(z, settings, seed=seed, run=run, method=method)
    if fit.not_converged:
        log.info("%d of %d FastICA runs did not converge", fit.not_converged, len(fit.restarts))
    save_npy(sources, fit.sources)
    save_table(restarts, fit.restarts)
    save_npy(unmixings, fit.unmixings)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
