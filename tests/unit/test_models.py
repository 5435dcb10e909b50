"""Networks: shapes, the names of published weights, seeded initialisation."""

import numpy as np
import pytest
import torch
from torch.nn.functional import relu

from latent_microscope.errors import InputError
from latent_microscope.models.philnet import PhilNet, Whitening, build_philnet
from latent_microscope.models.vaes import ConvEyeVAE, EyeVAE, build_vae, kl_terms
from latent_microscope.models.weights import load_checked

# Of hussamalafandi/VAE-CelebA, vae_celeba_latent_200_epochs_10_batch_64_subset_80000.pth.
PUBLISHED = {
    "encoder.0.weight": (32, 3, 4, 4),
    "encoder.0.bias": (32,),
    "encoder.2.weight": (64, 32, 4, 4),
    "encoder.2.bias": (64,),
    "encoder.4.weight": (128, 64, 4, 4),
    "encoder.4.bias": (128,),
    "encoder.6.weight": (256, 128, 4, 4),
    "encoder.6.bias": (256,),
    "fc_mu.weight": (200, 4096),
    "fc_mu.bias": (200,),
    "fc_logvar.weight": (200, 4096),
    "fc_logvar.bias": (200,),
    "decoder_input.weight": (4096, 200),
    "decoder_input.bias": (4096,),
    "decoder.0.weight": (256, 128, 4, 4),
    "decoder.0.bias": (128,),
    "decoder.2.weight": (128, 64, 4, 4),
    "decoder.2.bias": (64,),
    "decoder.4.weight": (64, 32, 4, 4),
    "decoder.4.bias": (32,),
    "decoder.6.weight": (32, 3, 4, 4),
    "decoder.6.bias": (3,),
}


@pytest.mark.parametrize(
    ("arch", "settings", "shape", "latent"),
    [
        ("dense", {"latent": 128}, (32, 64, 3), 128),
        ("dense", {"latent": 5, "dropout": 0.0}, (8, 6, 3), 5),
        ("convolutional", {}, (64, 64, 3), 200),
        ("cifar", {}, (32, 32, 3), 256),
        ("cifar", {"latent": 7, "channels": [4, 8]}, (32, 32, 3), 7),
    ],
)
def test_vae_shapes_and_range(arch, settings, shape, latent):
    model = build_vae(arch, settings, image_shape=shape).eval()
    images = torch.rand(2, shape[2], shape[0], shape[1])
    output, mean, logvar = model(images, torch.zeros(2, latent))
    assert output.shape == images.shape
    assert mean.shape == logvar.shape == (2, latent)
    low, high = output.detach().aminmax()
    assert float(low) >= 0
    assert float(high) <= 1
    assert torch.equal(output, model.decode(mean))


def test_published_weights_load_strictly():
    model = ConvEyeVAE()
    assert {k: tuple(v.shape) for k, v in model.state_dict().items()} == PUBLISHED
    state = {name: torch.full(shape, 0.01) for name, shape in PUBLISHED.items()}
    load_checked(model, state, "published.pth")
    assert float(model.state_dict()["fc_mu.weight"].min()) == pytest.approx(0.01)


def test_convolutional_vae_is_the_published_function():
    """Layer by layer with the functional interface, from the names alone."""
    model = build_vae("convolutional", {}, seed=3)
    state = model.state_dict()
    images = torch.rand(2, 3, 64, 64)
    hidden = images
    for i in (0, 2, 4, 6):
        hidden = relu(
            torch.nn.functional.conv2d(
                hidden, state[f"encoder.{i}.weight"], state[f"encoder.{i}.bias"], 2, 1
            )
        )
    mean = hidden.reshape(2, 4096) @ state["fc_mu.weight"].T + state["fc_mu.bias"]
    back = (mean @ state["decoder_input.weight"].T + state["decoder_input.bias"]).view(2, 256, 4, 4)
    for i in (0, 2, 4, 6):
        back = torch.nn.functional.conv_transpose2d(
            back, state[f"decoder.{i}.weight"], state[f"decoder.{i}.bias"], 2, 1
        )
        back = torch.sigmoid(back) if i == 6 else relu(back)
    with torch.no_grad():
        torch.testing.assert_close(model.encode(images)[0], mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(model.decode(mean), back, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda s: s.pop("fc_mu.bias"), "fc_mu.bias"),
        (lambda s: s.update({"fc_mu.weight": torch.zeros(100, 4096)}), "fc_mu.weight"),
        (lambda s: s.update({"extra": torch.zeros(1)}), "extra"),
        (lambda s: s["decoder.6.bias"].fill_(float("nan")), "decoder.6.bias"),
    ],
)
def test_wrong_weights_are_named(change, named):
    model = ConvEyeVAE()
    state = {k: v.clone() for k, v in model.state_dict().items()}
    change(state)
    with pytest.raises(InputError, match=named):
        load_checked(model, state, "weights.pt")


def test_dense_layers_are_the_preprints():
    widths = [tuple(p.shape) for n, p in EyeVAE().named_parameters() if n.endswith("weight")]
    assert widths == [
        (1024, 6144),
        (512, 1024),
        (256, 512),
        (128, 256),
        (128, 256),
        (256, 128),
        (512, 256),
        (1024, 512),
        (6144, 1024),
    ]


