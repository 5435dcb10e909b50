from latent_microscope.custom.arrays import read_rows
from latent_microscope.custom.externals import model_rows
from latent_microscope.custom.orders import better_order
from latent_microscope.custom.study import positions_of
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table, save_npy
from latent_microscope.io.inputs import load_ids, save_ids
from latent_microscope.step import In, Out, log, run


def main(
    *,
    file: In,
    ids: In,
    samples: In,
    features: Out,
    feature_ids: Out,
    array: str | None = None,
    holds: str = "features",
    votes: In | None = None,
) -> None:
    """Import the features or logits of a model into a custom study.

    file: one row of numbers per sample, of any format.
    array: name of the array or pattern of columns.
    holds: features, or outputs: logits, probabilities, log-probabilities or percentages, of which
        the logarithms are written.
    votes: .parquet with id and one column per class: logits have as many columns.
    """
    names = load_ids(samples)
    found = read_rows(file, array=array)
    if votes is not None:
        classes = [name for name in load_table(votes).columns if name != "id"]
        if found.columns != len(classes):
            raise InputError(
                f"{file}: {found.columns} columns, but the votes have {len(classes)} "
                "classes; give logits in the order of these, or set holds: features"
            )
    order = positions_of(found.ids, found.count, names, ids, file)
    rows = model_rows(found, order, names, file, holds)
    if votes is not None:
        labels = load_table(samples)["label"].to_numpy()
        problem = better_order(rows.argmax(axis=1), labels)
        if problem:
            log.warning("%s: %s", file, problem)
    save_npy(features, rows)
    save_ids(feature_ids, names)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
