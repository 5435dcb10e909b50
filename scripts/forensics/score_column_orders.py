from typing import Any

from latent_microscope.forensics.latent_scans import load_scan
from latent_microscope.forensics.restarts import run_column_orders
from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_with_ids
from latent_microscope.step import In, Out, run


def main(
    *,
    latents: In,
    encoding: In,
    scores: Out,
    sources: dict[str, Any],
    settings: dict[str, Any],
    scan: list[In] | None = None,
    orders: int = 1,
    root_seed: int = 0,
    seed: int = 0,
    threads: int = 1,
) -> None:
    """Score the samples with the columns of their latents in other orders.

    scores: id, order (from 1), uniqueness, originality, stability, cls. sources, settings: sections
    sources and scores of a study's config. orders: how many.
    """
    z, ids = load_with_ids(latents, encoding)
    table = run_column_orders(
        z,
        ids,
        sources,
        settings,
        orders,
        root_seed=root_seed,
        seed=seed,
        n_jobs=threads,
        scan=load_scan(scan, len(z)),
    )
    save_table(scores, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
