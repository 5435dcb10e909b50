from typing import Any

from latent_microscope.io.artefacts import load_table, save_table
from latent_microscope.io.inputs import load_images
from latent_microscope.models.extraction import extract, images_at_once, pass_folder
from latent_microscope.models.layers import Reduction
from latent_microscope.models.libraries import open_network
from latent_microscope.step import In, Out, run
from latent_microscope.tables.layers import balanced
from latent_microscope.training.device import numeric_environment, pick_device


def main(
    *,
    images: In,
    samples: In,
    weights: In,
    layers: Out,
    index: Out,
    layer_ids: Out,
    settings: dict[str, Any],
    python_file: In | None = None,
    wanted: int = 2000,
    profile: list[str] | None = None,
    reduce: str | None = None,
    grid: int = 4,
    project: int | None = None,
    root_seed: int = 0,
    batch: int = 100,
    device: str = "auto",
) -> None:
    """Extract all layers of a profile, of some images, in one pass; a killed pass continues.

    layers: .npy float32 (n, columns), all layers side by side, the pixels first.
    index: .parquet, one row per layer: name, start and width (columns), shape, reduction,
        projection (dimensions, 0: none), distortion (95th percentile of relative changes of
        distances).
    layer_ids: .parquet: id of each row.
    settings: kind, the keys of that network, and transform.
    python_file: the user's Python file that makes the network.
    wanted: images; the first ones of each class, in equal numbers where possible.
    profile: names or globs of the layers; without it those of the network, or its blocks.
    reduce: how maps and tokens become vectors: flatten, mean, cls, max; without it maps are
        averaged over grid x grid fields, and tokens over all.
    project: dimensions that wider layers are projected to.
    """
    table = load_table(samples, ["id", "label"])
    pixels = load_images(images, samples, len(table))
    rows = balanced(table["label"].to_numpy(), wanted)
    where = pick_device(device)
    network = open_network(settings, pixels.shape[1:], weights).to(where)
    at_once = images_at_once(batch, network, pixels.shape[1], where)
    how = Reduction(reduce or "grid", grid)
    names = ["pixels", *profile] if profile else None
    key = [settings, wanted, names, reduce, grid, project, root_seed, at_once, where.type]
    inputs = [path for path in (images, samples, weights, python_file) if path]
    with numeric_environment(where):
        found = extract(
            network, pixels, {layers: names}, rows=rows, reduce=how, project=project,
            seed=root_seed, batch=at_once, device=where,
            mark=pass_folder(layers, inputs, {"key": key}),
        )  # fmt: skip
    save_table(index, found.drop(columns="file"))
    save_table(layer_ids, table.loc[rows, ["id"]])


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
