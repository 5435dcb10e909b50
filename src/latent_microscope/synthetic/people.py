"""Synthetic people with a known truth: authentic images of templates, and mixtures of two.

The boxes, scales and noise levels are those of the preprint's experiment (DOI
10.5281/zenodo.16827724). 200 authentic samples with 200 interpolations are our reconstruction of
its table, which the committed code cannot produce.
"""

from dataclasses import dataclass
from itertools import cycle

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from latent_microscope.errors import InputError
from latent_microscope.seeds import rng

HEIGHT, WIDTH = 32, 64


@dataclass(frozen=True)
class Person:
    """How one person's template differs from the noise: two boxes of U(0, 1)·scale + offset."""

    name: str
    rows: tuple[int, int]  # first and past-the-end row of both boxes
    left: tuple[int, int]  # columns of the left box
    right: tuple[int, int]
    scale: float
    offset: float


@dataclass(frozen=True)
class PeopleSettings:
    """A data set of :func:`people_data`; noise in units of the image range."""

    per_person: int  # authentic images of each person
    interpolations: int  # number of mixtures
    people: int = 5  # beyond five the boxes repeat, each time in another person's noise
    noise: float = 0.05  # standard deviation on authentic images
    interpolation_noise: float = 0.03
    edge: float = 0.5  # alpha lies within this of 0 or of 1, half of them each; 0.5: anywhere


PEOPLE = (
    Person("large", (8, 22), (10, 32), (32, 54), 0.7, 0.2),
    Person("small", (12, 18), (16, 26), (38, 48), 0.5, 0.4),
    Person("brows", (6, 8), (12, 28), (36, 52), 0.2, 0.0),
    Person("almond", (10, 20), (14, 30), (34, 50), 0.6, 0.3),
    Person("mixed", (9, 19), (13, 31), (33, 51), 0.65, 0.25),
)


def templates(generator: np.random.Generator, people: int = 5) -> npt.NDArray[np.float64]:
    """One template per person in [0, 1], (people, 32, 64, 3): U(0.3, 0.7) noise with two boxes."""
    made = generator.uniform(0.3, 0.7, (people, HEIGHT, WIDTH, 3))
    for template, person in zip(made, cycle(PEOPLE), strict=False):
        for first, last in (person.left, person.right):
            box = template[slice(*person.rows), first:last]
            box[...] = generator.random(box.shape) * person.scale + person.offset
    return made


def authentic_images(
    bases: npt.NDArray[np.float64],
    per_person: int,
    generator: np.random.Generator,
    noise: float = 0.05,
) -> npt.NDArray[np.float64]:
    """Template + N(0, noise²), clipped, (people · per_person, 32, 64, 3); person 0 first."""
    repeated = np.repeat(bases, per_person, axis=0)
    return np.clip(repeated + generator.normal(0, noise, repeated.shape), 0, 1)


def interpolated_images(
    bases: npt.NDArray[np.float64],
    count: int,
    generator: np.random.Generator,
    noise: float = 0.03,
    edge: float = 0.5,
) -> tuple[npt.NDArray[np.float64], pd.DataFrame]:
    """Mixtures alpha·A + (1 − alpha)·B of two people, alpha uniform, + N(0, noise²), clipped.

    The images are (n, 32, 64, 3); the table has person_a, person_b and alpha.
    """
    if count and len(bases) < 2:
        raise InputError("interpolations need at least two people")
    person_a = generator.integers(0, len(bases), count)
    step = generator.integers(1, max(len(bases), 2), count)
    person_b = (person_a + step) % len(bases)
    alpha = generator.random(count)
    if edge != 0.5:
        alpha = np.where(alpha < 0.5, 2 * edge * alpha, 1 - 2 * edge * (1 - alpha))
    weight = alpha[:, None, None, None]
    mixed = weight * bases[person_a] + (1 - weight) * bases[person_b]
    images = np.clip(mixed + generator.normal(0, noise, mixed.shape), 0, 1)
    return images, pd.DataFrame({"person_a": person_a, "person_b": person_b, "alpha": alpha})


