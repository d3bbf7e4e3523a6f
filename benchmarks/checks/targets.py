"""What meeting a target costs, and how well it is met.

Pictures are encoded to sizes and PSNRs that they reach, timed against a plain encode of the same quality.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import mean, median

import numpy as np
from numpy.typing import NDArray

from benchmarks.checks.check import Check, Run, timed
from benchmarks.checks.effort import PICTURES
from benchmarks.measures import psnr
from codec.rate.target import Target, TargetKind

QUALITIES = (10.0, 35.0, 60.0, 85.0)  # where the targets come from
MOST = 5  # times a plain encode


@dataclass(frozen=True)
class TargetRow:
    """One picture and target: how far within (1 = all of the size, dB above the PSNR), seconds against plain ones."""

    picture: str
    kind: TargetKind
    value: float
    reached: float
    met: bool
    seconds: float
    plain_seconds: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.plain_seconds


def measure_targets(run: Run, name: str, picture: NDArray[np.uint8]) -> Iterator[TargetRow]:
    """Sizes and PSNRs a little off those of four qualities."""
    codec = run.codec
    for quality in QUALITIES:
        plain, first = timed(partial(codec.encode, picture, quality))
        _, second = timed(partial(codec.encode, picture, quality))
        shown = psnr(codec.decode_array(plain), picture)
        wanted: list[tuple[TargetKind, float]] = [("size", len(plain) * 1.013 // 1), ("psnr", round(shown, 1))]
        for kind, value in wanted:
            data, seconds = timed(partial(codec.encode, picture, target=Target(kind, value)))
            if kind == "size":
                reached = len(data) / value
                met = 0.98 <= reached <= 1
            else:
                reached = psnr(codec.decode_array(data), picture) - value
                met = 0 <= reached <= 0.05
            yield TargetRow(name, kind, value, reached, met, seconds, min(first, second))


def measure(run: Run) -> None:
    """The six pictures of `effort`, or those chosen."""
    next(measure_targets(run, *next(run.pictures())))  # what is slower the first time
    rows = []
    for name, picture in run.pictures(PICTURES):
        for row in measure_targets(run, name, picture):
            rows.append(row)
            run.row(row, f"{name} {row.kind} {row.value:g}: {row.reached:.4f}, {row.ratio:.1f} times, met: {row.met}")
    for kind in ("size", "psnr"):
        chosen = [row for row in rows if row.kind == kind]
        ratios = [row.ratio for row in chosen]
        met = sum(row.met for row in chosen)
        run.expect(f"{kind}: {met} of {len(chosen)} met", met == len(chosen))
        within = sum(ratio <= MOST for ratio in ratios)
        worst = f"most {max(ratios):.1f}; {within} within {MOST}"
        run.say(f"  times a plain encode: median {median(ratios):.1f}, mean {mean(ratios):.1f}, {worst}")


CHECK = Check("sizes and PSNRs to meet: how near, and in how many times a plain encode", 6, measure)
