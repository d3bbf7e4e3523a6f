"""BD-rate (Bjontegaard, VCEG-M33, 2001) of measured points, by the package `bjontegaard`.

Two ways that literature mixes: over the averaged curves (the mean rate and mean distortion of all pictures at each
quality, one number) and per picture (one number a picture, then their mean). Averaged curves flatter codecs whose
rate hardly differs between pictures, so both are given.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Literal

import numpy as np

from benchmarks.rd.records import Curve, Point

Method = Literal["pchip", "akima", "cubic"]
METHOD: Method = "pchip"
LEAST_POINTS = 2
INTRA = "-intra"  # at the end of an all-intra video codec's id
RateCurve = tuple[tuple[float, ...], tuple[float, ...]]  # bits per pixel and distortion (higher is better), ascending


@dataclass(frozen=True)
class BdRate:
    """Percent of rate saved (negative) or spent; `overlap` is the shared part of the two ranges of distortion,
    0..1 of their union, `low` and `high` its ends."""

    percent: float
    overlap: float
    low: float
    high: float


@dataclass(frozen=True)
class BdRow:
    """One codec against the anchor. None where there is nothing to compare."""

    codec: str
    averaged: BdRate | None
    per_image: dict[str, BdRate]

    @property
    def mean_per_image(self) -> float | None:
        """Mean of the pictures' numbers."""
        return mean(rate.percent for rate in self.per_image.values()) if self.per_image else None


def bd_rate(anchor: RateCurve, test: RateCurve, method: Method = METHOD) -> BdRate | None:
    """BD-rate in percent of `test` against `anchor`; None without two points each or without shared distortion."""
    from bjontegaard import bd_rate as measured

    if min(len(anchor[0]), len(test[0])) < LEAST_POINTS:
        return None
    low, high = max(anchor[1][0], test[1][0]), min(anchor[1][-1], test[1][-1])
    union = max(anchor[1][-1], test[1][-1]) - min(anchor[1][0], test[1][0])
    if high <= low:
        return None
    curves = [np.asarray(values) for values in (*anchor, *test)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on little overlap, which is stated beside the number
        percent = float(measured(*curves, method=method, require_matching_points=False, min_overlap=0))
    return BdRate(percent, (high - low) / union, low, high)


def rate_curve(pairs: Iterable[tuple[float, float]]) -> RateCurve:
    """Points (bpp, distortion) in the order of their distortion; those that a cheaper one equals are left out,
    for interpolation needs rising distortion, and so are infinite ones."""
    kept: list[tuple[float, float]] = []
    for bpp, value in sorted((pair for pair in pairs if np.isfinite(pair[1])), key=lambda pair: (pair[1], pair[0])):
        if not kept or value > kept[-1][1]:
            kept.append((bpp, value))
    return tuple(pair[0] for pair in kept), tuple(pair[1] for pair in kept)


def image_curves(points: Sequence[Point], measure: str, sign: int = 1) -> dict[str, dict[str, RateCurve]]:
    """By codec and picture ("dataset/image"); `sign` is -1 for a measure whose lower numbers are better."""
    gathered: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for point in points:
        if measure in point.measures:
            name = f"{point.dataset}/{point.image}"
            gathered[point.codec][name].append((point.bpp, sign * point.measures[measure]))
    return {
        codec: {name: rate_curve(pairs) for name, pairs in sorted(images.items())} for codec, images in gathered.items()
    }


def averaged_curves(points: Sequence[Point], measure: str, sign: int = 1) -> dict[str, RateCurve]:
    """By codec: the mean rate and distortion of all pictures at each quality. A quality that lacks a picture that
    another codec or quality has is left out, for a mean over other pictures is another curve."""
    gathered: dict[str, dict[float, dict[str, tuple[float, float]]]] = defaultdict(lambda: defaultdict(dict))
    every: set[str] = set()
    for point in points:
        if measure in point.measures and np.isfinite(point.measures[measure]):
            name = f"{point.dataset}/{point.image}"
            every.add(name)
            gathered[point.codec][point.quality][name] = (point.bpp, sign * point.measures[measure])
    curves = {}
    for codec, qualities in gathered.items():
        whole = [list(pairs.values()) for pairs in qualities.values() if len(pairs) == len(every)]
        curves[codec] = rate_curve((mean(p[0] for p in pairs), mean(p[1] for p in pairs)) for pairs in whole)
    return curves


def all_curves(
    points: Sequence[Point], measure: str, *, higher_is_better: bool, curves: Sequence[Curve]
) -> tuple[dict[str, RateCurve], dict[str, dict[str, RateCurve]]]:
    """`averaged_curves`, published ones among them by their `id`, and `image_curves`; higher is better in both."""
    sign = 1 if higher_is_better else -1
    averaged = averaged_curves(points, measure, sign)
    for curve in curves:
        if measure in curve.measures:
            averaged[curve.id] = rate_curve(zip(curve.bpp, (sign * v for v in curve.measures[measure]), strict=True))
    return averaged, image_curves(points, measure, sign)


def bd_table(
    points: Sequence[Point],
    anchor: str,
    measure: str,
    *,
    higher_is_better: bool = True,
    curves: Sequence[Curve] = (),
    method: Method = METHOD,
) -> list[BdRow]:
    """Every codec (and published curve, by its `id`) against `anchor`, the best averaged number first."""
    averaged, images = all_curves(points, measure, higher_is_better=higher_is_better, curves=curves)
    nothing: RateCurve = ((), ())
    rows = []
    for codec in averaged:
        per_image = {}
        for name, curve_of_anchor in images.get(anchor, {}).items():
            rate = bd_rate(curve_of_anchor, images.get(codec, {}).get(name, nothing), method)
            if rate is not None:
                per_image[name] = rate
        rows.append(BdRow(codec, bd_rate(averaged.get(anchor, nothing), averaged[codec], method), per_image))
    return ranked(rows)


def ranked(rows: Sequence[BdRow]) -> list[BdRow]:
    """The best averaged number first, those without one last."""
    return sorted(rows, key=lambda row: (row.averaged is None, row.averaged.percent if row.averaged else 0, row.codec))


def anchors_of(anchor: str, codecs: Sequence[str]) -> list[str]:
    """Of the codecs that have points: `anchor`, and its twin that is all intra, or is not; else the first codec."""
    twin = anchor.removesuffix(INTRA) if anchor.endswith(INTRA) else anchor + INTRA
    return [name for name in (anchor, twin) if name in codecs] or list(codecs[:1])
