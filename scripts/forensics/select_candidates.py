from typing import Any

from latent_microscope.forensics.funnel import funnel_tables
from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_rows, load_truth
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, run


def main(
    *,
    latents: In,
    sources: In,
    samples: In,
    candidates: Out,
    funnel: Out,
    settings: dict[str, Any],
    uniqueness_percentiles: list[float],
    stability_percentiles: list[float],
    root_seed: int = 0,
    seed: int = 0,
) -> None:
    """Run the published funnel at every configuration and count what it finds.

    candidates, best first: uniqueness_percentile, stability_percentile, index, id, uniqueness,
    neighbors, stability, validation_score. funnel: uniqueness_percentile, stability_percentile,
    selected, tp, fp, fn, precision, recall, f1, prevalence. settings: section scores of a study's
    config.
    """
    ids, authentic = load_truth(samples)
    table, counts = funnel_tables(
        load_rows(sources, ids, samples),
        load_rows(latents, ids, samples),
        ids,
        authentic,
        settings,
        uniqueness_percentiles,
        stability_percentiles,
        # The same draws as in score_samples.
        seed=derive(root_seed, "stability", seed),
    )
    save_table(candidates, table)
    save_table(funnel, counts)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
