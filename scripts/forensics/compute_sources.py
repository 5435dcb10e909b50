from latent_microscope.forensics.sources import run_sources
from latent_microscope.io.artefacts import load_npy, require_finite, save_npy, save_table
from latent_microscope.step import In, Out, log, run


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
    root_seed: int = 0,
    seed: int = 0,
) -> None:
    """Find independent sources (n, k) of latent means by FastICA with restarts.

    restarts: restart, seed, converged, n_iter, mean_abs_kurtosis, chosen. unmixings (restarts, k, d
    + 1): weights of the latent dimensions and an offset, NaN for a failed restart. method: intended
    (best of the restarts, cube, deflation) or executed (one FastICA, logcosh, parallel), the two
    interpretations of the published scripts; components: min(20, d) by default.
    """
    z = load_npy(latents, mmap=True)
    require_finite(z, latents)
    settings = {"components": components, "restarts": n_restarts, "fit_rows": fit_rows}
    fit = run_sources(z, settings, root_seed=root_seed, seed=seed, method=method)
    if fit.not_converged:
        log.info("%d of %d restarts did not converge", fit.not_converged, len(fit.restarts))
    save_npy(sources, fit.sources)
    save_table(restarts, fit.restarts)
    save_npy(unmixings, fit.unmixings)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
