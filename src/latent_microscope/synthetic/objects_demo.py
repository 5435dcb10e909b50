"""Synthetic demo data: ten drawn classes in the layout of CIFAR-10, and simulated votes on them.

The classes have names of their own: nothing made from them can be mistaken for CIFAR-10.
"""

import io
import json
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

SIZE = 32
CLASSES = [
    *("disc", "ring", "square", "cross", "triangle"),
    *("star", "blob", "stripes", "waves", "checker"),
]
MIN_VOTES, MAX_VOTES = 47, 63  # as in CIFAR-10H
LOOK_ALIKE = [(0, 1), (0, 6), (2, 9), (3, 5), (4, 5), (7, 8)]

Field = npt.NDArray[np.float64]
_EDGE = 14.0


def _soft(signed_distance: Field) -> Field:
    """1 inside, 0 outside, about two pixels of edge."""
    return 1 / (1 + np.exp(np.clip(_EDGE * signed_distance, -50, 50)))


def _triangle(x: Field, y: Field) -> Field:
    angle = np.arctan2(y, x) % (2 * np.pi / 3) - np.pi / 3
    return np.hypot(x, y) - 0.36 / np.cos(angle)


def _star(x: Field, y: Field) -> Field:
    points = 0.5 + 0.5 * np.cos(5 * np.arctan2(y, x))
    return np.hypot(x, y) - (0.32 + 0.5 * points**2)


_SHAPES: list[Callable[[Field, Field], Field]] = [
    lambda x, y: np.hypot(x, y) - 0.62,
    lambda x, y: np.abs(np.hypot(x, y) - 0.55) - 0.16,
    lambda x, y: np.maximum(np.abs(x), np.abs(y)) - 0.55,
    lambda x, y: np.minimum(
        np.maximum(np.abs(x) - 0.18, np.abs(y) - 0.75),
        np.maximum(np.abs(y) - 0.18, np.abs(x) - 0.75),
    ),
    _triangle,
    _star,
    lambda x, y: np.hypot(x, y) - 0.5 - 0.14 * np.sin(3 * np.arctan2(y, x) + 1),
    lambda x, y: np.sin(7 * x) * 0.3,
    lambda x, y: np.sin(7 * x + 1.6 * np.sin(4 * y)) * 0.3,
    lambda x, y: -np.sin(5.5 * x) * np.sin(5.5 * y) * 0.5,
]


def draw_object(
    label: int, other: int, difficulty: float, generator: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """A shape of random place, size, angle and colours, mixed with another; uint8 (32, 32, 3).

    ``difficulty`` is twice the weight of the class ``other``: 0 is a clear image, 1 half and half.
    """
    turn = generator.uniform(-0.45, 0.45)
    scale = generator.uniform(0.75, 1.25)
    shift = generator.uniform(-0.22, 0.22, 2)
    ink, paper = _colours(generator)
    axis = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
    rows, columns = np.meshgrid(axis - shift[0], axis - shift[1], indexing="ij")
    x = (np.cos(turn) * columns + np.sin(turn) * rows) / scale
    y = (-np.sin(turn) * columns + np.cos(turn) * rows) / scale
    mask = _soft(_SHAPES[label](x, y))
    if difficulty > 0:
        weight = difficulty / 2
        mask = (1 - weight) * mask + weight * _soft(_SHAPES[other](x, y))
    image = paper + mask[..., None] * (ink - paper)
    image = image + generator.normal(0, 0.03 + 0.05 * difficulty, image.shape)
    return np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)


def _colours(generator: np.random.Generator) -> tuple[Field, Field]:
    """Foreground and background of clearly different lightness."""
    dark, light = generator.uniform(0, 0.4, 3), generator.uniform(0.6, 1, 3)
    return (dark, light) if generator.random() < 0.5 else (light, dark)


def draw_split(
    per_class: int, generator: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """A shuffled split with equally many images per class: images, labels, difficulty.

    They are uint8 (n, 32, 32, 3), int64 (n,), and float64 (n,) in [0, 1]: most images are clear.
    """
    labels = generator.permutation(np.repeat(np.arange(len(CLASSES)), per_class))
    difficulty = generator.beta(0.35, 1.6, len(labels))
    partners = [[b if a == k else a for a, b in LOOK_ALIKE if k in (a, b)] for k in range(10)]
    images = np.empty((len(labels), SIZE, SIZE, 3), dtype=np.uint8)
    for row, (label, hard) in enumerate(zip(labels, difficulty, strict=True)):
        other = int(generator.choice(partners[label]))
        images[row] = draw_object(int(label), other, float(hard), generator)
    return images, labels, difficulty


def confusion_matrix(
    n_classes: int, confusable: Sequence[tuple[int, int]], share: float = 0.6
) -> Field:
    """What is answered for the hardest images: (true, answered), rows sum to 1.

    ``share`` of the answers goes to the classes that are confusable with the true one, evenly; a
    tenth of the rest is spread over all classes, the remainder is correct.
    """
    pairs = np.zeros((n_classes, n_classes))
    for a, b in confusable:
        pairs[a, b] = pairs[b, a] = 1
    totals = pairs.sum(axis=1, keepdims=True)
    confused = np.divide(pairs, totals, out=np.eye(n_classes), where=totals > 0)
    rest = 0.9 * np.eye(n_classes) + 0.1 / n_classes
    return share * confused + (1 - share) * rest


def vote_probabilities(labels: npt.NDArray[np.int64], confusion: Field, difficulty: Field) -> Field:
    """Distributions of answers (n, classes): (1 − difficulty)·label + difficulty·confusion[label].

    ``difficulty`` (n,) lies in [0, 1]; 0 means that everyone answers the label.
    """
    weight = difficulty[:, None]
    return (1 - weight) * np.eye(len(confusion))[labels] + weight * confusion[labels]


def simulate_votes(probabilities: Field, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Independent votes per image, (n, classes), as many as in CIFAR-10H."""
    totals = generator.integers(MIN_VOTES, MAX_VOTES + 1, len(probabilities))
    return generator.multinomial(totals, probabilities).astype(np.int64)


def draw_votes(
    labels: npt.NDArray[np.int64],
    difficulty: npt.NDArray[np.float64],
    generator: np.random.Generator,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Votes (n, 10) on a split, 47 to 63 per image, and the probabilities they were drawn from."""
    confusion = confusion_matrix(len(CLASSES), LOOK_ALIKE)
    probabilities = vote_probabilities(labels, confusion, difficulty)
    return simulate_votes(probabilities, generator), probabilities


def parquet_bytes(
    images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], prefix: str
) -> bytes:
    """A split as Parquet in Hugging Face's layout, with the class names in the metadata.

    Its columns are ``img`` {bytes, path} and ``label``.
    """
    names = {"names": CLASSES, "_type": "ClassLabel"}
    features = {"img": {"_type": "Image"}, "label": names}
    metadata = json.dumps({"info": {"features": features}}, sort_keys=True)
    cells = [
        {"bytes": _png(image), "path": f"{prefix}_{row:05d}.png"}
        for row, image in enumerate(images)
    ]
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = [("img", image), ("label", pa.int64())]
    schema = pa.schema(columns, metadata={"huggingface": metadata})
    table = pa.table({"img": pa.array(cells, image), "label": labels}, schema)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=1000)
    return buffer.getvalue()


def _png(image: npt.NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=6)
    return buffer.getvalue()
