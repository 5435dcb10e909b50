"""One pass over many images: layers, their names and order, resumption, batches, memory."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.spatial.distance import pdist
from torch import Tensor, nn

from latent_microscope.errors import InputError
from latent_microscope.models import extraction
from latent_microscope.models.extraction import extract
from latent_microscope.models.layers import (
    Reduction,
    activations,
    default_layers,
    layer_shapes,
)
from latent_microscope.models.libraries import Network, build_network

SOURCE = Path(__file__).parents[2] / "src"
IMAGES = np.random.default_rng(0).integers(0, 256, (11, 8, 8, 3), dtype=np.uint8)
UNIT = torch.from_numpy(IMAGES).permute(0, 3, 1, 2).float() / 255


class Parts(nn.Module):
    """Returns a tuple of maps and a mapping with numbers that are no layer."""

    def forward(self, x: Tensor) -> Any:
        return x + 1, {"twice": 2 * x, "count": 3, "whole": torch.ones(len(x), dtype=torch.long)}


class Odd(nn.Module):
    """What networks do: a module called twice, in-place units, tuples, tokens first."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.parts = Parts()
        self.turn = nn.Identity()
        self.mixed, self.squeezed, self.dropped = (nn.Identity() for _ in range(3))
        self.normed = nn.BatchNorm1d(3, track_running_stats=False)
        self.tokens = nn.Identity()
        self.head = nn.Linear(3, 4)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        x = self.relu(self.conv(x))
        x = self.relu(self.conv(x))
        pair, more = self.parts(x)
        tokens = self.tokens(x.flatten(2).transpose(1, 2))
        self.turn(tokens.transpose(0, 1))  # (positions, n, channels)
        self.mixed(tokens.cumsum(0))  # n rows, each of all images before it
        means = tokens.mean(1)
        self.dropped(nn.functional.dropout(means))
        self.squeezed(means.squeeze())
        if len(x) > 1:
            self.normed(means)
        pair += 100  # in place, after the hook
        return self.head(more["twice"].mean((2, 3)))


@pytest.fixture
def odd() -> Network:
    torch.manual_seed(0)
    model = Odd().eval()

    def outputs(x: Tensor) -> Mapping[str, Tensor]:
        return {"features": model(x), "logits": model(x)}

    return Network(model, lambda x: {"features": model(x)})


def arrays(network: Network, folder: Path, *layers: str, **options: Any) -> list[np.ndarray]:
    files = {folder / f"{i}.npy": [name] for i, name in enumerate(layers)}
    extract(network, IMAGES, files, **{"batch": 3, **options})
    return [np.load(path) for path in files]


def test_what_each_call_returned_before_it_was_changed(odd: Network, tmp_path: Path) -> None:
    model: Any = odd.module
    names = ("conv", "relu", "conv_1", "relu_1", "parts", "parts.0", "parts.1.twice", "tokens")
    found = dict(
        zip(names, arrays(odd, tmp_path, *names, reduce=Reduction("flatten")), strict=True)
    )
    with torch.inference_mode():
        first = model.conv(UNIT)
        second = model.conv(first.relu())
        last = second.relu()
    for name, expected in {
        "conv": first,
        "relu": first.relu(),
        "conv_1": second,
        "relu_1": last,
        "parts": last + 1,
        "parts.0": last + 1,
        "parts.1.twice": 2 * last,
        "tokens": last.flatten(2).transpose(1, 2),
    }.items():
        np.testing.assert_allclose(found[name], expected.flatten(1), rtol=1e-5, atol=1e-5)
    shapes = layer_shapes(odd, UNIT)
    assert list(shapes)[:4] == ["conv", "relu", "conv_1", "relu_1"]
    assert shapes["turn"] == (64, 11, 3)
    assert "parts.1.count" not in shapes
    assert "parts.1.whole" not in shapes


