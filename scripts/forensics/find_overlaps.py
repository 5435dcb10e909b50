from latent_microscope.forensics.heuristics import overlaps as find
from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_with_ids
from latent_microscope.step import In, Out, run


def main(
    *, latents: In, encoding: In, overlaps: Out, threshold: float = 0.99, max_pairs: int = 1000
) -> None:
    """Find pairs of latents above a cosine threshold, most similar first.

    overlaps: i, j, id_i, id_j, similarity, distance, total (of all such pairs, the same in each
    row).
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
