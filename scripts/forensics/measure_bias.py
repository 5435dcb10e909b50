"""Measure which attributes are over- or under-represented in clusters and sub-niches."""

from latent_microscope.io.artefacts import join_by_id, load_table, save_table
from latent_microscope.io.inputs import joined
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, run
from latent_microscope.tables.bias import bias_groups, bias_table, resampling_units


def main(
    *,
    clusters: In,
    attributes: In,
    abi: Out,
    definitions: list[str],
    resamples: int = 1000,
    seed: int = 0,
    run: int = 0,
    subniches: In | None = None,
    samples: In | None = None,
) -> None:
    """Compute the attribute bias index of every group.

    Args:
        clusters: .parquet of cluster memberships (id, cluster, cmax).
        attributes: .parquet with id and one 0/1 column an attribute.
        abi: .parquet, one row a group, definition and attribute: group ("cluster 0", "cmax",
            "sub-niche 0"), n_members, definition, attribute, value, direction, status, estimate,
            low, high (95 %), p, q (Benjamini-Hochberg within group and definition), q_run (over all
            groups of the run), risk_difference, difference_low, difference_high (95 %), cohens_h,
            magnitude, agrees (p <= 0.05 just where the interval leaves out 1),
            prevalence_members, prevalence_rest.
        definitions: odds, ratio or both.
        resamples: resamples and permutations of identities; 0: samples are taken as independent.
        seed: root seed.
        run: number of the run.
        subniches: .parquet of the members of sub-niches (id, niche).
        samples: .parquet with id; if it has the column identity, people are resampled.
    """
    names = [c for c in load_table(attributes).columns if c != "id"]
    table = joined(clusters, attributes, (["cluster", "cmax"], names))
    niches = load_table(subniches, ["id", "niche"]) if subniches else None
    identities = None
    if samples:
        people = load_table(samples)
        if "identity" in people:
            both = join_by_id(
                table[["id"]], people[["id", "identity"]], names=(str(clusters), str(samples))
            )
            identities = resampling_units(both["identity"])
    result = bias_table(
        bias_groups(table, niches),
        table[names],
        definitions,
        identities=identities,
        resamples=resamples,
        seed=derive(seed, "measure_bias", run),
    )
    save_table(abi, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
