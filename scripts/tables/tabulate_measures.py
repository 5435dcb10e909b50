"""Tabulate every measure of every model: value, interval, ceiling, baseline and equivalents."""

import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.measures import long_table, wide_table


def main(
    *,
    rsa: list[In],
    ceilings: list[In],
    behaviour: In,
    table: Out,
    csv: Out,
    models: Out,
    models_csv: Out,
    all_ceilings: Out,
    ceilings_csv: Out,
    metrics: list[str],
    label: str,
    intervals: list[In] | None = None,
    equivalents: list[In] | None = None,
    simulated: bool = False,
    notes: dict[str, str] | None = None,
) -> None:
    """Put all measures in one long table, and their means over runs in a wide one.

    Args:
        rsa: .parquet of similarity to people.
        ceilings: .parquet of ceilings of each metric.
        behaviour: .parquet of scores of predictions.
        table: .parquet, one row a model, layer, seed, metric and measure.
        csv: the same for people.
        models: .parquet, one row a model, layer and metric: mean and sd over runs.
        models_csv: the same for people.
        all_ceilings: .parquet, the ceilings of all metrics.
        ceilings_csv: the same for people.
        metrics: metric of each table of ceilings.
        label: name of the model that knows the true label.
        intervals: .parquet of bootstrap intervals.
        equivalents: .parquet of annotator equivalents.
        simulated: whether the votes are simulated.
        notes: what a reader must know of a model, by its name.
    """
    if len(ceilings) != len(metrics):
        raise InputError(f"{len(ceilings)} tables of ceilings for {len(metrics)} metrics")
    bounds = {m: load_table(path) for m, path in zip(metrics, ceilings, strict=True)}
    found = long_table(
        [load_table(path) for path in rsa],
        bounds,
        load_table(behaviour),
        [load_table(path) for path in intervals or []],
        [load_table(path) for path in equivalents or []],
        label=label,
        simulated=simulated,
        notes=notes or {},
    )
    save_table(table, found)
    save_csv(csv, found)
    both = pd.concat([part.assign(metric=m) for m, part in bounds.items()], ignore_index=True)
    both = both[["metric", *(name for name in both.columns if name != "metric")]]
    save_table(all_ceilings, both.astype({"metric": "str"}))
    save_csv(ceilings_csv, both)
    wide = wide_table(found)
    save_table(models, wide)
    save_csv(models_csv, wide)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
