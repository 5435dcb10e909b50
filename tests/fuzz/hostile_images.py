"""Hostile images: damaged ones, and headers that claim absurd sizes."""

import io
import struct
import zlib

import numpy as np
from hostile import Files, damaged  # type: ignore[import-not-found]
from hypothesis import strategies as st
from PIL import Image


def encoded(width: int, height: int, kind: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(
    width: int, height: int, depth: int, colour: int, interlace: int, data: bytes, extra: bytes
) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    body = chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + body + chunk(b"IEND", b"")


SIDES = [0, 1, 8, 31, 3999, 4000, 65535, 2**20, 2**31 - 1, 2**32 - 1]
CHUNKS = [
    b"",
    chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**24))),
    chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2**22))),
    chunk(b"PLTE", b"abc"),
    chunk(b"tRNS", b"a"),
    chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)),
    chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff"),
    struct.pack(">I", 2**31 - 1) + b"IDATx",
]


def images() -> Files:
    """Images: damaged ones, and PNG, JPEG and BMP headers that claim absurd sizes."""
    side = st.sampled_from(SIDES)
    headers = st.builds(
        png_of,
        side,
        side,
        st.sampled_from([1, 2, 4, 8, 16, 3]),
        st.sampled_from([0, 2, 3, 4, 6, 1]),
        st.sampled_from([0, 1, 2]),
        st.binary(max_size=40) | st.just(bytes(2**16)),
        st.sampled_from(CHUNKS),
    )
    jpeg, bmp = encoded(9, 8, "JPEG"), encoded(9, 8, "BMP")
    start = jpeg.index(b"\xff\xc0") + 5
    claims = st.builds(
        lambda h, w: jpeg[:start] + struct.pack(">HH", h % 65536, w % 65536) + jpeg[start + 4 :],
        side,
        side,
    ) | st.builds(lambda w, h: bmp[:18] + struct.pack("<II", w, h) + bmp[26:], side, side)
    whole = [encoded(9, 8, kind) for kind in ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")]
    return damaged(whole, edits=3) | headers | claims | st.binary(max_size=32)
