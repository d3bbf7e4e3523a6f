"""Rate and PSNR against the clean original of noisy pictures, coded as they are and without their noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from benchmarks.checks.check import Check, Run
from benchmarks.checks.denoise import noised
from benchmarks.checks.effort import PICTURES
from benchmarks.measures import bits_per_pixel, psnr
from codec.pixels.picture import Picture
from codec.restore.restore import restored
from codec.restore.settings import Denoising

SIGMAS = (10.0, 25.0)
QUALITIES = (10, 30, 50, 70, 85, 100)


@dataclass(frozen=True)
class NoisyRow:
    """One noisy picture at one quality: bits per pixel, and PSNR in dB against the clean one."""

    picture: str
    sigma: float
    quality: float
    denoised: bool
    bpp: float
    psnr: float


def measure(run: Run) -> None:
    """The six pictures of `effort`, or those chosen; noise is estimated."""
    for sigma in SIGMAS:
        rows = []
        for number, (name, clean) in enumerate(run.pictures(PICTURES)):
            noisy = noised(clean, sigma, number)
            without = restored(run.codec, Picture(noisy), Denoising()).pixels
            for denoised, pixels in ((False, noisy), (True, without)):
                for quality in QUALITIES:
                    data = run.codec.encode(pixels, quality)
                    made = psnr(run.codec.decode_array(data), clean)
                    rows.append(NoisyRow(name, sigma, quality, denoised, bits_per_pixel(len(data), clean), made))
                    run.row(rows[-1])
        _say(run, rows, sigma)


def _say(run: Run, rows: Sequence[NoisyRow], sigma: float) -> None:
    run.say(f"sigma {sigma:g}   quality   noisy: bpp, dB      restored: bpp, dB")
    for quality in QUALITIES:
        figures = []
        for denoised in (False, True):
            chosen = [row for row in rows if (row.quality, row.denoised) == (quality, denoised)]
            figures += [mean(row.bpp for row in chosen), mean(row.psnr for row in chosen)]
        run.say("{:19g}{:9.3f}{:8.2f}{:15.3f}{:8.2f}".format(quality, *figures))
    best = [max(row.psnr for row in rows if row.denoised == denoised) for denoised in (False, True)]
    run.expect(f"best of all: {best[0]:.2f} dB as it is, {best[1]:.2f} dB restored (more", best[1] > best[0])


CHECK = Check("rate and PSNR of noisy pictures against the clean ones, with and without --denoise", 6, measure)
