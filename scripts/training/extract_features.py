from typing import Any

from latent_microscope.io.artefacts import load_table, save_table
from latent_microscope.io.inputs import load_images
from latent_microscope.models.extraction import extract, images_at_once, pass_folder
from latent_microscope.models.layers import Reduction
from latent_microscope.models.libraries import open_network
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
    python_file: In | None = None,
    named: list[Out] | None = None,
    layers: list[str] | None = None,
    reduce: str | None = None,
    project: int | None = None,
    root_seed: int = 0,
    batch: int = 250,
    device: str = "auto",
    precision: str = "float32",
) -> None:
    """Extract features and, in the same pass, any other layers; a killed pass continues.

    features: .npy float32 (n, f), the network's own embedding (latent means of a VAE).
    settings: kind, the keys of that network, and transform.
    python_file: the user's Python file that makes the network.
    named: .npy float32 (n, width) of each of layers.
    layers: logits, probabilities, or a module's name.
    reduce: how maps and tokens become vectors: flatten, mean (default), cls, max.
    project: dimensions that wider layers are projected to.
    precision: float32, bfloat16 or auto.
    """
    ids = load_table(samples, ["id"])
    pixels = load_images(images, samples, len(ids))
    where = pick_device(device)
    network = open_network(settings, pixels.shape[1:], weights).to(where)
    at_once = images_at_once(batch, network, pixels.shape[1], where)
    files = {features: ["features"]}
    files |= {path: [name] for path, name in zip(named or [], layers or [], strict=True)}
    how = Reduction(reduce or "mean")
    key = [settings, layers, reduce, project, root_seed, at_once, precision, where.type]
    inputs = [path for path in (images, samples, weights, python_file) if path]
    with numeric_environment(where):
        extract(
            network, pixels, files, reduce=how, project=project, seed=root_seed, batch=at_once,
            device=where, dtype=pick_precision(precision, where),
            mark=pass_folder(features, inputs, {"key": key}),
        )  # fmt: skip
    save_table(feature_ids, ids)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
