"""Where crops are taken: squares of a picture, drawn at random, textured ones preferred, flat ones left out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from codec.training.data.settings import PackSettings

_REDUCED = 2  # side of the pixels that gradients are taken of: single ones would count noise
_TRIES = 16  # squares drawn for each that is wanted
_MOST_SHARED = 0.25  # of the smaller of two squares' area


@dataclass(frozen=True)
class Square:
    """Part of a picture in its own pixels; `scale` of them make one of the pack. `weight` is its mean strength."""

    x: int
    y: int
    side: int
    scale: float
    weight: float

    @property
    def facts(self) -> dict[str, float]:
        """Where it lies in the source, in pixels, and the scale."""
        return {"x": self.x, "y": self.y, "width": self.side, "height": self.side, "scale": round(self.scale, 4)}

    def overlaps(self, other: Square) -> bool:
        """Whether they share more than a quarter of the smaller one."""
        width, height = (
            min(a + self.side, b + other.side) - max(a, b) for a, b in ((self.x, other.x), (self.y, other.y))
        )
        return max(width, 0) * max(height, 0) > _MOST_SHARED * min(self.side, other.side) ** 2

    def cut(self, pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
        """(H, W, 3) -> (size, size, 3), scaled down by Lanczos."""
        if self.side == size:
            return pixels[self.y : self.y + size, self.x : self.x + size]
        box = (self.x, self.y, self.x + self.side, self.y + self.side)
        return np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.LANCZOS, box=box))


class StrengthMap:
    """Means over squares of a map that has one value for every `step` x `step` pixels, by its integral."""

    def __init__(self, strength: NDArray[np.float32], step: int) -> None:
        self._integral = np.pad(strength.cumsum(0, np.float64).cumsum(1), ((1, 0), (1, 0)))
        self._step = step

    def mean(self, x: int, y: int, side: int) -> float:
        """Of the square from (x, y) on, in pixels."""
        height, width = (n - 1 for n in self._integral.shape)
        left, top = min(x // self._step, width - 1), min(y // self._step, height - 1)
        count = max(side // self._step, 1)
        right, bottom = min(left + count, width), min(top + count, height)
        corners = self._integral
        total = corners[bottom, right] - corners[top, right] - corners[bottom, left] + corners[top, left]
        return float(total / ((right - left) * (bottom - top)))


def grey(pixels: NDArray[np.uint8], step: int) -> NDArray[np.float32]:
    """Luma of a picture (H, W, 3), means of `step` x `step` pixels."""
    return np.asarray(Image.fromarray(pixels).convert("L").reduce(step), np.float32)


def texture_map(pixels: NDArray[np.uint8]) -> StrengthMap:
    """Mean absolute gradients of the luma (0..255) of a picture (H, W, 3)."""
    luma = grey(pixels, _REDUCED)
    down, across = (np.abs(np.diff(luma, axis=axis, append=luma.take([-1], axis))) for axis in (0, 1))
    return StrengthMap((down + across) / 2, _REDUCED)


def draw_squares(
    shape: tuple[int, int],
    strength: StrengthMap,
    settings: PackSettings,
    downscale: tuple[float, float],
    least: float,
    rng: np.random.Generator,
) -> list[Square]:
    """Up to `settings.per_source` squares of a picture of this height and width, hardly overlapping, best first.

    Those of a mean strength below `least` are not taken; none fit where the picture is too small for the scale.
    """
    low, high = downscale
    high = min(high, min(shape) / settings.size)
    if high < low:
        return []
    drawn = []
    for _ in range(_TRIES * settings.per_source):
        scale = low * (high / low) ** rng.random()
        side = min(round(settings.size * scale), *shape)
        x, y = (int(rng.integers(length - side + 1)) for length in (shape[1], shape[0]))
        drawn.append(Square(x, y, side, side / settings.size, strength.mean(x, y, side)))
    luck = rng.random(len(drawn))
    taken: list[Square] = []
    for _, square in sorted(
        ((chance_key(luck[i], square.weight, settings.texture), square) for i, square in enumerate(drawn)),
        key=lambda pair: pair[0],
    ):
        if len(taken) == settings.per_source:
            break
        if square.weight >= least and not any(square.overlaps(other) for other in taken):
            taken.append(square)
    return taken


def chance_key(luck: float, weight: float, power: float) -> float:
    """Those with the smallest keys are a sample with chances by `weight` to that power (Efraimidis, Spirakis 2006)."""
    return -math.log(max(luck, 1e-300)) / max(weight, 1e-6) ** power
