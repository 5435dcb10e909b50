"""Folds: stratified, disjoint, recorded; no image's votes reach its own predictions."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latent_microscope.errors import InputError
from latent_microscope.models.philnet import build_philnet
from latent_microscope.similarity.temperature import cross_fitted_temperatures, fit_temperature
from latent_microscope.training.checkpoint import BestEpoch
from latent_microscope.training.folds import Stage, fine_tune_folds, fold_settings, predict
from latent_microscope.training.splits import (
    assign_folds,
    hash_ids,
    held_out_of,
    hold_out,
    members_of,
    verify_members,
)

CPU = torch.device("cpu")
N, CLASSES = 30, 3
IDS = np.asarray([f"test-{i:05d}" for i in range(N)], dtype=object)
LABELS = np.arange(N) % CLASSES
NET = {"widths": [4, 8, 8], "classes": CLASSES}
PLAN: dict[str, Any] = {
    "targets": "votes",
    "folds": 3,
    "validation_fraction": 0.2,
    "epochs": {"choose": [1, 3]},
    "batch": 8,
    "learning_rate": 0.01,
    "optimizer": "adamw",
    "augmentation": {"crop": 2, "flip": True},
    "scheduler": {"kind": "constant"},
}


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(max_examples=25, deadline=None)
@given(
    labels=st.lists(st.integers(0, 4), min_size=3, max_size=60),
    folds=st.integers(2, 12),
    seed=st.integers(0, 9),
)
def test_folds_are_even_overall_and_in_each_class(labels, folds, seed):
    ids = [f"i{k}" for k in range(len(labels))]
    if folds > len(labels):
        with pytest.raises(InputError, match=f"folds: {folds}"):
            assign_folds(ids, labels, folds, generator(seed))
        return
    fold = assign_folds(ids, labels, folds, generator(seed))
    sizes = np.bincount(fold, minlength=folds)
    assert sizes.max() - sizes.min() <= 1
    for label in set(labels):
        inside = np.bincount(fold[np.asarray(labels) == label], minlength=folds)
        assert inside.max() - inside.min() <= 1


def test_folds_belong_to_ids_not_to_rows():
    order = generator(1).permutation(N)
    fold = assign_folds(IDS, LABELS, 5, generator())
    again = assign_folds(IDS[order], LABELS[order], 5, generator())
    np.testing.assert_array_equal(again, fold[order])
    assert (assign_folds(IDS, LABELS, 5, generator(2)) != fold).any()


def test_one_fold_is_none():
    with pytest.raises(InputError, match="folds: 1"):
        assign_folds(IDS, LABELS, 1, generator())


@settings(max_examples=25, deadline=None)
@given(share=st.floats(0.05, 0.5), seed=st.integers(0, 5))
def test_held_out_images_are_a_stratified_share(share, seed):
    rows = np.arange(0, N, 1)
    train, inner = hold_out(rows, IDS, LABELS, share, generator(seed))
    assert sorted([*train, *inner]) == rows.tolist()
    assert len(inner) == int(np.floor(N * share + 1e-9))
    counts = np.bincount(LABELS[inner], minlength=CLASSES)
    assert counts.max() - counts.min() <= 1


def test_nothing_held_out_and_too_little():
    rows = np.arange(N)
    train, inner = hold_out(rows, IDS, LABELS, 0.0, generator())
    assert (train.tolist(), inner.size) == (rows.tolist(), 0)
    with pytest.raises(InputError, match=r"validation_fraction: .*0\.01"):
        hold_out(rows, IDS, LABELS, 0.01, generator())


def record(fold_of: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    parts, rows = [], []
    for fold in range(3):
        held, rest = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
        roles = {"train": rest[2:], "inner": rest[:2], "held_out": held}
        parts.append(members_of(IDS, fold, list(roles.values())))
        hashes = {f"{role}_ids": hash_ids(IDS[rows_]) for role, rows_ in roles.items()}
        rows.append({"fold": fold, "overlap": 0, **hashes})
    return pd.concat(parts, ignore_index=True), pd.DataFrame(rows)


def failed(members: pd.DataFrame, provenance: pd.DataFrame) -> set[str]:
    return {check for check, passed, _ in verify_members(members, provenance) if not passed}


def test_the_record_is_verified():
    members, provenance = record(np.arange(N) % 3)
    assert not failed(members, provenance)
    leaked = pd.DataFrame({"fold": [0], "id": [IDS[0]], "role": ["train"]})
    found = failed(pd.concat([members, leaked]), provenance)
    assert "no image is known to its own network" in found
    assert "training and held-out images make up all" in failed(members.iloc[1:], provenance)
    twice = members.copy()
    twice.loc[(twice["fold"] == 1) & (twice["id"] == IDS[0]), "role"] = "held_out"
    assert "each image is held out once" in failed(twice, provenance)
    assert failed(members, provenance.assign(overlap=1)) == {"the recorded overlap is 0"}
    swapped = members.replace({"id": {IDS[0]: IDS[1], IDS[1]: IDS[0]}})
    assert failed(swapped, provenance) == {"ids hash as recorded"}
    assert "ids hash as recorded" in failed(members, provenance.iloc[1:])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"targets": "wishes"}, "targets: 'wishes'"),
        ({"epochs": 0}, "epochs: 0"),
        ({"epochs": {"choose": []}}, "epochs: "),
        ({"epochs": {"at": [1]}}, "epochs: "),
        ({"validation_fraction": 0.0}, r"epochs\.choose: .*validation_fraction"),
        ({"colour": 1}, "colour"),
        ({"trainable": "tail"}, "trainable: 'tail'"),
    ],
)
def test_settings_that_cannot_be(change, words):
    with pytest.raises(InputError, match=words):
        fold_settings(PLAN | change)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return generator(3).integers(0, 256, (N, 32, 32, 3), dtype=np.uint8)


def shares() -> np.ndarray:
    votes = generator(4).multinomial(20, [0.2, 0.3, 0.5], N) + 5 * np.eye(CLASSES)[LABELS]
    return votes / votes.sum(axis=1, keepdims=True)


def stage(folder: Path, kind: type[Stage] = Stage, **options: Any) -> Stage:
    state = build_philnet(NET, seed=1).state_dict()
    return kind(
        network=NET,
        weights=state,
        weights_path=Path("start.pt"),
        inputs=[],
        output=folder / "features.npy",
        seed=7,
        device=CPU,
        checkpoint_seconds=0.0,
        **options,
    )


def run(images, targets, folder, plan=PLAN, votes=None, kind=Stage):
    """Fine-tune; returns the result and removes the checkpoints."""
    chosen = fold_settings(plan)
    where = stage(folder, kind, checkpoint_key={"plan": plan, "targets": targets.tolist()})
    wanted = shares() if votes is None else votes
    found = fine_tune_folds(images, IDS, LABELS, targets, wanted, chosen, where)
    where.checkpoint(0, chosen.choose).remove()
    return found


def contents(found) -> list[bytes]:
    arrays = [found.logits, found.calibrated, found.features]
    arrays += [v.numpy() for _, v in sorted(found.weights.items())]
    tables = [found.images, found.members, found.provenance, found.training]
    return [a.tobytes() for a in arrays] + [t.to_csv().encode() for t in tables]


@pytest.fixture(scope="module")
def whole(images, tmp_path_factory):
    return run(images, shares(), tmp_path_factory.mktemp("whole"))


def test_each_image_is_predicted_by_its_own_fold(images, whole):
    fold = whole.images["fold"].to_numpy()
    assert (whole.logits.shape, whole.features.shape) == ((N, CLASSES), (N, 8))
    assert np.bincount(fold).tolist() == [10, 10, 10]
    for number in range(3):
        held = np.flatnonzero(fold == number)
        prefix = f"fold{number}."
        state = {
            k.removeprefix(prefix): v for k, v in whole.weights.items() if k.startswith(prefix)
        }
        model = build_philnet(NET)
        model.load_state_dict(state)
        features, logits = predict(model, images[held], device=CPU)
        np.testing.assert_allclose(whole.features[held], features, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(whole.logits[held], logits, rtol=1e-5, atol=1e-6)
        roles = whole.members[whole.members["fold"] == number]
        assert roles["role"].value_counts().to_dict() == {"train": 16, "inner": 4, "held_out": 10}
        assert set(roles.loc[roles["role"] == "held_out", "id"]) == set(IDS[held])
        inner = np.flatnonzero(np.isin(IDS, roles.loc[roles["role"] == "inner", "id"]))
        _, seen = predict(model, images[inner], device=CPU)
        expected = fit_temperature(seen.numpy(), shares()[inner])
        found = whole.images["temperature"].to_numpy()[held]
        np.testing.assert_allclose(found, expected, rtol=1e-3)
        np.testing.assert_allclose(whole.calibrated[held], whole.logits[held] / found[:, None])
    assert not failed(whole.members, whole.provenance)
    assert whole.provenance["weights"].nunique() == 3
    assert whole.training.groupby("fold")["epoch"].apply(list).tolist() == [[0, 1, 2]] * 3


def test_the_best_epoch_is_that_of_the_inner_images(images, whole, tmp_path):
    curves = whole.training.set_index(["fold", "epoch"])["inner_loss"]
    for row in whole.provenance.to_dict("records"):
        at = {n: curves[row["fold"], n - 1] for n in (1, 3)}
        assert row["epochs"] == min(at, key=lambda n: at[n])
        assert row["inner_loss"] == at[row["epochs"]]
    # Without a schedule, stopping after n epochs is a training of n epochs.
    for epochs in (1, 3):
        fixed = run(images, shares(), tmp_path, PLAN | {"epochs": epochs})
        same = whole.provenance["epochs"] == epochs
        assert (fixed.provenance["weights"] == whole.provenance["weights"]).tolist() == (
            same.tolist()
        )


class KilledError(Exception):
    """Stands for the kill: whatever was not saved is lost."""


class DyingCheckpoint(BestEpoch):
    """Dies at the n-th save of all folds together."""

    left = 0

    def _step(self):
        type(self).left -= 1
        if not self.left:
            raise KilledError

    def save(self, state):
        super().save(state)
        self._step()

    def finish(self, result):
        super().finish(result)
        self._step()


class DyingStage(Stage):
    """A stage with checkpoints that die."""

    def checkpoint(self, fold, choose):
        good = super().checkpoint(fold, choose)
        good.__class__ = DyingCheckpoint
        return good


@pytest.mark.parametrize("saves", [1, 2, 3, 4, 6, 11])
def test_an_interrupted_run_ends_with_the_same_bytes(images, whole, tmp_path, saves):
    DyingCheckpoint.left = saves
    with pytest.raises(KilledError):
        run(images, shares(), tmp_path, kind=DyingStage)
    assert contents(run(images, shares(), tmp_path)) == contents(whole)
    assert not (tmp_path / ".checkpoints").exists()


def test_votes_of_an_image_reach_all_predictions_but_its_own(images, whole, tmp_path):
    changed = shares()
    image = 17
    changed[image] = np.roll(changed[image], 1)
    other = run(images, changed, tmp_path, votes=changed)
    fold = whole.images["fold"].to_numpy()
    own = fold == fold[image]
    for name in ("logits", "calibrated", "features"):
        before, after = getattr(whole, name), getattr(other, name)
        assert before[own].tobytes() == after[own].tobytes(), name
        assert (before[~own] != after[~own]).any(axis=1).all(), name
    temperatures = [f.images["temperature"].to_numpy() for f in (whole, other)]
    np.testing.assert_array_equal(temperatures[0][own], temperatures[1][own])
    mine = whole.provenance["fold"] == fold[image]
    for name in ("weights", "inner_loss", "epochs", "train_targets"):
        same = whole.provenance[name] == other.provenance[name]
        assert same[mine].all(), name
    trained = whole.members.query("id == @IDS[@image] and role == 'train'")["fold"]
    hashes = (whole.provenance["train_targets"] != other.provenance["train_targets"]).to_numpy()
    assert set(whole.provenance.loc[hashes, "fold"]) == set(trained)


def test_other_targets_take_the_same_folds_and_batches(images, whole, tmp_path):
    hot = np.eye(CLASSES)[LABELS]
    control = run(images, hot, tmp_path, PLAN | {"targets": "labels"})
    pd.testing.assert_frame_equal(control.members, whole.members)
    again = run(images, shares(), tmp_path, PLAN | {"targets": "labels"})
    assert contents(again) == contents(whole)
    assert (control.logits != whole.logits).any()


def test_without_inner_images_temperatures_come_from_other_folds(images, tmp_path):
    plan = PLAN | {"validation_fraction": 0.0, "epochs": 1}
    found = run(images, shares(), tmp_path, plan)
    fold = found.images["fold"].to_numpy()
    expected = cross_fitted_temperatures(found.logits, shares(), fold)
    np.testing.assert_array_equal(found.images["temperature"], expected)
    assert found.provenance["temperature_from"].unique().tolist() == ["other folds"]
    assert found.provenance["n_train"].tolist() == [20] * 3
    assert found.training["inner_loss"].isna().all()
    assert not failed(found.members, found.provenance)


def test_a_frozen_backbone_stays_as_it_was(images, tmp_path):
    found = run(images, shares(), tmp_path, PLAN | {"trainable": "head", "lookahead": 0.5})
    start = build_philnet(NET, seed=1).state_dict()
    moved = {
        name.partition(".")[2]
        for name, value in found.weights.items()
        if not torch.equal(value, start[name.partition(".")[2]])
    }
    assert moved == {"head.weight", "head.bias"}


def test_flipped_images_are_averaged(images):
    model = build_philnet(NET, seed=2)
    features, logits = predict(model, images[:5], device=CPU, flip=True)
    plain = [predict(model, part[:5], device=CPU) for part in (images, images[:, :, ::-1])]
    np.testing.assert_allclose(features, (plain[0][0] + plain[1][0]) / 2, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logits, (plain[0][1] + plain[1][1]) / 2, rtol=1e-4, atol=1e-6)


def test_more_folds_than_images(images, tmp_path):
    with pytest.raises(InputError, match=r"folds: 31 .*30"):
        run(images, shares(), tmp_path, PLAN | {"folds": 31})


def test_weights_of_another_network_are_named(images, tmp_path):
    where = replace(stage(tmp_path), network=NET | {"widths": [4, 8, 9]})
    with pytest.raises(InputError, match=r"start\.pt: the tensor"):
        fine_tune_folds(images, IDS, LABELS, shares(), shares(), fold_settings(PLAN), where)


def test_people_are_held_out_as_a_whole() -> None:
    people = np.repeat(np.arange(20), 5)
    people[:10] = -1  # unknown ones are single
    samples = pd.DataFrame({"id": [f"i{k}" for k in range(100)], "identity": people})
    chosen = held_out_of(samples, 0.2, 0)
    assert 0.1 <= chosen.mean() <= 0.2
    shares = samples[people >= 0].assign(chosen=chosen[people >= 0]).groupby("identity")["chosen"]
    assert set(shares.mean()) == {0.0, 1.0}
    order = np.random.default_rng(0).permutation(100)
    again = held_out_of(samples.iloc[order].reset_index(drop=True), 0.2, 0)
    np.testing.assert_array_equal(again, chosen[order])
    assert (held_out_of(samples, 0.2, 1) != chosen).any()


@pytest.mark.parametrize(("people", "n"), [([0] * 10 + [1] * 10, 2), (None, 2), ([0] * 20, 2)])
def test_single_images_are_held_out_where_nobody_has_so_few(
    people: list[int] | None, n: int
) -> None:
    samples = pd.DataFrame({"id": [f"i{k}" for k in range(20)]})
    samples = samples if people is None else samples.assign(identity=people)
    assert held_out_of(samples, 0.1, 0).sum() == n
    assert held_out_of(samples, 0.001, 0).sum() == 1
