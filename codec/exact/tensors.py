"""The layers of the entropy path as a configuration lays them out, and the units of its numbers.

One list serves the converter, the proof of the bounds and the network itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from codec.model.config import DetailConfig, ModelConfig

ACTIVATION_STEPS = 16  # activations are integers in units of 1/16 ...
ACTIVATION_MAX = 511  # ... of at most this magnitude
FINE_STEPS = 256  # sums leave a convolution in units of 1/256
FINE_PER_ACTIVATION = FINE_STEPS // ACTIVATION_STEPS
MAX_SHIFT = 14
WEIGHT_MAX = 127
EXACT = 1 << 24  # integers below this magnitude are exact in float32
QUALITY_ROWS = 64
SCALE_LEVELS = 64
SCALE_MIN, SCALE_MAX = 0.11, 64.0  # standard deviations of the first and the last table
LOG_SCALE_MIN = math.log(SCALE_MIN)
LOG_SCALE_STEP = (math.log(SCALE_MAX) - LOG_SCALE_MIN) / (SCALE_LEVELS - 1)
STEPS = 4  # of the spatial prior
TRUNK_BLOCKS = (1, 2, 2, 2)  # blocks of each step
HYPER_BLOCKS = 2  # blocks after the second upsampling
# In step k channel group g holds the positions of phase STEP_PHASE[k][g]; PHASES gives their (row, column)
# within each 2x2 cell, counted from the tile's corner.
STEP_PHASE = ((0, 1, 2, 3), (1, 0, 3, 2), (2, 3, 0, 1), (3, 2, 1, 0))
PHASES = ((0, 0), (1, 1), (0, 1), (1, 0))
DETAIL_COEFFICIENTS = 768  # of a block of 16 x 16 pixels in three colours, one latent position
DETAIL_HALVES = 2  # in which its positions are coded, as on a chessboard
DETAIL_SHIFT = 16  # the largest shift of scale indices that has a bias of its own


@dataclass(frozen=True)
class Layer:
    """One convolution: 1x1, or 3x3 depthwise (`inputs` = `outputs` = channels)."""

    name: str
    inputs: int
    outputs: int
    depthwise: bool = False

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        return (self.outputs, 1, 3, 3) if self.depthwise else (self.outputs, self.inputs, 1, 1)


def block_layers(prefix: str, channels: int) -> Iterator[Layer]:
    """The five convolutions of a residual block."""
    yield Layer(f"{prefix}.a", channels, channels)
    yield Layer(f"{prefix}.dw", channels, channels, depthwise=True)
    yield Layer(f"{prefix}.b", channels, channels)
    yield Layer(f"{prefix}.f", channels, 2 * channels)
    yield Layer(f"{prefix}.g", 2 * channels, channels)


def hyper_block_names() -> list[str]:
    return [f"b2.{i}" for i in range(HYPER_BLOCKS)]


def trunk_block_names(step: int) -> list[str]:
    return [f"trunk.{step}.{i}" for i in range(TRUNK_BLOCKS[step])]


def prior_layers(config: ModelConfig) -> Iterator[Layer]:
    """Every convolution of the hyper synthesis and the spatial prior."""
    cp, cy = config.cp, config.cy
    yield Layer("up1", config.cz, 4 * cp)
    yield from block_layers("b1", cp)
    yield Layer("up2", cp, 4 * cp)
    for name in hyper_block_names():
        yield from block_layers(name, cp)
    for step in range(STEPS):
        yield Layer(f"enter.{step}", cp if step == 0 else cp + cy, cp)
        for name in trunk_block_names(step):
            yield from block_layers(name, cp)
        yield Layer(f"leave.{step}", cp, 2 * cy)


def detail_block_names(config: DetailConfig, half: int) -> list[str]:
    return [f"trunk.{half}.{i}" for i in range(config.blocks)]


def detail_layers(config: DetailConfig) -> Iterator[Layer]:
    """Every convolution of the prior of the detail layer."""
    channels = config.channels
    yield Layer("look_f", config.features, channels)
    yield Layer("look_y", config.latents, channels)
    yield Layer("enter", channels + DETAIL_COEFFICIENTS, channels)
    for half in range(DETAIL_HALVES):
        for name in detail_block_names(config, half):
            yield from block_layers(name, channels)
        yield Layer(f"leave.{half}", channels, DETAIL_COEFFICIENTS)
