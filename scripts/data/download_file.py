import os
from pathlib import Path

from latent_microscope.arguments import Asset
from latent_microscope.data.download import obtain
from latent_microscope.data.manifest import find_file, load_manifest
from latent_microscope.step import Out, run


def main(
    *,
    file: Out,
    dataset: str,
    name: str,
    mirror: str | None = None,
    manifest: Asset = Path("config/datasets.yaml"),
) -> None:
    """Download a file of the data manifest, verified: from the mirror folder, by HTTP or Kaggle.

    file: target path.
    dataset: entry of the manifest, such as cifar10h.
    name: file of that entry, such as cifar10h-counts.npy.
    mirror: folder with copies, used before the network; default: the environment variable
        LATENT_MICROSCOPE_MIRROR, which the workflow sets from its config.
    manifest: .yaml, the data manifest; default: that of the project.
    """
    mirror = mirror or os.environ.get("LATENT_MICROSCOPE_MIRROR")
    entry = find_file(load_manifest(manifest), dataset, name)
    obtain(entry, file, Path(mirror).expanduser() if mirror else None)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
