from typing import Any

import pandas as pd

from latent_microscope.custom.study import positions_of
from latent_microscope.custom.votes import read_votes
from latent_microscope.io.artefacts import load_table, save_table
from latent_microscope.step import In, Out, log, run



def main(*, source: In, ids: In, samples: In, votes: Out, settings: dict[str, Any]) -> None:
    """Join the votes of a custom study to its samples.

    source: .csv or .parquet of counts or single judgements, .npy or .npz of counts.
    settings: section data.votes of the study's config.
    """
    table = load_table(samples, ["id", "label"])
    names = table["id"].astype("str").to_numpy(dtype=object)
    found = read_votes(source, settings)
    rows = found.counts[positions_of(found.ids, len(found.counts), names, ids, source)]
    log.info("%d votes on %d samples, %d classes", rows.sum(), len(rows), len(found.classes))
    counts = pd.DataFrame(rows, columns=found.classes)
    save_table(votes, pd.concat([table[["id"]].astype("str"), counts], axis=1))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
