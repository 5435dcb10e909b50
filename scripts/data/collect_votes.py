
from latent_microscope.data.cifar10h import (
    check_probabilities,
    class_order,
    load_counts,
    vote_facts,
    votes_table,
)
from latent_microscope.io.artefacts import load_table, save_table
from latent_microscope.messages import naming
from latent_microscope.step import In, Out, log, run



def main(
    *,
    counts: In,
    samples: In,
    votes: Out,
    probabilities: In | None = None,
    classes: list[str] | None = None,
) -> None:
    """Join the votes of annotators to the test images, by id.

    counts: .npy (n, classes), row i belongs to image i of the whole test split.
    probabilities: .npy, the published counts over their sum, to check the counts against.
    classes: names of the columns; from the samples if not given.
    """
    table = load_table(samples, ["id", "label", "label_name"])
    numbers = load_counts(counts)
    if probabilities is not None:
        check_probabilities(numbers, probabilities)
    with naming(samples):
        names = classes or class_order(table, numbers.shape[1])
        with naming(counts):
            joined = votes_table(numbers, table["id"].tolist(), names)
    facts = vote_facts(joined[names].to_numpy(), table["label"].to_numpy())
    for name, value in facts.items():
        log.info("%s: %s", name, value)
    save_table(votes, joined)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
