import pandas as pd

from latent_microscope.io.artefacts import save_csv, save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.step import In, Out, run
from latent_microscope.tables.behaviour import load_classifiers
from latent_microscope.tables.ceilings import candidates_of, recovery_table


def main(
    *,
    votes: In,
    samples: In,
    table: Out,
    csv: Out,
    logits: list[In] | None = None,
    names: list[str] | None = None,
    seeds: list[int] | None = None,
    metrics: list[str],
    simulations: int = 20,
    images: int = 1000,
    root_seed: int = 0,
) -> None:
    """Test whether votes simulated from each model are attributed to that model.

    Votes are simulated from the predictions of each classifier, of the label and the class's votes;
    seeds of one name count as one model. simulations: data sets per model, all of the same images.
    table: model, attributed, count, share, similarity (Spearman), n_simulations, n_images, metric.
    """
    human = load_votes(votes, samples)
    classifiers = load_classifiers(logits or [], names or [], seeds or [], human, samples)
    candidates = candidates_of(classifiers, human)
    parts = [
        recovery_table(
            candidates, human, metric, n_simulations=simulations, n_images=images, seed=root_seed
        )
        for metric in metrics
    ]
    recovered = pd.concat(parts, ignore_index=True)
    save_table(table, recovered)
    save_csv(csv, recovered)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
