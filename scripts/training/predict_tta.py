from typing import Any

import numpy as np
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table, save_npy, save_table
from latent_microscope.io.inputs import load_images, load_votes
from latent_microscope.models.philnet import build_philnet
from latent_microscope.models.weights import load_checked, load_weights
from latent_microscope.similarity.votes import vote_shares
from latent_microscope.step import In, Out, run
from latent_microscope.training.device import pick_device
from latent_microscope.training.folds import predict_folds, rows_by_role


def main(
    *,
    images: In,
    samples: In,
    votes: In,
    weights: In,
    members: In,
    features: Out,
    feature_ids: Out,
    logits: Out,
    calibrated: Out,
    folds: Out,
    settings: dict[str, Any],
    device: str = "auto",
) -> None:
    """Predict each image by its fold's network as the mean over crops: shifted and flipped.

    Temperatures are fitted again, on the same images.

    weights: .pt state dicts of all folds, names led by fold0. and so on.
    features: .npy float32 (n, width), penultimate, each image by its own fold's network.
    folds: .parquet: id, fold, temperature.
    settings: the network (widths, convolutions, ...), shift (pixels) and flip.
    """
    human = load_votes(votes, samples)
    pixels = load_images(images, samples, len(human.ids), mmap=False)
    table = load_table(members, ["fold", "id", "role"])
    held = table.loc[table["role"] == "held_out", "id"]
    if sorted(held) != sorted(human.ids) or not table["id"].isin(held).all():
        raise InputError(f"{members}: its held-out images are not those of {samples}, once each")
    rows, states = rows_by_role(table, human.ids), load_weights(weights)
    networks = {}
    for fold in rows:
        head = f"fold{fold}."
        state = {n.removeprefix(head): v for n, v in states.items() if n.startswith(head)}
        networks[fold] = load_checked(build_philnet(settings), state, weights)
    predicted, answers, by_image = predict_folds(
        networks, pixels, rows, vote_shares(human.answers), settings, pick_device(device)
    )
    by_image.insert(0, "id", pd.Series(human.ids, dtype="str"))
    save_npy(features, predicted)
    save_table(feature_ids, by_image[["id"]])
    save_npy(logits, answers)
    scaled = answers / by_image["temperature"].to_numpy()[:, None]
    save_npy(calibrated, scaled.astype(np.float32))
    save_table(folds, by_image)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
