from typing import Any

from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_images, load_votes
from latent_microscope.models.features import images_at_once, load_network, stage_features
from latent_microscope.models.stages import stages
from latent_microscope.step import In, Out, run
from latent_microscope.tables.layers import balanced, joined_profiles, layer_profile, selected
from latent_microscope.training.device import numeric_environment, pick_device


def main(
    *,
    images: In,
    samples: In,
    votes: In,
    weights: In,
    profile: Out,
    settings: dict[str, Any],
    model_name: str,
    seed: int = 0,
    metrics: list[str],
    wanted: int = 2000,
    grid: int = 4,
    batch: int = 100,
    device: str = "auto",
) -> None:
    """Compare every stage of a network with human judgements of some images; no RDM is kept.

    profile: .parquet, one row per metric and layer: model, seed, metric, layer, position, depth,
        width, value, partial_label, within_class, label_only, n_images, n_pairs.
    settings: kind (philnet, random, resnet50, efficientnet_lite, vae) and the keys of that network.
    model_name: name of the model.
    wanted: images; the first ones of each class, in equal numbers where possible.
    grid: feature maps are averaged over grid x grid fields (1: over all positions).
    """
    human = load_votes(votes, samples)
    pixels = load_images(images, samples, len(human.ids))
    rows = balanced(human.labels, wanted)
    where = pick_device(device)
    network = load_network(settings, pixels.shape[1:], weights)
    chain = stages(network, settings.get("input_range", "unit"))
    network.to(where).eval()
    size = images_at_once(batch, network, pixels.shape[1], where)
    options: dict[str, Any] = {"grid": grid, "batch": size, "device": where}
    with (
        numeric_environment(where),
        stage_features(chain, pixels[rows], profile, **options) as features,
    ):
        profiles = [layer_profile(features, selected(human, rows), metric) for metric in metrics]
    save_table(profile, joined_profiles(profiles, model_name, seed))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
