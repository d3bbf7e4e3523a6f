"""Distortion of a decoded picture."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """PSNR in dB between two pictures (H, W, 3) uint8, over R, G and B together; inf where they are equal."""
    error = float(np.mean((a.astype(np.float64) - b) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)
