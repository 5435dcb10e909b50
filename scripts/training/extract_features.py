from typing import Any

from latent_microscope.io.artefacts import load_table, save_table
from latent_microscope.io.inputs import load_images
from latent_microscope.models.features import build_extractor, extract_features, images_at_once
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
    """Extract penultimate features (latent means of a VAE) and, where asked for, logits.

    settings: kind (philnet, random, resnet50, efficientnet_lite, vae, pixels) and the keys of that
        network; vae: arch, latent, channels, input_range.
    precision: float32, bfloat16 or auto.
    """
    ids = load_table(samples, ["id"])
    pixels = load_images(images, samples, len(ids))
    where = pick_device(device)
    extractor, network = build_extractor(settings, pixels.shape[1:], weights)
    network.to(where).eval()
    at_once = images_at_once(batch, network, pixels.shape[1], where)
    with numeric_environment(where):
        dtype = pick_precision(precision, where)
        extract_features(
            extractor, pixels, features, logits, device=where, batch=at_once, dtype=dtype
        )
    save_table(feature_ids, ids)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
