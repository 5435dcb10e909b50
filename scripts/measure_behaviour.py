"""Compare the predictions of classifiers with the votes of people."""

from pathlib import Path

import numpy as np

from latent_microscope.artefacts import join_by_id, load_npy, load_table, save_table
from latent_microscope.errors import InputError
from latent_microscope.inputs import load_votes
from latent_microscope.step import In, Out, run
from latent_microscope.tables.behaviour import (
    behaviour_table,
    classifier,
    confusion_table,
    image_table,
    random_folds,
    shared_table,
)


def main(
    *,
    logits: list[In],
    names: list[str],
    runs: list[int],
    votes: In,
    samples: In,
    behaviour: Out,
    images: Out,
    confusions: Out,
    shared: Out,
    temperatures: list[In] | None = None,
    tempered: list[int] | None = None,
    folds: int = 10,
    seed: int = 0,
) -> None:
    """Score classifiers, people and baselines; all divergences in nats.

    Args:
        logits: .npy (n, classes) of each classifier, in the order of the samples.
        names: name of each classifier.
        runs: number of the run of each.
        votes: .parquet with id and one column of counts a class.
        samples: .parquet with id, label, label_name.
        behaviour: .parquet: model, seed (-1: not a run), accuracy, cross_entropy,
            cross_entropy_calibrated, temperature, jensen_shannon, kl, second_best_accuracy,
            entropy_spearman, error_consistency (kappa).
        images: .parquet, one row an image and classifier: id, label_name, human_entropy,
            human_accuracy, model, seed, model_entropy, jensen_shannon.
        confusions: .parquet: source, seed, true, predicted, count, share, difference.
        shared: .parquet: true, predicted, human (votes), model, seed, share_human, share_model.
        temperatures: .parquet with id and temperature, of classifiers that were cross-validated
            and so bring temperatures of their own folds.
        tempered: place of each of these among the classifiers.
        folds: folds of the images; a temperature is fitted on the others.
        seed: root seed.
    """
    if not len(logits) == len(names) == len(runs):
        raise InputError(
            f"{len(logits)} logits, {len(names)} names and {len(runs)} runs; give one of each"
        )
    human = load_votes(votes, samples)
    own = dict(zip(tempered or [], temperatures or [], strict=True))
    models = [
        classifier(
            name,
            number,
            load_npy(path, mmap=True),
            human,
            _temperatures(own[place], samples) if place in own else None,
        )
        for place, (path, name, number) in enumerate(zip(logits, names, runs, strict=True))
    ]
    save_table(behaviour, behaviour_table(models, human, random_folds(len(human.ids), folds, seed)))
    save_table(images, image_table(models, human))
    save_table(confusions, confusion_table(models, human))
    save_table(shared, shared_table(models, human))


def _temperatures(path: Path, samples: Path) -> np.ndarray:
    """Temperature of each image, in the order of the samples."""
    images = load_table(samples, ["id"])
    found = join_by_id(
        images, load_table(path, ["id", "temperature"]), names=(str(samples), str(path))
    )
    return found["temperature"].to_numpy(dtype=np.float64)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
