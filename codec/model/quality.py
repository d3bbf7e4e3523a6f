"""The user's quality 0..100 and the model's 0..63 in steps of 1/256: one curve of the model file."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LOWEST, HIGHEST = 0, 100


@dataclass(frozen=True)
class Point:
    """How a tile is coded: quality of the base in steps of 1/256, step code of its detail, None where it has none."""

    quality: int
    step_code: int | None = None


def point_at(levels: NDArray[np.int32], level: int) -> Point:
    """The point of a level 0..16128, the one scale of base and detail.

    `levels` (n, 3) has rows (level, quality, step code), levels rising: between them both change linearly. Below the
    first the base is alone, and its quality is the level; so is it everywhere where there are no rows.
    """
    if not len(levels) or level < levels[0, 0]:
        return Point(level)
    quality, code = (math.floor(float(np.interp(level, levels[:, 0], levels[:, i])) + 0.5) for i in (1, 2))
    return Point(quality, code)


def level_of(levels: NDArray[np.int32], point: Point) -> int:
    """The inverse: where there is detail, by the quality of the base."""
    if point.step_code is None or not len(levels):
        return point.quality
    return math.floor(float(np.interp(point.quality, levels[:, 1], levels[:, 0])) + 0.5)


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
