"""Finding the quality whose measured value lies within bounds, with few of the dear measurements."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from bitstream.limits import MAX_QUALITY
from codec.rate.target import Bounds
from codec.rate.typical import Typical

_NEIGHBOURS = 6  # steps tried on either side where the curve jumps over the bounds
_BY_LINES = 5  # measurements before halving begins
_STEEPEST = 8  # times the usual rise, and an eighth of it, are what a curve may have
_INFINITE = 1e3  # dB, for interpolation


@dataclass
class Curve:
    """A value that rises with the quality `lowest`..MAX_QUALITY, by and large; each is measured once.

    `typical` is the usual curve: against it a picture's own is nearly a straight line, and `rise` is how much
    that rises by unit. After `most` measurements what is nearest has to do.
    """

    measure: Callable[[int], float]
    typical: Typical
    rise: float = 1.0
    most: int = 40
    lowest: int = 0
    values: dict[int, float] = field(default_factory=dict)

    def at(self, quality: int) -> float:
        if quality not in self.values:
            self.values[quality] = self.measure(quality)
        return self.values[quality]

    def nearest(self, bounds: Bounds) -> int | None:
        """Of what was measured: within the bounds, or as near to them as is allowed. None where nothing is."""
        allowed = [q for q, value in self.values.items() if bounds.allow(value)]
        return min(allowed, key=lambda q: abs(_finite(self.values[q]) - bounds.aim), default=None)

    def rise_at(self, quality: int) -> float:
        """By unit of the typical curve, from the nearest other measurement; kept within reason."""
        others = [q for q in self.values if q != quality and math.isfinite(self.values[q])]
        if not others or not math.isfinite(self.values[quality]):
            return self.rise
        other = min(others, key=lambda q: abs(q - quality))
        apart = self.typical.at(quality) - self.typical.at(other)
        rise = (self.values[quality] - self.values[other]) / apart
        return min(max(rise, self.rise / _STEEPEST), self.rise * _STEEPEST)


@dataclass(frozen=True)
class Range:
    """What the lowest and the highest quality give."""

    lowest: float
    highest: float


def solve(curve: Curve, bounds: Bounds, guess: int) -> int | None:
    """The quality that meets the bounds, or comes nearest to them and is allowed; None where they lie beyond an end.

    `guess` is measured first; then the secant leads until the bounds are bracketed, then interpolation.
    """
    curve.at(max(guess, curve.lowest))
    while True:
        hit = next((q for q, value in curve.values.items() if bounds.hold(value)), None)
        if hit is not None:
            return hit
        below = max((q for q, value in curve.values.items() if value < bounds.low), default=None)
        above = min((q for q, value in curve.values.items() if value > bounds.high), default=None)
        if below is not None and above is not None and above - below <= 1:
            return _beside(curve, bounds, min(below, above))
        if len(curve.values) >= curve.most and curve.nearest(bounds) is not None:
            return curve.nearest(bounds)
        quality = _next(curve, bounds, below, above)
        if quality is None:
            return None
        curve.at(quality)


def _next(curve: Curve, bounds: Bounds, below: int | None, above: int | None) -> int | None:
    """The next quality to measure, None where the bounds lie beyond an end."""
    if below is not None and above is not None:
        low, high = curve.values[below], _finite(curve.values[above])
        share = (bounds.aim - low) / (high - low)
        start, end = curve.typical.at(below), curve.typical.at(above)
        inside = curve.typical.inverse(start + (end - start) * share)
        if _bends_sharply(curve, above):
            inside = (below + above) // 2
        return min(max(inside, below + 1), above - 1)
    if below is not None:
        edge, end_of_range, sign = below, MAX_QUALITY, 1
    else:
        assert above is not None
        edge, end_of_range, sign = above, curve.lowest, -1
    if edge == end_of_range:
        return None
    far = (bounds.aim - _finite(curve.values[edge])) / curve.rise_at(edge)
    wanted = curve.typical.inverse(curve.typical.at(edge) + far)
    # Twice as far each time at least, so that the bounds are bracketed in the end.
    step = max(sign * (wanted - edge), 2 ** len(curve.values))
    return min(max(edge + sign * step, curve.lowest), MAX_QUALITY)


def _bends_sharply(curve: Curve, above: int) -> bool:
    """Whether lines did not help so far: then every other time the bracket is halved."""
    count = len(curve.values)
    return math.isinf(curve.values[above]) or (count > _BY_LINES and count % 2 == 0)


def _beside(curve: Curve, bounds: Bounds, below: int) -> int | None:
    """The curve jumps over the bounds: it is not quite smooth, and a neighbour may lie within."""
    for distance in range(1, _NEIGHBOURS + 1):
        for quality in (below - distance, below + 1 + distance):
            if len(curve.values) >= curve.most:
                return curve.nearest(bounds)
            if curve.lowest <= quality <= MAX_QUALITY and bounds.hold(curve.at(quality)):
                return quality
    return curve.nearest(bounds)


def _finite(value: float) -> float:
    return min(value, _INFINITE)
