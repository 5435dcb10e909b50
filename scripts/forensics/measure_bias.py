from latent_microscope.io.artefacts import load_table, save_table
from latent_microscope.io.inputs import joined
from latent_microscope.step import In, Out, run
from latent_microscope.tables.bias import bias_groups, bias_table, resampled_people


def main(
    *,
    clusters: In,
    attributes: In,
    abi: Out,
    definitions: list[str],
    by_person: bool = True,
    subniches: In | None = None,
    samples: In | None = None,
) -> None:
    """Measure which attributes are over- or under-represented in clusters and sub-niches.

    abi: group, n_members, definition, attribute, value, direction, status, estimate, low, high (95
    %), p, q (within group and definition), q_seed (over all groups), risk_difference,
    difference_low, difference_high (95 %), cohens_h, magnitude, agrees (p <= 0.05 just where the
    interval leaves out 1), prevalence_members, prevalence_rest. Images of one person are a
    cluster if samples has the column identity; by_person false: samples are independent.
    """
    names = [c for c in load_table(attributes).columns if c != "id"]
    table = joined(clusters, attributes, (["cluster", "cmax"], names))
    niches = load_table(subniches, ["id", "niche"]) if subniches else None
    result = bias_table(
        bias_groups(table, niches),
        table[names],
        definitions,
        identities=resampled_people(samples, clusters) if by_person else None,
    )
    save_table(abi, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
