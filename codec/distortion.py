"""Distortion of a decoded picture."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_ROWS = 256  # compared at a time, which bounds the memory


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """PSNR in dB between two pictures of one shape, over all of their channels together; inf where they are equal."""
    total = 0
    for top in range(0, len(a), _ROWS):
        difference = a[top : top + _ROWS].astype(np.int32) - b[top : top + _ROWS]
        total += int(np.square(difference).sum(dtype=np.int64))
    return math.inf if total == 0 else 10 * math.log10(255**2 * a.size / total)
