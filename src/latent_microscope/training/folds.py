"""Cross-validated fine-tuning: every image is predicted by a network that never saw its target.

Networks trained with random crops and flips give slightly different outputs for each crop; their
mean varies less (test-time augmentation; Krizhevsky et al. 2012 averaged ten crops).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pydantic
import torch
from torch import Tensor

from latent_microscope.errors import InputError
from latent_microscope.messages import log
from latent_microscope.models.philnet import PhilNet, build_philnet
from latent_microscope.models.pixels import to_unit
from latent_microscope.models.weights import load_checked
from latent_microscope.seeds import derive, rng
from latent_microscope.similarity.temperature import cross_fitted_temperatures, fit_temperature
from latent_microscope.training.checkpoint import BestEpoch
from latent_microscope.training.classifier import ClassifierSettings, train_classifier
from latent_microscope.training.device import memory_format, numeric_environment
from latent_microscope.training.loop import Run
from latent_microscope.training.settings import STRICT, parse
from latent_microscope.training.splits import (
    ROLES,
    Ints,
    assign_folds,
    hash_array,
    hash_ids,
    hold_out,
    members_of,
)

Floats = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]


@pydantic.dataclasses.dataclass(frozen=True, config=STRICT)
class FoldSettings:
    """Settings of :func:`fine_tune_folds`.

    On the inner images of a fold its temperature is fitted and its number of epochs chosen, so that
    the fold's own images affect neither. Without them temperatures are fitted on the out-of-fold
    predictions of the other folds. The training runs through the largest number of epochs, on its
    schedule; the weights are those after the number with the smallest inner cross-entropy.
    """

    targets: Literal["votes", "labels"]  # to train on: their distribution, or one-hot
    folds: int
    # Share of a fold's training images that its network is not trained on; their role is "inner".
    validation_fraction: float
    choose: tuple[int, ...]  # numbers of epochs to choose from
    flip: bool  # predict the mean over an image and its mirror image
    training: ClassifierSettings

    def __post_init__(self) -> None:
        """Check that there are images for a choice."""
        if len(self.choose) > 1 and not self.validation_fraction:
            raise InputError(
                "epochs.choose: there are no validation images to choose by; set "
                "validation_fraction above 0 (such as 0.1), or epochs to one number"
            )


def fold_settings(content: Mapping[str, Any]) -> FoldSettings:
    """Settings from a config's subtree; ``epochs`` is a number or ``{"choose": [numbers]}``."""
    where = "settings of the folds"
    rest = dict(content)
    own: dict[str, Any] = {"folds": 10, "validation_fraction": 0.1, "flip": False}
    own |= {name: rest.pop(name) for name in ("targets", *own) if name in rest}
    epochs = rest.get("epochs")
    choose = epochs.get("choose") if isinstance(epochs, Mapping) else [epochs]
    if not choose or not all(isinstance(n, int) and n > 0 for n in choose):
        raise InputError(
            f"{where}: epochs: {epochs!r} must be a whole number above 0, or such numbers to "
            "choose from: {choose: [4, 8]}"
        )
    rest |= {"epochs": max(choose), "monitor_every": 1}
    own["training"] = parse(ClassifierSettings, rest, where)
    return parse(FoldSettings, {**own, "choose": tuple(sorted(set(choose)))}, where)


@dataclass
class Stage:
    """What every fold starts from."""

    network: Mapping[str, Any]  # architecture: the keys that PhilNet takes
    weights: Mapping[str, Tensor]  # of the network that is fine-tuned
    weights_path: Path
    inputs: Sequence[Path]  # files whose content the result depends on
    output: Path  # the artefact in the making, for checkpoints
    seed: int  # derived; the same for all targets
    device: torch.device
    checkpoint_key: Mapping[str, Any] = field(default_factory=dict)  # the result depends on it
    checkpoint_seconds: float = 60.0
    tensorboard: str | None = None
    label: str = "folds"

    def model(self, state: Mapping[str, Tensor]) -> PhilNet:
        """A network with these weights."""
        return load_checked(build_philnet(self.network), state, self.weights_path)

    def checkpoint(self, fold: int, choose: Sequence[int]) -> BestEpoch:
        """The checkpoint of one fold."""
        options: dict[str, Any] = {"device": self.device, "seconds": self.checkpoint_seconds}
        key = {**self.checkpoint_key, "fold": fold}
        return BestEpoch(self.output, self.inputs, key, choose=choose, **options)


