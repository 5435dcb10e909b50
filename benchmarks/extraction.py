"""Extraction of layers against the bare loop of the network: the same batches, nothing else.

Both prepare images and keep the results; ours also lists the layers, checks the order of rows,
hooks three layers and writes files as it goes. Its peak memory must not grow with n.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.suites import Case
from latent_microscope.models.extraction import extract, images_at_once
from latent_microscope.models.libraries import Network, build_network

SIZES = (500, 2000)
CPU = torch.device("cpu")
NETWORKS: Mapping[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "PhilNet, 32 px": ({"kind": "philnet"}, ("blocks.0", "blocks.1", "blocks.2")),
    "ResNet-18, 64 px": (
        {"kind": "torchvision", "name": "resnet18", "transform": {"size": 64}},
        ("layer1", "layer2", "layer3"),
    ),
    "MobileNetV3, 224 px": (
        {"kind": "torchvision", "name": "mobilenet_v3_small"},
        ("features.2", "features.5", "features.9"),
    ),
}


def _input(task: str) -> Any:
    def setup(n: int) -> tuple[Network, tuple[str, ...], np.ndarray, int, Path]:
        settings, layers = NETWORKS[task]
        network = build_network(settings, seed=1).to(CPU)
        folder = Path(tempfile.mkdtemp())
        images = np.lib.format.open_memmap(
            folder / "images.npy", mode="w+", dtype=np.uint8, shape=(n, 32, 32, 3)
        )
        images[:] = np.random.default_rng(0).integers(0, 256, images.shape, dtype=np.uint8)
        images.flush()
        found = np.load(folder / "images.npy", mmap_mode="r")  # as the steps have them
        return network, layers, found, images_at_once(250, network, 32, CPU), folder

    return setup


def ours(data: tuple[Network, tuple[str, ...], np.ndarray, int, Path]) -> dict[str, np.ndarray]:
    """Features and three layers of all images, in files."""
    network, layers, images, batch, folder = data
    files = {folder / f"{name}.npy": [name] for name in ("features", *layers)}
    extract(network, images, files, batch=batch, mark=folder / "rows")
    return {"features": np.load(folder / "features.npy")}


@torch.inference_mode()
def bare(data: tuple[Network, tuple[str, ...], np.ndarray, int, Path]) -> dict[str, np.ndarray]:
    """Features of all images, in memory."""
    network, _, images, batch, _ = data
    found = []
    for start in range(0, len(images), batch):
        pixels = network.transform.pixels(np.array(images[start : start + batch]))
        found.append(network.outputs(network.transform.input(pixels))["features"].numpy())
    return {"features": np.concatenate(found)}


CASES = tuple(
    Case(task, name, _input(task), run)
    for task in NETWORKS
    for name, run in (("ours", ours), ("bare loop", bare))
)
