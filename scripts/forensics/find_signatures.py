from typing import Any

import pandas as pd

from latent_microscope.forensics.authentic import signatures_of
from latent_microscope.forensics.checks import as_matrix
from latent_microscope.forensics.latent_scans import ScanSettings, load_scan, scan_latents
from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_with_ids
from latent_microscope.step import In, Out, log, run


def main(
    *,
    latents: In,
    encoding: In,
    signatures: Out,
    settings: dict[str, Any],
    scan: list[In] | None = None,
) -> None:
    """Find authentic signatures at the published and at the adaptive radius, most original first.

    signatures: radius_kind (default or adaptive), index, id, originality, density (share of all
    points within the radius). settings: section scores of a study's config.
    """
    z, ids = load_with_ids(latents, encoding)
    matrix = as_matrix(z, "latents")
    k, radius = settings["k"], settings["radius"]
    found = load_scan(scan, len(z))
    if found is None:
        found = scan_latents(matrix, ScanSettings(k, radius, threshold=1.0, max_pairs=0))
    found.require(matrix, k=k, radius=radius)
    radii = {"default": radius, "adaptive": found.adaptive_radius}
    parts = []
    for (kind, radius), counts in zip(radii.items(), found.counts.T, strict=True):
        table = signatures_of(
            matrix,
            found.neighbours.distances[:, :k],
            counts,
            settings["signature_low"],
            settings["signature_high"],
            variant=settings["variant"],
            n_attractors=settings["attractors"],
        )
        if table.attrs["note"]:
            log.info("%s radius %.4g: %s", kind, radius, table.attrs["note"])
        table.insert(0, "radius_kind", kind)
        table.insert(2, "id", ids[table["index"]])
        table.attrs = {}
        parts.append(table)
    both = pd.concat(parts, ignore_index=True)
    save_table(signatures, both.astype({"radius_kind": "str", "id": "str", "index": "int64"}))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
