"""Small synthetic artefacts with the columns that the figures read (DESIGN of the workflow)."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist

from latent_microscope.io.artefacts import load_table, save_npy, save_table

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
ATTRIBUTES = [
    "Male", "Smiling", "Young", "Blond_Hair", "Eyeglasses", "Wearing_Lipstick", "No_Beard",
    "Wavy_Hair", "Mouth_Slightly_Open", "Pointy_Nose", "Wearing_Necktie", "Bags_Under_Eyes",
    "Bald", "5_o_Clock_Shadow",
]  # fmt: skip


def portraits(rng: np.random.Generator, n: int, height: int, width: int) -> np.ndarray:
    """Blurred ovals with eyes and a mouth: uint8 (n, height, width, 3)."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    out = np.empty((n, height, width, 3), dtype=np.uint8)
    for i in range(n):
        skin, back, hair = rng.uniform(0.25, 0.95, (3, 3))
        face = 1 / (1 + np.exp(18 * ((x / rng.uniform(0.5, 0.7)) ** 2 + (y / 0.8) ** 2 - 1)))
        top = 1 / (1 + np.exp(18 * (y + rng.uniform(0.3, 0.5))))
        image = back + face[..., None] * (skin - back)
        image = image + (face * top)[..., None] * (hair - image)
        for side in (-0.25, 0.25):
            eye = np.exp(-(((x - side) / 0.09) ** 2) - ((y + 0.1) / 0.06) ** 2)
            image *= 1 - 0.9 * eye[..., None]
        mouth = np.exp(-((x / rng.uniform(0.15, 0.3)) ** 2) - ((y - 0.42) / 0.05) ** 2)
        image = image + mouth[..., None] * ([0.7, 0.15, 0.2] - image)
        out[i] = (255 * np.clip(image + rng.normal(0, 0.02, image.shape), 0, 1)).astype(np.uint8)
    return out


@dataclass
class Made:
    """A folder of artefacts; ``made["scores"]`` is the path of ``scores.parquet`` and so on."""

    folder: Path

    def __getitem__(self, name: str) -> Path:
        found = [self.folder / f"{name}{end}" for end in (".npy", ".parquet")]
        found = [path for path in found if path.exists()]
        assert len(found) == 1, (name, found)
        return found[0]

    def table(self, name: str, **columns: object) -> Path:
        save_table(self.folder / f"{name}.parquet", pd.DataFrame(columns))
        return self.folder / f"{name}.parquet"

    def array(self, name: str, array: np.ndarray) -> Path:
        save_npy(self.folder / f"{name}.npy", array)
        return self.folder / f"{name}.npy"


