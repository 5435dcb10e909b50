from latent_microscope.io.artefacts import load_table, save_table
from latent_microscope.io.inputs import joined, load_rows
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, log, run
from latent_microscope.tables.identity import identity_tables

_SCORES = ["uniqueness", "originality", "stability"]


def main(
    *,
    latents: In,
    scores: In,
    samples: In,
    groups: Out,
    members: Out,
    tests: Out,
    pairs: Out,
    images: int = 30,
    root_seed: int = 0,
    seed: int = 0,
) -> None:
    """Study whether images of one person are closer or more stable than of different people.

    groups: group (intra A, intra B, inter: other people, mixed: half A, half B), identity (-1:
    several), n, score, mean, sd, identity_name (as the user's files have it, else the number).
    members: group, index, id, identity, identity_name. tests: score, comparison,
    test, statistic, p, low, high (95 %), status (why not available). pairs: space, auc (similarity
    = minus distance), n_same, n_different, n_same_all (of which n_same are drawn if there are more
    than two million), low, high (95 %, clustered by person), status, and silhouette of the two
    people. images: wanted of one person.
    """
    table = joined(scores, samples, (_SCORES, ["identity"]))
    found, note = identity_tables(
        load_rows(latents, table["id"].tolist(), scores),
        {name: table[name].to_numpy() for name in _SCORES},
        table["id"].to_numpy(dtype=object),
        table["identity"].to_numpy(),
        images=images,
        seed=derive(root_seed, "study_identities", seed),
    )
    if note:
        log.info(note)
    known = load_table(samples)
    own = known["identity_name" if "identity_name" in known else "identity"]
    names = dict(zip(known["identity"], own, strict=True))
    for name in ("groups", "members"):
        shown = found[name]["identity"].map(lambda code: "" if code < 0 else str(names[code]))
        found[name]["identity_name"] = shown.astype("str")
    outputs = {"groups": groups, "members": members, "tests": tests, "pairs": pairs}
    for name, path in outputs.items():
        save_table(path, found[name])


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
