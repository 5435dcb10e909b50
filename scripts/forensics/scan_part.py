from typing import Any

from latent_microscope.forensics.checks import as_rows
from latent_microscope.forensics.clusters import GRAPH_NEIGHBOURS, plane_part
from latent_microscope.forensics.latent_scans import save_part, scan_settings
from latent_microscope.io.artefacts import load_npy, require_finite
from latent_microscope.neighbours.pairs import scan_part
from latent_microscope.step import In, Out, run


def main(
    *,
    latents: In,
    indices: Out,
    distances: Out,
    pairs: Out,
    settings: dict[str, Any] | None = None,
    candidates: int = 2_000,
    wanted: int = 15,
    part: int = 1,
    parts: int = 1,
) -> None:
    """Compare one of several parts of all pairs of latents, for scan_latents or find_neighbours.

    indices: int32 (n, k), rows of the nearest others in this part (-1: none; -2 first: to be
    searched again). distances: to these. pairs: (m + 1, 3), i, j and cosine of the most similar
    pairs; its last rows say of what: number of overlaps, part, parts; what pairs were asked for; a
    hash of the latents. settings, candidates: as of scan_latents;
    without settings neighbours of the standardised latents. wanted: as of find_neighbours. part,
    parts: which, from 1, of how many.
    """
    z = load_npy(latents, mmap=True)
    require_finite(z, latents)
    which = (part - 1, parts)
    asked = None if settings is None else scan_settings(settings, candidates)
    if asked is None:
        found = plane_part(z, max(wanted, GRAPH_NEIGHBOURS), which)
    else:
        points = as_rows(z, "latents")
        found = scan_part(points, asked.listed, overlaps=asked.pairs, part=which)
    save_part((indices, distances, pairs), found, which, z, asked.pairs if asked else None)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
