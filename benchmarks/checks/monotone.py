"""Does size and PSNR rise with every step of quality, on every LIVE picture?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.checks.check import Check, Run
from benchmarks.measures import psnr


@dataclass(frozen=True)
class Sweep:
    """Bytes and PSNR in dB of one picture at each of the qualities 0..100."""

    picture: str
    bytes: list[int]
    psnr: list[float]


def measure(run: Run) -> None:
    """Encode and decode every picture at every quality: a long sweep."""
    for name, picture in run.pictures():
        sizes, distances = [], []
        for quality in range(101):
            data = run.codec.encode(picture, quality)
            sizes.append(len(data))
            distances.append(psnr(run.codec.decode_array(data), picture))
        run.row(Sweep(name, sizes, distances))
        rises, gains = np.diff(sizes), np.diff(distances)
        least = f"{name:<18} smallest step {min(rises):4d} bytes {min(gains):+.4f} dB, both above 0"
        run.expect(least, bool((rises > 0).all() and (gains > 0).all()))


CHECK = Check("size and PSNR rise with each of the 101 qualities, on each LIVE picture", 15, measure)
