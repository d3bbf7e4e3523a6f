"""Warm encode and decode of one picture against the floor that the convolutions set, by stage."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.checks.check import Check, Run, median_seconds
from benchmarks.checks.floor import Timing, hold_to_floor
from benchmarks.datasets import DEMO_PICTURE, read_picture
from codec.exact.arithmetic import exact_arithmetic
from codec.exact.tensors import STEPS
from codec.files.source import read_file
from codec.still.decode import decode_latents
from codec.still.entropy import encode_tiles
from codec.still.pixel_path import analyse, synthesise

QUALITY = 30
REPEATS = 15


@dataclass(frozen=True)
class SpeedRow:
    """Median seconds; `stages` are parts of them, measured on their own."""

    timing: Timing
    stages: dict[str, float]


def measure(run: Run) -> None:
    """Quality 30 of the demo picture (768x512)."""
    picture = read_picture(DEMO_PICTURE)
    height, width, _ = picture.shape
    data = run.codec.encode(picture, QUALITY)

    def measured() -> tuple[float, float]:
        encode = median_seconds(lambda: run.codec.encode(picture, QUALITY), REPEATS)
        return encode, median_seconds(lambda: run.codec.decode_array(data), REPEATS)

    timing = hold_to_floor(run, (width, height), measured)
    stages = measure_stages(run, data)
    for stage, seconds in stages.items():
        run.say(f"  {stage:<15}{seconds * 1e3:7.1f} ms")
    run.row(SpeedRow(timing, stages))


def measure_stages(run: Run, data: bytes) -> dict[str, float]:
    """Median seconds of each stage of the demo picture's coding."""
    picture = read_picture(DEMO_PICTURE)
    height, width, _ = picture.shape
    codec, model = run.codec, run.model
    still = read_file(data)
    quality = still.header.quality
    latents = decode_latents(still, codec.load)
    y16, steps = latents.field.y16, latents.field.quality
    y = analyse(model, picture, steps)
    z = model.prior.tensor(model.hyper_analysis(y).round().numpy())

    def prior() -> None:
        with exact_arithmetic(model.runtime.device):
            features = model.prior.hyper(z, [quality >> 8])
            for k in range(STEPS):
                model.prior.step(k, features, y16)

    stages = {
        "read file": lambda: read_file(data),
        "analysis": lambda: analyse(model, picture, steps),
        "hyper analysis": lambda: model.hyper_analysis(y),
        "prior": prior,
        "entropy encode": lambda: encode_tiles(model, y, [quality]),
        "entropy decode": lambda: decode_latents(still, codec.load),
        "synthesis": lambda: synthesise(model, y16, steps, width, height),
    }
    seconds = {name: median_seconds(stage, REPEATS) for name, stage in stages.items()}
    # The two entropy stages contain the prior (and hyper analysis): what is left is range coding and checks.
    seconds["entropy encode"] -= seconds["prior"] + seconds["hyper analysis"]
    seconds["entropy decode"] -= seconds["prior"]
    return seconds


CHECK = Check("warm encode and decode of 768x512 against the floor of the convolutions", 1, measure, usual=True)
