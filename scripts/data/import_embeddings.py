from typing import Any

from latent_microscope.custom.arrays import chosen_rows, read_rows, varying_columns
from latent_microscope.custom.study import positions_of
from latent_microscope.io.artefacts import save_npy
from latent_microscope.io.inputs import load_ids, save_ids
from latent_microscope.step import In, Out, run


def main(
    *,
    embeddings: In,
    ids: In,
    samples: In,
    latents: Out,
    encoding: Out,
    settings: dict[str, Any],
    embedding_ids: In | None = None,
) -> None:
    """Import embeddings as the latents of a custom study.

    latents: .npy float32 (n, d); constant columns are left out.
    settings: array (of an .npz), id (its name).
    """
    names = load_ids(samples)
    found = read_rows(
        embeddings, array=settings.get("array"), ids=embedding_ids, id_name=settings.get("id")
    )
    order = positions_of(found.ids, found.count, names, ids, embeddings)
    rows = chosen_rows(found, order, names, embeddings)
    save_npy(latents, varying_columns(rows, embeddings))
    save_ids(encoding, names)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
