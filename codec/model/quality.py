"""The user's quality 0..100 and the model's 0..63 in steps of 1/256: one curve of the model file."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

LOWEST, HIGHEST = 0, 100


def check_quality(quality: float) -> None:
    """Raise ValueError outside 0..100."""
    if not (isinstance(quality, (int, float, np.number)) and LOWEST <= quality <= HIGHEST):
        raise ValueError(f"quality {quality!r} is not a number within {LOWEST}..{HIGHEST}")


def to_model_quality(curve: NDArray[np.uint16], quality: float) -> int:
    """User's quality -> steps of 1/256, between the curve's points linearly. Raises ValueError outside 0..100."""
    check_quality(quality)
    return math.floor(float(np.interp(quality, np.arange(len(curve)), curve)) + 0.5)


def to_user_quality(curve: NDArray[np.uint16], steps: int) -> float:
    """Steps of 1/256 -> the user's quality, to two decimals (whole where it came from a whole one)."""
    quality = round(float(np.interp(steps, curve, np.arange(len(curve)))), 2)
    return int(quality) if quality.is_integer() else quality
