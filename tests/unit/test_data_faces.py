"""Faces: archives and folders, attributes and identities joined by name, every mismatch named."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latent_microscope.data.faces import (
    count_archive,
    join_attributes,
    join_identities,
    open_faces,
    packed_faces,
    parse_attributes,
    parse_identities,
    read_celeba,
)
from latent_microscope.errors import InputError

NAMES = [f"{i:06d}.jpg" for i in range(1, 6)]
CSV = "image_id,Smiling,Male\n" + "".join(
    f"{n},{-1 if i % 2 else 1},{1 if i == 3 else -1}\n" for i, n in enumerate(NAMES)
)


def picture(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (109, 89, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG")
    return buffer.getvalue()


def make_zip(path: Path, names: list[str] = NAMES, csv: str | None = CSV) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in reversed(names):
            archive.writestr(f"img_align_celeba/img_align_celeba/{name}", picture(int(name[:6])))
        if csv is not None:
            archive.writestr("list_attr_celeba.csv", csv)
    return path


def test_a_zip_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    with open_faces(make_zip(tmp_path / "a.zip")) as faces:
        assert faces.names == NAMES
        assert faces.images["000003.jpg"]() == picture(3)
        name, content = faces.attribute_bytes()
        packed = list(packed_faces(faces, NAMES[1:3]))
    assert (name, content) == ("list_attr_celeba.csv", CSV.encode())
    assert len(packed) == 2
    assert packed[0].shape == (64, 64, 3)


def test_an_extracted_folder_gives_the_same(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "folder")
    with open_faces(path) as a, open_faces(tmp_path / "folder") as b:
        assert a.names == b.names
        for x, y in zip(packed_faces(a, a.names), packed_faces(b, b.names), strict=True):
            assert np.array_equal(x, y)
        assert a.attribute_bytes() == b.attribute_bytes()
    assert count_archive(path) == {"images": 5, "attributes": 2, "attribute_rows": 5}
    assert count_archive(tmp_path / "folder") == count_archive(path)


def test_a_link_in_a_folder_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(picture(1))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "000001.jpg").write_bytes(picture(1))
    (folder / "000002.jpg").symlink_to(tmp_path / "secret.jpg")
    with open_faces(folder) as faces:
        assert faces.names == ["000001.jpg"]


def test_archives_without_use_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"e: .*\.jpg"),
        open_faces(make_zip(tmp_path / "e", [])),
    ):
        pass
    with (
        open_faces(make_zip(tmp_path / "n", csv=None)) as faces,
        pytest.raises(InputError, match=r"n: .*list_attr_celeba\.csv"),
    ):
        faces.attribute_bytes()
    with zipfile.ZipFile(tmp_path / "d", "w") as archive:
        archive.writestr("a/000001.jpg", picture(1))
        archive.writestr("b/000001.png", picture(1))
    with pytest.raises(InputError, match="'000001'"), open_faces(tmp_path / "d"):
        pass


def test_a_corrupt_image_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i, name in enumerate(NAMES):
            archive.writestr(name, picture(i)[: 1500 if i == 2 else None])
    with open_faces(path) as faces, pytest.raises(InputError, match=r"image 000003\.jpg"):
        list(packed_faces(faces, faces.names))


def test_attributes_become_zero_and_one_in_the_order_of_the_images() -> None:
    table = parse_attributes("list_attr_celeba.csv", CSV.encode())
    joined = join_attributes(table, NAMES[::-1], "list")
    assert list(joined.columns) == ["id", "Smiling", "Male"]
    assert joined["id"].tolist() == [n[:6] for n in NAMES[::-1]]
    assert joined["Smiling"].tolist() == [1, 0, 1, 0, 1]
    assert joined["Male"].tolist() == [0, 1, 0, 0, 0]
    assert joined["Male"].dtype == np.uint8


def test_the_official_text_layout_gives_the_same() -> None:
    lines = CSV.splitlines()
    text = "5\n" + " ".join(lines[0].split(",")[1:]) + " \n"
    text += "".join("  ".join(line.split(",")) + "\r\n" for line in lines[1:])
    one = parse_attributes("list_attr_celeba.csv", ("\ufeff" + CSV).encode())
    two = parse_attributes("list_attr_celeba.txt", text.encode())
    assert one.equals(two)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("000003.jpg,1", "000003.jpg,nan", r"image '000003\.jpg', attribute 'Smiling': 'nan'"),
        ("000003.jpg,1", "000003.jpg,", r"image '000003\.jpg', attribute 'Smiling': ''"),
        ("000003.jpg,1", "000003.jpg,0", r"attribute 'Smiling': '0'"),
        ("000003.jpg,1", "000003.jpg,1.5", "'1.5'"),
        ("000003.jpg,1", "000003.jpg,1,1", r"image '000003\.jpg' .*3 .*2"),
        ("000003.jpg", "000002.jpg", r"list_attr_celeba\.csv: .*'000002\.jpg'"),
        ("Smiling,Male", "Male,Male", "list_attr_celeba.csv: .*header"),
    ],
)
def test_bad_attribute_rows_are_named(old: str, new: str, message: str) -> None:
    assert old in CSV
    with pytest.raises(InputError, match=message):
        parse_attributes("list_attr_celeba.csv", CSV.replace(old, new).encode())


@pytest.mark.parametrize("content", [b"", b"image_id,A\n", b"image_id\n000001.jpg\n", b"\xff\xfe"])
def test_attribute_files_without_content(content: bytes) -> None:
    with pytest.raises(InputError, match=r"list_attr_celeba\.csv: "):
        parse_attributes("list_attr_celeba.csv", content)


def test_rows_and_images_must_match() -> None:
    table = parse_attributes("list_attr_celeba.csv", CSV.encode())
    with pytest.raises(InputError, match=r"2 of 5 .*'000004\.jpg'"):
        join_attributes(table, NAMES[:3], "list")
    with pytest.raises(InputError, match=r"1 of 6 .*'000009\.jpg'"):
        join_attributes(table, [*NAMES, "000009.jpg"], "list")


def test_identities(tmp_path: Path) -> None:
    path = tmp_path / "identity.txt"
    path.write_text("000001.jpg 7\n000003.jpg 2\n\n999999.jpg 3\n")
    identities = parse_identities(path)
    assert join_identities(identities, NAMES, "x").tolist() == [7, -1, 2, -1, -1]
    with pytest.raises(InputError, match=r"x: .*'000001.jpg'"):
        join_identities({"other.jpg": 1}, NAMES, "x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("000001.jpg\n", "line 1 "),
        ("000001.jpg 1\n000002.jpg x\n", "line 2 "),
        ("000001.jpg 1\n000001.jpg 2\n", r"'000001\.jpg'"),
    ],
)
def test_bad_identities_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "identity.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        parse_identities(tmp_path / "identity.txt")
    with pytest.raises(InputError, match=r"none\.txt"):
        parse_identities(tmp_path / "none.txt")


def test_subsets_are_the_first(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip")
    ids = [name.removesuffix(".jpg") for name in NAMES]
    for subset, wanted in ((2, ids[:2]), (None, ids), (99, ids)):
        with read_celeba(archive, None, size=8, subset=subset) as faces:
            assert faces.ids == faces.attributes["id"].tolist() == wanted
            assert len(list(faces.images)) == len(faces.people) == len(wanted)
    with (
        pytest.raises(InputError, match="subset 0"),
        read_celeba(archive, None, size=8, subset=0),
    ):
        pass
