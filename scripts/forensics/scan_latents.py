from typing import Any

from latent_microscope.forensics.latent_scans import (
    load_parts,
    scan_facts,
    scan_latents,
    scan_settings,
)
from latent_microscope.io.artefacts import save_npy, save_table
from latent_microscope.io.inputs import load_with_ids
from latent_microscope.step import In, Out, run


def main(
    *,
    latents: In,
    encoding: In,
    nearest: Out,
    nearest_distances: Out,
    nearest_counts: Out,
    overlaps: Out,
    similar: Out,
    settings: dict[str, Any],
    candidates: int = 2_000,
    parts: list[In] | None = None,
) -> None:
    """Compare all pairs of latents once: neighbours, densities, overlaps, possible near matches.

    nearest: int32 (n, k), rows of the nearest others. nearest_distances: (n, k), in latent units.
    nearest_counts: (n, 2), others within the radius of attractors and the adaptive one. overlaps:
    i, j, id_i, id_j, similarity, distance, total (of all pairs above the cosine threshold, the
    same in each row), most similar first; in its attrs the settings and a hash of the latents.
    similar: (m, 2), rows of the most similar pairs above a cosine of 0.5. settings: section scores
    of a study's config. candidates: how many of these pairs at most. parts: files of the step
    scan_part, part by part, if it has done the comparing.
    """
    z, ids = load_with_ids(latents, encoding)
    asked = scan_settings(settings, candidates)
    found = scan_latents(z, asked, load_parts(parts, z, asked.listed, asked.pairs))
    save_npy(nearest, found.neighbours.indices.astype("int32"))
    save_npy(nearest_distances, found.neighbours.distances)
    save_npy(nearest_counts, found.counts)
    table = found.overlaps
    for place, (name, column) in enumerate((("id_i", "i"), ("id_j", "j")), start=2):
        table.insert(place, name, ids[table[column]])
    table = table.assign(total=table.attrs["total"])
    table.attrs = scan_facts(found)
    save_table(overlaps, table.astype({"id_i": "str", "id_j": "str", "total": "int64"}))
    save_npy(similar, found.similar)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