def test_reductions_by_hand(odd: Network, tmp_path: Path) -> None:
    maps = arrays(odd, tmp_path, "relu_1", reduce=Reduction("flatten"))[0].reshape(11, 3, 8, 8)
    tokens = maps.reshape(11, 3, 64).transpose(0, 2, 1)
    fields = maps.reshape(11, 3, 4, 2, 4, 2).mean((3, 5))
    for how, of_maps, of_tokens in (
        (Reduction("mean"), maps.mean((2, 3)), tokens.mean(1)),
        (Reduction("max"), maps.max((2, 3)), tokens.max(1)),
        (Reduction("grid", 4), fields.reshape(11, -1), tokens.mean(1)),
        (Reduction("grid", 8), maps.reshape(11, -1), tokens.mean(1)),
    ):  # fmt: skip
        found = arrays(odd, tmp_path, "relu_1", "tokens", reduce=how)
        np.testing.assert_allclose(found[0], of_maps, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found[1], of_tokens, rtol=1e-5, atol=1e-6)
    found = arrays(odd, tmp_path, "tokens", reduce=Reduction("cls"))
    np.testing.assert_allclose(found[0], tokens[:, 0], rtol=1e-6)
    with pytest.raises(InputError, match="layer relu: a map of positions has no cls token"):
        arrays(odd, tmp_path, "relu", reduce=Reduction("cls"))


LAST = """
from torch import nn
class Last(nn.Module):  # channels last inside, as ConvNeXt, and in what its classifier takes
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 5, 1), nn.LayerNorm(5), nn.Linear(5, 4)
    def forward(self, x):
        return self.head(self.norm(self.conv(x).permute(0, 2, 3, 1)).relu())
"""


