"""Cross-validated fine-tuning: every image is predicted by a network that never saw its target."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from latent_microscope.errors import InputError
from latent_microscope.models.base import load_checked
from latent_microscope.models.philnet import PhilNet, build_philnet
from latent_microscope.models.pixels import to_unit
from latent_microscope.seeds import derive, rng
from latent_microscope.similarity.behaviour import cross_fitted_temperatures, fit_temperature
from latent_microscope.training.best import BestEpoch
from latent_microscope.training.classifier import ClassifierSettings, train_classifier
from latent_microscope.training.device import memory_format, numeric_environment
from latent_microscope.training.settings import parse, require
from latent_microscope.training.splits import (
    assign_folds,
    hash_array,
    hash_ids,
    hold_out,
    members_of,
)

log = logging.getLogger("latent_microscope")
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FoldSettings:
    """Settings of :func:`fine_tune_folds`.

    Args:
        targets: ``votes`` (their distribution) or ``labels`` (one-hot): what is trained on.
        folds: Number of folds.
        inner: Share of a fold's training images that its network is not trained on. On them the
            fold's temperature is fitted and its number of epochs chosen, so that nothing of the
            fold's own images has a part in either. 0: train on all; temperatures are then fitted
            on the out-of-fold predictions of the other folds.
        choose: Numbers of epochs to choose from (one: no choice). The training runs through the
            largest, on its schedule; the weights are those after the number of epochs with the
            smallest cross-entropy to the targets of the inner images.
        mirror: Predict the mean over an image and its mirror image.
        training: How to train; ``epochs`` is the largest of ``choose``.
    """

    targets: str
    folds: int
    inner: float
    choose: tuple[int, ...]
    mirror: bool
    training: ClassifierSettings

    def __post_init__(self) -> None:
        """Check that what is to be chosen can be."""
        require("targets", self.targets, ("votes", "labels"))
        if len(self.choose) > 1 and not self.inner:
            raise InputError(
                "epochs.choose: a choice needs images to choose by; set inner above 0 (such as "
                "0.1), or epochs to one number"
            )


def fold_settings(content: Mapping[str, Any]) -> FoldSettings:
    """Settings from a config's subtree; ``epochs`` is a number or ``{"choose": [numbers]}``.

    Raises:
        InputError: An unknown or missing key, or a value out of its range.
    """
    where = "settings of the folds"
    rest = dict(content)
    names = ("targets", "folds", "inner", "mirror")
    own: dict[str, Any] = {name: rest.pop(name) for name in names if name in rest}
    epochs = rest.get("epochs")
    choose = epochs.get("choose") if isinstance(epochs, Mapping) else [epochs]
    if not choose or not all(isinstance(n, int) and n > 0 for n in choose):
        raise InputError(
            f"{where}: epochs: {epochs!r} must be a whole number above 0, or such numbers to "
            "choose from: {choose: [4, 8]}"
        )
    rest |= {"epochs": max(choose), "monitor_every": 1}
    training = parse(ClassifierSettings, rest, where)
    defaults: dict[str, Any] = {"folds": 10, "inner": 0.1, "mirror": False}
    numbers = tuple(sorted(set(choose)))
    return parse(FoldSettings, {**defaults, **own, "choose": numbers, "training": training}, where)


@dataclass
class Stage:
    """What every fold starts from.

    Args:
        network: Architecture, the keys that ``PhilNet`` takes.
        weights: State dict of the network that is fine-tuned.
        weights_path: Its file.
        inputs: Files whose content the result depends on.
        output: Artefact in the making, for checkpoints.
        seed: Derived seed of this run; the same for all targets.
        device: Where to train.
        checkpoint_key: JSON-like settings that the result depends on.
        checkpoint_seconds: Least time between two checkpoints.
        tensorboard: Folder for event files, or None.
        label: Name for messages.
    """

    network: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    weights_path: Path
    inputs: Sequence[Path]
    output: Path
    seed: int
    device: torch.device
    checkpoint_key: Mapping[str, Any] = field(default_factory=dict)
    checkpoint_seconds: float = 60.0
    tensorboard: str | None = None
    label: str = "folds"

    def model(self, state: Mapping[str, Tensor]) -> PhilNet:
        """A network with these weights."""
        model = build_philnet(self.network)
        load_checked(model, state, self.weights_path)
        return model

    def checkpoint(self, fold: int, choose: Sequence[int]) -> BestEpoch:
        """The checkpoint of one fold."""
        return BestEpoch(
            self.output,
            self.inputs,
            {**self.checkpoint_key, "fold": fold},
            device=self.device,
            seconds=self.checkpoint_seconds,
            choose=choose,
        )


@dataclass
class OutOfFold:
    """What :func:`fine_tune_folds` gives; arrays have a row an image, in the order given.

    Args:
        logits: float32 (n, classes).
        calibrated: float32 (n, classes), logits over the temperature of the image's fold.
        features: float32 (n, width), penultimate.
        images: Table ``id``, ``fold``, ``temperature``.
        members: Role of each image in each fold.
        provenance: One row a fold: ``fold``, ``n_train``, ``n_inner``, ``n_held_out``, ``overlap``
            (held-out images that were trained on or chosen by), ``train_ids``, ``inner_ids``,
            ``held_out_ids``, ``train_targets``, ``start_weights``, ``weights`` (SHA-256),
            ``epochs``, ``inner_loss``, ``temperature``, ``temperature_from``.
        training: One row a fold and epoch: ``fold``, ``epoch``, ``loss``, ``accuracy``,
            ``learning_rate``, ``inner_loss``, ``inner_accuracy`` (NaN without inner images).
        weights: State dicts of all folds, names led by ``fold0.`` and so on.
    """

    logits: npt.NDArray[np.float32]
    calibrated: npt.NDArray[np.float32]
    features: npt.NDArray[np.float32]
    images: pd.DataFrame
    members: pd.DataFrame
    provenance: pd.DataFrame
    training: pd.DataFrame
    weights: dict[str, Tensor]


def fine_tune_folds(
    images: np.ndarray,
    ids: npt.ArrayLike,
    labels: npt.ArrayLike,
    targets: Floats,
    shares: Floats,
    settings: FoldSettings,
    stage: Stage,
) -> OutOfFold:
    """Fine-tune one network a fold on the images of all others, and predict the fold.

    The folds, their inner images, the batches, their augmentation and dropout depend on the seed,
    the ids and the classes alone: other targets are trained on in exactly the same way.

    Args:
        images: uint8 (n, H, W, C).
        ids: n ids.
        labels: n classes; the folds are stratified by them.
        targets: (n, classes) distributions to train on.
        shares: (n, classes) vote shares, which temperatures are fitted to.
        settings: How.
        stage: What from.

    Raises:
        InputError: More folds than images, or a training that fails.
    """
    names, classes = np.asarray(ids, dtype=object), np.asarray(labels)
    fold_of = assign_folds(names, classes, settings.folds, rng(stage.seed, "folds"))
    wanted = np.asarray(targets, dtype=np.float32)
    logits: list[np.ndarray] = []
    features: list[np.ndarray] = []
    members, rows, curves = [], [], []
    weights: dict[str, Tensor] = {}
    for fold in range(settings.folds):
        held = np.flatnonzero(fold_of == fold)
        train, inner = hold_out(
            np.flatnonzero(fold_of != fold),
            names,
            classes,
            settings.inner,
            rng(stage.seed, "inner", fold),
        )
        found = _fine_tune_one(fold, images, wanted, shares, (train, inner, held), settings, stage)
        members.append(members_of(names, fold, (train, inner, held)))
        rows.append(
            {
                "fold": fold,
                "n_train": len(train),
                "n_inner": len(inner),
                "n_held_out": len(held),
                "overlap": len(np.intersect1d(np.concatenate([train, inner]), held)),
                "train_ids": hash_ids(names[train]),
                "inner_ids": hash_ids(names[inner]),
                "held_out_ids": hash_ids(names[held]),
                "train_targets": found["train_targets"],
                "start_weights": _hash_state(stage.weights),
                "weights": _hash_state(found["weights"]),
                "epochs": found["epochs"],
                "inner_loss": found["loss"],
                "temperature": found["temperature"],
                "temperature_from": "inner images" if settings.inner else "other folds",
            }
        )
        curves.append(pd.DataFrame(found["rows"]).assign(fold=fold))
        weights |= {f"fold{fold}.{name}": value for name, value in found["weights"].items()}
        logits.append(found["logits"].numpy())
        features.append(found["features"].numpy())
    back = np.argsort(np.argsort(fold_of, kind="stable"), kind="stable")
    all_logits = np.concatenate(logits)[back]
    provenance = pd.DataFrame(rows)
    if settings.inner:
        temperature = provenance["temperature"].to_numpy(dtype=np.float64)[fold_of]
    else:
        temperature = cross_fitted_temperatures(all_logits, shares, fold_of)
        provenance["temperature"] = [temperature[fold_of == f][0] for f in provenance["fold"]]
    return OutOfFold(
        logits=all_logits,
        calibrated=(all_logits / temperature[:, None]).astype(np.float32),
        features=np.concatenate(features)[back],
        images=pd.DataFrame(
            {"id": names.astype(str), "fold": fold_of, "temperature": temperature}
        ).astype({"id": "str"}),
        members=pd.concat(members, ignore_index=True),
        provenance=provenance,
        training=_curves(curves),
        weights=weights,
    )


def _fine_tune_one(
    fold: int,
    images: np.ndarray,
    targets: npt.NDArray[np.float32],
    shares: Floats,
    roles: tuple[np.ndarray, np.ndarray, np.ndarray],
    settings: FoldSettings,
    stage: Stage,
) -> dict[str, Any]:
    """The result of one fold, from its checkpoint if it was finished before."""
    train, inner, held = roles
    checkpoint = stage.checkpoint(fold, settings.choose)
    result = checkpoint.finished()
    if result is not None:
        log.info("%s: fold %d was finished before", stage.label, fold)
        return result
    mine = np.ascontiguousarray(targets[train])
    trained = train_classifier(
        stage.model(stage.weights),
        images[train],
        mine,
        settings.training,
        seed=derive(stage.seed, "training", fold),
        device=stage.device,
        monitor=(images[inner], targets[inner]) if len(inner) else None,
        checkpoint=checkpoint,
        tensorboard=f"{stage.tensorboard}/fold{fold}" if stage.tensorboard else None,
        label=f"{stage.label}, fold {fold}",
    )
    best = checkpoint.best
    model = stage.model(best["weights"])
    layout = memory_format(settings.training.memory_format)
    features, logits = predict(
        model,
        images[np.concatenate([held, inner])],
        device=stage.device,
        layout=layout,
        mirror=settings.mirror,
    )
    temperature = float("nan")
    if len(inner):
        temperature = fit_temperature(logits[len(held) :].numpy(), shares[inner])
    result = {
        "features": features[: len(held)].clone(),
        "logits": logits[: len(held)].clone(),
        "weights": best["weights"],
        "epochs": best["epochs"],
        "loss": best["loss"],
        "temperature": temperature,
        "train_targets": hash_array(mine),
        "rows": [
            {str(k): float(v) for k, v in row.items()} for row in trained.log.to_dict("records")
        ],
    }
    checkpoint.finish(result)
    log.info("%s: fold %d is trained, %d epochs", stage.label, fold, best["epochs"])
    if len(inner):
        log.info("inner cross-entropy %.4f, temperature %.3f", best["loss"], temperature)
    return result


def predict(
    model: PhilNet,
    images: np.ndarray,
    *,
    device: torch.device,
    layout: torch.memory_format = torch.channels_last,
    mirror: bool = False,
    batch: int = 250,
) -> tuple[Tensor, Tensor]:
    """Penultimate features and logits in float32, without dropout or augmentation.

    Args:
        model: The network.
        images: uint8 (n, H, W, C).
        device: Where to compute.
        layout: Layout of images in memory.
        mirror: Take the mean of the features over an image and its mirror image; their logits are
            then the mean of both logits.
        batch: Images at a time.
    """
    model = model.to(device).to(memory_format=layout).eval()
    found: list[tuple[Tensor, Tensor]] = []
    with numeric_environment(device), torch.inference_mode():
        for start in range(0, len(images), batch):
            block = torch.from_numpy(np.array(images[start : start + batch])).to(device)
            unit = to_unit(block).contiguous(memory_format=layout)
            features = model.features(unit)
            if mirror:
                features = (features + model.features(unit.flip(3))) / 2.0
            found.append((features.float().cpu(), model.classify(features).cpu()))
    features, logits = (torch.cat(parts) for parts in zip(*found, strict=True))
    return features, logits


def _curves(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    table = pd.concat(list(parts), ignore_index=True)
    table = table.rename(columns={"test_loss": "inner_loss", "test_accuracy": "inner_accuracy"})
    first = ["fold", "epoch"]
    return table[[*first, *(c for c in table.columns if c not in first)]].astype(
        dict.fromkeys(first, "int64")
    )


def _hash_state(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of a state dict: names and values."""
    parts = [f"{name} {hash_array(state[name].cpu().numpy())}" for name in sorted(state)]
    return hash_ids(parts)
