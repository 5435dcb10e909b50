from latent_microscope.custom.externals import external_rows
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

    file: .npy, .npz (array ids beside it) or .parquet (column id) of one row per image.
    features: .npy float32 (n, f); the logits themselves when the file holds logits.
    array: name of the array in an .npz; none: the only one.
    holds: features or logits.
    logits: .npy float32 (n, classes), only when the file holds logits.
    """
    if holds not in ("features", "logits"):
        raise InputError(f"holds {holds!r} is unknown; choose features or logits")
    if logits and holds == "features":
        raise InputError(f"{file}: holds features, so there are no logits to write to {logits}")
    table = load_table(samples, ["id", "label"])
    rows = external_rows(file, table, array)
    save_npy(features, rows)
    if logits:
        save_npy(logits, rows)
    save_ids(ids, table["id"])


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
