"""The contract of a measure of distortion: a function of two pictures, and what a reader must know of its number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class MeasureInfo:
    """What reports need of a measure.

    `id` is its key in results; `title` and `unit` head its column; where `higher_is_better` is False, BD-rate is
    taken over the negated number.
    """

    id: str
    title: str
    unit: str
    higher_is_better: bool
    source: str  # the paper, and the package that computes it


@dataclass(frozen=True)
class Measure:
    """A measure that can run here: `compute(reference, shown)` of two pictures (H, W, 3) uint8."""

    info: MeasureInfo
    version: str
    compute: Callable[[Pixels, Pixels], float]
