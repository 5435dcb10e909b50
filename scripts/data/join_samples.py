from typing import Any

import pandas as pd

from latent_microscope.custom.anonymous import CODE, codes_of_ids, ids_of_codes, person_codes
from latent_microscope.custom.anonymous import require_no_names
from latent_microscope.custom.attributes import column_of
from latent_microscope.custom.images import identities_by_path
from latent_microscope.custom.joining import joined_ids
from latent_microscope.custom.study import identity_codes, pictures, positions_of, table_rows
from latent_microscope.custom.votes import class_codes, majority, read_votes
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table, save_table
from latent_microscope.step import In, Out, log, run



def main(
    *,
    ids: In,
    files: In,
    unmatched: In,
    listed: In,
    samples: Out,
    settings: dict[str, dict[str, Any]],
    drop: bool = False,
    least: int = 2,
    least_reason: str = "",
    identities: In | None = None,
    labels: In | None = None,
    images: In | None = None,
    votes: In | None = None,
    attributes: In | None = None,
    written: list[str] | None = None,
) -> None:
    """Make the table of samples of a custom study: the ids that all files have.

    files: .parquet of all files.
    unmatched: .parquet of the ids that are missing from a file.
    listed: .csv of these, which messages name.
    samples: .parquet: id, identity (a number; -1 unknown), identity_name, and with classes label
        and label_name.
    settings: parts of a study's section data, by name.
    drop: drop ids that are missing from a file; else they are an error.
    least: minimum number of samples for the study's other settings.
    least_reason: which of these settings.
    identities: .csv or .parquet of identities.
    labels: .csv or .parquet of classes.
    images: images whose folders or names give the identities.
    attributes: of an anonymised study: .csv or .parquet, in which no name may occur.
    written: of an anonymised study: texts of its config, in which no name may occur.
    votes: votes of annotators: without labels their majority is the class; else labels are numbered
        as their classes.
    """
    every, by_file, alone = (load_table(path) for path in (ids, files, unmatched))
    alone["id"] = ids_of_codes(every, alone["id"])  # messages name ids as the user's files do
    own = joined_ids(every, by_file, alone, drop=drop, listed=str(listed))
    kept = codes_of_ids(every, own)
    if len(kept) < least:
        raise InputError(
            f"{files}: {len(kept)} samples are left but {least_reason} needs {least}; lower that, "
            "or give more samples"
        )
    table = pd.DataFrame({"id": pd.Series(kept, dtype="str")})
    table["identity"] = -1
    people = None
    if identities:
        part = settings["identities"]
        people = table_rows(identities, part, kept, ids)[part["column"]].tolist()
    elif images:
        with pictures(images, settings["images"]) as opened:
            if opened.names is None:
                raise InputError(f"{images}: its images have no names that could be identities")
            order = positions_of(opened.ids, opened.count, kept, ids, images)
            names = [opened.names[row] for row in order]
        people = identities_by_path(names, settings["identities"].get("pattern"), images)
    if people is not None:
        texts = [None if pd.isna(name) else str(name) for name in people]
        numbers = identity_codes(people)
        table["identity"], named = person_codes(texts) if CODE in every else (numbers, texts)
        table["identity_name"] = pd.Series(named, dtype="str")
    known, classes = None, []
    if labels:
        part = settings["labels"]
        cells = column_of(table_rows(labels, part, kept, ids), part["column"]).texts
        known = classes = [str(name) for name in cells]
    if votes:
        found = read_votes(votes, settings["votes"])
        classes = found.classes
        if known is None:
            counts = found.answers[positions_of(found.ids, len(found.answers), kept, ids, votes)]
            known = [found.classes[code] for code in majority(counts)]
            log.info("%s: no labels are given; the majority of the votes is used", votes)
        table["label"] = class_codes(known, found.classes, labels or votes)
    elif known is not None:
        table["label"] = identity_codes(known)
    if known is not None:
        table["label_name"] = pd.Series(known, dtype="str")
    if CODE in every and people is not None:
        described = table_rows(attributes, settings["attributes"], kept, ids) if attributes else None
        require_no_names(texts, described, attributes, classes, votes or labels, written or [])
    save_table(samples, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
