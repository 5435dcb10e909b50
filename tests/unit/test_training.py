"""Training: same bytes twice and after an interruption, settings, augmentation, memory."""

import io
import logging
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from latent_microscope.errors import InputError
from latent_microscope.models.philnet import build_philnet
from latent_microscope.models.pixels import to_unit
from latent_microscope.models.vaes import build_vae
from latent_microscope.models.weights import save_weights
from latent_microscope.training import muon
from latent_microscope.training.checkpoint import Checkpoint
from latent_microscope.training.classifier import (
    ClassifierSettings,
    EpochChanges,
    evaluate,
    train_classifier,
)
from latent_microscope.training.device import (
    device_facts,
    has_bfloat16,
    numeric_environment,
    pick_device,
    pick_precision,
)
from latent_microscope.training.loop import Lookahead, Run, make_optimizer, shuffled
from latent_microscope.training.muon import orthogonalised
from latent_microscope.training.settings import Augmentation, Beta, Scheduler, parse
from latent_microscope.training.vae import VAESettings, train_vae

CPU = torch.device("cpu")
CHECKPOINT = "latent_microscope.training.checkpoint"
VAE_PLAN: dict[str, Any] = {
    "epochs": 4,
    "batch": 8,
    "scheduler": {"kind": "plateau", "patience": 0},
    "learning_rate": 3e-3,
    "weight_decay": 1e-5,
    "beta": {"kind": "warmup", "maximum": 0.1, "over": 50},
    "reduction": "sum",
    "samples": {"count": 3, "frames": 3},
}
NET_PLAN: dict[str, Any] = {
    "epochs": 4,
    "batch": 8,
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "scheduler": {"kind": "cosine", "warmup": 1},
    "augmentation": {"crop": 4, "flip": True, "cutout": 4},
    "memory_format": "channels_last",
    "label_smoothing": 0.1,
}
SMALL_NET = {"widths": [4, 8, 8]}


class KilledError(Exception):
    """Stands for the kill: whatever was not saved is lost."""


class DyingCheckpoint(Checkpoint):
    """Dies after a number of saves."""

    lives = 2

    def save(self, state):
        super().save(state)
        self.lives -= 1
        if not self.lives:
            raise KilledError


def _images(n=20, height=32, width=32):
    return np.random.default_rng(0).integers(0, 256, (n, height, width, 3), dtype=np.uint8)


def _bytes(result, path):
    save_weights(path, result.state)
    buffer = io.BytesIO()
    result.log.to_parquet(buffer)
    arrays = [getattr(result, k, np.empty(0)).tobytes() for k in ("samples", "reconstructions")]
    return path.read_bytes(), buffer.getvalue(), *arrays


def _train_vae(arch, plan, tmp_path, checkpoint=None):
    images = _images(height=8, width=6) if arch == "dense" else _images()
    network = {"latent": 4, "channels": [4, 8]}
    model = build_vae(arch, network, image_shape=images.shape[1:], seed=1)
    settings = parse(VAESettings, plan, "vae")
    result = train_vae(model, images, settings, Run(7, CPU, checkpoint=checkpoint))
    return _bytes(result, tmp_path / "weights.pt")


def _train_net(plan, tmp_path, checkpoint=None):
    images, labels = _images(), np.arange(20) % 10
    settings = parse(ClassifierSettings, plan, "net")
    result = train_classifier(
        build_philnet(SMALL_NET, seed=1),
        images,
        labels,
        settings,
        Run(7, CPU, checkpoint=checkpoint),
        monitor=(images, labels),
    )
    return _bytes(result, tmp_path / "weights.pt")


def _checkpoint(cls, tmp_path, settings):
    return cls(tmp_path / "weights.pt", [], settings, device=CPU, seconds=0.0)


