"""Archives and images that would do harm, or are damaged, are refused by name."""

import io
import os
import pickle
import stat
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torchvision.transforms as transforms
from PIL import Image

from latent_microscope.data import archives
from latent_microscope.data.archives import open_zip, read_zip_member, tar_members, zip_members
from latent_microscope.data.decoding import decode_image
from latent_microscope.data.images import map_in_order, resize_and_crop
from latent_microscope.data.unpickle import load_batch
from latent_microscope.errors import InputError

CLIMBING = ["/etc/passwd", "../up.jpg", "a/../../up.jpg", "C:/x.jpg", "a\\..\\b.jpg", "\\x.jpg"]


def make_zip(path: Path, names: list[str], content: bytes = b"x" * 100) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), content)
    return path


def make_tar(path: Path, members: list[tarfile.TarInfo], content: bytes = b"x" * 100) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(content))
    return path


def encoded(width: int, height: int, kind: str = "JPEG", seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind)
    return buffer.getvalue()


@pytest.mark.parametrize("name", CLIMBING)
def test_a_zip_that_climbs_out_is_refused(tmp_path: Path, name: str) -> None:
    with (
        open_zip(make_zip(tmp_path / "a.zip", ["good.jpg", name])) as archive,
        pytest.raises(InputError, match=r"refused"),
    ):
        zip_members(archive)


@pytest.mark.parametrize("name", CLIMBING)
def test_a_tar_that_climbs_out_is_refused(tmp_path: Path, name: str) -> None:
    path = make_tar(tmp_path / "a.tar.gz", [tarfile.TarInfo("good"), tarfile.TarInfo(name)])
    with pytest.raises(InputError, match="refused"):
        list(tar_members(path))


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with open_zip(path) as archive, pytest.raises(InputError, match=r"'link\.jpg'"):
        zip_members(archive)


@pytest.mark.parametrize("length", range(1, 10))
def test_a_gzip_header_that_ends_early(tmp_path: Path, length: int) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2])[:length])
    with pytest.raises(InputError, match="not a whole tar archive"):
        list(tar_members(path))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("thing")
    member.type, member.linkname = kind, "/etc/passwd"
    with pytest.raises(InputError, match="'thing'"):
        list(tar_members(make_tar(tmp_path / "a.tar.gz", [member])))


def test_a_name_that_stands_in_a_zip_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with pytest.warns(UserWarning, match="Duplicate"):
        make_zip(path, ["a.jpg", "a.jpg"])
    with open_zip(path) as archive, pytest.raises(InputError, match=r"'a\.jpg'"):
        zip_members(archive)


def test_size_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip(tmp_path / "a.zip", ["a", "b", "c"])
    with open_zip(path) as archive:
        assert [info.filename for info in zip_members(archive)] == ["a", "b", "c"]
        for limit, value in (
            ("MAX_MEMBERS", 2),
            ("MAX_MEMBER_BYTES", 99),
            ("MAX_TOTAL_BYTES", 299),
        ):
            with monkeypatch.context() as patch:
                patch.setattr(archives, limit, value)
                with pytest.raises(InputError, match="refused"):
                    zip_members(archive)


def test_tar_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_tar(tmp_path / "a.tar.gz", [tarfile.TarInfo(n) for n in "abc"])
    assert [name for name, _ in tar_members(path)] == ["a", "b", "c"]
    for limit, value in (("MAX_MEMBERS", 2), ("MAX_MEMBER_BYTES", 99), ("MAX_TOTAL_BYTES", 299)):
        with monkeypatch.context() as patch:
            patch.setattr(archives, limit, value)
            with pytest.raises(InputError, match="refused"):
                list(tar_members(path))


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.97])
def test_truncated_archives(tmp_path: Path, keep: float) -> None:
    noise = np.random.default_rng(0).bytes(20_000)
    whole = make_zip(tmp_path / "a.zip", ["a", "b"], noise).read_bytes()
    (tmp_path / "a.zip").write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(InputError, match=r"a\.zip"):
        open_zip(tmp_path / "a.zip")
    path = make_tar(tmp_path / "a.tar.gz", [tarfile.TarInfo("a"), tarfile.TarInfo("b")], noise)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(InputError, match=r"a\.tar\.gz"):
        list(tar_members(path))


