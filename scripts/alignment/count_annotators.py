"""Count how many votes an image every score of every model is worth."""

from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.step import In, Out, run
from latent_microscope.tables.behaviour import load_classifiers, random_folds
from latent_microscope.tables.equivalents import equivalents_table
from latent_microscope.tables.rsa import sources


def main(
    *,
    rdms: list[In],
    rdm_ids: list[In],
    features: list[In],
    feature_ids: list[In],
    votes: In,
    samples: In,
    equivalents: Out,
    models: list[str],
    layers: list[str],
    runs: list[int],
    transforms: list[str],
    metric: str,
    logits: list[In] | None = None,
    temperatures: list[In] | None = None,
    names: list[str] | None = None,
    classifier_runs: list[int] | None = None,
    tempered: list[int] | None = None,
    folds: int = 10,
    repeats: int = 3,
    seed: int = 0,
    threads: int = 1,
) -> None:
    """Score m votes an image, and each model, against the same other half of the votes.

    Args:
        rdms: .npy condensed RDMs, people first.
        rdm_ids: .parquet of the ids of each, beside it.
        features: .npy that each was made of.
        feature_ids: .parquet with the ids of their rows.
        votes: .parquet with id and one column of counts a class.
        samples: .parquet with id, label, label_name.
        equivalents: .parquet: model, layer, seed, metric, measure, votes, censored (">": more than
            max_votes, "<": less than one), low, high (over repeats), model_score, max_votes,
            n_repeats.
        models: name of the model of each RDM.
        layers: features or probabilities.
        runs: number of the run, the column seed.
        transforms: what was done to the features first: none, or softmax.
        metric: distance of the RDMs.
        logits: .npy (n, classes) of each classifier, in the order of the samples.
        temperatures: .parquet of classifiers that bring temperatures of their own.
        names: name of each classifier.
        classifier_runs: number of the run of each.
        tempered: place of each of those with temperatures among the classifiers.
        folds: folds of the images; a temperature is fitted on the others.
        repeats: random reference halves.
        seed: root seed.
        threads: RDMs at the same time; changes no number.
    """
    human = load_votes(votes, samples)
    found = sources(rdms, rdm_ids, features, feature_ids, models, layers, runs, transforms)
    classifiers = load_classifiers(
        logits or [], names or [], classifier_runs or [], human, samples, temperatures, tempered
    )
    table = equivalents_table(
        classifiers,
        found[1:],
        human,
        metric,
        random_folds(len(human.ids), folds, seed),
        n_repeats=repeats,
        seed=seed,
        threads=threads,
    )
    save_table(equivalents, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