def vae_run(
    folder: Path, seed: int = 0, epochs: int = 40, shape: tuple[int, int] = (64, 64)
) -> Made:
    made, rng = Made(folder), np.random.default_rng(seed)
    t = np.arange(epochs)
    kl = 60 * (1 - np.exp(-t / 6)) + rng.normal(0, 0.4, epochs)
    reconstruction = 4000 * np.exp(-t / 5) + 210 + rng.normal(0, 2, epochs)
    beta = np.minimum(0.1, t / 50)
    made.table(
        "training", epoch=t, loss=reconstruction + beta * kl, reconstruction=reconstruction, kl=kl,
        beta=beta, learning_rate=np.where(t < epochs * 0.7, 1e-3, 1e-4),
    )  # fmt: skip
    faces = portraits(rng, 40, *shape)
    made.array("history", faces[:40].reshape(4, 10, *shape, 3)[rng.integers(0, 4, 8)])
    made.table("history-epochs", epoch=np.linspace(0, epochs - 1, 8).astype(int))
    made.array("reconstructions", np.stack([faces[:16], faces[:16] // 2 + 60]))
    made.array("variations", np.repeat(faces[:3, None], 8, axis=1))
    mix = np.linspace(0, 1, 11)[None, :, None, None, None]
    pairs = (1 - mix) * faces[:3, None] + mix * faces[3:6, None]
    made.array("interpolation", pairs.astype(np.uint8))
    made.array("traversal", np.repeat(pairs.astype(np.uint8), 3, axis=0)[:8])
    energy = np.sort(rng.gamma(0.5, 1.2, 64))[::-1]
    variance = np.clip(energy / 3, 1e-6, 1)
    order = rng.permutation(64)
    made.table(
        "dimensions", dimension=np.arange(64), kl=energy[order], mean_variance=variance[order],
        active=variance[order] > 0.01,
    )  # fmt: skip
    return made


def scored(
    folder: Path,
    *,
    n: int = 400,
    seed: int = 0,
    kind: str = "faces",
    clusters: int = 3,
    empty: bool = False,
) -> Made:
    """Everything scored from one VAE.

    Args:
        folder: Where.
        n: Samples.
        seed: Of the synthetic numbers.
        kind: synthetic or faces.
        clusters: Number of clusters on the plane (0: all noise).
        empty: Empty candidates, signatures, overlaps, sub-niches and an abi table of constants.
    """
    made, rng = Made(folder), np.random.default_rng(seed)
    synthetic = kind == "synthetic"
    shape = (32, 64) if synthetic else (64, 64)
    ids = np.array([f"{i:06d}" for i in range(n)])
    made.array("images", portraits(rng, n, *shape))
    group = rng.integers(0, max(clusters, 1), n)
    centre = rng.normal(0, 4, (max(clusters, 1), 2))
    plane = centre[group] + rng.normal(0, 1, (n, 2))
    noise = (rng.random(n) < 0.25) | (clusters == 0)
    authentic = np.arange(n) < n // 2
    if synthetic:
        made.table(
            "samples", id=ids, kind=np.where(authentic, "authentic", "interpolation"),
            person_a=rng.integers(0, 5, n), person_b=np.where(authentic, -1, 1),
            alpha=np.where(authentic, np.nan, 0.5), authentic=authentic,
        )  # fmt: skip
    else:
        made.table("samples", id=ids, identity=rng.integers(0, n // 2, n))
    latents = rng.normal(0, 1, (n, 16)).astype(np.float32)
    latents[:, :2] += plane / 3
    made.array("latents", latents)
    made.array("umap", plane.astype(np.float32))
    made.array("tsne", (plane * 8 + rng.normal(0, 3, (n, 2))).astype(np.float32))
    made.array("sources", rng.laplace(0, 1, (n, 8)))
    label = np.where(noise, -1, group)
    cmax = np.where(rng.random(n) < 0.1, 0, -1) if clusters else np.full(n, -1)
    made.table(
        "clusters", id=ids, cluster=label, probability=rng.random(n), cmax=cmax,
        scale_5=label, scale_10=label, scale_20=label, scale_50=label,
    )  # fmt: skip
    u, density = rng.normal(3, 0.2, n), rng.gamma(9, 0.02, n) * np.where(authentic, 1.3, 1.0)
    o, stability = 14 - 2 * u + rng.normal(0, 0.4, n), np.clip(rng.normal(0.97, 0.01, n), 0, 1)
    norm = np.linalg.norm(latents, axis=1)
    attractor = np.zeros(n) if empty else np.where(rng.random(n) < 0.03, 1 / n, 0.0)
    made.table(
        "scores", id=ids, uniqueness=u, uniqueness_script=u, uniqueness_notebook=u, originality=o,
        originality_script=o, originality_notebook=o, stability=stability, knn_density=density,
        attractor_density=attractor, attractor_density_adaptive=rng.poisson(2, n) / n,
        neighbors=rng.poisson(6, n), norm=norm, cls=rng.beta(4, 4, n),
        detector_score=density, detected=density > np.median(density),
    )  # fmt: skip
    summary = {
        "n": n, "dimensions": 16, "spearman_uniqueness_originality": -0.6,
        "spearman_stability_norm": 0.98, "stability_reliability": 0.8,
        "attractor_tie_share": 0.97, "overlaps_total": 0 if empty else 1234,
    }  # fmt: skip
    made.table("summary", quantity=list(summary), value=[float(v) for v in summary.values()])
    _lists(made, ids, rng, empty, synthetic)
    _faces(made, ids, rng, label, cmax, plane, empty)
    return made


def with_long_names(made: Made, folder: Path) -> Made:
    """The same artefacts; classes, attributes and a model have names as users give them."""
    longer = {
        name: f"{name}_as_most_of_the_observers_of_the_picture_saw_it"
        for name in (*CLASSES, *ATTRIBUTES, "resnet50")
    }
    shutil.copytree(made.folder, folder)
    for path in folder.glob("*.parquet"):
        table = load_table(path)
        texts: list[str] = list(table.select_dtypes("str").columns)
        table[texts] = table[texts].replace(longer)
        save_table(path, table.rename(columns=longer))
    return Made(folder)


def _lists(
    made: Made, ids: np.ndarray, rng: np.random.Generator, empty: bool, synthetic: bool
) -> None:
    n = len(ids)
    rows = []
    for percentile, size in ((95, 3), (80, 8), (65, 14), (45, 22)):
        pool = np.arange(0, n, max(1, n // 25))[: 0 if empty else size]
        rows += [(90, percentile, i) for i in pool]
    frame = np.array(rows or np.empty((0, 3)), dtype=int).reshape(-1, 3)
    index = frame[:, 2]
    made.table(
        "candidates", uniqueness_percentile=frame[:, 0].astype(float),
        stability_percentile=frame[:, 1].astype(float), index=index, id=ids[index],
        uniqueness=rng.normal(3.4, 0.05, len(index)), neighbors=rng.integers(0, 8, len(index)),
        stability=rng.uniform(0.97, 1, len(index)), validation_score=rng.random(len(index)),
    )  # fmt: skip
    signature = np.arange(0 if empty else 15) * 3
    adaptive = np.arange(len(signature)) % 3 > 0
    made.table(
        "signatures", radius_kind=np.where(adaptive, "adaptive", "default"),
        index=signature, id=ids[signature], originality=rng.random(len(signature)),
        density=rng.uniform(0.01, 0.1, len(signature)),
    )  # fmt: skip
    i, j = np.empty((2, 0), int) if empty else np.array([np.arange(20), np.arange(20) + 40])
    made.table(
        "overlaps", i=i, j=j, id_i=ids[i], id_j=ids[j],
        similarity=np.linspace(0.9999, 0.99, len(i)), distance=np.linspace(0.1, 0.9, len(i)),
    )  # fmt: skip
    if not synthetic:
        return
    funnel = []
    for u in (90, 80):
        for p, tp, fp in ((95, 2, 3), (80, 6, 9), (65, 9, 14), (45, 15, 20)):
            tp = int(tp * rng.uniform(0, 1.5)) if not empty else 0
            fp = fp if not empty else 0
            precision = tp / (tp + fp) if tp + fp else float("nan")
            recall = tp / 200
            funnel.append((float(u), float(p), tp + fp, tp, fp, 200 - tp, precision, recall,
                           2 * tp / (tp + fp + 200)))  # fmt: skip
    names = ["uniqueness_percentile", "stability_percentile", "selected", "tp", "fp", "fn",
             "precision", "recall", "f1"]  # fmt: skip
    table = pd.DataFrame(funnel, columns=names).assign(prevalence=0.5)
    save_table(made.folder / "funnel.parquet", table)
    detectors = {"uniqueness": 0.1, "originality": 0.4, "stability": 0.7, "cls": 0.2,
                 "knn_density": 0.99, "attractor_density_adaptive": 0.9,
                 "detect_authentic": 0.995}  # fmt: skip
    auc = np.clip(np.array(list(detectors.values())) + rng.normal(0, 0.03, len(detectors)), 0, 1)
    made.table(
        "detection", detector=list(detectors), roc_auc=auc, average_precision=auc**0.5,
        average_precision_interpolations=1 - auc,
        f1=[float("nan")] * (len(detectors) - 1) + [0.95], prevalence=0.5,
    )  # fmt: skip


def _faces(
    made: Made, ids: np.ndarray, rng: np.random.Generator, label: np.ndarray, cmax: np.ndarray,
    plane: np.ndarray, empty: bool,
) -> None:  # fmt: skip
    n = len(ids)
    groups = [(f"cluster {k}", int((label == k).sum())) for k in sorted(set(label[label >= 0]))]
    groups += [("cmax", int((cmax >= 0).sum()))] if (cmax >= 0).any() else []
    rows = []
    for name, size in groups:
        for k, attribute in enumerate(ATTRIBUTES):
            status = "constant" if empty else "zero_cell" if k == 12 else "ok"
            estimate = np.nan if empty else float(np.exp(rng.normal(0, 0.8)))
            rows.append((name, size, "odds", attribute, estimate,
                         "undefined" if empty else "over" if estimate > 1.15
                         else "under" if estimate < 0.85 else "neutral",
                         status, estimate, estimate * 0.7, estimate * 1.4,
                         np.nan if empty else rng.random(), np.nan if empty else rng.random() ** 3,
                         np.nan if empty else rng.random() ** 2, 0.4, 0.3))  # fmt: skip
    save_table(made.folder / "abi.parquet", pd.DataFrame(rows, columns=[
        "group", "n_members", "definition", "attribute", "value", "direction", "status", "estimate",
        "low", "high", "p", "q", "q_seed", "prevalence_members", "prevalence_rest",
    ]))  # fmt: skip
    sizes = [int((label == k).sum()) for k in (-1, *sorted(set(label[label >= 0])))]
    names = [-1, *sorted(set(label[label >= 0]))]
    made.table(
        "profile", cluster=names, size=sizes, mean_distance=1.0, max_distance=2.0, sd_distance=0.1,
        mean_cls=0.5, mean_uniqueness=3.0, mean_originality=8.0, mean_stability=0.9,
        creative=[k == max(names) and k >= 0 for k in names],
    )  # fmt: skip
    lists = []
    for name, size in (("creative", 150), ("stereotypes", 140), ("grey", 50), ("generic", 0)):
        size = 0 if empty and name == "grey" else min(size, n)
        chosen = rng.permutation(n)[:size]
        lists += [(name, r, int(i), ids[i], 3.0, 8.0, 0.97, 1 - r / 200, -1)
                  for r, i in enumerate(chosen)]  # fmt: skip
    save_table(made.folder / "rankings.parquet", pd.DataFrame(lists, columns=[
        "list", "rank", "index", "id", "uniqueness", "originality", "stability", "cls", "cluster",
    ]))  # fmt: skip
    chosen = np.argsort(plane[:, 0], kind="stable")[: 0 if empty else 60]
    niche = np.arange(len(chosen)) // 20 + 1
    made.table("subniches", index=chosen, id=ids[chosen], niche=niche,
               density=rng.random(len(chosen)))  # fmt: skip
    kinds = np.unique(niche)
    made.table("subniche-profile", niche=kinds, size=[20] * len(kinds), mean_cls=[0.4] * len(kinds),
               mean_uniqueness=[3.0] * len(kinds), mean_originality=[8.0] * len(kinds))  # fmt: skip
    _identities(made, ids, rng)


def _identities(made: Made, ids: np.ndarray, rng: np.random.Generator, size: int = 8) -> None:
    names = ["intra A", "intra B", "inter", "mixed"]
    people = [2820, 3227, -1, -1]
    rows = [(g, p, size, s, rng.normal(3, 0.2), 0.3) for g, p in zip(names, people, strict=True)
            for s in ("uniqueness", "originality", "stability")]  # fmt: skip
    save_table(made.folder / "identity-groups.parquet", pd.DataFrame(
        rows, columns=["group", "identity", "n", "score", "mean", "sd"]))  # fmt: skip
    index = np.concatenate([np.arange(k * size, (k + 1) * size) for k in range(4)])
    made.table("identity-members", group=np.repeat(names, size), index=index, id=ids[index],
               identity=np.repeat(people, size),
               identity_name=np.repeat([f"{p}" * (p > 0) for p in people], size))  # fmt: skip
    spaces = ["latents", "sources", "uniqueness", "originality", "stability", "cls"]
    auc = np.array([0.71, 0.66, 0.52, 0.49, 0.51, 0.5])
    made.table("identity-pairs", status="", space=spaces, auc=auc, n_same=7015, n_different=7015,
               n_same_all=7015, low=auc - 0.01, high=auc + 0.01,
               silhouette=[0.05, *[np.nan] * 5])  # fmt: skip


MODELS = ["pixels", "random", "label", "class_mean", "resnet50", "vae", "philnet"]


def alignment(
    folder: Path, *, n: int = 200, seeds: int = 2, models: list[str] | None = None
) -> Made:
    """Human and model RDMs, RSA, behaviour and confusions of ten classes."""
    made, rng = Made(folder), np.random.default_rng(7)
    models = MODELS if models is None else models
    ids = np.array([f"test-{i:05d}" for i in range(n)])
    label = rng.integers(0, 10, n)
    made.table("samples", id=ids, label=label, label_name=np.array(CLASSES)[label])
    made.array("images", portraits(rng, n, 32, 32))
    votes = np.zeros((n, 10), int)
    for i in range(n):
        p = rng.dirichlet(np.full(10, 0.05))
        p = 0.2 * p * (rng.random() < 0.4)
        p[label[i]] += 1 - p.sum()
        votes[i] = rng.multinomial(50, p)
    save_table(made.folder / "votes.parquet", pd.DataFrame(votes, columns=CLASSES).assign(id=ids))
    share = votes / votes.sum(1, keepdims=True)
    order = rng.permutation(n)
    logits = 4 * np.eye(10)[label] + rng.normal(0, 1.5, (n, 10))
    made.array("logits", logits[order].astype(np.float32))
    made.table("features", id=ids[order])
    made.array("human", pdist(share).astype(np.float32))
    made.table("human.ids", id=ids)
    for model in models:
        features = np.eye(10)[label] + rng.normal(0, 0.6, (n, 10))
        made.array(f"rdm-{model}", pdist(features[order]).astype(np.float32))
        made.table(f"rdm-{model}.ids", id=ids[order])
    _rsa(made, rng, models, seeds)
    _behaviour(made, rng, ids, label, share, models, seeds)
    return made


def _rsa(made: Made, rng: np.random.Generator, models: list[str], seeds: int) -> None:
    rows = []
    for m, model in enumerate(models):
        layers = ["features", "probabilities"] if model in ("philnet", "resnet50") else ["features"]
        for layer in layers:
            for seed in range(seeds if model in ("philnet", "vae", "random") else 1):
                value = 0.08 * m + 0.05 * (layer == "probabilities") + rng.normal(0, 0.01)
                rows.append((model, layer, seed, "euclidean", "rho-a", value, value / 3,
                             value / 4, value / 5, value / 6, 0.27, 0.89, 0.72, 0.917, "", 10_000,
                             49_995_000))  # fmt: skip
    save_table(made.folder / "rsa.parquet", pd.DataFrame(rows, columns=[
        "model", "layer", "seed", "metric", "method", "value", "partial_label", "spearman",
        "within_class_rho_a", "non_unanimous", "label_only", "ceiling", "ceiling_lower",
        "ceiling_upper", "ceiling_status", "n_images", "n_pairs",
    ]))  # fmt: skip
    names = ["human", *[f"{m} features seed 0" for m in models]]
    made.table(
        "rsa-models", model_a=np.repeat(names, len(names)), model_b=names * len(names),
        value=[1.0 if a == b else abs(hash_free(a, b)) for a in names for b in names],
    )  # fmt: skip


def hash_free(a: str, b: str) -> float:
    """A number in [0, 1) that is the same for (a, b) and (b, a)."""
    return sum(map(ord, a + b)) % 97 / 97


def _behaviour(
    made: Made, rng: np.random.Generator, ids: np.ndarray, label: np.ndarray, share: np.ndarray,
    models: list[str], seeds: int,
) -> None:  # fmt: skip
    names = np.array(CLASSES)
    base = np.full((10, 10), 1e-4)
    base[3, 5] = base[5, 3] = 0.08
    base[0, 8] = base[2, 4] = 0.03
    human = base + np.diag(1 - base.sum(1))
    rows = []
    for source in ["human", *[m for m in models if m in ("philnet", "resnet50", "random")]]:
        for seed in range(1 if source == "human" else seeds):
            noise = 0 if source == "human" else rng.gamma(0.3, 0.03, (10, 10))
            table = (human + noise) / (human + noise).sum(1, keepdims=True)
            rows += [(source, seed, names[i], names[j], int(1000 * table[i, j]), table[i, j],
                      table[i, j] - human[i, j]) for i in range(10) for j in range(10)]  # fmt: skip
    save_table(made.folder / "confusions.parquet", pd.DataFrame(rows, columns=[
        "source", "seed", "true", "predicted", "count", "share", "difference"]))  # fmt: skip
    entropy = -np.where(share > 0, share * np.log(np.where(share > 0, share, 1)), 0).sum(1)
    frames = []
    for source in [m for m in models if m in ("philnet", "resnet50", "random")]:
        for seed in range(seeds):
            frames.append(pd.DataFrame({
                "id": ids, "label_name": names[label], "human_entropy": entropy,
                "human_accuracy": share[np.arange(len(ids)), label], "model": source, "seed": seed,
                "model_entropy": np.clip(entropy + rng.gamma(1, 0.3, len(ids)), 0, np.log(10)),
                "jensen_shannon": rng.beta(1, 5, len(ids)),
            }))  # fmt: skip
    save_table(made.folder / "image-table.parquet", pd.concat(frames) if frames else pd.DataFrame())


def classifier_training(folder: Path, seed: int = 0, epochs: int = 30) -> Path:
    made, rng = Made(folder), np.random.default_rng(seed)
    t = np.arange(epochs)
    loss = 1.8 * np.exp(-t / 8) + 0.2 + rng.normal(0, 0.01, epochs)
    return made.table(
        "training", epoch=t, loss=loss, accuracy=1 - loss / 3,
        learning_rate=1e-3 * (1 + np.cos(np.pi * t / epochs)) / 2, test_loss=loss + 0.15,
        test_accuracy=0.95 - loss / 3, flop=np.full(epochs, 3e13),
    )  # fmt: skip
