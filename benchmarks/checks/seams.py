"""Do tile borders show?

Every LIVE picture is coded with tiles of 256 pixels and of 1024. The error in the bands of 8 pixels on either side of
the 256-pixel borders is compared with the error of the same bands under 1024, where no border is (or another one).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.checks.check import Check, Run

SMALL_TILE, LARGE_TILE = 256, 1024
BAND = 8  # pixels on either side of a border
MOST = 1.05
QUALITIES = (30.0, 75.0)


@dataclass(frozen=True)
class Seam:
    """One picture at one quality: error in the bands with small tiles over that with large ones."""

    picture: str
    quality: float
    absolute: float
    squared: float


def bands(height: int, width: int) -> NDArray[np.bool_]:
    """(height, width): within BAND pixels of a border between small tiles."""
    near = [np.zeros(length, bool) for length in (height, width)]
    for marks in near:
        for border in range(SMALL_TILE, len(marks), SMALL_TILE):
            marks[border - BAND : border + BAND] = True
    return near[0][:, None] | near[1][None, :]


def measure(run: Run) -> None:
    """All LIVE pictures."""
    for name, picture in run.pictures():
        mask = bands(*picture.shape[:2])
        for quality in QUALITIES:
            errors = []
            for tile in (SMALL_TILE, LARGE_TILE):
                decoded = run.codec.decode_array(run.codec.encode(picture, quality, tile=tile))
                errors.append(decoded[mask].astype(np.float64) - picture[mask])
            small, large = errors
            absolute, squared = abs(small).mean() / abs(large).mean(), (small**2).mean() / (large**2).mean()
            run.row(Seam(name, quality, float(absolute), float(squared)))
            text = f"{name:<18} q{quality:<4g} absolute {absolute:.3f}, squared {squared:.3f}, the larger: "
            run.hold(text, max(absolute, squared), MOST)
    mean = np.mean([row["squared"] for row in run.rows])
    worst = max(max(row["absolute"], row["squared"]) for row in run.rows)
    run.say(f"mean of squared {mean:.4f}, worst {worst:.3f}")


CHECK = Check("error at tile borders over that where there is none", 2, measure)
