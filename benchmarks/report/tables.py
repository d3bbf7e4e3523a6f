"""BD-rate of every codec against every other one, and the mean points behind the averaged curves."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import mean

from benchmarks.rd.bd import LEAST_POINTS, BdRate, BdRow, RateCurve, all_curves, bd_rate, ranked
from benchmarks.rd.records import Curve, Point

MeanPoint = tuple[float, float, float]  # quality, bits per pixel, value of the measure
_NOTHING: RateCurve = ((), ())


def bd_tables(
    points: Sequence[Point], measure: str, *, higher_is_better: bool, curves: Sequence[Curve] = ()
) -> dict[str, list[BdRow]]:
    """By anchor, what `benchmarks.rd.bd.bd_table` gives for it; published curves are under their `id`.

    Interpolation takes milliseconds a pair of curves, so every pair is interpolated once: turning it round only
    inverts the ratio of rates.
    """
    averaged, images = all_curves(points, measure, higher_is_better=higher_is_better, curves=curves)
    means = _pairs(averaged)
    singles: dict[str, dict[tuple[str, str], BdRate]] = {}
    for name in sorted({name for of_codec in images.values() for name in of_codec}):
        singles[name] = _pairs({codec: of_codec[name] for codec, of_codec in images.items() if name in of_codec})
    tables = {}
    for anchor in averaged:
        rows = [
            BdRow(
                codec,
                means.get((anchor, codec)),
                {name: pairs[anchor, codec] for name, pairs in singles.items() if (anchor, codec) in pairs},
            )
            for codec in averaged
        ]
        tables[anchor] = ranked(rows)
    return tables


def _pairs(curves: Mapping[str, RateCurve]) -> dict[tuple[str, str], BdRate]:
    """By (anchor, test), what can be compared."""
    found = {}
    for name, curve in curves.items():
        if len(curve[0]) >= LEAST_POINTS:
            found[name, name] = BdRate(0.0, 1.0, curve[1][0], curve[1][-1])
    for anchor, test in combinations(curves, 2):
        rate = bd_rate(curves.get(anchor, _NOTHING), curves.get(test, _NOTHING))
        if rate is not None and math.isfinite(rate.percent) and rate.percent > -100:
            turned = 100 * (100 / (100 + rate.percent) - 1)
            found[anchor, test] = rate
            found[test, anchor] = BdRate(turned, rate.overlap, rate.low, rate.high)
    return found


def mean_points(points: Sequence[Point], measure: str) -> dict[str, list[MeanPoint]]:
    """By codec, the means that `benchmarks.rd.bd.averaged_curves` interpolates, with their qualities: those
    that every picture has, in the order of quality."""
    gathered: dict[str, dict[float, dict[str, Point]]] = defaultdict(lambda: defaultdict(dict))
    every: set[str] = set()
    for point in points:
        if math.isfinite(point.measures.get(measure, math.inf)):
            name = f"{point.dataset}/{point.image}"
            every.add(name)
            gathered[point.codec][point.quality][name] = point
    return {
        codec: [
            (quality, mean(p.bpp for p in found.values()), mean(p.measures[measure] for p in found.values()))
            for quality, found in sorted(qualities.items())
            if len(found) == len(every)
        ]
        for codec, qualities in gathered.items()
    }
