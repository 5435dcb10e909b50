from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.step import In, Out, run
from latent_microscope.tables.behaviour import (
    behaviour_intervals,
    behaviour_table,
    confusion_table,
    image_table,
    load_classifiers,
    random_folds,
    shared_table,
)


def main(
    *,
    logits: list[In],
    names: list[str],
    seeds: list[int],
    votes: In,
    samples: In,
    behaviour: Out,
    intervals: Out,
    images: Out,
    confusions: Out,
    shared: Out,
    temperatures: list[In] | None = None,
    tempered: list[int] | None = None,
    folds: int = 10,
    draws: int = 1000,
    root_seed: int = 0,
) -> None:
    """Compare the predictions of classifiers with human votes; all divergences are in nats.

    tempered: places of the classifiers that were cross-validated and have temperatures; the
    others' are fitted on the other folds. draws: bootstrap samples of images with
    their votes, the same as for the similarity (0: no intervals).

    behaviour: model, seed (-1: none; perfect: the ceiling), accuracy, cross_entropy,
    cross_entropy_calibrated, temperature, jensen_shannon, kl, second_best_accuracy,
    entropy_spearman, error_consistency (kappa). intervals: model, seed, measure, value, low, high,
    sd, n_draws. images: one row per image and classifier: id, label_name, human_entropy,
    human_accuracy, model, seed,
    model_entropy, jensen_shannon. confusions: source, seed, true, predicted, count, share,
    difference. shared: true, predicted, human (votes), model, seed, share_human, share_model.
    """
    human = load_votes(votes, samples)
    models = load_classifiers(logits, names, seeds, human, samples, temperatures, tempered)
    groups = random_folds(len(human.ids), folds, root_seed)
    save_table(behaviour, behaviour_table(models, human, groups, seed=root_seed))
    bootstrap = behaviour_intervals(models, human, groups, n_draws=draws, seed=root_seed)
    save_table(intervals, bootstrap)
    save_table(images, image_table(models, human))
    save_table(confusions, confusion_table(models, human))
    save_table(shared, shared_table(models, human))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