@pytest.mark.parametrize("arch", ["dense", "convolutional", "cifar"])
def test_initial_weights_depend_on_the_seed_alone(arch):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    a = build_vae(arch, {}, seed=5).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    b = build_vae(arch, {}, seed=5).state_dict()
    c = build_vae(arch, {}, seed=6).state_dict()
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not torch.equal(a["fc_mu.weight"], c["fc_mu.weight"])


def test_kl_equals_torch_distributions():
    mean, logvar = torch.randn(4, 6), torch.randn(4, 6)
    posterior = torch.distributions.Normal(mean, (0.5 * logvar).exp())
    prior = torch.distributions.Normal(torch.zeros(4, 6), torch.ones(4, 6))
    expected = torch.distributions.kl_divergence(posterior, prior)
    torch.testing.assert_close(kl_terms(mean, logvar), expected, rtol=1e-5, atol=1e-6)


def test_unknown_arch_and_wrong_images():
    with pytest.raises(InputError, match="'vit'"):
        build_vae("vit", {})
    with pytest.raises(InputError, match="64×64×3"):
        build_vae("convolutional", {}, image_shape=(32, 32, 3))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"widths": [32, 64, 512], "convolutions": [1, 2, 2], "residual": True},
        {"stem": "convolution", "pool_after": "first", "convolutions": 2},
        {"stem": "space_to_depth", "pooling": "average", "head_pooling": "max"},
        {"dropout_at": "blocks", "classes": 4},
        {"stem": "whitening", "activation": "gelu", "head_scale": 0.1, "identity": True},
    ],
)
def test_philnet_variants(settings):
    model = build_philnet(settings, seed=1).eval()
    images = torch.rand(2, 3, 32, 32)
    features = model.features(images)
    assert features.shape == (2, 512)
    assert model(images).shape == (2, settings.get("classes", 10))
    assert torch.equal(model(images), model.classify(features))
    assert sum(isinstance(m, torch.nn.BatchNorm2d) for m in model.modules()) >= 3


def test_a_whitening_stem_decorrelates_patches():
    generator = torch.Generator().manual_seed(0)
    smooth = torch.nn.functional.interpolate(
        torch.rand(40, 3, 8, 8, generator=generator), size=(32, 32), mode="bilinear"
    )
    noisy = smooth + 0.2 * torch.rand(40, 3, 32, 32, generator=generator)
    model = build_philnet({"stem": "whitening"})
    (stem,) = (m for m in model.modules() if isinstance(m, Whitening))
    before = stem.filters.clone()
    model.fit_stem(noisy)
    assert not any("filters" in name for name, _ in model.named_parameters())
    assert not torch.equal(before, stem.filters)
    out = stem(model.prepare(noisy))
    assert out.shape == (40, 32, 30, 30)
    torch.testing.assert_close(out[:, :16], -out[:, 16:])
    rows = out[:, :16].permute(0, 2, 3, 1).reshape(-1, 16).double()
    moments = rows.T @ rows / len(rows)
    floored = moments.diagonal()
    assert (floored <= 1.0).all()
    assert (floored > 0.9).all()
    assert (moments - floored.diag()).abs().max() < 1e-5


def test_identity_convolutions_pass_their_channels_on():
    model = build_philnet({"widths": [4, 8, 8], "convolutions": 2, "identity": True})
    for layer in (m for m in model.blocks.modules() if isinstance(m, torch.nn.Conv2d)):
        x = torch.rand(1, layer.in_channels, 5, 5)
        torch.testing.assert_close(layer(x)[:, : layer.in_channels], x)
    first = next(model.blocks.parameters())
    assert not torch.equal(first[3], torch.zeros(3, 3, 3))


def test_the_head_scale_is_a_factor_of_the_logits():
    images = torch.rand(2, 3, 32, 32)
    plain, scaled = (build_philnet({"head_scale": s}, seed=3).eval() for s in (1.0, 0.25))
    torch.testing.assert_close(scaled(images), plain(images) / 4.0)


def test_philnet_default_is_one_convolution_a_block():
    shapes = [tuple(p.shape) for p in PhilNet().parameters() if p.ndim == 4]
    assert shapes == [(32, 3, 3, 3), (128, 32, 3, 3), (512, 128, 3, 3)]


def test_philnet_features_by_hand():
    model = build_philnet({}, seed=2).eval()
    images = torch.rand(2, 3, 32, 32)
    mean = torch.tensor([0.49140, 0.48216, 0.44653]).view(1, 3, 1, 1)
    sd = torch.tensor([0.24703, 0.24349, 0.26159]).view(1, 3, 1, 1)
    x = (images - mean) / sd
    for weight in (p for p in model.parameters() if p.ndim == 4):
        # Untrained batch norm in evaluation divides by sqrt(1 + 1e-5).
        x = relu(torch.nn.functional.conv2d(x, weight, padding=1) / np.sqrt(1 + 1e-5))
        x = torch.nn.functional.max_pool2d(x, 2)
    torch.testing.assert_close(model.features(images), x.mean((2, 3)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "key", ["stem", "activation", "pooling", "pool_after", "head_pooling", "dropout_at"]
)
def test_philnet_names_the_wrong_key(key):
    with pytest.raises(InputError, match=key):
        build_philnet({key: "nonsense"})
    with pytest.raises(InputError, match="convolutions"):
        build_philnet({"convolutions": [1, 2]})
