"""A stranger's files, made by code: nothing is downloaded, and no photograph is needed.

Each function writes into a folder and returns what ``latent-microscope init`` is given.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from latent_microscope.synthetic.faces_demo import draw_attributes, draw_face, draw_person

ANIMALS = ["cat", "dog", "horse", "ship"]


def portraits(folder: Path, people: int = 40, each: int = 10) -> Path:
    """Grey portraits, a folder a person: ``s01/1.png`` … as the old face databases have them."""
    generator = np.random.default_rng(40)
    for person in range(1, people + 1):
        own = folder / f"s{person:02d}"
        own.mkdir(parents=True)
        look = draw_person(generator)
        for number in range(1, each + 1):
            face = draw_face(look, draw_attributes(look, generator), generator)
            face.convert("L").resize((92, 112)).save(own / f"{number}.png")
    return folder


def faces(folder: Path) -> list[str]:
    """72 portraits of 12 people."""
    return [portraits(folder / "portraits", people=12, each=6).name]


def votes(folder: Path) -> list[str]:
    """Counts of 60 pictures that nobody has, the true classes, outputs of two networks."""
    random = np.random.default_rng(1)
    ids = [f"photo_{row:03d}" for row in range(60)]
    truth = np.arange(60) % 4
    seen = 2.5 * np.eye(4)[truth] + random.normal(0, 1, (60, 4))
    chances = np.exp(seen) / np.exp(seen).sum(axis=1, keepdims=True)
    counts = pd.DataFrame([random.multinomial(20, row) for row in chances], columns=ANIMALS)
    counts.insert(0, "photo", ids)
    counts.to_csv(folder / "votes.csv", index=False)
    labels = {"photo": ids, "label": np.array(ANIMALS)[truth]}
    pd.DataFrame(labels).to_csv(folder / "labels.csv", index=False)
    given = ["votes=votes.csv", "labels=labels.csv"]
    for name, spread in {"resnet": 0.7, "tiny_net": 2.0}.items():
        logits = seen + random.normal(0, spread, (60, 4))
        np.savez(folder / f"{name}.npz", logits=logits, ids=ids)
        given.append(f"logits:{name}={name}.npz")
    return given


def judgements(folder: Path) -> list[str]:
    """Dissimilarities of 24 shapes by each of six people, features of two networks."""
    random = np.random.default_rng(2)
    ids = [f"shape {row:02d}" for row in range(24)]
    place = random.normal(size=(24, 3))
    apart = np.linalg.norm(place[:, None] - place[None], axis=2)
    every: list[np.ndarray] = []
    for _ in range(6):
        noise = np.triu(random.normal(0, 0.6, (24, 24)), 1)
        said = np.abs(apart + noise + noise.T)
        np.fill_diagonal(said, 0.0)
        every.append(said)
    np.savez(folder / "judgements.npz", rdms=np.array(every), ids=ids)
    given = ["dissimilarity=judgements.npz"]
    for name, spread in {"near": 0.5, "far": 3.0}.items():
        features = np.hstack([place, random.normal(0, spread, (24, 6))])
        np.savez(folder / f"{name}.npz", features=features, ids=ids)
        given.append(f"features:{name}={name}.npz")
    return given


def few(folder: Path) -> list[str]:
    """Thirty rows of embeddings, and nothing else."""
    np.save(folder / "few.npy", np.random.default_rng(3).normal(size=(30, 8)))
    return ["few.npy"]


def many(folder: Path) -> list[str]:
    """20,000 rows of embeddings in four groups, with attributes of three types."""
    random = np.random.default_rng(4)
    group = random.integers(0, 4, 20_000)
    ids = [f"row-{row:05d}" for row in range(20_000)]
    latents = random.normal(0, 4, (4, 12))[group] + random.normal(size=(20_000, 12))
    np.savez(folder / "many.npz", latents=latents.astype(np.float32), ids=ids)
    table = {
        "id": ids,
        "smoker": (random.random(20_000) < 0.2 + 0.4 * (group == 2)).astype(int),
        "colour": np.array(["red", "green", "blue"])[random.integers(0, 3, 20_000)],
        "age": (50 + 8 * latents[:, 0] + random.normal(0, 5, 20_000)).round(1),
    }
    pd.DataFrame(table).to_csv(folder / "many.csv", index=False)
    return ["many.npz", "many.csv"]
