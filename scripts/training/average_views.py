"""Predict each image by its fold's network as the mean over views: shifted and mirrored."""

from typing import Any

import numpy as np
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table, save_npy, save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.models.base import load_checked
from latent_microscope.models.philnet import KEYS, build_philnet
from latent_microscope.models.weights import load_weights
from latent_microscope.similarity.votes import vote_shares
from latent_microscope.step import In, Out, run
from latent_microscope.training.device import pick_device
from latent_microscope.training.tta import predict_folds, roles_of, state_of_fold


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
    """Average features and logits over views; temperatures are fitted anew, on the same images.

    Args:
        images: .npy uint8 (n, 32, 32, 3), the judged images.
        samples: .parquet with id, label, label_name, row i = image i.
        votes: .parquet with id and one column of counts a class.
        weights: .pt state dicts of all folds, names led by fold0. and so on.
        members: .parquet: fold, id, role (train, inner, held_out).
        features: .npy float32 (n, width), penultimate, each image by its own fold's network.
        feature_ids: .parquet, column id, the order of the rows.
        logits: .npy float32 (n, classes).
        calibrated: .npy float32 (n, classes), the logits over the fold's temperature.
        folds: .parquet: id, fold, temperature.
        settings: the network (widths, convolutions, ...), shift (pixels) and mirror.
        device: auto, cpu or cuda.
    """
    human = load_votes(votes, samples)
    pixels = load_npy(images)
    if len(pixels) != len(human.ids):
        raise InputError(
            f"{samples}: {len(human.ids)} rows for the {len(pixels)} images of {images}; both must "
            "come from the same step"
        )
    table = load_table(members, ["fold", "id", "role"])
    order = {str(name): row for row, name in enumerate(human.ids)}
    held = table.loc[table["role"] == "held_out", "id"]
    if sorted(held) != sorted(order):
        raise InputError(f"{members}: its held-out images are not those of {samples}, once each")
    roles = roles_of(table["fold"].tolist(), table["id"].tolist(), table["role"].tolist(), order)
    network = {key: settings[key] for key in KEYS if key in settings}
    states = load_weights(weights)
    networks = {}
    for fold in roles:
        networks[fold] = build_philnet(network)
        load_checked(networks[fold], state_of_fold(states, fold), weights)
    found, answers, fold_of, temperature = predict_folds(
        networks,
        pixels,
        roles,
        vote_shares(human.counts),
        shift=settings["shift"],
        mirror=settings["mirror"],
        device=pick_device(device),
    )
    names = pd.Series(np.asarray(human.ids), dtype="str")
    save_npy(features, found)
    save_table(feature_ids, pd.DataFrame({"id": names}))
    save_npy(logits, answers)
    save_npy(calibrated, (answers / temperature[:, None]).astype(np.float32))
    save_table(folds, pd.DataFrame({"id": names, "fold": fold_of, "temperature": temperature}))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
