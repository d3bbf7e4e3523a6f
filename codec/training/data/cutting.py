"""The crops of one picture, as they go into a pack."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from bitstream.errors import UnsupportedError, WispError
from codec.training.data.hashes import Excluded, perceptual_hash
from codec.training.data.settings import PackSettings, PictureFormat
from codec.training.data.sources import Entry, decode_picture, left_out, quietly
from codec.training.data.squares import draw_squares, texture_map

LEAST_TEXTURE = 1.0  # mean gradient, of 255: below there are skies and walls
_AVIF_QUALITY = 95
_LOSSY_HEADS = (b"\xff\xd8", b"\0\0\0\x0cjP", b"\xff\x4f")  # JPEG, JPEG 2000
_LOSSY_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")

Why = Literal["", "unreadable", "excluded", "small", "flat", "short", "still"]


@dataclass(frozen=True)
class Sample:
    """One picture of a pack: its file, its perceptual hash, and what its JSON file tells of it."""

    key: str
    data: bytes = field(repr=False)
    hash: int
    facts: dict[str, Any]


@dataclass(frozen=True)
class Cut:
    """What was taken of a source: samples, or why there are none; `hash` is that of a whole picture.

    `excluded` counts parts of it that are to be tested with; `message` is a note on it.
    """

    samples: tuple[Sample, ...] = ()
    why: Why = ""
    hash: int | None = None
    excluded: int = 0
    message: str = ""


class PictureCutter:
    """Takes crops of pictures by the settings; none of what is excluded."""

    def __init__(self, settings: PackSettings, excluded: Excluded) -> None:
        self._settings, self._excluded = settings, excluded

    def __call__(self, entry: Entry) -> Cut:
        """Read it and choose."""
        try:
            with quietly():
                data = entry.read()
                pixels = decode_picture(data)
        except WispError as error:
            return Cut(why="unreadable", message=left_out(entry, error))
        if self._excluded and self._excluded.has(pixels):
            return Cut(why="excluded")
        return self._cut(entry, data, pixels)

    def _cut(self, entry: Entry, data: bytes, pixels: NDArray[np.uint8]) -> Cut:
        settings = self._settings
        scaled = settings.downscale_all or is_lossy(data)
        downscale = settings.downscale if scaled else (1.0, 1.0)
        height, width = pixels.shape[:2]
        if min(height, width) < settings.size * downscale[0]:
            return Cut(why="small")
        source = hashlib.sha256(data).hexdigest()
        rng = np.random.default_rng((settings.seed, int(source[:16], 16)))  # what else is there changes no crop
        squares = draw_squares((height, width), texture_map(pixels), settings, downscale, LEAST_TEXTURE, rng)
        samples: list[Sample] = []
        excluded = 0
        for square in squares:
            crop = square.cut(pixels, settings.size)
            one = perceptual_hash(crop)
            if self._excluded.has_hash(one):
                excluded += 1
                continue
            key = f"{'g' if settings.graphics else 'p'}_{source[:12]}_{len(samples)}"
            samples.append(
                sample(key, crop, settings.picture_format, one, entry, source, square.facts, texture=square.weight)
            )
        why: Why = "" if samples else "excluded" if excluded else "flat"
        return Cut(tuple(samples), why, perceptual_hash(pixels), excluded)


def sample(
    key: str,
    pixels: NDArray[np.uint8],
    picture_format: PictureFormat,
    one: int,
    entry: Entry,
    source: str,
    place: dict[str, Any],
    **more: Any,
) -> Sample:
    """Encode the picture and put together what is told of it; `source` is the SHA-256 of the file it was taken of."""
    data = encoded(pixels, picture_format)
    facts = {"source": entry.name, "source_sha256": source, **place}
    facts |= {name: round(value, 3) if isinstance(value, float) else value for name, value in more.items()}
    facts |= {"phash": f"{one:016x}", "sha256": hashlib.sha256(data).hexdigest()}
    return Sample(key, data, one, facts)


def encoded(pixels: NDArray[np.uint8], picture_format: PictureFormat) -> bytes:
    """A picture's file: lossless WebP, or AVIF of quality 95 in 4:4:4. Raises UnsupportedError without AVIF."""
    file = BytesIO()
    image = Image.fromarray(pixels)
    if picture_format == "webp":
        image.save(file, "WEBP", lossless=True, quality=80, method=4)
    elif features.check("avif"):
        image.save(file, "AVIF", quality=_AVIF_QUALITY, subsampling="4:4:4", speed=6)
    else:
        raise UnsupportedError("this Pillow writes no AVIF")
    return file.getvalue()


def is_lossy(data: bytes) -> bool:
    """Whether a picture's file is of a format that loses something: JPEG, JPEG 2000, AVIF, HEIC, or lossy WebP."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return b"VP8 " in data[12:4096]
    return data.startswith(_LOSSY_HEADS) or (data[4:8] == b"ftyp" and data[8:12] in _LOSSY_BRANDS)
