"""Tabulate the representational similarity of models to people over runs."""

from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.alignment import alignment_summary


def main(
    *,
    rsa: list[In],
    table: Out,
    csv: Out,
    simulated: bool = False,
    published: bool = True,
    notes: dict[str, str] | None = None,
) -> None:
    """Summarise the similarity to people over runs, beside label, ceiling and published values.

    Args:
        rsa: .parquet of each metric.
        table: .parquet, one row a metric, model and layer, most alike first.
        csv: the same for people.
        simulated: whether the votes are simulated; published values are then left out.
        published: whether published values are of these images at all.
        notes: what a reader must know of a model, by its name, e.g. that its weights are random.
    """
    result = alignment_summary(
        [load_table(path) for path in rsa], simulated=simulated, published=published
    )
    result["note"] = [(notes or {}).get(model, "") for model in result["model"]]
    save_table(table, result)
    save_csv(csv, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
