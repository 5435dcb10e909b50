import numpy as np
import pandas as pd

from latent_microscope.data.images import INPUT
from latent_microscope.io.artefacts import save_csv, save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.similarity.layer_choice import leaderboard as ranked
from latent_microscope.similarity.rdms import RDM, rdm
from latent_microscope.similarity.votes import vote_shares
from latent_microscope.step import In, Out, run
from latent_microscope.tables.layers import balanced, load_layers, selected


def main(
    *,
    layers: list[In],
    indexes: list[In],
    layer_ids: list[In],
    samples: In,
    votes: In,
    leaderboard: Out,
    leaderboard_csv: Out,
    differences: Out,
    differences_csv: Out,
    models: list[str],
    metric: str = "euclidean",
    wanted: int = 2000,
    draws: int = 1000,
    correction: str = "max-t",
    root_seed: int = 0,
    threads: int = 1,
) -> None:
    """Rank networks by their best layer, chosen on other images than it is scored on.

    layers: .npy float32 (n, columns) per network and seed, all layers side by side.
    indexes: .parquet, one row per layer: name, start and width (its columns).
    layer_ids: .parquet: id of each row.
    leaderboard: .parquet: model, score (rho-a), low, high, sd, layer, chosen (share of the halves
        of the images that chose it), layers, best (chosen and scored on the same images), metric,
        n_images, seeds.
    differences: .parquet, one row per pair: model_a, model_b, difference, low, high, p, p_adjusted.
    models: name of the network of each file; the layer is chosen by the mean over its seeds.
    wanted: images; the first ones of each class, in equal numbers where possible.
    """
    human = load_votes(votes, samples)
    human = selected(human, balanced(human.labels, wanted))
    networks: dict[str, list[dict[str, RDM]]] = {}
    for path, index, ids, model in zip(layers, indexes, layer_ids, models, strict=True):
        found = {
            name: rdm(rows, metric, human.ids)
            for name, rows in load_layers(path, index, ids, human, samples)
            if name != INPUT
        }
        networks.setdefault(model, []).append(found)
    reference = rdm(vote_shares(human.answers), metric, human.ids)
    found_all = ranked(
        networks, reference, draws, root_seed, correction=correction, threads=threads
    )
    counts = pd.Series(models).value_counts()
    table = found_all.scores.assign(metric=metric, n_images=len(human.ids))
    table["seeds"] = np.array([counts[name] for name in table["model"]], dtype=np.int64)
    table = table.sort_values("score", ascending=False, ignore_index=True)
    save_table(leaderboard, table)
    save_csv(leaderboard_csv, table)
    save_table(differences, found_all.differences)
    save_csv(differences_csv, found_all.differences)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