TRAININGS = {
    "dense": lambda tmp, ckpt=None: _train_vae("dense", VAE_PLAN, tmp, ckpt),
    "cifar-bfloat16": lambda tmp, ckpt=None: _train_vae(
        "cifar",
        VAE_PLAN
        | {
            "precision": "bfloat16",
            "memory_format": "channels_last",
            "reconstruction": "l1",
            "optimizer": "adamw",
            "scheduler": {},
        },
        tmp,
        ckpt,
    ),
    "philnet": lambda tmp, ckpt=None: _train_net(NET_PLAN, tmp, ckpt),
    "philnet-lookahead-sgd": lambda tmp, ckpt=None: _train_net(
        NET_PLAN
        | {
            "augmentation": {"crop": 2, "flip": "alternating"},
            "lookahead": 0.9,
            "bias_rate": 8.0,
            "momentum": 0.8,
            "optimizer": "sgd",
            "precision": "bfloat16",
        },
        tmp,
        ckpt,
    ),
    "philnet-muon": lambda tmp, ckpt=None: _train_net(
        NET_PLAN
        | {
            "bias_rate": 8.0,
            "lookahead": 0.9,
            "optimizer": "muon",
            "precision": "bfloat16",
            "scheduler": {"kind": "linear"},
        },
        tmp,
        ckpt,
    ),
}


@pytest.mark.parametrize("name", TRAININGS)
def test_same_bytes_twice_and_after_an_interruption(name, tmp_path):
    train = TRAININGS[name]
    whole = train(tmp_path)
    torch.manual_seed(99)
    torch.rand(3)
    assert train(tmp_path) == whole
    with pytest.raises(KilledError):
        train(tmp_path, _checkpoint(DyingCheckpoint, tmp_path, {"name": name}))
    again = _checkpoint(Checkpoint, tmp_path, {"name": name})
    assert len(again.load()["rows"]) == 2
    assert train(tmp_path, again) == whole
    # Killed after the last epoch, before the artefacts were written: nothing is trained anew.
    assert train(tmp_path, _checkpoint(Checkpoint, tmp_path, {"name": name})) == whole
    again.remove()
    assert not (tmp_path / ".checkpoints").exists()


def test_another_seed_gives_other_weights(tmp_path):
    images = _images(height=8, width=6)
    settings = parse(VAESettings, VAE_PLAN | {"epochs": 1}, "vae")

    def weights(seed):
        model = build_vae("dense", {"latent": 4}, image_shape=(8, 6, 3), seed=1)
        state = train_vae(model, images, settings, Run(seed, CPU)).state
        return state["fc_mu.weight"]

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_checkpoint_is_keyed_by_settings_and_inputs(tmp_path):
    source = tmp_path / "images.npy"
    source.write_bytes(b"one")
    output = tmp_path / "weights.pt"

    def path(settings):
        return Checkpoint(output, [source], settings, device=CPU).path

    first = path({"epochs": 1})
    assert path({"epochs": 1}) == first
    assert path({"epochs": 2}) != first
    source.write_bytes(b"other")
    assert path({"epochs": 1}) != first


def test_a_checkpoint_is_of_one_torch_gpu_and_resolved_precision(tmp_path, monkeypatch):
    def path(precision="float32"):
        key = {"settings": {"precision": precision}}
        return Checkpoint(tmp_path / "weights.pt", [], key, device=CPU).path

    def facts(**changed):
        known = device_facts(CPU, "float32") | changed
        monkeypatch.setattr(f"{CHECKPOINT}.device_facts", lambda *_: known)
        return path()

    assert device_facts(CPU, "auto")["precision"] == (
        "bfloat16" if has_bfloat16(CPU) else "float32"
    )
    seen = {path(), facts(torch="3.0"), facts(model="A100"), facts(precision="bfloat16")}
    assert len(seen) == 4


def test_unreadable_checkpoint_starts_anew(tmp_path, caplog):
    checkpoint = _checkpoint(Checkpoint, tmp_path, {})
    checkpoint.path.parent.mkdir()
    checkpoint.path.write_bytes(b"not a checkpoint")
    logging.getLogger("latent_microscope").propagate = True
    assert checkpoint.load() is None
    assert str(checkpoint.path) in caplog.text


