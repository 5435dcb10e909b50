import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.forensics.class_probes import class_probe_table
from latent_microscope.forensics.probes import pixel_components
from latent_microscope.io.artefacts import join_by_id, load_npy, load_table, save_table
from latent_microscope.io.inputs import load_with_ids
from latent_microscope.seeds import derive
from latent_microscope.statistics.clusters import resampling_units
from latent_microscope.step import In, Out, log, run


def main(
    *,
    latents: In,
    encoding: In,
    samples: In,
    classes: In,
    probes: Out,
    images: In | None = None,
    pixels: In | None = None,
    folds: int = 5,
    root_seed: int = 0,
) -> None:
    """Predict every attribute of three classes or more from the latents, on held-out people.

    classes: id and one column of texts per attribute. samples with identity: no person is in two
    folds. probes: accuracy and balanced accuracy with 95 % intervals, beside the largest class and
    chance, p and q of no relation, and the same accuracies from as many principal components of the
    pixels (with images only); with pixels, the covariates of the images, from these, and from the
    latents without what is linear in them; samples and classes that could be tested.
    """
    z, ids = load_with_ids(latents, encoding)
    wanted = pd.DataFrame({"id": pd.Series(ids, dtype="str")})
    known = join_by_id(wanted, load_table(samples), names=(str(encoding), str(samples)))
    table = join_by_id(wanted, load_table(classes), names=(str(encoding), str(classes)))
    features = {"latents": z}
    if images:
        rows = load_table(samples, ["id"])["id"].astype(str).to_numpy(dtype=object)
        pictures = load_npy(images, mmap=True)
        if len(pictures) != len(rows) or (rows != ids).any():
            raise InputError(f"{images}: its rows are not those of {encoding}; make both again")
        features["pixels"] = pixel_components(pictures, z.shape[1])
    covariates = None
    if pixels:
        measured = join_by_id(wanted, load_table(pixels), names=(str(encoding), str(pixels)))
        covariates = measured.drop(columns="id").to_numpy(float)
    result = class_probe_table(
        features,
        table.drop(columns="id"),
        people=resampling_units(known["identity"]) if "identity" in known else None,
        count=folds,
        seed=derive(root_seed, "probe_classes"),
        covariates=covariates,
    )
    for row in result.to_dict("records"):
        log.info(
            "%s: %d of %d classes and %d of %d samples tested (%s)",
            *(row[name] for name in ("attribute", "tested_classes", "classes", "tested", "n")),
            row["status"],
        )
    save_table(probes, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
