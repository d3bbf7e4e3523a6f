"""What the fast synthesis loses against the full one, in dB, and how much sooner it is done."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from statistics import mean, median

from benchmarks.checks.check import Check, Run, timed
from benchmarks.checks.effort import PICTURES
from benchmarks.datasets import DEMO_PICTURE, read_picture
from benchmarks.measures import psnr
from codec.still.pixel_path import synthesise

QUALITIES = (10, 25, 50, 75, 90, 100)
MOST_DB, UP_TO = 0.15, 75
LEAST_RATIO = 1.4
REPEATS = 15
SPEED_QUALITY = 30


@dataclass(frozen=True)
class FastRow:
    """One picture at one quality: PSNR in dB with either synthesis."""

    picture: str
    quality: float
    full: float
    fast: float

    @property
    def loss(self) -> float:
        return self.full - self.fast


@dataclass(frozen=True)
class FastSpeed:
    """Median seconds of either synthesis of the demo picture (768x512), taken by turns."""

    full: float
    fast: float


def measure(run: Run) -> None:
    """The six pictures of `effort`, or those chosen."""
    rows = []
    for name, picture in run.pictures(PICTURES):
        for quality in QUALITIES:
            data = run.codec.encode(picture, quality)
            full, fast = (psnr(run.codec.decode_array(data, fast=fast), picture) for fast in (False, True))
            rows.append(FastRow(name, quality, full, fast))
            run.row(rows[-1])
    run.say("quality   full dB   fast dB   loss dB   worst")
    for quality in QUALITIES:
        chosen = [row for row in rows if row.quality == quality]
        full, fast = mean(row.full for row in chosen), mean(row.fast for row in chosen)
        loss, worst = full - fast, max(row.loss for row in chosen)
        text = f"{quality:7g}{full:10.3f}{fast:10.3f}{loss:10.3f}{worst:8.3f}"
        if quality <= UP_TO:
            run.expect(f"{text} (at most {MOST_DB:g}", loss <= MOST_DB)
        else:
            run.say(text)
    speed = measure_speed(run)
    run.row(speed)
    ratio = speed.full / speed.fast
    text = f"synthesis {speed.full * 1e3:.1f} ms, the fast one {speed.fast * 1e3:.1f} ms, {ratio:.2f} times as fast"
    run.expect(f"{text} (at least {LEAST_RATIO:g}", ratio >= LEAST_RATIO)


def measure_speed(run: Run) -> FastSpeed:
    """By turns, so that what else the machine does meets both."""
    picture = read_picture(DEMO_PICTURE)
    height, width, _ = picture.shape
    field = run.codec.decode_latents(run.codec.encode(picture, SPEED_QUALITY)).field
    models = [run.codec.load(run.codec.model_info.id, fast=fast) for fast in (False, True)]
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(REPEATS + 1):
        for model, taken in zip(models, seconds, strict=True):
            taken.append(timed(partial(synthesise, model, field.y16, field.quality, width, height))[1])
    full, fast = (median(taken[1:]) for taken in seconds)
    return FastSpeed(full, fast)


CHECK = Check("the fast synthesis against the full one: PSNR and time", 2, measure)
