import numpy as np
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.forensics.probes import folds_of, pixel_components, probe_table, thumbnails
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
    attributes: In,
    probes: Out,
    images: In | None = None,
    pixels: In | None = None,
    folds: int = 5,
    strength: float = 0.01,
    root_seed: int = 0,
) -> None:
    """Predict every attribute from the latents by logistic regression, on held-out people.

    samples with identity: no person is in two folds; with label: classes are spread evenly. probes:
    AUC with 95 % interval, p and q against 0.5, the AUC of as many principal components of the
    pixels and of the mean colour (with images only), and the gain over the former with interval, p
    and q; with pixels, the covariates of the images, the AUC of these, and that of the latents
    without what is linear in them (auc_partial, with interval, p and q). They generalise to probes
    trained on other people, as many, and tried on new ones.
    strength: inverse of the L2 penalty on standardised features (C of scikit-learn).
    """
    z, ids = load_with_ids(latents, encoding)
    wanted = pd.DataFrame({"id": pd.Series(ids, dtype="str")})
    known = join_by_id(wanted, load_table(samples), names=(str(encoding), str(samples)))
    table = join_by_id(wanted, load_table(attributes), names=(str(encoding), str(attributes)))
    rows = load_table(samples, ["id"])["id"].astype(str).to_numpy(dtype=object)
    features = {"latents": z}
    if images:
        pictures = load_npy(images, mmap=True)
        if len(pictures) != len(rows) or (rows != ids).any():
            raise InputError(f"{images}: its rows are not those of {encoding}; make both again")
        features["pixels"] = pixel_components(pictures, z.shape[1])
        features["colour"] = thumbnails(pictures, 1)
    covariates = None
    if pixels:
        measured = join_by_id(wanted, load_table(pixels), names=(str(encoding), str(pixels)))
        covariates = measured.drop(columns="id").to_numpy(float)
    people = resampling_units(known["identity"]) if "identity" in known else None
    classes = known["label"].to_numpy(np.int64) if "label" in known else None
    count = min(folds, len(np.unique(people)) if people is not None else len(ids))
    held_out = np.zeros(len(ids), dtype=np.int64)
    if count > 1:
        state = derive(root_seed, "probe_attributes")
        held_out = folds_of(len(ids), count, state, people=people, classes=classes)
    result = probe_table(
        features,
        table.drop(columns="id"),
        held_out,
        people=people,
        strength=strength,
        covariates=covariates,
    )
    untested = result["attribute"][result["status"] != "ok"].tolist()
    if untested:
        log.info(
            "not tested, too few images or people with or without, or no errors: %s",
            ", ".join(untested),
        )
    save_table(probes, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
