from latent_microscope.custom.externals import external_rows
from latent_microscope.custom.meaning import OUTPUTS
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table, save_npy
from latent_microscope.io.inputs import save_ids
from latent_microscope.step import In, Out, run


def main(
    *,
    file: In,
    samples: In,
    features: Out,
    ids: Out,
    array: str | None = None,
    holds: str = "logits",
    logits: Out | None = None,
) -> None:
    """Import an external model's features or logits by id, or by position (logged) without ids.

    file: one row per image, of any format.
    features: .npy float32 (n, f); the logits themselves when the file holds outputs.
    array: name of the array; none: the only one.
    holds: features, or outputs: logits, probabilities, log-probabilities or percentages, of which
        the logarithms are the logits.
    logits: .npy float32 (n, classes), only when the file holds outputs.
    """
    if holds not in ("features", *OUTPUTS):
        raise InputError(f"holds {holds!r} is unknown; choose features, {', '.join(OUTPUTS)}")
    if logits and holds == "features":
        raise InputError(f"{file}: holds features, so there are no logits to write to {logits}")
    table = load_table(samples, ["id", "label"])
    rows = external_rows(file, table, array, holds)
    save_npy(features, rows)
    if logits:
        save_npy(logits, rows)
    save_ids(ids, table["id"])


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
