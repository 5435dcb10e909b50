"""Profile a network layer by layer: how like people each of its stages is."""

from typing import Any

from torch import nn

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.models.base import load_checked
from latent_microscope.models.classifiers import build_classifier, weights_holder
from latent_microscope.models.features import images_at_once
from latent_microscope.models.layers import stage_features
from latent_microscope.models.pixels import to_range
from latent_microscope.models.stages import Stage, stages
from latent_microscope.models.vaes import build_vae
from latent_microscope.models.weights import load_weights
from latent_microscope.step import In, Out, run
from latent_microscope.tables.layers import (
    balanced,
    joined_profiles,
    layer_profile,
    selected,
)
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
    run: int = 0,
    metrics: list[str],
    wanted: int = 2000,
    grid: int = 4,
    batch: int = 100,
    device: str = "auto",
) -> None:
    """Compare every stage of a network with people, on some images; no RDM is kept.

    Args:
        images: .npy uint8 (n, H, W, 3).
        samples: .parquet with id, label, label_name, row i = image i.
        votes: .parquet with id and one column of counts a class.
        weights: .pt state dict of the network.
        profile: .parquet, one row a metric and layer: model, seed, metric, layer, position, depth,
            width, value, partial_label, within_class, label_only, n_images, n_pairs.
        settings: kind (philnet, random, resnet50, efficientnet_lite, vae) and the keys of that
            network.
        model_name: name of the model.
        run: number of the run, the column seed.
        metrics: distances of the RDMs.
        wanted: images; the first ones of each class, as many of each as can be.
        grid: feature maps are averaged over grid x grid fields (1: over all positions).
        batch: images at a time; fewer large ones on a processor.
        device: auto, cpu or cuda.
    """
    pixels = load_npy(images, mmap=True)
    people = load_votes(votes, samples)
    if len(people.ids) != len(pixels):
        raise InputError(
            f"{samples}: {len(people.ids)} rows for the {len(pixels)} images of {images}; both "
            "must come from the same step"
        )
    rows = balanced(people.labels, wanted)
    where = pick_device(device)
    network, chain = _network(settings, pixels.shape, weights)
    network.to(where).eval()
    at_once = images_at_once(batch, network, pixels.shape[1], where)
    with (
        numeric_environment(where),
        stage_features(
            chain, pixels[rows], profile, grid=grid, batch=at_once, device=where
        ) as features,
    ):
        found = [layer_profile(features, selected(people, rows), metric) for metric in metrics]
    save_table(profile, joined_profiles(found, model_name, run))


def _network(
    settings: dict[str, Any], shape: tuple[int, ...], weights: In
) -> tuple[nn.Module, list[Stage]]:
    """The network with its weights, and its stages."""
    state = load_weights(weights)
    if settings["kind"] != "vae":
        model = build_classifier(settings)
        load_checked(weights_holder(model), state, weights)
        return model, stages(model)
    vae = build_vae(settings["arch"], settings, image_shape=(shape[1], shape[2], shape[3]))
    load_checked(vae, state, weights)
    (name, first), *rest = stages(vae)
    signed = settings.get("input_range", "unit")
    return vae, [(name, lambda unit: first(to_range(unit, signed))), *rest]


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
