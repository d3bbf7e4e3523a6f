"""Uncompressed clips as files, which codecs read and write as `ffmpeg` does raw video: times are of coding alone,
not of making, converting or comparing frames, and memory does not grow with length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.ycbcr import to_pixels, to_planes

Layout = Literal["rgb24", "yuv420p", "yuv444p"]
Pixels = NDArray[np.uint8]
Plane = NDArray[np.uint8]


@dataclass(frozen=True)
class RawClip:
    """Frames one after the other, 8 bits: "rgb24", or "yuv420p" and "yuv444p", the YCbCr of `benchmarks.ycbcr`
    (BT.601, full range, chroma the mean of 2 x 2 pixels). A still is a clip of one frame."""

    path: Path
    layout: Layout
    width: int
    height: int
    frames: int
    rate: Fraction

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Of each plane."""
        if self.layout == "rgb24":
            return [(self.height, self.width, 3)]
        if self.layout == "yuv444p":
            return [(self.height, self.width)] * 3
        half = ((self.height + 1) // 2, (self.width + 1) // 2)
        return [(self.height, self.width), half, half]

    @property
    def bytes(self) -> int:
        """Of all frames."""
        return self.frames * sum(int(np.prod(shape)) for shape in self.shapes)

    def planes(self) -> Iterator[list[Plane]]:
        """Planes of each frame, uint8: Y, Cb and Cr, or the one (H, W, 3) of RGB. Raises ValueError where the file
        ends too early."""
        with self.path.open("rb") as file:
            for number in range(self.frames):
                yield [_read(file, shape, number) for shape in self.shapes]

    def pixels(self) -> Iterator[Pixels]:
        """(H, W, 3) uint8 sRGB of each frame."""
        for planes in self.planes():
            yield planes[0] if self.layout == "rgb24" else to_pixels(planes)


def _read(file: BinaryIO, shape: tuple[int, ...], number: int) -> Plane:
    count = int(np.prod(shape))
    found = np.fromfile(file, np.uint8, count)
    if found.size != count:
        raise ValueError(f"raw video ends within frame {number}")
    return found.reshape(shape)


def write_planes(file: BinaryIO, planes: Sequence[Plane]) -> None:
    """Append a frame."""
    for plane in planes:
        file.write(np.ascontiguousarray(plane).data)


def write_raw(path: Path, frames: Iterable[Pixels], layout: Layout) -> None:
    """(H, W, 3) uint8 each, as a RawClip's file."""
    with path.open("wb") as file:
        for pixels in frames:
            write_planes(file, [pixels] if layout == "rgb24" else to_planes(pixels, subsampled=layout == "yuv420p"))