def test_first_epoch_means_are_exact(tmp_path):
    """One batch, no dropout: the row must equal the loss of the initial weights."""
    images = _images(n=6, height=8, width=6)
    plan = VAE_PLAN | {"epochs": 1, "batch": 6, "beta": {"kind": "constant", "value": 2.0}}
    network = {"latent": 4, "dropout": 0.0}
    model = build_vae("dense", network, image_shape=(8, 6, 3), seed=1)
    order = torch.Generator()
    from latent_microscope.seeds import derive

    order.manual_seed(derive(7, "batches"))
    rows = torch.randperm(6, generator=order)
    noise = torch.randn(6, 4, generator=order)
    unit = torch.from_numpy(images)[rows].permute(0, 3, 1, 2) / 255.0
    with torch.no_grad():
        output, mean, logvar = model(unit, noise)
    error = float(((output - unit) ** 2).sum()) / 6
    kl = float(-0.5 * (1 + logvar - mean**2 - logvar.exp()).sum()) / 6
    result = train_vae(model, images, parse(VAESettings, plan, "vae"), Run(7, CPU))
    row = result.log.iloc[0]
    assert row["reconstruction"] == pytest.approx(error, rel=1e-5)
    assert row["kl"] == pytest.approx(kl, rel=1e-4)
    assert row["loss"] == pytest.approx(error + 2 * kl, rel=1e-5)
    assert list(result.log) == ["epoch", "loss", "reconstruction", "kl", "beta", "learning_rate"]


