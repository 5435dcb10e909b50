from typing import Any

import pandas as pd

from latent_microscope.forensics.authentic import authentic_signatures
from latent_microscope.forensics.checks import as_matrix
from latent_microscope.forensics.density import RADIUS_NEIGHBOUR, radius_of_distances
from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_with_ids
from latent_microscope.neighbours.pairs import neighbour_pass
from latent_microscope.step import In, Out, log, run


def main(*, latents: In, encoding: In, signatures: Out, settings: dict[str, Any]) -> None:
    """Find authentic signatures at the published and at the adaptive radius, most original first.

    signatures: radius_kind (default or adaptive), index, id, originality, density (share of all
    points within the radius). settings: section scores of a study's config.
    """
    z, ids = load_with_ids(latents, encoding)
    near = neighbour_pass(as_matrix(z, "latents"), k=max(settings["k"], RADIUS_NEIGHBOUR)).distances
    adaptive = radius_of_distances(near[:, :RADIUS_NEIGHBOUR])
    parts = []
    for kind, radius in (("default", settings["radius"]), ("adaptive", adaptive)):
        table = authentic_signatures(
            z,
            settings["signature_low"],
            settings["signature_high"],
            variant=settings["variant"],
            k=settings["k"],
            radius=radius,
            n_attractors=settings["attractors"],
            distances=near,
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
