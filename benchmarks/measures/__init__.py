"""Measures of one coded picture: its rate and PSNR here, all measures of distortion by id in catalog.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from codec.pixels.distortion import psnr

__all__ = ["bits_per_pixel", "psnr"]


def bits_per_pixel(size: int, picture: NDArray[np.uint8]) -> float:
    """Bits of `size` bytes per pixel of the picture (H, W, 3)."""
    return 8 * size / (picture.shape[0] * picture.shape[1])
