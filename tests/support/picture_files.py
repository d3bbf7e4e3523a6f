"""Small pictures, files of them, and EXIF, for the tests of what goes in and comes out."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import Any, BinaryIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, features

from codec.formats.pictures.load import PictureSource, load_picture
from codec.notes import WispNote
from codec.pixels.picture import Picture

Pixels = NDArray[np.uint8]
needs_avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
_RNG = np.random.default_rng(11)
RGB: Pixels = _RNG.integers(0, 256, (6, 10, 3), dtype=np.uint8)
GREY: Pixels = RGB[:, :, :1].copy()
ALPHA: Pixels = _RNG.integers(0, 256, (6, 10, 1), dtype=np.uint8)
ALPHA[0, :5], ALPHA[1, :5] = 0, 255
PIXELS = {"L": GREY, "LA": np.dstack([GREY, ALPHA]), "RGB": RGB, "RGBA": np.dstack([RGB, ALPHA])}


def load(source: PictureSource | BinaryIO, **options: Any) -> tuple[Picture, list[str]]:
    """The picture and the notes; any other warning is a failure."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        picture = load_picture(source, **options)
    assert all(issubclass(warning.category, WispNote) for warning in caught), [str(w.message) for w in caught]
    pixels = picture.pixels
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.flags.c_contiguous
    return picture, [str(warning.message) for warning in caught]


def image_of(pixels: Pixels) -> Image.Image:
    """(H, W, C) -> L, LA, RGB or RGBA."""
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def file_of(image: Image.Image, kind: str = "PNG", **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return file


def png_chunk(type_: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + type_ + payload + struct.pack(">I", zlib.crc32(type_ + payload))


def png(size: tuple[int, int], colour_type: int, row: bytes, *chunks: bytes, depth: int = 8) -> io.BytesIO:
    """A PNG file (width, height) of equal rows that Pillow does not write; `chunks` come before the pixels."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, 0))
    body = png_chunk(b"IDAT", zlib.compress((b"\0" + row) * size[1]) if row else b"")
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + body + png_chunk(b"IEND", b""))


def exif_with(orientation: int | None = None, maker: str | None = "maker", order: str = "<") -> bytes:
    """EXIF as cameras write it, but for its size: Make, Orientation, and a directory with the exposure time."""
    entries = []
    after = struct.pack(f"{order}HHHIIIII", 1, 0x829A, 5, 1, 0, 0, 1, 60)  # of the directory; its place comes below
    name = (maker or "").encode() + b"\0"
    count = (maker is not None) + (orientation is not None) + 1
    directory = 8 + 2 + 12 * count + 4
    if maker is not None:
        entries.append(struct.pack(f"{order}HHII", 0x010F, 2, len(name), directory + 26))
    if orientation is not None:
        entries.append(struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0))
    entries.append(struct.pack(f"{order}HHII", 0x8769, 4, 1, directory))
    after = after[:10] + struct.pack(f"{order}I", directory + 18) + after[14:]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, count)
    return head + b"".join(entries) + bytes(4) + after + name


def orientation_read(exif: bytes) -> int:
    """As Pillow reads it, 1 where there is none."""
    tags = Image.Exif()
    tags.load(exif)
    return int(tags.get(0x0112, 1))
