"""BD-rate (Bjontegaard, VCEG-M33) of two rate-distortion curves, by PCHIP interpolation."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from codec.training.extra import needed

Point = tuple[float, float]  # rate, and PSNR in dB


def bd_rate(anchor: Iterable[Point], other: Iterable[Point]) -> float | None:
    """Per cent that `other` needs more than `anchor` at equal PSNR.

    None where the two cannot be compared: PSNR must rise with the rate, and both must overlap. Raises UnsupportedError
    where the package that measures it is missing.
    """
    measured = needed("bjontegaard").bd_rate
    curves = [sorted(curve) for curve in (anchor, other)]
    if not all(after[1] > before[1] for curve in curves for before, after in pairwise(curve)):
        return None
    (rates, levels), (other_rates, other_levels) = (tuple(zip(*curve, strict=True)) for curve in curves)
    if min(levels[-1], other_levels[-1]) <= max(levels[0], other_levels[0]):
        return None
    options = {"method": "pchip", "require_matching_points": False, "min_overlap": 0}
    return float(measured(rates, levels, other_rates, other_levels, **options))
