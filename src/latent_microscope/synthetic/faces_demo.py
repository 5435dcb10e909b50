"""Drawn cartoon faces in the layout of Kaggle's CelebA, so that a demo needs no photograph."""

import io
import zipfile
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from latent_microscope.errors import InputError

WIDTH, HEIGHT = 89, 109
_FOLDER = "img_align_celeba/img_align_celeba"
_TABLE = "list_attr_celeba.csv"
_OVERSAMPLE = 3
_TIMESTAMP = (2020, 1, 1, 0, 0, 0)
_LARGEST_GROUP = 30

Colour = tuple[int, int, int]
Attributes = dict[str, bool]


@dataclass(frozen=True)
class Look:
    """What all images of one person share (lengths in pixels of the finished image)."""

    skin: Colour
    hair: Colour
    iris: Colour
    face_width: float
    face_height: float
    eye_gap: float
    eye_size: float
    nose: float
    brow_tilt: float
    dark_hair: bool
    long_hair: bool
    beard: bool


def person_sizes(n_images: int, n_people: int) -> npt.NDArray[np.int64]:
    """Images per person: two have 30 (if there are enough), the others as even as possible."""
    if not 1 <= n_people <= n_images:
        raise InputError(f"{n_people} people for {n_images} images: give 1 to {n_images} people")
    large = 2 if n_people > 2 and n_images - 2 * _LARGEST_GROUP >= n_people - 2 else 0
    rest = n_people - large
    left = n_images - large * _LARGEST_GROUP
    sizes = np.full(rest, left // rest)
    sizes[: left % rest] += 1
    return np.concatenate([np.full(large, _LARGEST_GROUP), sizes]).astype(np.int64)


def draw_person(generator: np.random.Generator) -> Look:
    """A random person; beards are more common with short hair."""
    dark = bool(generator.random() < 0.5)
    long_hair = bool(generator.random() < 0.45)
    beard = bool(generator.random() < (0.1 if long_hair else 0.5))
    tone = generator.uniform(0.35, 1.0)
    skin = np.array([250, 215, 185]) * tone + generator.uniform(-8, 8, 3)
    hair = (
        generator.uniform(15, 60, 3) if dark else generator.uniform([170, 120, 40], [240, 210, 140])
    )
    return Look(
        skin=_colour(skin),
        hair=_colour(hair),
        iris=_colour(generator.uniform(20, 160, 3)),
        face_width=float(generator.uniform(40, 52)),
        face_height=float(generator.uniform(54, 66)),
        eye_gap=float(generator.uniform(17, 24)),
        eye_size=float(generator.uniform(3.5, 6)),
        nose=float(generator.uniform(7, 13)),
        brow_tilt=float(generator.uniform(-3, 3)),
        dark_hair=dark,
        long_hair=long_hair,
        beard=beard,
    )


def draw_attributes(look: Look, generator: np.random.Generator) -> Attributes:
    """The attributes of one image: three from the person, the others drawn, some correlated."""

    def drawn(probability: float) -> bool:
        return bool(generator.random() < probability)

    glasses = drawn(0.5 if look.beard else 0.2)
    return {
        "Glasses": glasses,
        "Hat": drawn(0.35 if glasses else 0.12),
        "Smiling": drawn(0.5),
        "Dark_Hair": look.dark_hair,
        "Long_Hair": look.long_hair,
        "Beard": look.beard,
        "Earrings": drawn(0.4 if look.long_hair else 0.05),
        "Rosy_Cheeks": drawn(0.25),
        "Bow_Tie": drawn(0.3 if look.beard else 0.1),
        "Blue_Background": drawn(0.4),
    }


def draw_face(look: Look, attributes: Attributes, generator: np.random.Generator) -> Image.Image:
    """Draw one 89×109 image; position, brightness and background vary from image to image."""
    background = generator.uniform([60, 90, 150], [120, 160, 240])
    if not attributes["Blue_Background"]:
        background = generator.uniform([120, 130, 90], [230, 225, 190])
    shift = generator.uniform(-2.5, 2.5, 2)
    light = generator.uniform(0.85, 1.1)
    size = (WIDTH * _OVERSAMPLE, HEIGHT * _OVERSAMPLE)
    image = Image.new("RGB", size, _colour(background))
    pen = _Pen(ImageDraw.Draw(image), WIDTH / 2 + shift[0], 53 + shift[1])
    _draw_head(pen, look, attributes)
    _draw_features(pen, look, attributes)
    _draw_extras(pen, look, attributes)
    small = np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.BOX), dtype=np.float64)
    noisy = small * light + generator.normal(0, 3, small.shape)
    return Image.fromarray(np.round(np.clip(noisy, 0, 255)).astype(np.uint8))


