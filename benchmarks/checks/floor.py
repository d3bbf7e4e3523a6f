"""Multiply-accumulates of each stage, counted from a model's configuration, and the seconds that they take at least."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from benchmarks.checks.check import Run, seconds_of
from codec.exact.tensors import prior_layers
from codec.model.config import ModelConfig
from codec.network.shapes import FOLDED
from codec.pixels.geometry import field_size

PROBE_CHANNELS, PROBE_HEIGHT, PROBE_WIDTH = 256, 64, 96
MOST = 1.8  # times the floor


def _block(channels: int) -> int:
    """Per position: two 1x1, one 3x3 depthwise, 1x1 to twice the channels and back."""
    return 6 * channels * channels + 9 * channels


def stage_macs(config: ModelConfig, width: int, height: int) -> dict[str, int]:
    """Multiply-accumulates of each stage for a picture of this size, as the networks are drawn."""
    rows, columns = field_size(width, height)
    deep = rows * columns  # positions at 1/16
    fine, coarse, hyper = 4 * deep, deep // 4, deep // 16  # at 1/8, 1/32, 1/64
    c, cy, cz = config.c, config.cy, config.cz
    analysis = fine * (FOLDED * c + config.enc_depth * _block(c))
    analysis += deep * (4 * c * cy + config.deep * _block(cy) + cy * cy)
    synthesis = deep * (cy * cy + config.deep * _block(cy) + cy * 4 * c)
    synthesis += fine * (config.dec_depth * _block(c) + c * FOLDED)
    hyper_analysis = deep * _block(cy) + coarse * (4 * cy * cy + _block(cy)) + hyper * 4 * cy * cz
    places = {"up1": hyper, "b1": coarse, "up2": coarse}
    prior = 0
    for layer in prior_layers(config):
        taps = 9 if layer.depthwise else layer.inputs
        prior += places.get(layer.name.split(".")[0], deep) * taps * layer.outputs
    return {"analysis": analysis, "hyper analysis": hyper_analysis, "prior": prior, "synthesis": synthesis}


@dataclass(frozen=True)
class Rates:
    """Multiply-accumulates a second of a 256 -> 256 1x1 channels-last convolution at 64x96."""

    fp32: float
    bf16: float

    def of(self, precision: str) -> float:
        """Of the pixel path in that precision."""
        return self.bf16 if precision == "bf16" else self.fp32


def measure_rates() -> Rates:
    """Measure both on this machine, now, with the threads in force."""
    return Rates(_rate(torch.float32), _rate(torch.bfloat16))


def _rate(dtype: torch.dtype) -> float:
    shape = (1, PROBE_CHANNELS, PROBE_HEIGHT, PROBE_WIDTH)
    x = torch.randn(shape).to(dtype).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(PROBE_CHANNELS, PROBE_CHANNELS, 1, 1).to(dtype)
    with torch.no_grad():
        seconds = min(seconds_of(lambda: F.conv2d(x, weight), repeats=30))  # the fastest: what the machine can do
    return PROBE_CHANNELS**2 * PROBE_HEIGHT * PROBE_WIDTH / seconds


def floors(config: ModelConfig, width: int, height: int, precision: str, rates: Rates) -> tuple[float, float]:
    """Seconds below which encode and decode cannot go: pixel path in its precision, entropy path in fp32."""
    macs = stage_macs(config, width, height)
    prior = macs["prior"] / rates.fp32
    pixel = rates.of(precision)
    return (macs["analysis"] + macs["hyper analysis"]) / pixel + prior, macs["synthesis"] / pixel + prior


@dataclass(frozen=True)
class Timing:
    """Seconds of coding one picture of `size`, or a frame, and their floors; see Rates."""

    size: tuple[int, int]
    precision: str
    threads: int
    rates: Rates
    encode: float
    encode_floor: float
    decode: float
    decode_floor: float


def hold_to_floor(run: Run, size: tuple[int, int], measured: Callable[[], tuple[float, float]]) -> Timing:
    """Hold the seconds of encode and decode that `measured` gives to MOST times their floors.

    Rates are measured before and after; the better ones count.
    """
    before = measure_rates()
    seconds = measured()
    after = measure_rates()
    rates = Rates(max(before.fp32, after.fp32), max(before.bf16, after.bf16))
    precision, threads = run.codec.runtime.precision, torch.get_num_threads()
    least = floors(run.model.config, *size, precision, rates)
    run.say(f"{size[0]}x{size[1]}, {precision}, {threads} threads, {rates.fp32 / 1e9:.0f} GMAC/s fp32, "
            f"{rates.bf16 / 1e9:.0f} bf16")  # fmt: skip
    for name, taken, floor in zip(("encode", "decode"), seconds, least, strict=True):
        run.hold(f"{name} {taken * 1e3:.0f} ms ({1 / taken:.1f} a second), floor {floor * 1e3:.0f} ms: ",
                 taken / floor, MOST)  # fmt: skip
    return Timing(size, precision, threads, rates, seconds[0], least[0], seconds[1], least[1])
