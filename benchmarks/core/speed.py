"""Warm encode and decode of one picture against the floor that the convolutions set, by stage."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import torch

from benchmarks.core.macs import Rates, floors, measure_rates
from benchmarks.datasets import DEMO_PICTURE, read_picture
from benchmarks.timing import median_seconds, seconds_of
from codec.api import Codec
from codec.exact.arithmetic import exact_arithmetic
from codec.exact.tensors import STEPS
from codec.files.source import read_file
from codec.still.decode import decode_latents
from codec.still.entropy import encode_tiles
from codec.still.pixel_path import analyse, synthesise

QUALITY = 30
MOST = 1.8  # times the floor
REPEATS = 15


@dataclass(frozen=True)
class SpeedResult:
    """Median seconds; `stages` are parts of them, measured on their own."""

    size: tuple[int, int]
    precision: str
    threads: int
    rates: Rates
    encode: float
    encode_floor: float
    decode: float
    decode_floor: float
    stages: dict[str, float]

    @property
    def encode_ratio(self) -> float:
        return self.encode / self.encode_floor

    @property
    def decode_ratio(self) -> float:
        return self.decode / self.decode_floor


def measure_speed(codec: Codec) -> SpeedResult:
    """Quality 30 of the demo picture (768x512), rates measured before and after, the better one counting."""
    picture = read_picture(DEMO_PICTURE)
    height, width, _ = picture.shape
    data = codec.encode(picture, QUALITY)
    before = measure_rates()
    encode = median(seconds_of(lambda: codec.encode(picture, QUALITY), REPEATS))
    decode = median(seconds_of(lambda: codec.decode_array(data), REPEATS))
    after = measure_rates()
    rates = Rates(max(before.fp32, after.fp32), max(before.bf16, after.bf16))
    model = codec.load(codec.model_info.id)
    precision = codec.runtime.precision
    encode_floor, decode_floor = floors(model.config, width, height, precision, rates)
    return SpeedResult(
        (width, height), precision, torch.get_num_threads(), rates, encode, encode_floor, decode, decode_floor,
        measure_stages(codec, data),
    )  # fmt: skip


def measure_stages(codec: Codec, data: bytes) -> dict[str, float]:
    """Median seconds of each stage of the demo picture's coding."""
    picture = read_picture(DEMO_PICTURE)
    height, width, _ = picture.shape
    model = codec.load(codec.model_info.id)
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
