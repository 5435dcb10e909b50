from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.step import In, Out, run
from latent_microscope.tables.behaviour import load_classifiers, random_folds
from latent_microscope.tables.equivalents import equivalents_table
from latent_microscope.tables.rsa import sources


def main(
    *,
    features: list[In],
    feature_ids: list[In],
    votes: In,
    samples: In,
    equivalents: Out,
    models: list[str],
    layers: list[str],
    seeds: list[int],
    transforms: list[str],
    rdms: list[In] | None = None,
    rdm_ids: list[In] | None = None,
    metric: str,
    logits: list[In] | None = None,
    temperatures: list[In] | None = None,
    names: list[str] | None = None,
    classifier_seeds: list[int] | None = None,
    tempered: list[int] | None = None,
    folds: int = 10,
    splits: int = 3,
    root_seed: int = 0,
    threads: int = 1,
) -> None:
    """Count how many votes per image every score of every model is worth.

    m votes per image and each model are scored against the same other half of the votes. logits,
    names and classifier_seeds are those of the classifiers. tempered: places of the classifiers
    that have temperatures; the others' are fitted on the other folds.

    equivalents: model, layer, seed, metric, measure, votes, censored (">": more than max_votes,
    "<": less than one), low, high (over splits), model_score, max_votes, n_repeats.
    """
    human = load_votes(votes, samples)
    compared = sources(rdms, rdm_ids, features, feature_ids, models, layers, seeds, transforms)
    classifiers = load_classifiers(
        logits or [], names or [], classifier_seeds or [], human, samples, temperatures, tempered
    )
    table = equivalents_table(
        classifiers,
        compared[1:],
        human,
        metric,
        random_folds(len(human.ids), folds, root_seed),
        n_repeats=splits,
        seed=root_seed,
        threads=threads,
    )
    save_table(equivalents, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
