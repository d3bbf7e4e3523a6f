"""What refinement gains and costs: `python -m benchmarks.effort [--effort N ...] [--tune psnr|ms-ssim]`.

Six LIVE pictures at four qualities (those whose crops the step sizes were found on are not among them), BD-rate
against the default effort in PSNR and in MS-SSIM, seconds relative to it. Over an hour.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import LIVE, read_picture
from benchmarks.measures import bits_per_pixel
from codec.api import Codec
from codec.choices import Tune
from codec.effort import DEFAULT_EFFORT
from codec.model.quality import to_model_quality
from codec.pixels.distortion import ms_ssim, psnr
from codec.pixels.picture import Picture
from codec.rate.target import decibels
from codec.still.encode import encode_still
from codec.still.settings import StillSettings

PICTURES = ("bikes", "buildings", "caps", "house", "sailing1", "womanhat")
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


def measure_effort(codec: Codec, name: str, quality: float, effort: int, tune: Tune) -> EffortRow:
    """Encode and decode one LIVE picture."""
    model = codec.load(codec.model_info.id)
    pixels = read_picture(LIVE / f"{name}.png")
    steps = to_model_quality(model.file.quality_curve, quality)
    start = time.perf_counter()
    data = encode_still(model, Picture(pixels), steps, StillSettings(effort=effort, tune=tune)).data
    seconds = time.perf_counter() - start
    shown = codec.decode_array(data)
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


def _measured(codec: Codec, pictures: tuple[str, ...], efforts: tuple[int, ...], tune: Tune) -> Iterator[EffortRow]:
    for name in pictures:
        measure_effort(codec, name, QUALITIES[0], DEFAULT_EFFORT, "psnr")  # what is slower the first time
        for quality in QUALITIES:
            yield measure_effort(codec, name, quality, DEFAULT_EFFORT, "psnr")
            for effort in efforts:
                yield measure_effort(codec, name, quality, effort, tune)


@click.command()
@click.option("--effort", "efforts", type=click.IntRange(5, 9), multiple=True, default=(5, 7, 9), show_default=True)
@click.option("--tune", type=click.Choice(["psnr", "ms-ssim"]), default="psnr", show_default=True)
@click.option("--picture", "pictures", multiple=True, default=PICTURES, show_default=True, help="LIVE pictures.")
@click.option("--output", type=click.Path(path_type=Path), help="JSON of every row, written as they come.")
def main(efforts: tuple[int, ...], tune: Tune, pictures: tuple[str, ...], output: Path | None) -> None:
    """Measure efforts against the default one."""
    rows: list[EffortRow] = []
    for row in _measured(Codec(device="cpu"), pictures, efforts, tune):
        rows.append(row)
        click.echo(
            f"{row.picture} q{row.quality:g} effort {row.effort} {row.tune}: {row.bpp:.4f} bpp, {row.psnr:.3f} dB,"
            f" MS-SSIM {row.ms_ssim:.3f} dB, {row.seconds:.2f} s"
        )
        if output is not None:
            output.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    for effort in efforts:
        rates = (bd_rate(rows, effort, tune, measure) for measure in ("psnr", "ms_ssim"))
        text = ", ".join(f"{rate:+.2f} % ({name})" for rate, name in zip(rates, ("PSNR", "MS-SSIM"), strict=True))
        click.echo(f"effort {effort}, {tune}: BD-rate {text}, {slowdown(rows, effort, tune):.0f} times the seconds")


if __name__ == "__main__":
    main()
