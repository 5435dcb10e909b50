from typing import Any

from latent_microscope.forensics.latent_scans import load_scan
from latent_microscope.forensics.scoring import run_scores
from latent_microscope.io.artefacts import load_table, save_table
from latent_microscope.io.inputs import load_ids, load_rows
from latent_microscope.step import In, Out, run


def main(
    *,
    latents: In,
    sources: In,
    encoding: In,
    restarts: In,
    scores: Out,
    summary: Out,
    settings: dict[str, Any],
    scan: list[In] | None = None,
    root_seed: int = 0,
    seed: int = 0,
) -> None:
    """Compute uniqueness, originality, stability, densities, CLS and our own detector.

    scores: both published variants of uniqueness and originality (nats times latent units), all
    other scores, and copies (number of other samples with the same latents). summary: quantity,
    value. settings: section scores of a study's config.
    """
    ids = load_ids(encoding)
    z = load_rows(latents, ids, encoding)
    s = load_rows(sources, ids, encoding)
    fits = load_table(restarts, ["restart", "converged", "mean_abs_kurtosis", "chosen"])
    found = load_scan(scan, len(z))
    table, facts = run_scores(s, z, ids, fits, settings, root_seed=root_seed, seed=seed, scan=found)
    save_table(scores, table)
    save_table(summary, facts)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
