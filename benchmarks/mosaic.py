"""Pictures of any size: parts of the LIVE pictures side by side."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import live_paths, read_picture

PART = 416  # pixels a side of a part: every LIVE picture has as many
STRIDE = 12  # from one picture to the next: neighbours by name show the same kind of thing


@dataclass(frozen=True, order=True)
class Size:
    """Of a picture, in pixels."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        return self.width * self.height

    @property
    def megapixels(self) -> float:
        return self.pixels / 1e6

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def parse_size(text: str) -> Size:
    """The size that "768x512" names. Raises ValueError."""
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a size as 768x512")
    return Size(int(found[1]), int(found[2]))


def mosaic(size: Size) -> NDArray[np.uint8]:
    """(H, W, 3) uint8: the middle of as many parts as it takes, each picture's in turn."""
    columns, rows = math.ceil(size.width / PART), math.ceil(size.height / PART)
    paths = live_paths()
    chosen = [paths[STRIDE * i % len(paths)] for i in range(columns * rows)]
    parts = {path: read_picture(path)[:PART, :PART] for path in dict.fromkeys(chosen)}
    whole = np.vstack(
        [np.hstack([parts[path] for path in chosen[row * columns : (row + 1) * columns]]) for row in range(rows)]
    )
    top, left = (rows * PART - size.height) // 2, (columns * PART - size.width) // 2
    return np.ascontiguousarray(whole[top : top + size.height, left : left + size.width])
