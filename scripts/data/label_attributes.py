from latent_microscope.io.artefacts import load_table, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.bias import label_columns


def main(*, samples: In, attributes: Out) -> None:
    """Turn class labels into 0/1 attributes, one per class.

    attributes: .parquet with id and one uint8 0/1 column per class, named by label_name.
    """
    save_table(attributes, label_columns(load_table(samples, ["id", "label", "label_name"])))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
