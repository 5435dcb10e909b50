"""A small study for the explorer: names that would hurt if they were run, people, votes, models."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from latent_microscope.io.artefacts import save_npy, save_table

N = 240
EVIL = '</script><script>window.hurt="id"</script>'
EVIL_ATTRIBUTE = "<img src=x onerror=\"window.hurt='attribute'\">"
CLASSES = ["cat", "dog", "<b>ship</b>"]


def write(folder: Path) -> dict[str, Any]:
    """Write all artefacts and return the arguments of the step."""
    rng = np.random.default_rng(7)
    folder.mkdir(parents=True, exist_ok=True)
    ids = [f"image-{i:03d}" for i in range(N)]
    ids[3] = EVIL
    groups = np.arange(N) % 3
    plane = np.array([[0.0, 0.0], [6.0, 1.0], [2.0, 7.0]])[groups] + rng.normal(0, 0.6, (N, 2))
    latents = np.column_stack([plane, rng.normal(0, 0.5, (N, 4))])
    label = groups.astype(np.int64)
    samples = pd.DataFrame(
        {"id": ids, "label": label, "label_name": np.array(CLASSES, dtype=object)[label]}
    )
    samples["identity"] = np.where(np.arange(N) % 5 == 0, -1, np.arange(N) // 4)
    encoding = pd.DataFrame({"id": ids, "reconstruction_error": rng.gamma(2.0, 3.0, N)})
    order = rng.permutation(N)  # artefacts are joined by id
    scores = pd.DataFrame(
        {
            "id": ids,
            "uniqueness": rng.gamma(3.0, 2.0, N),
            "uniqueness_script": rng.gamma(3.0, 2.0, N),
            "originality": rng.normal(30.0, 4.0, N),
            "cls": rng.random(N),
        }
    ).iloc[order]
    attributes = pd.DataFrame(
        {
            "id": ids,
            "Smiling": (groups == 1) ^ (rng.random(N) < 0.2),
            EVIL_ATTRIBUTE: (rng.random(N) < 0.3).astype(int),
            "Never": np.zeros(N, dtype=int),
            "hair": np.array(["black", "fair"], dtype=object)[(rng.random(N) < 0.4).astype(int)],
        }
    )
    attributes["Smiling"] = np.where(attributes["Smiling"], 1, -1)
    clusters = pd.DataFrame(
        {"id": ids, "cluster": np.where(rng.random(N) < 0.1, -1, groups), "cmax": 0}
    )
    rankings = pd.DataFrame(
        {"list": ["creative"] * 5, "rank": range(5), "id": [ids[i] for i in (9, 3, 50, 7, 1)]}
    )
    pairs = pd.DataFrame(
        {
            "id_i": [ids[3], ids[10]],
            "id_j": [ids[6], ids[11]],
            "similarity": [0.9995, 0.99],
            "verdict": ["near-duplicate", "near match"],
            "relation": ["cropped", ""],
        }
    )
    counts = rng.multinomial(50, [0.2, 0.2, 0.6], N)
    votes = pd.DataFrame({"id": ids, **{name: counts[:, j] for j, name in enumerate(CLASSES)}})
    images = np.zeros((N, 12, 16, 3), dtype=np.uint8)
    images[..., 0] = np.arange(N, dtype=np.uint8)[:, None, None]
    images[..., 1] = (80 * groups).astype(np.uint8)[:, None, None]
    tables = {
        "samples": samples, "encoding": encoding, "scores": scores, "attributes": attributes,
        "clusters": clusters, "rankings": rankings, "pairs": pairs, "votes": votes,
    }  # fmt: skip
    arrays: dict[str, np.ndarray] = {
        "latents": latents, "plane": plane, "images": images, "logits": rng.normal(0, 2, (N, 3)),
    }  # fmt: skip
    paths = {name: folder / f"{name}.parquet" for name in tables}
    for name, table in tables.items():
        save_table(paths[name], table)
    for name, array in arrays.items():
        paths[name] = folder / f"{name}.npy"
        save_npy(paths[name], array)
    return {
        "samples": paths["samples"],
        "spaces": [paths["latents"], paths["logits"]],
        "space_ids": [paths["encoding"], paths["encoding"]],
        "space_names": ["latents of the VAE", "outputs of a & b"],
        "title": "study <1> · {{study}}",
        "maps": [paths["plane"]],
        "map_spaces": ["latents of the VAE"],
        "images": paths["images"],
        "scores": [paths["scores"], paths["encoding"]],
        "clusters": paths["clusters"],
        "attributes": paths["attributes"],
        "rankings": paths["rankings"],
        "pairs": paths["pairs"],
        "votes": paths["votes"],
        "logits": [paths["logits"]],
        "logit_ids": [paths["encoding"]],
        "models": ["a & b"],
        "nearest": 6,
    }


def bare(arguments: dict[str, Any]) -> dict[str, Any]:
    """The same study with nothing but latents and ids."""
    kept = ("samples", "title")
    return {
        **{key: arguments[key] for key in kept},
        "samples": arguments["space_ids"][0],
        "spaces": arguments["spaces"][:1],
        "space_ids": arguments["space_ids"][:1],
        "space_names": arguments["space_names"][:1],
    }


def nowhere(arguments: dict[str, Any]) -> dict[str, Any]:
    """Ids alone: a study of dissimilarities, before a model is imported."""
    return {**bare(arguments), "spaces": [], "space_ids": [], "space_names": []}