def quantise(images: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """[0, 1] → uint8, round(255·x)."""
    return np.round(images * 255).astype(np.uint8)


def people_data(
    settings: PeopleSettings,
    template_stream: np.random.Generator,
    sample_stream: np.random.Generator,
) -> tuple[npt.NDArray[np.uint8], pd.DataFrame]:
    """Images uint8 (n, 32, 64, 3) and their labels: authentic by person, then interpolations.

    The table: id, kind (authentic or interpolation), person_a, person_b (−1 if none), alpha (NaN if
    none), authentic.
    """
    bases = templates(template_stream, settings.people)
    authentic = authentic_images(bases, settings.per_person, sample_stream, settings.noise)
    noise, edge = settings.interpolation_noise, settings.edge
    mixed, parts = interpolated_images(bases, settings.interpolations, sample_stream, noise, edge)
    person_a = np.repeat(np.arange(len(bases)), settings.per_person)
    people = pd.DataFrame({"person_a": person_a, "person_b": -1, "alpha": np.nan})
    table = pd.concat([people, parts], ignore_index=True)
    sizes = {"authentic": len(people), "interpolation": len(parts)}
    ids = [f"{kind}-{i:04d}" for kind, size in sizes.items() for i in range(size)]
    table.insert(0, "id", ids)
    table.insert(1, "kind", [name.partition("-")[0] for name in ids])
    table["authentic"] = table["kind"] == "authentic"
    return quantise(np.concatenate([authentic, mixed])), table


def people_of_run(
    root_seed: int, seed: int, settings: PeopleSettings
) -> tuple[npt.NDArray[np.uint8], pd.DataFrame]:
    """:func:`people_data` with the streams of a root seed and the number of a data seed."""
    return people_data(
        settings,
        rng(root_seed, "generate_synthetic", "templates", seed),
        rng(root_seed, "generate_synthetic", "samples", seed),
    )


def eye_region(images: npt.NDArray[np.uint8], sigma: float = 0.5) -> npt.NDArray[np.uint8]:
    """The eye region (n, 32, 64, 3) of uint8 images (n, H, W, 3), as the published scripts crop it.

    Rows 25–60 %, columns 15–85 % (rounded down), resized to 64×32 (Lanczos), 3×3 Gaussian blur of
    ``sigma`` pixels.
    """
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        raise InputError(f"images must be uint8 (n, H, W, 3), not {images.dtype} {images.shape}")
    height, width = images.shape[1:3]
    rows = slice(height * 25 // 100, height * 60 // 100)
    columns = slice(width * 15 // 100, width * 85 // 100)
    if rows.stop <= rows.start or columns.stop <= columns.start:
        raise InputError(f"images of {width} x {height} pixels are too small for an eye region")
    resized = np.empty((len(images), HEIGHT, WIDTH, 3), dtype=np.uint8)
    for out, image in zip(resized, images[:, rows, columns], strict=True):
        picture = Image.fromarray(np.ascontiguousarray(image))
        out[...] = np.asarray(picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))
    return _blur(resized, sigma)


def _blur(images: npt.NDArray[np.uint8], sigma: float) -> npt.NDArray[np.uint8]:
    """3×3 Gaussian blur, edges mirrored without repeating the edge pixel (as OpenCV)."""
    kernel = np.exp(-(np.array([-1.0, 0.0, 1.0]) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    padded = np.pad(images.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    rows = kernel[0] * padded[:, :-2] + kernel[1] * padded[:, 1:-1] + kernel[2] * padded[:, 2:]
    both = kernel[0] * rows[:, :, :-2] + kernel[1] * rows[:, :, 1:-1] + kernel[2] * rows[:, :, 2:]
    return np.clip(np.round(both), 0, 255).astype(np.uint8)
