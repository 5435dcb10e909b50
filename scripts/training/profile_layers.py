from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table, save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.step import In, Out, run
from latent_microscope.tables.layers import balanced, joined_profiles, layer_profile, selected


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
    if load_table(layer_ids, ["id"])["id"].tolist() != human.ids.tolist():
        raise InputError(f"{layer_ids}: not the images of {samples}; extract the layers again")
    every = load_npy(layers, mmap=True)
    columns = load_table(index, ["name", "start", "width"])
    places = zip(*(columns[key].tolist() for key in columns), strict=True)
    features = [(name, every[:, start : start + width]) for name, start, width in places]
    profiles = [layer_profile(features, human, metric) for metric in metrics]
    save_table(profile, joined_profiles(profiles, model_name, seed))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
