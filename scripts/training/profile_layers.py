from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.step import In, Out, run
from latent_microscope.tables.layers import (
    balanced,
    joined_profiles,
    layer_profile,
    load_layers,
    selected,
)


def main(
    *,
    layers: In,
    index: In,
    layer_ids: In,
    samples: In,
    votes: In,
    profile: Out,
    model_name: str,
    seed: int = 0,
    metrics: list[str],
    wanted: int = 2000,
) -> None:
    """Compare every layer of a network with human judgements of some images; no RDM is kept.

    layers: .npy float32 (n, columns), all layers side by side.
    index: .parquet, one row per layer: name, start and width (its columns).
    layer_ids: .parquet: id of each row.
    profile: .parquet, one row per metric and layer: model, seed, metric, layer, position, depth,
        width, value, partial_label, within_class, label_only, n_images, n_pairs.
    model_name: name of the model.
    wanted: images; the first ones of each class, in equal numbers where possible.
    """
    human = load_votes(votes, samples)
    human = selected(human, balanced(human.labels, wanted))
    features = load_layers(layers, index, layer_ids, human, samples)
    profiles = [layer_profile(features, human, metric) for metric in metrics]
    save_table(profile, joined_profiles(profiles, model_name, seed))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
