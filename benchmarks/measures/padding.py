"""Pictures that are too small for a measure, or that do not divide into its blocks, replicate their last pixels."""

from __future__ import annotations

import numpy as np

from benchmarks.raw import Pixels


def at_least(pixels: Pixels, side: int) -> Pixels:
    """(H, W, 3) uint8 -> no side below `side`."""
    return _extended(pixels, max(side, pixels.shape[0]), max(side, pixels.shape[1]))


def to_multiple(pixels: Pixels, step: int) -> Pixels:
    """(H, W, 3) uint8 -> sides that `step` divides."""
    return _extended(pixels, -(-pixels.shape[0] // step) * step, -(-pixels.shape[1] // step) * step)


def _extended(pixels: Pixels, height: int, width: int) -> Pixels:
    missing = ((0, height - pixels.shape[0]), (0, width - pixels.shape[1]), (0, 0))
    return np.pad(pixels, missing, mode="edge")
