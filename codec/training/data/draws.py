"""Which crop of which picture a training step sees: a pure function of seed and step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bitstream.errors import FileAccessError, RequestError

_ORDER, _PLACE = 0, 1  # streams of random numbers beside each other


@dataclass(frozen=True)
class Augmentation:
    """How crops are varied, each with a probability of one half.

    Attributes:
        flip: left and right are exchanged.
        transpose: rows become columns; together with `flip` that makes quarter turns as well.
    """

    flip: bool = True
    transpose: bool = True


@dataclass(frozen=True)
class Draw:
    """One sample: which picture, where in it (row and column, as shares 0..1 of what is possible), and how turned."""

    picture: int
    row: float
    column: float
    flip: bool
    transpose: bool

    def corner(self, height: int, width: int, size: int) -> tuple[int, int]:
        """(top, left) of the crop of `size` in a picture of at least that height and width."""
        return int(self.row * (height - size + 1)), int(self.column * (width - size + 1))


@dataclass(frozen=True)
class Sampler:
    """Draws every picture once an epoch, in an order of its own, and a place in it.

    Attributes:
        pictures: how many there are.
        batch: samples of a step, of all processes together: how many processes share them changes nothing.
        seed: from 0 on.
        rank, world: this process's number and how many there are.
    """

    pictures: int
    batch: int
    seed: int
    augmentation: Augmentation = Augmentation()
    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        if self.batch % self.world or not 0 <= self.rank < self.world:
            raise RequestError(f"a batch of {self.batch} cannot be shared by {self.world} processes (rank {self.rank})")

    def __len__(self) -> int:
        """Steps of an epoch."""
        return math.ceil(self.pictures / self.batch)

    def draws(self, step: int) -> list[Draw]:
        """This process's samples of a step."""
        own = self.batch // self.world
        mine = range(self.rank * own, (self.rank + 1) * own)
        numbers = np.random.default_rng((self.seed, _PLACE, step)).random((self.batch, 4))
        return [self._draw(step * self.batch + k, *numbers[k]) for k in mine]

    def _draw(self, sample: int, row: float, column: float, flip: float, transpose: float) -> Draw:
        epoch, position = divmod(sample, self.pictures)
        picture = int(_order(self.seed, epoch, self.pictures)[position])
        augmentation = self.augmentation
        return Draw(picture, row, column, augmentation.flip and flip < 0.5, augmentation.transpose and transpose < 0.5)


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, _ORDER, epoch)).permutation(count)


def middle(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The middle of a picture (H, W, 3), at most `size` pixels a side; a copy."""
    top, left = (max(side - size, 0) // 2 for side in pixels.shape[:2])
    return pixels[top : top + size, left : left + size].copy()


def fitted(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """A picture (H, W, 3) from which crops of `size` can be cut: a side that is shorter is continued by reflection.

    Raises FileAccessError where a side is shorter than half of that: it would be more mirror than picture.
    """
    height, width = pixels.shape[:2]
    if 2 * min(height, width) < size:
        raise FileAccessError(f"{width}x{height} pixels are too few for crops of {size}x{size}")
    if min(height, width) >= size:
        return pixels
    more = [max(size - side, 0) for side in (height, width)]
    return np.pad(pixels, [*((m // 2, m - m // 2) for m in more), (0, 0)], mode="reflect")