def test_a_damaged_member_is_named(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", ["a.jpg", "b.jpg"])
    data = bytearray(path.read_bytes())
    data[data.rindex(b"x" * 100, 0, data.index(b"PK\x01\x02")) + 50] ^= 255
    path.write_bytes(data)
    with open_zip(path) as archive:
        first, second = zip_members(archive)
        assert read_zip_member(archive, first) == b"x" * 100
        with pytest.raises(InputError, match=r"'b\.jpg'"):
            read_zip_member(archive, second)


def test_missing_archives(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.zip"):
        open_zip(tmp_path / "a.zip")
    with pytest.raises(InputError, match=r"a\.tar"):
        list(tar_members(tmp_path / "a.tar"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_images_decode_to_rgb(kind: str) -> None:
    data = encoded(9, 7, kind)
    expected = np.asarray(Image.open(io.BytesIO(data)))
    assert np.array_equal(np.asarray(decode_image(data, "a")), expected)
    grey = io.BytesIO()
    Image.new("L", (4, 3), 77).save(grey, format=kind)
    assert np.asarray(decode_image(grey.getvalue(), "g")).shape == (3, 4, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("keep", [0.0, 0.02, 0.5, 0.9])
def test_truncated_images_are_named(kind: str, keep: float) -> None:
    data = encoded(64, 64, kind)
    with pytest.raises(InputError, match=r"image 000123\.jpg"):
        decode_image(data[: int(len(data) * keep)], "000123.jpg")


def test_other_formats_are_not_tried() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, format="ICO")
    with pytest.raises(InputError, match=r"a\.jpg.*JPEG, PNG, BMP"):
        decode_image(buffer.getvalue(), "a.jpg")


def test_an_image_bomb_is_refused_before_it_unpacks(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    Image.new("1", (5000, 5000)).save(buffer, format="PNG")
    assert len(buffer.getvalue()) < 10_000
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("was unpacked"))
    with pytest.raises(InputError, match=r"bomb\.png: 5000 x 5000"):
        decode_image(buffer.getvalue(), "bomb.png")
    with pytest.raises(InputError, match=r"90 x 70 .*62"):
        decode_image(encoded(90, 70), "a", max_pixels=62)


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [(178, 218, 64), (89, 109, 64), (109, 89, 64), (64, 64, 64), (65, 64, 64), (40, 31, 64)],
)
def test_resize_and_crop_is_torchvision_s(width: int, height: int, size: int) -> None:
    image = decode_image(encoded(width, height, seed=width), "a")
    reference = transforms.Compose([transforms.Resize(size), transforms.CenterCrop(size)])
    ours = resize_and_crop(image, size)
    assert ours.shape == (size, size, 3)
    assert ours.dtype == np.uint8
    assert np.array_equal(ours, np.asarray(reference(image)))


def test_map_in_order_keeps_the_order_and_uses_threads() -> None:
    seen = set()

    def slow(value: int) -> int:
        seen.add(threading.get_ident())
        time.sleep(0.001 * (value % 3))
        return value * value

    assert list(map_in_order(slow, range(1300))) == [v * v for v in range(1300)]
    assert len(seen) == 2


def test_map_in_order_holds_a_bounded_number_of_items() -> None:
    taken = 0

    def source():
        nonlocal taken
        for value in range(5000):
            taken += 1
            yield value

    iterator = map_in_order(lambda v: v, source())
    assert next(iterator) == 0
    assert taken <= 512


class _Runs:
    def __reduce__(self) -> tuple:
        return os.mkdir, ("/tmp/latent-microscope-pickle-ran",)


def test_a_pickle_that_runs_code_is_refused() -> None:
    marker = Path("/tmp/latent-microscope-pickle-ran")
    assert not marker.exists()
    with pytest.raises(InputError, match=r"batch: .*mkdir"):
        load_batch(pickle.dumps({"data": _Runs()}, protocol=2), "batch")
    assert not marker.exists()


@pytest.mark.parametrize(
    "content",
    [
        {"data": np.array([{}], dtype=object)},
        {"data": np.zeros(3)},
        {"data": np.zeros(3, dtype=[("a", "u1")])},
        {"data": np.float64(1.0)},
        {"data": Path("x")},
        {"data": print},
    ],
)
def test_other_things_than_arrays_of_bytes_are_refused(content: dict) -> None:
    with pytest.raises(InputError, match="refused"):
        load_batch(pickle.dumps(content, protocol=2), "batch")


def test_a_forged_array_state_cannot_reach_numpy() -> None:
    """The state asks for more bytes than there are, and for objects."""
    forged = (
        b"\x80\x02}U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
        b"K\x00\x85U\x01b\x87R(K\x01M\xe8\x03\x85cnumpy\ndtype\nU\x02%sK\x00K\x01\x87R"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x02abtbs."
    )
    for kind in (b"u1", b"O8"):
        with pytest.raises(InputError, match="refused"):
            load_batch(forged % kind, "batch")


@pytest.mark.parametrize("data", [b"", b"garbage", b"\x80\x02}", b"]."])
def test_damaged_pickles_are_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="batch: "):
        load_batch(data, "batch")