@dataclass(frozen=True)
class _Pen:
    """Draws in pixels of the finished image, relative to the centre of the face."""

    draw: ImageDraw.ImageDraw
    x: float
    y: float

    def _box(self, x: float, y: float, rx: float, ry: float) -> tuple[float, float, float, float]:
        cx, cy = self.x + x, self.y + y
        return tuple(v * _OVERSAMPLE for v in (cx - rx, cy - ry, cx + rx, cy + ry))  # type: ignore[return-value]

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        self.draw.ellipse(self._box(x, y, rx, ry), fill=fill)

    def ring(self, x: float, y: float, r: float, colour: Colour) -> None:
        self.draw.ellipse(self._box(x, y, r, r), outline=colour, width=_OVERSAMPLE * 2 - 1)

    def rectangle(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        self.draw.rectangle(self._box(x, y, rx, ry), fill=fill)

    def arc(
        self, x: float, y: float, rx: float, ry: float, start: float, end: float, colour: Colour
    ) -> None:
        self.draw.arc(self._box(x, y, rx, ry), start, end, fill=colour, width=_OVERSAMPLE * 2)

    def line(self, points: list[tuple[float, float]], colour: Colour, width: float = 1.5) -> None:
        scaled = [((self.x + x) * _OVERSAMPLE, (self.y + y) * _OVERSAMPLE) for x, y in points]
        self.draw.line(scaled, fill=colour, width=round(width * _OVERSAMPLE))

    def polygon(self, points: list[tuple[float, float]], fill: Colour) -> None:
        scaled = [((self.x + x) * _OVERSAMPLE, (self.y + y) * _OVERSAMPLE) for x, y in points]
        self.draw.polygon(scaled, fill=fill)


def _draw_head(pen: _Pen, look: Look, attributes: Attributes) -> None:
    rx, ry = look.face_width / 2, look.face_height / 2
    if attributes["Long_Hair"]:
        pen.rectangle(0, 6, rx + 6, ry + 4, look.hair)
    pen.ellipse(0, -6, rx + 5, ry + 2, look.hair)
    pen.rectangle(0, ry + 8, 9, 14, _shade(look.skin, 0.9))
    pen.rectangle(0, ry + 21, 34, 12, _shade(look.hair, 0.6))
    pen.ellipse(0, 3, rx, ry, look.skin)


def _draw_features(pen: _Pen, look: Look, attributes: Attributes) -> None:
    gap, size = look.eye_gap / 2, look.eye_size
    for side in (-1, 1):
        pen.ellipse(side * gap, -4, size, size * 0.7, (250, 250, 250))
        pen.ellipse(side * gap, -4, size * 0.5, size * 0.55, look.iris)
        tilt = side * look.brow_tilt
        brow = [(side * gap - 5, -12 - tilt / 2), (side * gap + 5, -12 + tilt / 2)]
        pen.line(brow, _shade(look.hair, 0.7), 2)
        if attributes["Rosy_Cheeks"]:
            pen.ellipse(side * (gap + 3), 9, 4.5, 3.5, (235, 120, 120))
    pen.line([(0, -2), (2, look.nose - 3), (-2, look.nose - 3)], _shade(look.skin, 0.7))
    if attributes["Beard"]:
        rx, ry = look.face_width / 2, look.face_height / 2
        pen.ellipse(0, ry * 0.72, rx * 0.72, ry * 0.36, look.hair)
    if attributes["Smiling"]:
        pen.ellipse(0, 17, 9, 5, (150, 40, 50))
        pen.rectangle(0, 13, 9.5, 2.5, look.hair if attributes["Beard"] else look.skin)
        pen.arc(0, 15, 10, 7, 0, 180, (150, 40, 50))
    else:
        pen.line([(-7, 18), (7, 18)], (150, 40, 50), 2)


def _draw_extras(pen: _Pen, look: Look, attributes: Attributes) -> None:
    rx, ry = look.face_width / 2, look.face_height / 2
    if attributes["Glasses"]:
        for side in (-1, 1):
            pen.ring(side * look.eye_gap / 2, -4, 7.5, (25, 25, 30))
        pen.line([(-3, -4), (3, -4)], (25, 25, 30))
    if attributes["Hat"]:
        pen.rectangle(0, -ry + 2, rx + 9, 2.5, (140, 30, 40))
        pen.rectangle(0, -ry - 8, rx, 9, (165, 40, 50))
    if attributes["Earrings"]:
        for side in (-1, 1):
            pen.ellipse(side * rx, 11, 2.5, 3.5, (250, 205, 60))
    if attributes["Bow_Tie"]:
        y = ry + 8
        for side in (-1, 1):
            pen.polygon([(0, y), (side * 10, y - 5), (side * 10, y + 5)], (40, 60, 160))


def faces_archive(
    n_images: int, n_people: int, generator: np.random.Generator
) -> tuple[bytes, str]:
    """Draw a data set: a zip in Kaggle's layout of CelebA, and the text of the identity file.

    The zip holds the images and ``list_attr_celeba.csv`` (±1); its bytes follow from the arguments.
    """
    people = [draw_person(generator) for _ in range(n_people)]
    owners = generator.permutation(np.repeat(np.arange(n_people), person_sizes(n_images, n_people)))
    rows = []
    identities = []
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for number, owner in enumerate(owners, start=1):
            name = f"{number:06d}.jpg"
            look = people[owner]
            attributes = draw_attributes(look, generator)
            face = draw_face(look, attributes, generator)
            archive.writestr(_entry(f"{_FOLDER}/{name}"), _jpeg(face))
            rows.append(",".join([name, *("1" if yes else "-1" for yes in attributes.values())]))
            identities.append(f"{name} {owner + 1}")
        header = ",".join(["image_id", *attributes])
        archive.writestr(_entry(_TABLE), "\n".join([header, *rows]) + "\n")
    return buffer.getvalue(), "\n".join(identities) + "\n"


def _entry(name: str) -> zipfile.ZipInfo:
    """A member with a fixed time and mode, so that the archive's bytes do not vary."""
    info = zipfile.ZipInfo(name, date_time=_TIMESTAMP)
    info.create_system = 3
    info.external_attr = 0o100644 << 16
    return info


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=92)
    return buffer.getvalue()


def _colour(values: npt.ArrayLike) -> Colour:
    red, green, blue = np.clip(np.round(np.asarray(values)), 0, 255).astype(int).tolist()
    return red, green, blue


def _shade(colour: Colour, factor: float) -> Colour:
    return _colour(np.array(colour) * factor)
