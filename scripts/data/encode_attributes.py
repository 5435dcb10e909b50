from typing import Any

import pandas as pd

from latent_microscope.custom.attributes import Encoding, encode
from latent_microscope.custom.study import table_rows
from latent_microscope.io.artefacts import save_csv, save_table
from latent_microscope.io.inputs import load_ids
from latent_microscope.step import In, Out, run


def main(
    *,
    table: In,
    ids: In,
    samples: In,
    attributes: Out,
    numbers: Out,
    classes: Out,
    report: Out,
    report_csv: Out,
    settings: dict[str, Any],
) -> None:
    """Encode binary, categorical and numeric attributes of a custom study as 0/1 columns.

    table: .csv or .parquet of attributes.
    numbers: .parquet: id and the numeric columns as they are.
    classes: .parquet: id and the categorical columns of three values or more as texts.
    report: .parquet, one row per attribute: attribute, column, type, declared, rule, samples,
        positives, share.
    report_csv: the same for people.
    settings: section data.attributes of the study's config.
    """
    names = load_ids(samples)
    encoding = Encoding(
        settings["types"], settings["thresholds"], max_categories=settings["max_categories"]
    )
    ones, raw, many, done = encode(table_rows(table, settings, names, ids), encoding, table)
    key = pd.DataFrame({"id": pd.Series(names, dtype="str")})
    save_table(attributes, pd.concat([key, ones], axis=1))
    save_table(numbers, pd.concat([key, raw], axis=1))
    save_table(classes, pd.concat([key, many], axis=1))
    save_table(report, done)
    save_csv(report_csv, done)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
