"""The contract of a codec in the benchmark.

A codec is one encoder at one setting, swept over `qualities`. It is built without importing its library (building
it never fails); `open` imports, loads and checks, and says by `AbsentError` what is missing and how to get it. After
that `encode` makes a whole file, of a picture (`ImageCodec`) or of a clip (`VideoCodec`), `decode` turns it back, and
nothing else may be needed: neither side sees what the other one knew. `options` is everything that changes the bytes
besides the quality and the version; together the three name a point, so that a finished one is not computed twice.

A still is a clip of one frame: the engine codes either by `there_and_back`.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from benchmarks.raw import Layout, Pixels, RawClip, write_raw

INTRA, PREDICTED = "all intra", "predicted"  # a video's `options["prediction"]`: frames alone, or from one another


class AbsentError(Exception):
    """A codec or measure cannot run here.

    Args:
        reason: what is missing, in a few words.
        remedy: how to get it: a command, or where to put a file.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason} ({remedy})")
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True)
class Coded:
    """A clip there and back: the file `stream`, what it shows as a raw clip, and the seconds of either way."""

    stream: Path
    shown: RawClip
    encode_seconds: float
    decode_seconds: float

    @property
    def bytes(self) -> int:
        """Of the stream."""
        return self.stream.stat().st_size


class BaseCodec(ABC):
    """One encoder at one setting.

    Class attributes:
        id: what results, `--codecs` and kept files call it: lower case, digits, hyphens.
        title: what reports call it; of a video codec it says the kind of prediction.
        ending: of a file, without the dot.
        layout: of the raw clips that it codes.
        qualities: the sweep, from the smallest files to the largest; the numbers are the encoder's own.
        quality_name: what the encoder calls them ("CRF").
        step: the smallest difference of two qualities that changes anything.
        slow: whether a point takes minutes; left out unless asked for by name or by `--slow`.
        usual, quick: whether it takes part without being named, and with `--quick`.
    """

    id: str
    title: str
    ending: str
    layout: Layout = "rgb24"
    qualities: tuple[float, ...]
    quality_name: str = "quality"
    step: float = 1.0
    options: Mapping[str, object]
    slow: bool = False
    usual: bool = True
    quick: bool = True

    @abstractmethod
    def open(self, threads: int) -> None:
        """Import and load what encode and decode need, for `threads` threads. Raises AbsentError."""

    @property
    @abstractmethod
    def version(self) -> str:
        """The versions that the bytes depend on ("libavif 1.4.2, Pillow 13.0.0"); after `open`."""

    @abstractmethod
    def command(self, quality: float) -> str:
        """The call or command line that makes the same file, for a reader who wants to repeat it."""

    @abstractmethod
    def there_and_back(self, clip: RawClip, quality: float, folder: Path) -> Coded:
        """Encode and decode once, files going to `folder` in place of those of the last time.

        Raises ValueError where something of another shape comes back, and what the codec raises.
        """


class ImageCodec(BaseCodec):
    """Codes pictures in memory; times are of that alone."""

    @abstractmethod
    def encode(self, pixels: Pixels, quality: float) -> bytes:
        """A whole file of `pixels` (H, W, 3) uint8, sRGB."""

    @abstractmethod
    def decode(self, data: bytes) -> Pixels:
        """(H, W, 3) uint8."""

    def there_and_back(self, clip: RawClip, quality: float, folder: Path) -> Coded:
        """See BaseCodec; `clip` has one frame."""
        (pixels,) = clip.pixels()
        start = time.perf_counter()
        data = self.encode(pixels, quality)
        middle = time.perf_counter()
        decoded = self.decode(data)
        end = time.perf_counter()
        if decoded.shape != pixels.shape or decoded.dtype != np.uint8:
            raise ValueError(f"{pixels.shape} {pixels.dtype} came back as {decoded.shape} {decoded.dtype}")
        stream, shown = folder / f"stream.{self.ending}", replace(clip, path=folder / "shown.raw")
        stream.write_bytes(data)
        write_raw(shown.path, [decoded], shown.layout)
        return Coded(stream, shown, middle - start, end - middle)


class VideoCodec(BaseCodec):
    """Codes raw clips from file to file."""

    @abstractmethod
    def encode(self, clip: RawClip, quality: float, path: Path) -> None:
        """Write the stream of `clip`, which is of `layout`, to `path`."""

    @abstractmethod
    def decode(self, path: Path, raw: BinaryIO) -> None:
        """Append every frame of the stream to `raw`, in `layout`."""

    def there_and_back(self, clip: RawClip, quality: float, folder: Path) -> Coded:
        """See BaseCodec."""
        stream, shown = folder / f"stream.{self.ending}", replace(clip, path=folder / "shown.raw")
        for path in (stream, shown.path):
            path.unlink(missing_ok=True)
        start = time.perf_counter()
        self.encode(clip, quality, stream)
        middle = time.perf_counter()
        with shown.path.open("wb") as file:
            self.decode(stream, file)
        end = time.perf_counter()
        size = shown.path.stat().st_size
        if size != shown.bytes:
            raise ValueError(f"{clip.frames} frames ({clip.bytes} bytes) came back as {size} bytes")
        return Coded(stream, shown, middle - start, end - middle)
