from dataclasses import replace
from typing import Any

from latent_microscope.custom.anonymous import with_codes
from latent_microscope.custom.dissimilarity import read_square
from latent_microscope.custom.joining import Joining, Source, match
from latent_microscope.custom.study import picture_source, rows_source, table_source
from latent_microscope.custom.votes import read_votes
from latent_microscope.io.artefacts import save_csv, save_table
from latent_microscope.step import In, Out, run


def main(
    *,
    ids: Out,
    files: Out,
    files_csv: Out,
    unmatched: Out,
    unmatched_csv: Out,
    settings: dict[str, dict[str, Any]],
    embeddings: In | None = None,
    embedding_ids: In | None = None,
    images: In | None = None,
    attributes: In | None = None,
    identities: In | None = None,
    labels: In | None = None,
    votes: In | None = None,
    dissimilarity: In | None = None,
    dissimilarity_ids: In | None = None,
    models: list[In] | None = None,
    arrays: dict[str, str | None] | None = None,
    holds: dict[str, str] | None = None,
    folder: Any = None,
    join: str = "id",
    ignoring: list[str] | None = None,
    code_seed: int | None = None,
) -> None:
    """Match the files of a custom study by id, and list what does not match.

    ids: .parquet: id, complete (every file has it), position (row in files without ids), ignoring,
        and of an anonymised study code.
    files: .parquet, one row per file: source, file, taken_for (what its numbers are), joined_by (id
        or position), rows, matched, alone (ids that are missing from another file), missing (ids
        that it does not have).
    files_csv: the same for people.
    unmatched: .parquet: id, missing_from (which files, or the columns of empty cells).
    unmatched_csv: the same for people.
    settings: parts of a study's section data, by name.
    images: folder, .zip or file of images.
    attributes: .csv or .parquet of attributes.
    identities: .csv or .parquet of identities.
    labels: .csv or .parquet of classes.
    votes: .csv, .parquet, .npy or .npz of votes.
    dissimilarity: square matrix of human dissimilarities.
    dissimilarity_ids: the ids of its rows, if they are in a separate file.
    models: features or logits of models.
    arrays: name of each model, in their order, and of the array in its file.
    holds: name of each model, and what its array contains.
    folder: state of a folder of images; a change re-runs this step.
    join: id, or position: files without ids follow the first that has some.
    ignoring: differences of ids that are ignored.
    code_seed: seed of the codes that replace ids; None: none do.
    """
    sources: list[Source] = []
    if embeddings:
        part = settings["embeddings"]
        sources.append(rows_source("embeddings", embeddings, part, embedding_ids))
    if images:
        sources.append(picture_source("images", images, settings["images"]))
    if votes:
        sources.append(read_votes(votes, settings["votes"]).source(votes))
    if dissimilarity:
        square = read_square(dissimilarity, settings["dissimilarity"], dissimilarity_ids)
        count = square.values.shape[1]
        sources.append(Source("dissimilarity", str(dissimilarity), count, square.ids))
    for (name, array), path in zip((arrays or {}).items(), models or [], strict=True):
        sources.append(rows_source(f"model {name}", path, {"array": array}))
    tables = {"attributes": attributes, "labels": labels, "identities": identities}
    for name, file in tables.items():
        if file:
            source = table_source(name, file, settings[name])
            # An unknown identity is no mismatch.
            sources.append(replace(source, incomplete=None) if name == "identities" else source)
    all_ids, by_file, alone = match(sources, Joining(join == "position", tuple(ignoring or ())))
    taken = {f"model {name}": what for name, what in (holds or {}).items()}
    by_file.insert(2, "taken_for", by_file["source"].replace(taken))
    if code_seed is not None:
        all_ids, alone = with_codes(all_ids, alone, code_seed)
    save_table(ids, all_ids)
    for parquet, csv, table in ((files, files_csv, by_file), (unmatched, unmatched_csv, alone)):
        save_table(parquet, table)
        save_csv(csv, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
