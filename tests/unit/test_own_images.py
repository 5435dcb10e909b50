"""Images of unknown origin: folder, zip, Parquet, array; bombs refused."""

import io
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from latent_microscope.custom.images import identities_by_path, open_pictures
from latent_microscope.custom.looking import look, read_whole
from latent_microscope.errors import InputError


def encoded(value: int, size: tuple[int, int] = (8, 6), mode: str = "L") -> bytes:
    buffer = io.BytesIO()
    fill = value if mode == "L" else (value, 0, 0)
    Image.new(mode, size, fill).save(buffer, "PNG")
    return buffer.getvalue()


NAMES = {"s2/a.png": 20, "s1/b.png": 10, "s1/c.PNG": 30}


def folder(path: Path) -> Path:
    for name, value in NAMES.items():
        file = path / "faces" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encoded(value))
    (path / "faces/notes.txt").write_text("no image")
    (path / "faces/.hidden.png").write_text("no image")
    return path / "faces"


def archive(path: Path) -> Path:
    with zipfile.ZipFile(path / "faces.zip", "w") as made:
        for name, value in NAMES.items():
            made.writestr(f"faces/{name}", encoded(value))
        made.writestr("__MACOSX/faces/s1/._b.png", b"x")
    return path / "faces.zip"


def table(path: Path, *, struct: bool = True) -> Path:
    cells = [{"bytes": encoded(v), "path": n} if struct else encoded(v) for n, v in NAMES.items()]
    frame = pd.DataFrame({"image_id": list(NAMES), "image": cells, "label": [0, 1, 2]})
    frame.to_parquet(path / "faces.parquet")
    return path / "faces.parquet"


def values(path: Path, rows: list[int]) -> dict[str, int]:
    with open_pictures(path) as found:
        assert found.ids is not None
        images = found.rows(np.array(rows), 4)
        return {
            found.ids[row]: int(image[0, 0, 0])
            for row, image in zip(rows, images, strict=True)
            if image.shape == (4, 4, 3) and image.dtype == np.uint8
        }


@pytest.mark.parametrize("make", [folder, archive])
def test_ids_are_the_paths_below_the_folder_in_sorted_order(tmp_path: Path, make: object) -> None:
    path = make(tmp_path)  # type: ignore[operator]
    assert values(path, [0, 1, 2]) == {"s1/b": 10, "s1/c": 30, "s2/a": 20}
    assert values(path, [2]) == {"s2/a": 20}
    with open_pictures(path, ids="name") as found:
        assert found.ids is not None
        assert found.ids.tolist() == ["b", "c", "a"]


@pytest.mark.parametrize("struct", [True, False])
def test_images_in_a_parquet_file(tmp_path: Path, struct: bool) -> None:
    path = table(tmp_path, struct=struct)
    assert values(path, [0, 2]) == {"s2/a": 20, "s1/c": 30}
    with pytest.raises(InputError, match=r"faces.parquet: .*'photo'"):
        values_of(path, column="photo")


def values_of(path: Path, column: str) -> None:
    with open_pictures(path, column=column):
        pass


def test_arrays_grey_and_colour_become_rgb(tmp_path: Path) -> None:
    grey = np.arange(3, dtype=np.uint8)[:, None, None] * np.ones((1, 8, 6), np.uint8)
    np.save(tmp_path / "grey.npy", grey)
    np.save(tmp_path / "colour.npy", np.stack([grey, grey * 0, grey * 0], axis=3))
    for name, blue in (("grey.npy", [0, 1, 2]), ("colour.npy", [0, 0, 0])):
        with open_pictures(tmp_path / name) as found:
            assert found.ids is None
            images = list(found.rows(np.arange(3), 4))
        assert [int(one[0, 0, 0]) for one in images] == [0, 1, 2]
        assert [int(one[0, 0, 2]) for one in images] == blue
    np.save(tmp_path / "float.npy", grey.astype(float))
    with pytest.raises(InputError, match=r"float.npy: float64 of shape \(3, 8, 6\)"):
        values(tmp_path / "float.npy", [0])


