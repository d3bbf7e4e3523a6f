"""Geometry: the latent field of a picture, its entropy tiles, and the windows that the pixel path works in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bitstream.limits import TILE_STEP

LATENT = 16  # pixels a side of one latent
WINDOW = 128  # latents a side, halo not counted: bounds the memory of the pixel path


@dataclass(frozen=True)
class Area:
    """A rectangle of latents: rows `top` .. `bottom`, columns `left` .. `right` (ends excluded)."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def index(self) -> tuple[slice, slice]:
        """For the last two axes of a field, behind `...`."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, halo: int, field: tuple[int, int]) -> Area:
        """This area and `halo` latents around it, as far as the field (height, width) goes."""
        return Area(
            max(self.top - halo, 0),
            min(self.bottom + halo, field[0]),
            max(self.left - halo, 0),
            min(self.right + halo, field[1]),
        )


def field_size(width: int, height: int) -> tuple[int, int]:
    """Latents (height, width) of a picture of these pixels, padded to multiples of 64 pixels."""
    rows, columns = (math.ceil(side / TILE_STEP) * TILE_STEP // LATENT for side in (height, width))
    return rows, columns


def _split(length: int, step: int) -> list[tuple[int, int]]:
    return [(start, min(start + step, length)) for start in range(0, length, step)]


def entropy_tiles(field: tuple[int, int], tile: int) -> list[Area]:
    """The tiles of `tile` pixels a side in file order (row by row); those at the end may be smaller."""
    step = tile // LATENT
    return [Area(*rows, *columns) for rows in _split(field[0], step) for columns in _split(field[1], step)]


def windows(field: tuple[int, int]) -> Iterator[Area]:
    """Areas of nearly equal size that cover the field, none larger than WINDOW a side."""
    steps = [math.ceil(length / math.ceil(length / WINDOW)) for length in field]
    for rows in _split(field[0], steps[0]):
        for columns in _split(field[1], steps[1]):
            yield Area(*rows, *columns)


def quality_field(tiles: list[Area], qualities: list[int], field: tuple[int, int]) -> Tensor:
    """Quality of every latent in steps of 1/256: () where all tiles agree, else (h, w). int64."""
    if len(set(qualities)) == 1:
        return torch.tensor(qualities[0])
    values = np.empty(field, np.int64)
    for area, quality in zip(tiles, qualities, strict=True):
        values[area.index] = quality
    return torch.from_numpy(values)
