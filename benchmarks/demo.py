"""The comparison behind `wisp demo`: Wisp at a quality, and the JPEG that reaches the same PSNR."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.codecs.jpeg import Jpeg
from benchmarks.measures import bits_per_pixel, psnr
from codec.api import Codec
from codec.files.output import Writing

LOWEST_JPEG, HIGHEST_JPEG = 1, 100
_JPEG = Jpeg("4:2:0")


@dataclass(frozen=True)
class Point:
    """One coded picture: its file and what it decodes to."""

    data: bytes
    decoded: NDArray[np.uint8]
    bpp: float
    psnr: float

    @property
    def bytes(self) -> int:
        return len(self.data)


@dataclass(frozen=True)
class Comparison:
    """Wisp at `quality` beside JPEG; seconds are wall time in this process."""

    quality: float
    wisp: Point
    jpeg: Point
    encode_seconds: float
    decode_seconds: float


def compare(codec: Codec, picture: NDArray[np.uint8], quality: float) -> Comparison:
    """Encode and decode `picture` (H, W, 3) uint8 both ways."""
    start = time.perf_counter()
    data = codec.encode(picture, quality)
    middle = time.perf_counter()
    decoded = codec.decode_array(data)
    end = time.perf_counter()
    wisp = _point(data, decoded, picture)
    return Comparison(quality, wisp, jpeg_reaching(picture, wisp.psnr), middle - start, end - middle)


def jpeg_reaching(picture: NDArray[np.uint8], wanted: float) -> Point:
    """The smallest JPEG (Pillow, 4:2:0, optimised, progressive) of at least `wanted` dB, else the best there is."""
    low, high = LOWEST_JPEG, HIGHEST_JPEG
    while low < high:
        middle = (low + high) // 2
        if encode_jpeg(picture, middle).psnr >= wanted:
            high = middle
        else:
            low = middle + 1
    return encode_jpeg(picture, low)


def encode_jpeg(picture: NDArray[np.uint8], quality: int) -> Point:
    """JPEG 4:2:0, optimised Huffman tables, progressive."""
    data = _JPEG.encode(picture, quality)
    return _point(data, _JPEG.decode(data), picture)


def _point(data: bytes, decoded: NDArray[np.uint8], picture: NDArray[np.uint8]) -> Point:
    return Point(data, decoded, bits_per_pixel(len(data), picture), psnr(decoded, picture))


def kept_names(folder: Path, stem: str, quality: float) -> tuple[Path, Path, Path]:
    """Where the Wisp file, the JPEG and the decoded picture of a row go."""
    base = f"{stem}-q{quality:g}"
    return folder / f"{base}.wisp", folder / f"{base}.jpg", folder / f"{base}.png"


def keep_files(folder: Path, stem: str, rows: list[Comparison], writing: Writing) -> None:
    """Write every coded file and what it decodes to. Raises OutputExistsError, FileAccessError."""
    for row in rows:
        decoded = io.BytesIO()
        Image.fromarray(row.wisp.decoded).save(decoded, "png")
        files = (row.wisp.data, row.jpeg.data, decoded.getvalue())
        for path, data in zip(kept_names(folder, stem, row.quality), files, strict=True):
            writing.write(str(path), data)
