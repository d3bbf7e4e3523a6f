"""Regions of interest: where a picture's quality is to be higher or lower, tile by tile; without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bitstream.errors import RequestError
from bitstream.limits import MAX_QUALITY
from codec.pixels.geometry import Box
from codec.still.layout import Layout

DEFAULT_DELTA = 20  # of the quality's 0..100
ROI_TILE = 128  # pixels a side of the tiles where a region is asked for and no tile size: fine enough to follow it
_NEUTRAL = 128  # the grey of a map that changes nothing
_STEPS = MAX_QUALITY / 100  # of the model's quality to one of 0..100
_STEEPEST = 8 * _STEPS  # between tiles side by side: no edge shows at their border


@dataclass(frozen=True, eq=False, repr=False)
class Region:
    """A part of a picture with another quality.

    Args:
        where: a rectangle (x, y, width, height) in pixels, or a grey map (H, W) uint8, which is stretched over the
            picture.
        delta: -100..100, added to the quality (0..100) in the rectangle. Under a map it is added in full where the map
            is white, subtracted where it is black, and without effect at grey 128.

    Raises:
        ValueError: neither rectangle nor map, or a delta out of range.
    """

    where: tuple[int, int, int, int] | NDArray[np.uint8]
    delta: float = DEFAULT_DELTA

    def __post_init__(self) -> None:
        if not -100 <= self.delta <= 100:
            raise ValueError(f"region: a delta of {self.delta} is not within -100..100")
        if isinstance(self.where, np.ndarray):
            if self.where.dtype != np.uint8 or self.where.ndim != 2 or not self.where.size:
                raise ValueError(f"region: a map of {self.where.dtype} {self.where.shape} is not (H, W) uint8")
        elif (
            len(self.where) != 4
            or not all(isinstance(v, int | np.integer) for v in self.where)
            or min(self.where[2:]) < 1
        ):
            raise ValueError(f"region: {self.where} is not (x, y, width, height)")

    def __repr__(self) -> str:
        where = f"map of {self.where.shape}" if isinstance(self.where, np.ndarray) else self.where
        return f"Region({where}, {self.delta:+g})"

    @property
    def box(self) -> Box | None:
        """The rectangle, None for a map."""
        return None if isinstance(self.where, np.ndarray) else Box(*self.where)

    def over(self, box: Box, whole: Box) -> float:
        """Mean change of the quality over `box`, a part of the picture `whole`."""
        if not isinstance(self.where, np.ndarray):
            shared = Box(*self.where).meet(box)
            return self.delta * (shared.width * shared.height) / (box.width * box.height) if shared else 0.0
        rows = _span(box.y, box.height, whole.height, self.where.shape[0])
        columns = _span(box.x, box.width, whole.width, self.where.shape[1])
        grey = self.where[rows, columns].astype(np.float64) - _NEUTRAL
        return self.delta * float(np.where(grey > 0, grey / (255 - _NEUTRAL), grey / _NEUTRAL).mean())


def _span(start: int, length: int, of: int, cells: int) -> slice:
    """The cells of a map's axis under so many pixels of the picture's: at least one."""
    first = start * cells // of
    return slice(first, max(first + 1, -(-(start + length) * cells // of)))


def steps_of_tiles(regions: Sequence[Region], layout: Layout) -> list[int]:
    """By how many steps of 1/256 each tile's quality moves: the regions' sum, smooth from tile to tile.

    Raises RequestError for a rectangle that lies outside the picture.
    """
    if not regions:
        return [0] * len(layout.tiles)
    for region in regions:
        if region.box is not None and region.box.meet(layout.whole) is None:
            raise RequestError(
                f"region {region.box} is not within the picture of {layout.whole.width}x{layout.whole.height} pixels"
            )
    moved = [
        _STEPS * sum(region.over(layout.box(i), layout.whole) for region in regions) for i in range(len(layout.tiles))
    ]
    columns = sum(tile.top == 0 for tile in layout.tiles)
    smooth = _smooth(np.array(moved).reshape(-1, columns))
    return [round(float(steps)) for steps in smooth.ravel()]


def levels_of_tiles(regions: Sequence[Region], layout: Layout, level: int) -> list[int]:
    """Each tile's level 0..16128: the picture's, moved by the regions. Raises RequestError likewise."""
    return [min(max(level + moved, 0), MAX_QUALITY) for moved in steps_of_tiles(regions, layout)]


def _smooth(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Limit the slope between neighbours, diagonal ones too, by raising the lower one: what is asked for is kept."""
    while True:
        padded = np.pad(steps, 1, constant_values=-np.inf)
        height, width = steps.shape
        around = [padded[r : r + height, c : c + width] for r in range(3) for c in range(3)]
        raised = np.maximum(steps, np.max(around, axis=0) - _STEEPEST)
        if np.array_equal(raised, steps):
            return steps
        steps = raised
