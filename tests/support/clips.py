"""Small clips for the tests of sequences, and sources that only read forward."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from codec.api import Codec
from codec.pixels.frame import Frame
from codec.sequence.writer import VideoWriter
from tests.support.scenes import photo

Pixels = NDArray[np.uint8]
SIZE = (96, 64)
REPEATS = (4, 5, 8)  # frames of `moving` that equal their predecessors


def moving(count: int = 10, size: tuple[int, int] = SIZE, mode: str = "RGB") -> list[Pixels]:
    """A photograph that moves by two pixels a frame, and stands still at REPEATS."""
    width, height = size
    wide = photo(height, width + 2 * count, mode)
    shifts = np.cumsum([0 if number in REPEATS else 2 for number in range(count)])
    return [np.ascontiguousarray(wide[:, shift - 2 : shift - 2 + width]) for shift in shifts]


def written(codec: Codec, frames: Sequence[Pixels], rate: Any = 25, **options: Any) -> bytes:
    """The bytes of a sequence of these frames."""
    file = io.BytesIO()
    size = frames[0].shape[1], frames[0].shape[0]
    with VideoWriter(file, size, rate, codec=codec, **options) as writer:
        for frame in frames:
            writer.write(frame)
    return file.getvalue()


class Forward:
    """A source that only reads forward, at most `most` bytes at a time; counts what was asked for."""

    def __init__(self, data: bytes, most: int = 1 << 30) -> None:
        self._file, self._most = io.BytesIO(data), most
        self.read_bytes = 0

    def read(self, size: int = -1) -> bytes:
        """As of any file object."""
        data = self._file.read(self._most if size < 0 else min(size, self._most))
        self.read_bytes += len(data)
        return data


def forward(data: bytes, most: int = 1 << 30) -> BinaryIO:
    """The same, as a type checker wants it."""
    return cast(BinaryIO, Forward(data, most))


def equal(a: Frame, b: Frame) -> bool:
    """Whether two frames are the same in every respect."""
    facts = [(f.number, f.pts, f.duration, f.time_base, f.key) for f in (a, b)]
    return facts[0] == facts[1] and np.array_equal(a.pixels, b.pixels)
