"""A frame of a sequence in memory."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, repr=False)
class Frame:
    """`pixels` is (height, width, C) uint8: RGB of full range (C = 3); with alpha, or grey, C = 4, 2 or 1.

    `pts` and `duration` count units of `time_base` seconds; a `duration` of 0 is not known. `key` frames decode
    without any other. `number` counts from 0, `first` is the `pts` of the clip's first frame.
    """

    pixels: NDArray[np.uint8]
    pts: int
    duration: int
    time_base: Fraction
    number: int = 0
    key: bool = True
    first: int = 0

    def __repr__(self) -> str:
        shape = f"pixels={self.pixels.shape} {self.pixels.dtype}"
        return f"Frame(number={self.number}, seconds={round(self.seconds, 6)}, {shape}, key={self.key})"

    @property
    def seconds(self) -> float:
        """When it is shown, counted from the clip's first frame."""
        return float((self.pts - self.first) * self.time_base)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]
