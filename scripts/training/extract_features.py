"""Extract the features of images from a network (or take the pixels themselves)."""

from typing import Any

import torch
from torch import Tensor, nn

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table, save_table
from latent_microscope.models.base import load_checked
from latent_microscope.models.classifiers import build_classifier, weights_holder
from latent_microscope.models.features import Extractor, extract_features, images_at_once
from latent_microscope.models.pixels import to_range
from latent_microscope.models.vaes import build_vae
from latent_microscope.models.weights import load_weights
from latent_microscope.step import In, Out, run
from latent_microscope.training.device import numeric_environment, pick_device, pick_precision


def main(
    *,
    images: In,
    samples: In,
    features: Out,
    feature_ids: Out,
    settings: dict[str, Any],
    weights: In | None = None,
    logits: Out | None = None,
    batch: int = 250,
    device: str = "auto",
    precision: str = "float32",
) -> None:
    """Write penultimate features (latent means of a VAE) and, where asked for, logits.

    Args:
        images: .npy uint8 (n, H, W, 3).
        samples: .parquet, column id, row i = image i.
        features: .npy float32 (n, f).
        feature_ids: .parquet, column id, the order of the rows.
        settings: kind (philnet, random, resnet50, efficientnet_lite, vae, pixels) and the keys
            of that network; vae: arch, latent, channels, input_range.
        weights: .pt state dict; not for pixels.
        logits: .npy float32 (n, classes), classifiers only.
        batch: images at a time; fewer large ones on a processor.
        device: auto, cpu or cuda.
        precision: float32, bfloat16 or auto.
    """
    pixels = load_npy(images, mmap=True)
    ids = load_table(samples, ["id"])
    if len(ids) != len(pixels):
        raise InputError(
            f"{samples}: {len(ids)} rows for the {len(pixels)} images of {images}; both must come "
            "from the same step"
        )
    where = pick_device(device)
    extractor, network = _extractor(settings, pixels.shape, weights)
    network.to(where).eval()
    with numeric_environment(where):
        extract_features(
            extractor,
            pixels,
            features,
            logits,
            batch=images_at_once(batch, network, pixels.shape[1], where),
            device=where,
            dtype=pick_precision(precision, where),
        )
    save_table(feature_ids, ids)


def _extractor(
    settings: dict[str, Any], shape: tuple[int, ...], weights: In | None
) -> tuple[Extractor, nn.Module]:
    kind = settings["kind"]
    if kind == "pixels":
        return lambda unit: (unit.permute(0, 2, 3, 1).flatten(1), None), nn.Identity()
    if weights is None:
        raise InputError(f"weights: the kind {kind!r} needs a weights file")
    state = load_weights(weights)
    if kind == "vae":
        size = (shape[1], shape[2], shape[3])
        vae = build_vae(settings["arch"], settings, image_shape=size)
        load_checked(vae, state, weights)
        signed = settings.get("input_range", "unit")
        return lambda unit: (vae.encode(to_range(unit, signed))[0], None), vae
    model = build_classifier(settings)
    load_checked(weights_holder(model), state, weights)
    model = model.to(memory_format=torch.channels_last)

    def extract(unit: Tensor) -> tuple[Tensor, Tensor | None]:
        found = model.features(unit)
        return found, model.classify(found)

    return extract, model


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