def test_training_learns():
    colours = np.zeros((40, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(40) % 2
    colours[labels == 1] = 255
    plan = NET_PLAN | {"epochs": 6, "label_smoothing": 0.0, "augmentation": {}}
    model = build_philnet(SMALL_NET | {"classes": 2}, seed=1)
    settings = parse(ClassifierSettings, plan, "net")
    log = train_classifier(
        model, colours, labels, settings, Run(0, CPU), monitor=(colours, labels)
    ).log
    assert log["test_accuracy"].iloc[-1] == 1.0
    assert log["loss"].iloc[-1] < log["loss"].iloc[0]


def test_soft_targets_and_frozen_backbone():
    images = _images(10)
    soft = np.random.default_rng(0).dirichlet(np.ones(10), 10)
    model = build_philnet(SMALL_NET, seed=1)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    settings = parse(ClassifierSettings, NET_PLAN | {"trainable": "head"}, "net")
    result = train_classifier(model, images, soft, settings, Run(0, CPU), monitor=(images, soft))
    changed = {k for k in before if not torch.equal(before[k], result.state[k])}
    assert changed == {"head.weight", "head.bias"}
    logits = model(torch.from_numpy(images).permute(0, 3, 1, 2) / 255.0).detach().double()
    expected = -(soft * torch.log_softmax(logits, 1).numpy()).sum(1).mean()
    assert result.log["test_loss"].iloc[-1] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("arch", ["dense", "cifar"])
def test_a_loss_that_is_not_finite_is_explained(arch):
    model = build_vae(arch, {"latent": 4}, image_shape=(32, 32, 3), seed=1)
    model.state_dict()["fc_logvar.bias"].fill_(1e6)
    settings = parse(VAESettings, VAE_PLAN, "vae")
    with pytest.raises(InputError, match=r"epoch 0.*learning_rate"):
        train_vae(model, _images(), settings, Run(0, CPU))


class _Tight(torch.nn.Module):
    """A module that runs out of memory above some number of images."""

    def __init__(self, inner, most):
        super().__init__()
        self.inner, self.most = inner, most

    def forward(self, x):
        if len(x) > self.most:
            raise torch.OutOfMemoryError("simulated")
        return self.inner(x)


def _with_memory(most):
    images = _images(16, 8, 6)
    model = build_vae("dense", {"latent": 4, "dropout": 0.0}, image_shape=(8, 6, 3), seed=1)
    if most is not None:
        model.encoder = _Tight(model.encoder, most)
    settings = parse(VAESettings, VAE_PLAN | {"batch": 8, "samples": {"count": 1}}, "vae")
    return train_vae(model, images, settings, Run(3, CPU))


def test_out_of_memory_halves_the_batch_and_says_so(caplog):
    logging.getLogger("latent_microscope").propagate = True
    tight = _with_memory(2)
    warned = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert [r.args[-1] for r in warned if r.args] == [4, 2]
    whole = _with_memory(None)
    pd.testing.assert_frame_equal(tight.log, whole.log, rtol=1e-4)
    torch.testing.assert_close(
        tight.state["fc_mu.weight"], whole.state["fc_mu.weight"], rtol=1e-2, atol=1e-4
    )


def _muon_with_memory(most):
    model: Any = build_philnet(SMALL_NET | {"dropout": 0.0}, seed=1)
    for block in model.blocks:
        block.first[1] = torch.nn.Identity()  # a batch norm is one of a part
    if most is not None:
        model.blocks = _Tight(model.blocks, most)
    plan = {"epochs": 2, "batch": 8, "optimizer": "muon", "filter_rate": 0.01}
    settings = parse(ClassifierSettings, plan, "net")
    state = train_classifier(model, _images(16), np.arange(16) % 10, settings, Run(3, CPU)).state
    return {name.replace("blocks.inner", "blocks"): value for name, value in state.items()}


def test_a_halved_batch_turns_filters_by_the_gradient_of_the_whole():
    tight, whole = _muon_with_memory(2), _muon_with_memory(None)
    assert tight.keys() == whole.keys()
    torch.testing.assert_close(tight, whole, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("trainable", ["all", "head"])
def test_muon_moves_only_what_is_trained(trainable):
    model = build_philnet(SMALL_NET | {"norm_scale": False}, seed=1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    plan = NET_PLAN | {"epochs": 1, "optimizer": "muon", "trainable": trainable}
    settings = parse(ClassifierSettings, plan, "net")
    train_classifier(model, _images(), np.arange(20) % 10, settings, Run(7, CPU))
    moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    free = {n for n, p in model.named_parameters() if p.requires_grad}
    assert moved == free
    assert free == ({n for n in before if "head" in n} if trainable == "head" else free)
    assert not any(n.endswith("first.1.weight") for n in free)


def test_memory_for_no_image_is_an_error():
    with pytest.raises(InputError, match="memory"):
        _with_memory(0)


def test_alternating_flips_show_each_image_both_ways_in_two_epochs(monkeypatch):
    seen = []

    class Watched(torch.nn.Module):
        def forward(self, unit):
            seen.append(unit.detach().clone())
            return unit

    model = build_philnet(SMALL_NET, seed=1)
    model.stem = Watched()
    monkeypatch.setattr(model, "prepare", lambda images: images)
    images = _images()
    plan = {"epochs": 4, "batch": 20, "augmentation": {"flip": "alternating"}}
    settings = parse(ClassifierSettings, plan, "net")
    train_classifier(model, images, np.arange(20) % 10, settings, Run(7, CPU))
    unit = to_unit(torch.from_numpy(images))
    mirrored = []
    for batch in seen:
        plain = [[bool((a == b).all()) for b in unit] for a in batch]
        turned = [[bool((a == b.flip(2)).all()) for b in unit] for a in batch]
        assert (np.array(plain) ^ np.array(turned)).any(axis=1).all()
        mirrored.append(np.array(turned).any(axis=0))
    assert 0 < mirrored[0].sum() < 20
    np.testing.assert_array_equal(mirrored[1], ~mirrored[0])
    np.testing.assert_array_equal(mirrored[2], mirrored[0])
    np.testing.assert_array_equal(mirrored[3], ~mirrored[0])


@pytest.mark.parametrize("trainable", ["all", "head"])
def test_flop_of_a_training_by_hand(trainable):
    model = build_philnet({"widths": [4, 8, 8]}, seed=1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    plan = {"epochs": 2, "batch": 10, "learning_rate": 1e-30, "trainable": trainable}
    settings = parse(ClassifierSettings, plan, "net")
    log = train_classifier(model, _images(), np.arange(20) % 10, settings, Run(7, CPU)).log
    layers = [32**2 * 3 * 4 * 9, 16**2 * 4 * 8 * 9, 8**2 * 8 * 8 * 9]
    head = 8 * 10
    forward = 2 * (sum(layers) + head)
    # Backward: the gradients of inputs (but for the images') and of weights.
    backward = 2 * (2 * (sum(layers) + head) - layers[0]) if trainable == "all" else 2 * head
    assert log["flop"].tolist() == [20.0 * (forward + backward)] * 2
    after = model.state_dict()
    assert all(torch.equal(before[n], after[n]) for n in before if n == "head.weight")


def test_lookahead_by_hand():
    model = torch.nn.BatchNorm2d(2)
    follower = Lookahead(model, 0.8, 10)
    values = []
    for step in range(1, 11):
        model.weight.data.fill_(float(step))
        follower.step()
        values.append(model.weight[0].item())
    first = 5.0 + 0.8 * 0.5**3 * (1.0 - 5.0)
    assert values[:4] == [1.0, 2.0, 3.0, 4.0]
    assert values[4] == pytest.approx(first)
    assert values[9] == pytest.approx(10.0 + 0.8 * (first - 10.0))


def test_biases_of_batch_norms_have_their_own_rate():
    plan = {"epochs": 1, "batch": 8, "optimizer": "sgd", "bias_rate": 64.0, "momentum": 0.5}
    plan |= {"learning_rate": 0.1, "weight_decay": 0.01}
    model = build_philnet(SMALL_NET)
    optimizer = make_optimizer(model, parse(ClassifierSettings, plan, "net"))
    rest, biases = optimizer.param_groups
    assert [p.shape for p in biases["params"]] == [(4,), (8,), (8,)]
    assert len(rest["params"]) + 3 == len(list(model.parameters()))
    assert (biases["times"], rest["times"], rest["momentum"]) == (64.0, 1.0, 0.5)
    assert biases["times"] * biases["weight_decay"] == pytest.approx(rest["weight_decay"])
    # Schedules that never set the rate leave each group's own.
    assert (rest["lr"], biases["lr"]) == (0.1, pytest.approx(6.4))


def test_muon_turns_filters_and_leaves_the_rest_to_sgd():
    plan = {"epochs": 1, "batch": 8, "optimizer": "muon", "momentum": 0.5, "bias_rate": 8.0}
    plan |= {"learning_rate": 0.1, "weight_decay": 0.01, "filter_rate": 0.3, "filter_momentum": 0.6}
    model, twin = build_philnet(SMALL_NET, seed=1), build_philnet(SMALL_NET, seed=1)
    optimizer = make_optimizer(model, parse(ClassifierSettings, plan, "net"))
    sgd = make_optimizer(twin, parse(ClassifierSettings, plan | {"optimizer": "sgd"}, "net"))
    filters = optimizer.param_groups[-1]
    assert (filters["times"], filters["momentum"]) == (pytest.approx(3.0), 0.6)
    assert filters["lr"] == 0.3
    assert [p.ndim for p in filters["params"]] == [4, 4, 4]
    for seed in range(2):
        for net in (model, twin):
            draws = torch.Generator().manual_seed(seed)
            for parameter in net.parameters():
                parameter.grad = torch.randn(parameter.shape, generator=draws)
        before = [p.detach().clone() for p in filters["params"]]
        optimizer.step()
        sgd.step()
    for old, new in zip(before, filters["params"], strict=True):
        step = (old * len(old) ** 0.5 / old.norm() - new).flatten(1) / 0.3
        sizes = torch.linalg.svdvals(step.detach())
        assert float(sizes.min()) > 0.3
        assert float(sizes.max()) < 1.4
        assert old.shape == new.shape
        assert not torch.equal(old, new)
    others = {name for name, p in model.named_parameters() if p.ndim != 4}
    own, same = dict(model.named_parameters()), dict(twin.named_parameters())
    assert others
    assert all(torch.equal(own[name], same[name]) for name in others)


def test_a_matrix_is_turned_without_its_singular_values():
    draws = torch.Generator().manual_seed(3)
    u = torch.linalg.qr(torch.randn(6, 6, generator=draws))[0]
    v = torch.linalg.qr(torch.randn(9, 9, generator=draws))[0][:6]
    for matrix in (u @ torch.diag(torch.linspace(1.0, 3.0, 6)) @ v, (u @ v) * 1e-3):
        for found in (
            orthogonalised(matrix, torch.float32),
            orthogonalised(matrix.T, torch.float32).T,
        ):
            inner = u.T @ found @ v.T
            assert torch.allclose(inner, torch.diag(torch.diag(inner)), atol=1e-5)
            assert float(torch.diag(inner).min()) > 0.6
            assert float(torch.diag(inner).max()) < 1.3


def test_scales_of_batch_norms_stay_1_where_they_are_not_trained():
    model = build_philnet(SMALL_NET | {"norm_scale": False, "norm_momentum": 0.4})
    settings = parse(ClassifierSettings, NET_PLAN, "net")
    train_classifier(model, _images(), np.arange(20) % 10, settings, Run(7, CPU))
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert len(norms) == 3
    for norm in norms:
        assert norm.momentum == 0.4
        assert bool((norm.weight == 1.0).all())
        assert not bool((norm.bias == 0.0).all())


def test_augmentation_crops_and_flips_like_a_loop():
    images = torch.from_numpy(_images(6, 9, 7))
    rows = torch.tensor([3, 0, 3, 1, 2, 4, 5])
    settings = Augmentation(crop=2, padding="zero", flip=True)
    batch = EpochChanges(images, settings, torch.Generator().manual_seed(4)).applied(rows)
    draws = torch.Generator().manual_seed(4)
    dy = torch.randint(-2, 3, (6, 1), generator=draws)
    dx = torch.randint(-2, 3, (6, 1), generator=draws)
    mirrored = torch.randint(0, 2, (6, 1), generator=draws)
    assert 0 < int(mirrored.sum()) < 6
    for k, row in enumerate(rows.tolist()):
        padded = np.pad(images[row].numpy(), ((2, 2), (2, 2), (0, 0)))
        y, x = int(dy[row]) + 2, int(dx[row]) + 2
        expected = padded[y : y + 9, x : x + 7]
        expected = expected[:, ::-1] if mirrored[row] else expected
        np.testing.assert_array_equal(batch[k].numpy(), expected)


def test_augmentation_reflects_like_numpy():
    images = torch.from_numpy(_images(3))
    rows = torch.arange(3)
    changes = EpochChanges(images, Augmentation(crop=4), torch.Generator().manual_seed(1))
    batch = changes.applied(rows)
    draws = torch.Generator().manual_seed(1)
    dy = torch.randint(-4, 5, (3, 1), generator=draws)
    dx = torch.randint(-4, 5, (3, 1), generator=draws)
    for k in range(3):
        padded = np.pad(images[k].numpy(), ((4, 4), (4, 4), (0, 0)), mode="reflect")
        y, x = int(dy[k]) + 4, int(dx[k]) + 4
        np.testing.assert_array_equal(batch[k].numpy(), padded[y : y + 32, x : x + 32])


def test_cutout_blanks_one_square():
    images = torch.zeros(50, 32, 32, 3, dtype=torch.uint8)
    changes = EpochChanges(images, Augmentation(cutout=8), torch.Generator().manual_seed(0))
    batch = changes.applied(torch.arange(50))
    blank = (batch == torch.tensor([125, 123, 114], dtype=torch.uint8)).all(-1).flatten(1).sum(1)
    assert int(blank.max()) == 64
    assert int(blank.min()) >= 16


def test_batches_are_a_permutation():
    rows = torch.cat(list(shuffled(10, 4, torch.Generator().manual_seed(0))))
    assert sorted(rows.tolist()) == list(range(10))
    assert rows.tolist() != list(range(10))


def test_beta_and_learning_rate_courses():
    beta = Beta("warmup", maximum=0.1, over=50)
    assert [beta.at(e) for e in (0, 1, 5, 100)] == pytest.approx([0.0, 0.02, 0.1, 0.1])
    assert Beta("constant", value=1.0).at(0) == 1.0
    cosine = Scheduler("cosine")
    assert cosine.share(0, 50) == 1.0
    assert cosine.share(25, 50) == pytest.approx(0.5)
    assert cosine.share(50, 50) == pytest.approx(0.0)
    linear = Scheduler(kind="linear", warmup=10.0)
    assert linear.share(5, 50) == pytest.approx(0.5, abs=1e-3)
    shares = [linear.share(time, 50) for time in (10, 20, 40, 50)]
    assert shares == pytest.approx([1.0, 0.75, 0.25, 0.0])
    warm = Scheduler("cosine", warmup=5)
    assert warm.share(0, 50) < 0.01
    assert warm.share(5, 50) == pytest.approx(1.0)
    assert warm.share(27.5, 50) == pytest.approx(0.5 * (1 + math.cos(math.pi / 2)))


@pytest.mark.parametrize(
    ("plan", "named"),
    [
        ({"epochs": 1, "batch": 1, "colour": 3}, "colour"),
        ({"epochs": 1}, "batch"),
        ({"epochs": 0, "batch": 1}, "epochs"),
        ({"epochs": 1, "batch": 1, "beta": {"kind": "linear"}}, "beta.kind"),
        ({"epochs": 1, "batch": 1, "beta": {"top": 1}}, "beta.*top"),
        ({"epochs": 1, "batch": 1, "precision": "float16"}, "precision"),
        ({"epochs": 1, "batch": 1, "reduction": "max"}, "reduction"),
    ],
)
def test_settings_name_the_wrong_key(plan, named):
    with pytest.raises(InputError, match=named):
        parse(VAESettings, plan, "settings")


def test_numeric_environment_flushes_subnormals_and_restores():
    tiny = torch.full((4,), 1e-40)
    state = torch.get_rng_state()
    with numeric_environment(CPU):
        assert torch.are_deterministic_algorithms_enabled()
        assert float((tiny * 0.5).sum()) == 0.0
        torch.rand(1)
    assert float((tiny * 0.5).sum()) > 0.0
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.get_rng_state(), state)


def test_devices_and_precisions(monkeypatch):
    assert pick_device("cpu").type == "cpu"
    with pytest.raises(InputError, match="'tpu'"):
        pick_device("tpu")
    monkeypatch.setattr("latent_microscope.training.device.gpu_granted", lambda: False)
    assert pick_device("auto").type == "cpu"
    with pytest.raises(InputError, match="no GPU"):
        pick_device("cuda")
    assert pick_precision("float32", CPU) is None
    assert pick_precision("bfloat16", CPU) is torch.bfloat16
    assert (pick_precision("auto", CPU) is torch.bfloat16) == has_bfloat16(CPU)
    with pytest.raises(InputError, match="'half'"):
        pick_precision("half", CPU)


def test_evaluate_equals_one_pass():
    images, labels = _images(7), np.arange(7)
    model = build_philnet(SMALL_NET, seed=1).eval()
    loss, accuracy = evaluate(model, images, labels, device=CPU, batch=3)
    logits = model(torch.from_numpy(images).permute(0, 3, 1, 2) / 255.0).detach()
    expected = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels))
    assert loss == pytest.approx(float(expected), rel=1e-5)
    assert accuracy == pytest.approx(float((logits.argmax(1).numpy() == labels).mean()))


def test_images_without_targets():
    settings = parse(ClassifierSettings, NET_PLAN, "net")
    with pytest.raises(InputError, match=r"20 .* 3 "):
        train_classifier(build_philnet(SMALL_NET), _images(), np.arange(3), settings, Run(0, CPU))


def test_muon_moves_nothing_where_memory_runs_out(monkeypatch):
    plan = {"epochs": 1, "batch": 8, "optimizer": "muon", "momentum": 0.5}
    model = build_philnet(SMALL_NET, seed=1)
    optimizer = make_optimizer(model, parse(ClassifierSettings, plan, "net"))
    before = [p.detach().clone() for p in model.parameters()]
    calls = iter([muon.orthogonalised, None])

    def second_fails(matrix, dtype):
        if (turn := next(calls)) is None:
            raise torch.OutOfMemoryError
        return turn(matrix, dtype)

    monkeypatch.setattr(muon, "orthogonalised", second_fails)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    with pytest.raises(torch.OutOfMemoryError):
        optimizer.step()
    assert all(map(torch.equal, before, model.parameters()))
    assert not any(optimizer.state.values())
