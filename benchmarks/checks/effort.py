"""What refinement gains and costs.

Six LIVE pictures at four qualities (those whose crops the step sizes were found on are not among them), BD-rate
against the default effort in PSNR and in MS-SSIM, seconds relative to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from benchmarks.checks.check import Check, Run, timed
from benchmarks.measures import bits_per_pixel
from codec.pixels.distortion import ms_ssim, psnr
from codec.rate.target import decibels
from codec.settings import Tune
from codec.still.effort import DEFAULT_EFFORT

PICTURES = ("bikes", "buildings", "caps", "house", "sailing1", "womanhat")
FEW = ("bikes", "caps", "womanhat")
QUALITIES = (15.0, 40.0, 65.0, 90.0)


@dataclass(frozen=True)
class EffortRow:
    """One picture at one quality and effort; `ms_ssim` in dB."""

    picture: str
    quality: float
    effort: int
    tune: Tune
    bpp: float
    psnr: float
    ms_ssim: float
    seconds: float


def measure_effort(
    run: Run, name: str, pixels: NDArray[np.uint8], quality: float, effort: int, tune: Tune
) -> EffortRow:
    """Encode and decode one picture."""
    data, seconds = timed(lambda: run.codec.encode(pixels, quality, effort=effort, tune=tune))
    shown = run.codec.decode_array(data)
    structure = decibels(ms_ssim(pixels, shown))
    rate = bits_per_pixel(len(data), pixels)
    return EffortRow(name, quality, effort, tune, rate, psnr(pixels, shown), structure, seconds)


def bd_rate(rows: list[EffortRow], effort: int, tune: Tune, measure: str) -> float:
    """Mean over the pictures in percent, against the default effort."""
    from bjontegaard import bd_rate as measured

    rates = []
    for name in dict.fromkeys(row.picture for row in rows):
        anchor, test = (_curve(rows, name, *key, measure) for key in ((DEFAULT_EFFORT, "psnr"), (effort, tune)))
        rates.append(float(measured(*anchor, *test, method="pchip")))
    return mean(rates)


def _curve(
    rows: list[EffortRow], name: str, effort: int, tune: str, measure: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    chosen = sorted(
        (row.bpp, getattr(row, measure)) for row in rows if (row.picture, row.effort, row.tune) == (name, effort, tune)
    )
    return np.array([c[0] for c in chosen]), np.array([c[1] for c in chosen])


def slowdown(rows: list[EffortRow], effort: int, tune: Tune) -> float:
    """Seconds of all pictures and qualities over those of the default effort."""
    spent = sum(row.seconds for row in rows if (row.effort, row.tune) == (effort, tune))
    return spent / sum(row.seconds for row in rows if row.effort == DEFAULT_EFFORT)


def measure(run: Run, pictures: tuple[str, ...], efforts: tuple[int, ...], tune: Tune) -> None:
    """Measure efforts against the default one."""
    rows: list[EffortRow] = []
    for name, pixels in run.pictures(pictures):
        measure_effort(run, name, pixels, QUALITIES[0], DEFAULT_EFFORT, "psnr")  # what is slower the first time
        for quality in QUALITIES:
            for effort in (DEFAULT_EFFORT, *efforts):
                row = measure_effort(run, name, pixels, quality, effort, "psnr" if effort == DEFAULT_EFFORT else tune)
                rows.append(row)
                run.row(row, f"{name} q{quality:g} effort {effort} {row.tune}: {row.bpp:.4f} bpp, {row.psnr:.3f} dB,"
                             f" MS-SSIM {row.ms_ssim:.3f} dB, {row.seconds:.2f} s")  # fmt: skip
    for effort in efforts:
        rates = (bd_rate(rows, effort, tune, measure) for measure in ("psnr", "ms_ssim"))
        text = ", ".join(f"{rate:+.2f} % ({name})" for rate, name in zip(rates, ("PSNR", "MS-SSIM"), strict=True))
        run.say(f"effort {effort}, {tune}: BD-rate {text}, {slowdown(rows, effort, tune):.0f} times the seconds")


CHECK = Check("BD-rate and time of --effort 5, 7 and 9 against the default", 80,
              partial(measure, pictures=PICTURES, efforts=(5, 7, 9), tune="psnr"))  # fmt: skip
MS_SSIM_CHECK = Check("likewise --effort 7 --tune ms-ssim, three pictures", 12,
                      partial(measure, pictures=FEW, efforts=(7,), tune="ms-ssim"))  # fmt: skip