@dataclass
class OutOfFold:
    """What :func:`fine_tune_folds` returns; arrays have one row per image, in the given order.

    The table ``images`` has ``id``, ``fold``, ``temperature``; ``members`` the role of each image
    in each fold; ``training`` one row per fold and epoch (``inner_loss`` and ``inner_accuracy`` are
    NaN without inner images). ``provenance`` has one row per fold: sizes, ``overlap`` (held-out
    images that were trained on or chosen by), SHA-256 of ids, targets and weights, ``epochs``,
    ``inner_loss``, ``temperature`` and what it was fitted on.
    """

    logits: Float32  # (n, classes)
    calibrated: Float32  # (n, classes): logits over the temperature of the image's fold
    features: Float32  # (n, width), penultimate
    images: pd.DataFrame
    members: pd.DataFrame
    provenance: pd.DataFrame
    training: pd.DataFrame
    weights: dict[str, Tensor]  # state dicts of all folds, named fold0.… and so on


def fine_tune_folds(
    images: np.ndarray,
    ids: npt.ArrayLike,
    labels: npt.ArrayLike,
    targets: Floats,
    shares: Floats,
    settings: FoldSettings,
    stage: Stage,
) -> OutOfFold:
    """Fine-tune one network per fold on the images of all others, and predict the fold.

    The folds, their inner images, the batches, their augmentation and dropout depend on the seed,
    the ids and the classes ``labels`` alone: other ``targets`` (n, classes) are trained on in
    exactly the same way. Temperatures are fitted to the vote ``shares`` (n, classes).
    """
    names, classes = np.asarray(ids, dtype=object), np.asarray(labels)
    fold_of = assign_folds(names, classes, settings.folds, rng(stage.seed, "folds"))
    targets_32 = np.asarray(targets, dtype=np.float32)
    results, members, rows = [], [], []
    for fold in range(settings.folds):
        others, draws = np.flatnonzero(fold_of != fold), rng(stage.seed, "inner", fold)
        train, inner = hold_out(others, names, classes, settings.validation_fraction, draws)
        roles = (train, inner, np.flatnonzero(fold_of == fold))
        result = _fine_tune_one(fold, images, targets_32, shares, roles, settings, stage)
        results.append(result)
        members.append(members_of(names, fold, roles))
        rows.append(_provenance_row(fold, names, roles, result, stage))
    return _joined(names, fold_of, shares, results, members, pd.DataFrame(rows))


def _joined(
    names: np.ndarray,
    fold_of: Ints,
    shares: Floats,
    results: list[dict[str, Any]],
    members: list[pd.DataFrame],
    provenance: pd.DataFrame,
) -> OutOfFold:
    """The results of all folds, in the order of the images."""
    back = np.argsort(np.argsort(fold_of, kind="stable"), kind="stable")
    logits, features = (
        np.concatenate([result[name].numpy() for result in results])[back]
        for name in ("logits", "features")
    )
    fitted = bool(provenance["n_inner"].any())
    if fitted:
        temperature = provenance["temperature"].to_numpy(dtype=np.float64)[fold_of]
    else:
        temperature = cross_fitted_temperatures(logits, shares, fold_of)
        provenance["temperature"] = [temperature[fold_of == f][0] for f in provenance["fold"]]
    provenance["temperature_from"] = "inner images" if fitted else "other folds"
    table = {"id": names.astype(str), "fold": fold_of, "temperature": temperature}
    return OutOfFold(
        logits=logits,
        calibrated=(logits / temperature[:, None]).astype(np.float32),
        features=features,
        images=pd.DataFrame(table).astype({"id": "str"}),
        members=pd.concat(members, ignore_index=True),
        provenance=provenance,
        training=_training_table(results),
        weights={
            f"fold{fold}.{name}": value
            for fold, result in enumerate(results)
            for name, value in result["weights"].items()
        },
    )


