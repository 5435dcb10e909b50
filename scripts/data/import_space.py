from latent_microscope.custom.arrays import varying_columns
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table, save_npy
from latent_microscope.io.inputs import load_ids, save_ids
from latent_microscope.step import In, Out, run


def main(*, features: In, feature_ids: In, samples: In, latents: Out, encoding: Out) -> None:
    """Take a layer of a network as the latents of a custom study.

    features: .npy float32 (n, f), what the layer returns for each image.
    latents: .npy float32 (n, d); constant columns are left out.
    """
    names = load_ids(samples)
    if load_table(feature_ids, ["id"])["id"].tolist() != names.tolist():
        raise InputError(f"{feature_ids}: not the images of {samples}; extract the features again")
    save_npy(latents, varying_columns(load_npy(features), features))
    save_ids(encoding, names)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
