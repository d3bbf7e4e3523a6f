"""The curves of rate control's first guess (codec/rate/typical.py), fitted.

For every third LIVE picture bits per pixel (logarithm), PSNR and MS-SSIM (dB) at nine qualities of the model, as a
linear function of the same of a JPEG. (The first is the lowest quality that a user can ask for, half a step above 0.)
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.checks.check import Check, Run, names_of_live
from benchmarks.measures import bits_per_pixel
from bitstream.limits import MAX_QUALITY
from codec.model.quality import to_user_quality
from codec.pixels.distortion import ms_ssim, psnr
from codec.pixels.picture import Picture
from codec.rate.target import TargetKind, decibels
from codec.rate.typical import hint_of

NODES = 9
KINDS: tuple[TargetKind, ...] = ("bpp", "psnr", "ms-ssim")


def measure(run: Run) -> None:
    """Say slopes, constants and what is left over."""
    qualities = [to_user_quality(run.model.quality_curve, n * MAX_QUALITY // (NODES - 1)) for n in range(NODES)]
    rows, hints = [], []
    for _, pixels in run.pictures(names_of_live()[::3]):
        row = []
        for quality in qualities:
            data = run.codec.encode(pixels, quality)
            shown = run.codec.decode_array(data)
            structure = decibels(ms_ssim(pixels, shown))
            row.append((math.log(bits_per_pixel(len(data), pixels)), psnr(pixels, shown), structure))
        rows.append(row)
        hints.append([hint_of(kind, Picture(pixels)) for kind in KINDS])
    for kind, curves, hint in zip(KINDS, np.array(rows).transpose(2, 0, 1), np.array(hints).T, strict=True):
        slope, constant = np.polyfit(hint, curves, 1)
        spread = (curves - constant - np.outer(hint, slope)).std(axis=0)
        for what, values in (("slope", slope), ("constant", constant), ("left over", spread)):
            run.say(f"{kind}, {what}: {', '.join(f'{value:.3f}' for value in values)}")


CHECK = Check("the curves of rate control's first guess, fitted anew (no limit)", 3, measure)
