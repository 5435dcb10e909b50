"""Images as cameras, scanners and web sites write them, read as a viewer shows them."""

import io
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from latent_microscope.custom.images import open_pictures
from latent_microscope.custom.joining import joined_ids, match
from latent_microscope.custom.study import picture_source
from latent_microscope.data.decoding import ENDINGS, decode_image
from latent_microscope.errors import InputError

SIZE = (40, 30)
RAMP = np.linspace(0, 255, SIZE[0]).astype(np.uint8)[None].repeat(SIZE[1], 0)


def picture() -> Image.Image:
    """Red grows to the right, green downwards."""
    down = np.linspace(0, 255, SIZE[1]).astype(np.uint8)[:, None].repeat(SIZE[0], 1)
    return Image.fromarray(np.stack([RAMP, down, np.full_like(RAMP, 60)], axis=2))


def decoded(image: Image.Image, kind: str, **options: object) -> tuple[np.ndarray, list[str]]:
    buffer, notes = io.BytesIO(), list[str]()
    image.save(buffer, kind, **options)
    return np.asarray(decode_image(buffer.getvalue(), "a", notes=notes)), notes


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b).mean())


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "TIFF", "WEBP", "JPEG", "AVIF"])
def test_formats(kind: str) -> None:
    if kind == "AVIF" and ".avif" not in ENDINGS:
        pytest.skip("this Pillow has no AVIF")
    found, _ = decoded(picture(), kind)
    assert difference(found, np.asarray(picture())) < 6.0


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled(kind: str) -> None:
    deep = (RAMP.astype(np.uint16) << 8) + 7
    found, notes = decoded(Image.fromarray(deep), kind)
    assert np.array_equal(found, np.stack([RAMP] * 3, axis=2))
    assert notes == ["of 16 bits: scaled to 8 bits"]


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_pixels_without_a_range_are_refused(dtype: type) -> None:
    with pytest.raises(InputError, match="32-bit"):
        decoded(Image.fromarray(RAMP.astype(dtype)), "TIFF")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    found, notes = decoded(picture(), "PNG", exif=exif)
    whole = np.asarray(picture())
    expected = {
        1: whole,
        2: whole[:, ::-1],
        3: whole[::-1, ::-1],
        4: whole[::-1],
        5: whole.transpose(1, 0, 2),
        6: np.rot90(whole, -1),
        7: whole[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(whole),
    }[orientation]
    assert np.array_equal(found, expected)
    assert bool(notes) == (orientation > 1)


def test_colours_and_transparency() -> None:
    whole = np.asarray(picture())
    found, notes = decoded(picture().convert("CMYK"), "JPEG", quality=95)
    assert difference(found, whole) < 6.0
    assert len(notes) == 1
    one_bit, _ = decoded(Image.fromarray(RAMP > 127), "PNG")
    assert set(np.unique(one_bit)) == {0, 255}
    assert one_bit.shape == (30, 40, 3)
    found, notes = decoded(picture().convert("P", palette=Image.Palette.ADAPTIVE), "PNG")
    assert difference(found, whole) < 12.0
    assert not notes
    half = picture().convert("RGBA")
    half.putalpha(Image.fromarray(np.where(RAMP > 127, 0, 255).astype(np.uint8)))
    found, notes = decoded(half, "PNG")
    assert np.array_equal(found[:, :20], whole[:, :20])
    assert (found[:, 20:] == 255).all()
    assert notes == ["with transparency: on a white background"]
    assert decoded(picture().convert("RGBA"), "PNG")[1] == []
    key = Image.fromarray(np.arange(2, dtype=np.uint8)[None].repeat(2, 0), "P")
    key.putpalette([10, 20, 30, 40, 50, 60])
    found, _ = decoded(key, "PNG", transparency=1)
    assert found[0].tolist() == [[10, 20, 30], [255, 255, 255]]


def test_the_first_frame_is_read() -> None:
    frames = [Image.new("L", (8, 8), value) for value in (10, 200)]
    found, notes = decoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (found == 10).all()
    assert notes == ["of several frames: the first is read"]


def test_a_large_photograph_is_decoded_smaller() -> None:
    buffer, notes = io.BytesIO(), list[str]()
    picture().resize((401, 300)).save(buffer, "JPEG", quality=95)
    found = decode_image(buffer.getvalue(), "a", 31_000, notes)
    assert found.size == (201, 150)
    assert len(notes) == 1
    reference = picture().resize((201, 150))
    assert difference(np.asarray(found), np.asarray(reference)) < 6.0
    with pytest.raises(InputError, match=r"image a: 401 x 300 .*max_pixels"):
        decode_image(buffer.getvalue(), "a", 1_800)


def folder(path: Path) -> Path:
    (path / "own").mkdir()
    for ending in ("webp", "tif", "gif", "bmp"):
        picture().save(path / f"own/as_{ending}.{ending}")
    (path / "own/drawing.svg").write_text("<svg/>")
    (path / "own/as_gif.svg").write_text("<svg/>")
    (path / "own/notes.txt").write_text("x")
    return path / "own"


def test_a_folder_leaves_nothing_out_silently(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "latent_microscope")
    source = picture_source("images", folder(tmp_path), {})
    assert source.ids is not None
    assert source.ids.tolist() == ["as_bmp", "as_gif", "as_tif", "as_webp", "drawing"]
    tables = match([source])
    assert tables[2]["id"].tolist() == ["drawing"]
    assert joined_ids(*tables, drop=True).tolist() == source.ids[:4].tolist()
    with pytest.raises(InputError, match=r"1 of 5 ids, first 'drawing'"):
        joined_ids(*tables, listed="unmatched.csv")
    assert "1 .txt" in caplog.text


@pytest.mark.parametrize(
    ("array", "value"),
    [
        (np.full((2, 3, 9, 9), 128, np.uint8), 128),
        (np.full((2, 9, 9, 1), 128 * 257, np.uint16), 128),
        (np.full((2, 9, 9), 0.5, np.float32), 128),
        (np.full((2, 9, 9), True), 255),
        (np.full((2, 9, 9, 4), [0, 0, 0, 0], np.uint8), 255),
    ],
)
def test_arrays_of_images(tmp_path: Path, array: np.ndarray, value: int) -> None:
    np.save(tmp_path / "images.npy", array)
    with open_pictures(tmp_path / "images.npy") as found:
        images = list(found.rows(np.arange(2), 8))
    assert all(image.shape == (8, 8, 3) and (image == value).all() for image in images)


def test_an_array_without_a_range_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.full((2, 9, 9), 1.5, np.float32))
    with (
        pytest.raises(InputError, match="from 0 to 1"),
        open_pictures(tmp_path / "images.npy"),
    ):
        pass


def test_a_parquet_file_with_the_paths_of_images(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.png")
    cells = [{"bytes": None, "path": "a.png"}, {"bytes": None, "path": str(tmp_path / "a.png")}]
    pd.DataFrame({"image": cells}).to_parquet(tmp_path / "i.parquet")
    with open_pictures(tmp_path / "i.parquet") as found:
        assert len(list(found.rows(np.arange(2), 8))) == 2


def test_a_palette_that_is_missing_is_named() -> None:
    buffer = io.BytesIO()
    Image.new("P", (4, 4)).save(buffer, "PNG")
    data = buffer.getvalue()
    at = data.index(b"PLTE") - 4
    length = int.from_bytes(data[at : at + 4], "big")
    with pytest.raises(InputError, match="image a: cannot be decoded"):
        decode_image(data[:at] + data[at + 12 + length :], "a")