def _provenance_row(
    fold: int, names: np.ndarray, roles: tuple[Ints, ...], result: dict[str, Any], stage: Stage
) -> dict[str, Any]:
    train, inner, held = roles
    return {
        "fold": fold,
        **{f"n_{role}": len(rows) for role, rows in zip(ROLES, roles, strict=True)},
        "overlap": len(np.intersect1d(np.concatenate([train, inner]), held)),
        **{f"{role}_ids": hash_ids(names[rows]) for role, rows in zip(ROLES, roles, strict=True)},
        "train_targets": result["train_targets"],
        "start_weights": _hash_state(stage.weights),
        "weights": _hash_state(result["weights"]),
        "epochs": result["epochs"],
        "inner_loss": result["loss"],
        "temperature": result["temperature"],
    }


def _fine_tune_one(
    fold: int,
    images: np.ndarray,
    targets: Float32,
    shares: Floats,
    roles: tuple[Ints, Ints, Ints],
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
    train_targets = np.ascontiguousarray(targets[train])
    run = Run(
        seed=derive(stage.seed, "training", fold),
        device=stage.device,
        label=f"{stage.label}, fold {fold}",
        checkpoint=checkpoint,
        tensorboard=f"{stage.tensorboard}/fold{fold}" if stage.tensorboard else None,
    )
    model, monitor = stage.model(stage.weights), (images[inner], targets[inner])
    trained = train_classifier(
        model, images[train], train_targets, settings.training, run, monitor if len(inner) else None
    )
    best = checkpoint.best
    features, logits = predict(
        stage.model(best["weights"]),
        images[np.concatenate([held, inner])],
        device=stage.device,
        layout=memory_format(settings.training.memory_format),
        flip=settings.flip,
    )
    temperature, n = float("nan"), len(held)
    if len(inner):
        temperature = fit_temperature(logits[n:].numpy(), shares[inner])
    rows = trained.log.to_dict("records")
    result = {
        "features": features[:n].clone(),
        "logits": logits[:n].clone(),
        "weights": best["weights"],
        "epochs": best["epochs"],
        "loss": best["loss"],
        "temperature": temperature,
        "train_targets": hash_array(train_targets),
        "rows": [{str(name): float(value) for name, value in row.items()} for row in rows],
    }
    checkpoint.finish(result)
    log.info("%s: fold %d is trained, %d epochs", stage.label, fold, best["epochs"])
    if len(inner):
        log.info("validation cross-entropy %.4f, temperature %.3f", best["loss"], temperature)
    return result


def predict(
    model: PhilNet,
    images: np.ndarray,
    *,
    device: torch.device,
    layout: torch.memory_format = torch.channels_last,
    flip: bool = False,
    batch: int = 250,
) -> tuple[Tensor, Tensor]:
    """Penultimate features and logits in float32, without dropout or augmentation.

    With ``flip`` the features are the mean over an image and its mirror image; their logits are
    then the mean of both logits.
    """
    model = model.to(device).to(memory_format=layout).eval()
    outputs: list[tuple[Tensor, Tensor]] = []
    with numeric_environment(device), torch.inference_mode():
        for start in range(0, len(images), batch):
            block = torch.from_numpy(np.array(images[start : start + batch])).to(device)
            unit = to_unit(block).contiguous(memory_format=layout)
            features = model.features(unit)
            if flip:
                features = (features + model.features(unit.flip(3))) / 2.0
            outputs.append((features.float().cpu(), model.classify(features).cpu()))
    features, logits = (torch.cat(parts) for parts in zip(*outputs, strict=True))
    return features, logits


def _training_table(results: Sequence[dict[str, Any]]) -> pd.DataFrame:
    parts = [pd.DataFrame(result["rows"]) for result in results]
    table = pd.concat(parts, keys=range(len(parts)), names=["fold"]).reset_index("fold")
    names = {"test_loss": "inner_loss", "test_accuracy": "inner_accuracy"}
    table = table.rename(columns=names).reset_index(drop=True)
    return table.astype({"fold": "int64", "epoch": "int64"})


def _hash_state(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of a state dict: names and values."""
    return hash_ids([f"{name} {hash_array(state[name].cpu().numpy())}" for name in sorted(state)])


def shifts(size: int) -> list[tuple[int, int]]:
    """Shifts (down, right) in pixels: none, and ``size`` in each of four directions."""
    return [(0, 0), (size, 0), (-size, 0), (0, size), (0, -size)] if size else [(0, 0)]


def shifted(images: np.ndarray, down: int, right: int) -> np.ndarray:
    """Images (n, H, W, C) moved by whole pixels; pixels from outside are reflected."""
    border, (_, height, width, _) = max(abs(down), abs(right)), images.shape
    wider = np.pad(images, ((0, 0), (border, border), (border, border), (0, 0)), mode="reflect")
    top, left = border - down, border - right
    return wider[:, top : top + height, left : left + width]


def predict_folds(
    networks: Mapping[int, PhilNet],
    images: np.ndarray,
    members: Mapping[int, Mapping[str, Ints]],
    shares: npt.NDArray[np.float64],
    settings: Mapping[str, Any],
    device: torch.device,
) -> tuple[Float32, Float32, pd.DataFrame]:
    """Features (n, width), logits (n, classes), table ``fold``, ``temperature`` of uint8 images.

    Each is predicted by the network of its fold, with a temperature from other images. ``members``
    are from :func:`rows_by_role`; ``settings``: ``shift`` (pixels; 0: none) and ``flip``.
    """
    n, flip = len(images), settings["flip"]
    fold_of, temperature = np.empty(n, dtype=np.int64), np.full(n, np.nan)
    features: Float32 = np.empty((0, 0), dtype=np.float32)
    logits = np.empty(shares.shape, dtype=np.float32)
    for fold, rows in members.items():
        held, inner = rows["held_out"], rows["inner"]
        pixels = np.asarray(images[np.concatenate([held, inner])])
        by_crop = [
            predict(networks[fold], shifted(pixels, *by), device=device, flip=flip)
            for by in shifts(settings["shift"])
        ]
        outputs = [torch.stack(part).mean(dim=0).numpy() for part in zip(*by_crop, strict=True)]
        if not features.size:
            features = np.empty((n, outputs[0].shape[1]), dtype=np.float32)
        features[held], logits[held] = (output[: len(held)] for output in outputs)
        fold_of[held] = fold
        if inner.size:
            temperature[held] = fit_temperature(outputs[1][len(held) :], shares[inner])
        log.info("fold %d: %d images predicted", fold, len(held))
    if np.isnan(temperature).any():
        temperature = cross_fitted_temperatures(logits, shares, fold_of)
    return features, logits, pd.DataFrame({"fold": fold_of, "temperature": temperature})


def rows_by_role(members: pd.DataFrame, ids: npt.ArrayLike) -> dict[int, dict[str, Ints]]:
    """Rows of ``ids`` that were ``inner`` and ``held_out`` in each fold of ``members``."""
    index = pd.Index(np.asarray(ids, dtype=str))
    return {
        int(str(fold)): {
            role: index.get_indexer(part.loc[part["role"] == role, "id"].astype(str))
            for role in ("inner", "held_out")
        }
        for fold, part in members.groupby("fold")
    }