@pytest.mark.parametrize("side", [4, 5, 8])  # logits and maps with three equal sides among them
def test_the_layout_of_maps_is_that_of_each_layer(side: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "net.py"
    path.write_text(LAST)
    network = build_network({"kind": "module", "name": f"{path}:Last"}, seed=1)
    network.module.eval()
    x, net = torch.rand(2, 3, side, side), network.module
    names = ("conv", "norm", "head", "features")
    with torch.inference_mode():
        conv = net.get_submodule("conv")(x)
        norm = net.get_submodule("norm")(conv.permute(0, 2, 3, 1))
        head = net.get_submodule("head")(norm.relu())
        expected = (
            conv.mean((2, 3)),
            norm.mean((1, 2)),
            head.mean((1, 2)),
            norm.relu().mean((1, 2)),
        )
        found = activations(network, x, names, Reduction("mean"))
        largest = activations(network, x, names[:3], Reduction("max"))
        fields = activations(network, x, ["norm"], Reduction("grid", 2))["norm"]
    for name, value in zip(names, expected, strict=True):
        torch.testing.assert_close(found[name], value)
    torch.testing.assert_close(largest["norm"], norm.amax((1, 2)))
    pooled = nn.functional.adaptive_avg_pool2d(norm.permute(0, 3, 1, 2), 2)
    torch.testing.assert_close(fields, pooled.flatten(1))


@pytest.mark.parametrize(
    ("module", "shape", "last"),
    [
        (nn.ReLU(), (2, 6, 6, 3), True),
        (nn.ReLU(), (2, 3, 6, 6), False),
        (nn.Linear(6, 6), (2, 6, 6, 6), True),
        (nn.Sequential(nn.Linear(6, 6), nn.GELU()), (2, 6, 6, 6), True),
        (nn.Conv2d(6, 6, 1), (2, 6, 6, 6), False),
        (nn.ReLU(), (2, 6, 6, 6), None),
        (nn.Sequential(nn.Conv2d(6, 6, 1), nn.LayerNorm(6)), (2, 6, 6, 6), None),
        # maps that are not square
        (nn.Conv2d(6, 6, 1), (2, 6, 6, 9), False),
        (nn.LayerNorm(9), (2, 6, 8, 9), True),
        (nn.ReLU(), (2, 6, 6, 9), None),
    ],
)
def test_what_tells_the_layout_of_maps(
    module: nn.Module, shape: tuple[int, ...], last: bool | None
) -> None:
    x, given = torch.rand(shape), torch.empty(2, 3, 12, 12 if shape[-1] != 9 else 18)
    for nhwc in (False, True):
        reduced = Reduction("mean", nhwc=nhwc)(x, "x", module, given)
        expected = x.mean((1, 2) if (nhwc if last is None else last) else (2, 3))
        torch.testing.assert_close(reduced, expected)


def test_layers_that_are_not_of_the_images_are_refused(odd: Network, tmp_path: Path) -> None:
    for name, message in (
        (
            "turn",
            r"layer 'turn': its first axis is not the batch \(its shape is \(64, 4, 3\) for 4",
        ),
        ("mixed", "layer 'mixed': .*another order"),
        ("normed", "layer 'normed': its rows are not those of single images"),
        ("dropped", "layer 'dropped': its values differ from pass to pass"),
        (
            "squeezed",
            r"layer 'squeezed': .*\(3,\) for 1 images.*squeeze\(\) in the network as flat",
        ),
        ("conv_2", "layer 'conv_2' is unknown; such as conv"),
        ("x*", r"layer 'x\*' is unknown"),
        ("logits", "layer 'logits': this network has no classes"),
    ):
        with pytest.raises(InputError, match=message):
            arrays(odd, tmp_path, name, batch=10)  # and one more
        assert not list(tmp_path.iterdir())


def test_a_name_is_that_of_a_module_before_a_second_call(odd: Network, tmp_path: Path) -> None:
    model: Any = odd.module
    model.conv_1 = nn.Identity()  # never called
    with pytest.raises(InputError, match="layer 'conv_1' is unknown"):
        arrays(odd, tmp_path, "conv_1")
    model.head, model.conv_1 = nn.Sequential(nn.Identity(), model.head), model.tokens
    del model.tokens
    model.tokens = lambda x: model.conv_1(x)
    found = arrays(odd, tmp_path, "conv_1", "relu_1", reduce=Reduction("flatten"))
    tokens = found[1].reshape(11, 3, 64).transpose(0, 2, 1)
    np.testing.assert_allclose(found[0], tokens.reshape(11, -1), rtol=1e-6)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_a_script_has_its_features_and_no_layers(tmp_path: Path) -> None:
    script = torch.jit.script(nn.Sequential(nn.Flatten(), nn.Linear(192, 3)))  # type: ignore[no-untyped-call]
    network = Network(script, lambda x: {"features": script(x)})
    assert list(layer_shapes(network, UNIT)) == ["features"]
    np.testing.assert_allclose(arrays(network, tmp_path, "features")[0], script(UNIT).detach())


def test_globs_take_layers_in_order_and_a_pass_ends_with_the_last(
    odd: Network, tmp_path: Path
) -> None:
    files = {tmp_path / "all.npy": ["t*", "pixels", "conv*"]}
    index = extract(odd, IMAGES, files, batch=4, reduce=Reduction("grid", 2))
    assert index["name"].tolist() == ["pixels", "conv", "conv_1", "tokens"]  # not turn
    assert index["start"].tolist() == [0, 192, 204, 216]
    assert index["width"].tolist() == [192, 12, 12, 3]
    assert index["shape"].tolist() == ["8x8x3", "3x8x8", "3x8x8", "64x3"]
    assert index["reduction"].tolist() == ["", "grid", "grid", "grid"]
    every = np.load(tmp_path / "all.npy")
    assert (every.shape, every.dtype) == ((11, 219), np.float32)
    np.testing.assert_allclose(every[:, :192], UNIT.flatten(1), atol=1e-7)
    index = extract(odd, IMAGES, {tmp_path / "all.npy": ["parts.?", "parts.**", "t*s"]})
    assert index["name"].tolist() == ["parts.0", "parts.1.twice", "tokens"]
    index = extract(odd, IMAGES, {tmp_path / "all.npy": ["parts.*", "c*"]})
    assert index["name"].tolist() == ["conv", "conv_1", "parts.0"]
    seen: list[str] = []
    for name in ("relu", "parts"):
        getattr(odd.module, name).register_forward_hook(
            lambda m, g, o, name=name: seen.append(name)
        )
    seen.clear()
    arrays(odd, tmp_path, "conv", batch=11)
    assert seen.count("relu") == 2  # of the pass that lists the layers; others end at conv
    assert seen.count("parts") == 1


def test_a_chosen_order_of_rows(odd: Network, tmp_path: Path) -> None:
    whole = arrays(odd, tmp_path, "conv")[0]
    rows = np.array([7, 2, 9])
    some = arrays(odd, tmp_path, "conv", rows=rows)[0]
    np.testing.assert_allclose(some, whole[rows], rtol=1e-5, atol=1e-6)


def test_a_projection_keeps_distances_as_well_as_it_says(tmp_path: Path) -> None:
    network = Network(nn.Sequential(nn.Flatten(), nn.Identity()), lambda x: {"features": x})
    network.outputs = lambda x: {"features": network.module(x)[:, :2]}
    options: dict[str, Any] = {"reduce": Reduction("flatten"), "seed": 3, "batch": 4}
    files = {tmp_path / "p.npy": ["0", "features"]}
    index = extract(network, IMAGES, files, project=64, **options).set_index("name")
    found = np.load(tmp_path / "p.npy")
    assert found.shape == (11, 66)
    assert index["projection"].to_dict() == {"0": 64, "features": 0}
    change = np.abs(pdist(found[:, :64]) / pdist(UNIT.flatten(1).numpy()) - 1)
    assert index["distortion"]["0"] == pytest.approx(np.quantile(change, 0.95), abs=1e-5)
    assert 0.01 < index["distortion"]["0"] < 0.5
    first = (tmp_path / "p.npy").read_bytes()
    extract(network, IMAGES, files, project=64, **options)
    assert (tmp_path / "p.npy").read_bytes() == first
    extract(network, IMAGES, files, project=64, **options | {"seed": 4})
    assert (tmp_path / "p.npy").read_bytes() != first
    extract(network, IMAGES, files, project=500, **options)
    assert np.load(tmp_path / "p.npy").shape == (11, 194)


def test_a_batch_is_halved_when_memory_runs_out(
    odd: Network, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model: Any = odd.module
    sizes: list[int] = []

    def outputs(x: Tensor) -> Mapping[str, Tensor]:
        sizes.append(len(x))
        if len(x) > 4:
            raise torch.OutOfMemoryError("no")
        return {"features": model(x)}

    whole = arrays(odd, tmp_path, "features", batch=11)[0]
    odd.outputs = outputs
    found = arrays(odd, tmp_path, "features", batch=11)[0]
    np.testing.assert_allclose(found, whole, rtol=1e-5, atol=1e-6)
    assert sizes[3:] == [11, 5, 2, 2, 2, 2, 2, 1]
    assert "continuing with batches of 2" in caplog.text
    odd.outputs = lambda x: (_ for _ in ()).throw(RuntimeError("another mistake"))
    with pytest.raises(InputError, match=r"fails on input .*another mistake"):
        arrays(odd, tmp_path, "features")


def test_values_that_are_not_finite_are_named(odd: Network, tmp_path: Path) -> None:
    model: Any = odd.module
    odd.outputs = lambda x: {"features": model(x) / (x.mean() > 0.2)}
    images = IMAGES.copy()
    images[6:] = 0
    with pytest.raises(InputError, match=r"features: values of the images 6 to 8 are not finite"):
        extract(odd, images, {tmp_path / "f.npy": ["features"]}, batch=3)
    assert not list(tmp_path.iterdir())


KILLED = """
    import os, signal, sys
    from pathlib import Path
    import numpy as np
    import torch
    from latent_microscope.models import extraction
    from latent_microscope.models.libraries import build_network
    folder, threads = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(threads)
    network = build_network({"kind": "philnet", "widths": [4, 8, 8]}, seed=1)
    network.module.eval()
    inner, calls = network.outputs, []
    def outputs(x):
        calls.append(len(x))
        if len(calls) == 11:
            os.kill(os.getpid(), signal.SIGKILL)
        return inner(x)
    network.outputs = outputs
    extraction.extract(
        network, np.load(folder / "i.npy"),
        {folder / "f.npy": ["features"], folder / "l.npy": None},
        batch=10, project=20, mark=folder / "rows", seconds=0.0,
        reduce=extraction.Reduction("grid", 2),
    )
"""


def test_a_killed_pass_continues_to_the_same_bytes(tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 256, (95, 32, 32, 3), dtype=np.uint8)
    np.save(tmp_path / "i.npy", images)
    code = textwrap.dedent(KILLED)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), str(torch.get_num_threads())],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    with (tmp_path / "rows" / "0.npy").open("ab") as file:
        file.write(b"rows after the mark")
    network = build_network({"kind": "philnet", "widths": [4, 8, 8]}, seed=1)
    network.module.eval()
    inner, calls = network.outputs, list[int]()
    network.outputs = lambda x: calls.append(len(x)) or inner(x)  # type: ignore[func-returns-value]

    def run(folder: Path) -> pd.DataFrame:
        files: dict[Path, list[str] | None] = {folder / "f.npy": ["features"]}
        return extract(
            network, images, {**files, folder / "l.npy": None}, batch=10, project=20,
            mark=folder / "rows", seconds=0.0, reduce=Reduction("grid", 2),
        )  # fmt: skip

    index = run(tmp_path)
    assert len(calls) < 3 + 10
    assert run(tmp_path / "whole").equals(index)
    assert index["distortion"].max() > 0.05
    for name in ("f.npy", "l.npy"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert np.load(tmp_path / "f.npy").shape == (95, 8)
    assert not (tmp_path / "rows").exists()


def test_a_pass_that_ended_after_its_last_mark_is_finished(
    odd: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(folder: Path) -> pd.DataFrame:
        files = {folder / "f.npy": ["features"], folder / "c.npy": ["conv", "tokens"]}
        return extract(odd, IMAGES, files, batch=3, mark=folder / "rows", seconds=0.0)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(extraction._Writer, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path)
    assert (tmp_path / "rows").is_dir()
    assert run(tmp_path).equals(run(tmp_path / "whole"))
    for name in ("f.npy", "c.npy"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (tmp_path / "rows").exists()


def test_a_full_disk_names_the_output(
    odd: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(extraction.os, "fsync", full)
    with pytest.raises(OSError, match=r"features\.npy"):
        extract(odd, IMAGES, {tmp_path / "features.npy": ["features"]})


def test_layers_of_our_networks(tmp_path: Path) -> None:
    for stem in ("none", "convolution", "space_to_depth"):
        network = build_network({"kind": "philnet", "widths": [4, 8, 16], "stem": stem}, seed=3)
        network.module.eval()
        names = default_layers(network, {})
        assert names[: len(names) - 4] == (["stem"] if stem == "convolution" else [])
    x = torch.rand(5, 3, 32, 32)
    images = (x.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
    files: dict[Path, list[str] | None] = {tmp_path / "l.npy": None}
    index = extract(network, images, files, reduce=Reduction("grid", 4)).set_index("name")
    ends = ["features", "logits", "probabilities"]
    assert index.index.tolist() == ["pixels", "blocks.0", "blocks.1", "blocks.2", *ends]
    every = np.load(tmp_path / "l.npy")
    np.testing.assert_allclose(every[:, -10:].sum(1), 1, rtol=1e-5)
    model: Any = network.module
    with torch.inference_mode():
        unit = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
        block = model.blocks[0](model.stem(model.prepare(unit))).reshape(5, 4, 4, 2, 4, 2)
        start = index["start"]["blocks.0"]
        expected = block.mean((3, 5)).flatten(1)
        np.testing.assert_allclose(every[:, start : start + 64], expected, rtol=1e-4, atol=1e-5)
        logits = every[:, index["start"]["logits"] :][:, :10]
        np.testing.assert_allclose(logits, model(unit), rtol=1e-4, atol=1e-5)
    vae = build_network({"kind": "vae", "arch": "cifar", "latent": 6, "input_range": "signed"})
    vae.module.eval()
    index = extract(vae, images, files, reduce=Reduction("grid", 4))
    own: Any = vae.module
    assert index["name"].tolist() == ["pixels", "encoder.1", "encoder.3", "encoder.5", "features"]
    with torch.inference_mode():
        means = own.encode(unit * 2 - 1)[0]
    np.testing.assert_allclose(np.load(tmp_path / "l.npy")[:, -6:], means, rtol=1e-4, atol=1e-5)


def test_a_profile_without_names_has_the_outermost_lists() -> None:
    blocks = [nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU()) for _ in range(2)]
    model = nn.ModuleDict({"stem": nn.Conv2d(3, 3, 1), "stages": nn.Sequential(*blocks)})
    network = Network(model, lambda x: {"features": model["stages"](model["stem"](x)).mean((2, 3))})
    shapes = layer_shapes(network, UNIT)
    assert default_layers(network, shapes) == ["stages.0", "stages.1", "features"]
    with pytest.raises(InputError, match=r"fails on input of the shape .*set transform.size"):
        layer_shapes(network, UNIT[:, :2])
