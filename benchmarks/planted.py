"""Near-duplicates: precision and recall on copies planted among images.

``python -m benchmarks.planted [FILE.npy …]``: files of uint8 images (n, H, W, 3), each a row of the
table, after the drawn and real images that need no file. Pairs that were found but not planted are
listed as it runs: whether they are copies that the images had before, someone must look.
"""

import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageEnhance
from sklearn.datasets import load_digits, load_sample_images
from sklearn.decomposition import PCA

from latent_microscope.forensics.near_duplicates import near_duplicates
from latent_microscope.synthetic.faces_demo import draw_attributes, draw_face, draw_person
from latent_microscope.synthetic.objects_demo import draw_split

Images = np.ndarray
Change = Callable[[Image.Image, np.random.Generator], Image.Image]


def _crop(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Up to 5 % of each side, then to the old size."""
    left, top, right, bottom = rng.uniform(0, 0.05, 4)
    width, height = image.size
    box = (left * width, top * height, width - right * width, height - bottom * height)
    return image.resize(image.size, Image.Resampling.BICUBIC, box=box)


def _rescale(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """To 0.5 to 2 times the size and back."""
    factor = rng.uniform(0.5, 0.9) if rng.random() < 0.7 else rng.uniform(1.2, 2.0)
    size = round(image.width * factor), round(image.height * factor)
    how = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
    method = how[rng.integers(3)]
    return image.resize(size, method).resize(image.size, method)


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def _brightness(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    factor = rng.uniform(0.65, 0.85) if rng.random() < 0.5 else rng.uniform(1.15, 1.35)
    return ImageEnhance.Brightness(image).enhance(factor)


CHANGES: dict[str, Change] = {
    "mirror": lambda image, rng: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "crop": _crop,
    "brightness": _brightness,
    "rescale": _rescale,
    "jpeg": lambda image, rng: _jpeg(image, int(rng.integers(30, 91))),
}
KINDS = ("exact", *CHANGES, "jpeg 30", "two", "three", "all")
"""Single changes, and combinations of two, three and all five of them in the order above."""


def planted(
    images: Images, each: int, rng: np.random.Generator
) -> tuple[Images, dict[tuple[int, int], str]]:
    """Images with ``each`` copies of every kind behind them, and the kind of each true pair."""
    rows = iter(rng.permutation(len(images)))
    copies: list[np.ndarray] = []
    truth: dict[tuple[int, int], str] = {}
    for kind in np.repeat(KINDS, each).tolist():
        row = int(next(rows))
        image = Image.fromarray(images[row])
        count = {"two": 2, "three": 3, "all": 5}.get(kind, 0)
        chosen = rng.choice(list(CHANGES), count, replace=False) if count else [kind]
        for name in (name for name in CHANGES if name in chosen):
            image = CHANGES[name](image, rng)
        truth[row, len(images) + len(copies)] = kind
        copies.append(np.asarray(_jpeg(image, 30) if kind == "jpeg 30" else image))
    return np.concatenate([images, np.stack(copies)]), truth


def found_pairs(images: Images, latents: np.ndarray) -> dict[tuple[int, int], float]:
    """Pairs that are called one photograph, and how much they differ."""
    table = near_duplicates(latents, images, [str(row) for row in range(len(images))])
    same = table[table["verdict"].isin(["copy", "near-duplicate"])]
    return dict(zip(zip(same["i"], same["j"], strict=True), same["difference"], strict=True))


def scored(images: Images, latents: np.ndarray, truth: dict[tuple[int, int], str]) -> pd.Series:
    """Recall by kind, precision, and the numbers of pairs planted, found and not planted."""
    found = found_pairs(images, latents)
    hit = pd.Series({pair: pair in found for pair in truth})
    by_kind = hit.groupby(list(truth.values())).mean().reindex(KINDS)
    right = int(hit.sum())
    others = [(i, j, round(found[i, j], 3)) for i, j in sorted(found.keys() - truth.keys())]
    facts = {"planted": len(truth), "found": right, "others": len(others), "pairs": others}
    rates = {"recall": hit.mean(), "precision": right / max(len(found), 1)}
    return pd.Series({**facts, **rates, **by_kind}, dtype=object)


def tiles(side: int = 64) -> Images:
    """Pieces of the two photographs that scikit-learn ships, without the flat ones."""
    pieces = np.concatenate([
        photo[: photo.shape[0] // side * side, : photo.shape[1] // side * side]
        .reshape(photo.shape[0] // side, side, photo.shape[1] // side, side, 3)
        .swapaxes(1, 2)
        .reshape(-1, side, side, 3)
        for photo in load_sample_images().images
    ])  # fmt: skip
    return pieces[pieces.std(axis=(1, 2, 3)) > 20]


def digits() -> Images:
    """Handwritten digits of 8 × 8 pixels, enlarged to 32 × 32."""
    grey = (load_digits().images * 255 / 16).astype(np.uint8)
    return np.stack([
        np.asarray(Image.fromarray(one).resize((32, 32), Image.Resampling.BICUBIC).convert("RGB"))
        for one in grey
    ])  # fmt: skip


def drawn_faces(people: int, each: int = 1, seed: int = 0) -> Images:
    """The demo's cartoon faces, 64 × 64; ``each`` drawings of one person have one pose."""
    rng = np.random.default_rng(seed)
    looks = [draw_person(rng) for _ in range(people)]
    return np.stack([
        np.asarray(draw_face(look, draw_attributes(look, rng), rng).resize((64, 64)))
        for look in looks
        for _ in range(each)
    ])  # fmt: skip


def latents_of(images: Images, dimensions: int, *, seed: int = 0) -> np.ndarray:
    """Principal components of the pixels; random numbers beyond 128, which say nothing."""
    if dimensions > 128:
        return np.random.default_rng(seed).normal(size=(len(images), dimensions))
    flat = images.reshape(len(images), -1).astype(np.float32)
    return PCA(dimensions, random_state=seed).fit_transform(flat)


def main(files: Sequence[str], seeds: Sequence[int] = (2, 3)) -> None:
    """Print the tables; the constants of near_duplicates were chosen with seeds 0 and 1."""
    sets = {
        "photograph tiles": tiles(),
        "digits": digits()[:900],
        "drawn faces": drawn_faces(300),
        "drawn faces, 10 a person": drawn_faces(30, 10),
        "drawn objects": draw_split(60, np.random.default_rng(0))[0],
    } | {Path(file).stem: np.load(file) for file in files}
    rows = []
    for seed in seeds:
        for name, images in sets.items():
            for dimensions in (2, 16, 128, 512):
                rng = np.random.default_rng(1000 * seed + dimensions)
                every, truth = planted(images, max(1, len(images) // 100), rng)
                kept = min(dimensions, len(every)) if dimensions <= 128 else dimensions
                told = scored(every, latents_of(every, kept, seed=seed), truth)
                rows.append({"set": name, "d": dimensions, "seed": seed} | told.to_dict())
                print(name, dimensions, seed, told["pairs"], flush=True, file=sys.stderr)
    print(summary(pd.DataFrame(rows)))


def summary(table: pd.DataFrame) -> str:
    """By set and dimensions, mean ± sd over seeds; recall by kind; all together."""
    rates, numbers = ["recall", "precision"], ["planted", "found", "others"]
    runs = table.groupby(["set", "d"], sort=False)
    by_run = runs[numbers].sum().astype(int)
    for rate in rates:
        own = runs[rate].apply(lambda one: f"{one.mean():.3f} ± {one.astype(float).std():.3f}")
        by_run[rate] = own
    by_kind = table.groupby("set", sort=False)[list(KINDS)].mean().astype(float).round(2)
    total = table[numbers].sum()
    recall = total["found"] / total["planted"]
    precision = total["found"] / (total["found"] + total["others"])
    last = f"all: recall {recall:.3f}, precision {precision:.3f}"
    return "\n\n".join([by_run.to_string(), by_kind.to_string(), last])


if __name__ == "__main__":
    main(sys.argv[1:])
