"""Geometry: the latent field of a picture, its entropy tiles, and the windows that the pixel path works in.

An Area counts latents, a Box pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bitstream.errors import RequestError
from bitstream.limits import TILE_STEP

LATENT = 16  # pixels a side of one latent
WINDOW = 128  # latents a side, halo not counted: bounds the memory of the pixel path

Crop = tuple[int, int, int, int]  # x, y, width, height in pixels


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
    def size(self) -> int:
        """How many latents."""
        return self.height * self.width

    @property
    def index(self) -> tuple[slice, slice]:
        """For the last two axes of a field, behind `...`."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @classmethod
    def over(cls, box: Box) -> Area:
        """The latents over these pixels."""
        return cls(
            box.y // LATENT,
            math.ceil((box.y + box.height) / LATENT),
            box.x // LATENT,
            math.ceil((box.x + box.width) / LATENT),
        )

    def grown(self, halo: int, field: tuple[int, int]) -> Area:
        """This area and `halo` latents around it, as far as the field (height, width) goes."""
        return Area(
            max(self.top - halo, 0),
            min(self.bottom + halo, field[0]),
            max(self.left - halo, 0),
            min(self.right + halo, field[1]),
        )

    def meet(self, other: Area) -> Area | None:
        """What both cover, None where that is nothing."""
        area = Area(
            max(self.top, other.top),
            min(self.bottom, other.bottom),
            max(self.left, other.left),
            min(self.right, other.right),
        )
        return area if area.height > 0 and area.width > 0 else None

    def within(self, outer: Area) -> Area:
        """This area in the coordinates of `outer`, which holds it."""
        return Area(self.top - outer.top, self.bottom - outer.top, self.left - outer.left, self.right - outer.left)


def around(areas: Iterable[Area]) -> Area:
    """The smallest area that holds all of them, of which there is at least one."""
    tops, bottoms, lefts, rights = zip(*((a.top, a.bottom, a.left, a.right) for a in areas), strict=True)
    return Area(min(tops), max(bottoms), min(lefts), max(rights))


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels: (x, y) of its upper left corner, width, height."""

    x: int
    y: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.x},{self.y},{self.width},{self.height}"

    @property
    def index(self) -> tuple[slice, slice]:
        """For the first two axes of pixels."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def meet(self, other: Box) -> Box | None:
        """What both cover, None where that is nothing."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        right = min(self.x + self.width, other.x + other.width)
        bottom = min(self.y + self.height, other.y + other.height)
        return Box(x, y, right - x, bottom - y) if right > x and bottom > y else None

    def check_within(self, width: int, height: int) -> Box:
        """This box. Raises RequestError where a picture of this size does not hold all of it."""
        whole = Box(0, 0, width, height)
        if self.meet(whole) != self:
            raise RequestError(f"crop {self} is not within the picture of {width}x{height} pixels")
        return self

    def within(self, outer: Box) -> Box:
        """This box in the coordinates of `outer`."""
        return Box(self.x - outer.x, self.y - outer.y, self.width, self.height)


def pixels_under(area: Area, width: int, height: int) -> Box:
    """The pixels of a picture of this size under an area: at the right and bottom edge an area may reach beyond."""
    right, bottom = min(area.right * LATENT, width), min(area.bottom * LATENT, height)
    return Box(area.left * LATENT, area.top * LATENT, right - area.left * LATENT, bottom - area.top * LATENT)


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


def windows(field: tuple[int, int], most: int | None = None) -> Iterator[Area]:
    """Areas of nearly equal size that cover the field (height, width), none larger than `most` a side, else WINDOW."""
    most = WINDOW if most is None else most
    steps = [math.ceil(length / math.ceil(length / most)) for length in field]
    for rows in _split(field[0], steps[0]):
        for columns in _split(field[1], steps[1]):
            yield Area(*rows, *columns)
