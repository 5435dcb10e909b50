from typing import Any

import numpy as np
import pandas as pd

from latent_microscope.forensics.subniches import sub_niche_table, sub_niches
from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_rows, load_scores
from latent_microscope.step import In, Out, run

_SCORES = ["cls", "uniqueness", "originality"]


def main(*, umap: In, scores: In, subniches: Out, profile: Out, settings: dict[str, Any]) -> None:
    """Find sub-niches: groups of samples in the low-density valleys of the UMAP.

    subniches: index, id, niche (0 is the largest), density (per unit of the UMAP). profile: niche,
    size, mean_cls, mean_uniqueness, mean_originality. settings: section subniches of a study's
    config.
    """
    table = load_scores(scores, _SCORES)
    found = sub_niches(
        load_rows(umap, table["id"].tolist(), scores),
        bandwidth=settings["bandwidth"],
        percentile=settings["percentile"],
        eps=settings["eps"],
        min_samples=settings["min_samples"],
        min_points=settings["min_points"],
    )
    index = np.flatnonzero(found.labels >= 0)
    index = index[np.lexsort((index, found.labels[index]))]
    members = pd.DataFrame(
        {
            "index": index,
            "id": table["id"].iloc[index].to_numpy(),
            "niche": found.labels[index],
            "density": np.exp(found.log_density[index]),
        }
    )
    save_table(subniches, members.astype({"id": "str"}))
    save_table(profile, sub_niche_table(found.labels, *(table[name] for name in _SCORES)))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
