from typing import Any

import pandas as pd

from latent_microscope.custom.study import positions_of
from latent_microscope.custom.votes import Judgements, read_votes
from latent_microscope.io.artefacts import load_table, save_table
from latent_microscope.step import In, Out, log, run



def main(*, source: In, ids: In, samples: In, votes: Out, settings: dict[str, Any]) -> None:
    """Join the votes of a custom study to its samples.

    source: counts or soft labels by class, or single judgements, in a table or an array.
    settings: section data.votes of the study's config.
    """
    table = load_table(samples, ["id", "label"])
    names = table["id"].astype("str").to_numpy(dtype=object)
    found = read_votes(source, settings)
    rows = found.answers[positions_of(found.ids, len(found.answers), names, ids, source)]
    log.info("%s", Judgements(names, found.classes, rows).what)
    answers = pd.DataFrame(rows, columns=found.classes)
    save_table(votes, pd.concat([table[["id"]].astype("str"), answers], axis=1))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
