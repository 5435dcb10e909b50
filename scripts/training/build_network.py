import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_table
from latent_microscope.models.libraries import build_network
from latent_microscope.models.state_dicts import load_state
from latent_microscope.models.weights import save_weights
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, log, run

_PACKAGES = {"open_clip": "open_clip_torch", "efficientnet_lite": "efficientnet-lite-pytorch"}


def main(
    *,
    weights: Out,
    network: Out,
    settings: dict[str, Any],
    origin: str = "random",
    pretrained: In | None = None,
    python_file: In | None = None,
    root_seed: int = 0,
    seed: int = 0,
) -> None:
    """Take the weights of a network that is not trained here, and describe it.

    weights: .pt state dict with the names of the network's library.
    network: .parquet, one row: kind, name, weights (their origin), file, sha256 (of that file, or
        of weights), package, parameters, preprocessing.
    settings: kind, the network's keys, and transform.
    origin: random, pretrained (the library's own, which it may download), or a file's name.
    pretrained: .pt, .pth, .ckpt or .safetensors state dict of exactly this network.
    python_file: the user's Python file that makes the network.
    """
    own = origin == "pretrained"
    made = build_network(settings, pretrained=own, seed=derive(root_seed, "build_network", seed))
    if pretrained is not None:
        load_state(made.module, pretrained)
    state = made.module.state_dict()
    odd = [name for name, value in state.items() if not isinstance(value, Tensor)]
    if odd:
        raise InputError(
            f"name: {settings.get('name')}: its state has {odd[0]!r}, which is no tensor (extra "
            "state, quantisation); return a module of tensors alone"
        )
    save_weights(weights, state)
    log.info("%s: %s weights", settings["kind"], origin)
    kind = str(settings["kind"])
    described = {
        "kind": kind,
        "name": str(settings.get("name", settings.get("number", ""))),
        "weights": origin if pretrained is None else "file",
        "file": pretrained.name if pretrained else "",
        "sha256": _sha256(pretrained or weights),
        "package": _package(_PACKAGES.get(kind, kind)),
        "parameters": sum(p.numel() for p in made.module.parameters()),
        "preprocessing": str(made.transform),
    }
    save_table(network, pd.DataFrame([described]))


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _package(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
