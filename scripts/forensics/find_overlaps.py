"""List the pairs of samples whose latents point the same way."""

from latent_microscope.forensics.overlaps import overlaps as find
from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_with_ids
from latent_microscope.step import In, Out, run


def main(
    *, latents: In, encoding: In, overlaps: Out, threshold: float = 0.99, max_pairs: int = 1000
) -> None:
    """Find overlaps in latent space.

    Args:
        latents: .npy (n, d) latent means.
        encoding: .parquet with the column id, one row a latent.
        overlaps: .parquet, most similar first: i, j, id_i, id_j, similarity, distance, total (the
            number of all such pairs, the same in each row).
        threshold: cosine similarity above which two latents overlap, 0 to 1.
        max_pairs: most pairs listed; all are counted.
    """
    z, ids = load_with_ids(latents, encoding)
    table = find(z, threshold, max_pairs)
    total = table.attrs["total"]
    for place, (name, column) in enumerate((("id_i", "i"), ("id_j", "j")), start=2):
        table.insert(place, name, ids[table[column]])
    table = table.assign(total=total).astype({"id_i": "str", "id_j": "str", "total": "int64"})
    table.attrs = {}
    save_table(overlaps, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