def test_two_images_of_one_id_are_refused(tmp_path: Path) -> None:
    path = folder(tmp_path)
    (path / "s2/b.png").write_bytes(encoded(1))
    assert len(values(path, [0, 1, 2, 3])) == 4
    with (
        pytest.raises(InputError, match="'b'"),
        open_pictures(path, ids="name"),
    ):
        pass


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"not an image", "not one of JPEG, PNG, BMP"),
        (encoded(1)[:45], "cannot be decoded"),
        (b"", "cannot be decoded"),
        (encoded(1, (200, 3)), "more than 16 times as long as wide"),
        (encoded(1, (5000, 4000)), "refused"),
    ],
    ids=["text", "truncated", "empty", "strip", "large"],
)
def test_an_image_that_cannot_be_read_is_named(tmp_path: Path, data: bytes, message: str) -> None:
    path = folder(tmp_path)
    (path / "s1/b.png").write_bytes(data)
    with pytest.raises(InputError, match=message) as caught:
        values(path, [0, 1])
    assert "s1/b.png" in str(caught.value)


def test_images_that_cannot_be_read_are_all_found_at_once(tmp_path: Path) -> None:
    path = folder(tmp_path)
    (path / "s1/b.png").write_bytes(encoded(1)[:45])
    (path / "s1/d.png").write_bytes(encoded(1, (200, 3)))
    (path / "s1/e.tga").write_bytes(b"of a format that is not read")
    with open_pictures(path) as found:
        assert list(found.unusable()) == ["s1/b", "s1/d", "s1/e"]
    cells = pd.DataFrame({"id": ["p", "q", "r"], "image": [b"no", None, encoded(4)]})
    cells.to_parquet(tmp_path / "cells.parquet")
    with open_pictures(tmp_path / "cells.parquet") as found:
        assert list(found.unusable()) == ["p", "q"]
    cells[["image"]].to_parquet(tmp_path / "rows.parquet")
    with open_pictures(tmp_path / "rows.parquet") as found:
        assert list(found.unusable()) == ["0", "1"]
    whole = look(str(path))
    read_whole(whole)
    assert list(whole.facts["incomplete"]) == ["s1/b", "s1/d", "s1/e"]


@pytest.mark.parametrize("ending", [".npz", ".h5"])
def test_pixels_and_ids_of_one_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"set{ending}"
    pixels = np.arange(3, dtype=np.uint8)[:, None, None] * np.full((1, 8, 6), 40, np.uint8)
    arrays: dict[str, Any] = {
        "pixels": pixels,
        "names": np.array(["u", "w", "v"]),
        "label": np.arange(3),
    }
    if ending == ".npz":
        np.savez(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array.astype(object) if name == "names" else array
    assert values(path, [0, 1, 2]) == {"u": 0, "w": 40, "v": 80}
    found = look(str(path))
    assert (found.role, found.count) == ("images", 3)
    assert "without label" in found.what
    with pytest.raises(InputError, match=r"set.*`column`.*pixels"):
        values_of(path, column="photos")


@pytest.mark.parametrize("name", ["none", "none.zip", "none.parquet", "none.npy", "a.txt"])
def test_missing_images_are_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError), open_pictures(tmp_path / name):
        pass
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: .*png"), open_pictures(tmp_path / "empty"):
        pass


def test_folders_or_names_say_who_it_is(tmp_path: Path) -> None:
    names = ["s1/anna_1.png", "s1/anna_2.png", "s2/bo_1.png"]
    assert identities_by_path(names, None, tmp_path) == ["s1", "s1", "s2"]
    assert identities_by_path(names, r"/([a-z]+)_", tmp_path) == ["anna", "anna", "bo"]
    with pytest.raises(InputError, match=r"'x.png'"):
        identities_by_path(["x.png"], None, tmp_path)
    with pytest.raises(InputError, match=r"'s2/bo_1.png'"):
        identities_by_path(names, "(anna)", tmp_path)
    with pytest.raises(InputError, match="2 groups"):
        identities_by_path(names, "(a)(b)", tmp_path)
    with pytest.raises(InputError, match=r"'\(a'"):
        identities_by_path(names, "(a", tmp_path)


@pytest.mark.parametrize("shape", [(3, 0, 8, 3), (3, 8, 0), (0, 8, 8)])
def test_an_array_without_pixels_is_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    np.save(tmp_path / "pixels.npy", np.zeros(shape, dtype=np.uint8))
    with (
        pytest.raises(InputError, match=r"pixels\.npy: uint8 of shape"),
        open_pictures(tmp_path / "pixels.npy"),
    ):
        pass


def test_a_very_long_image_of_an_array_is_named_with_its_file(tmp_path: Path) -> None:
    np.save(tmp_path / "pixels.npy", np.zeros((2, 2, 400), dtype=np.uint8))
    with (
        open_pictures(tmp_path / "pixels.npy") as found,
        pytest.raises(InputError, match=r"image 0 of .*pixels\.npy: 400 x 2 pixels"),
    ):
        list(found.rows(np.arange(2), 16))
