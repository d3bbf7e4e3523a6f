"""Names and shapes of the pixel path's tensors, as a configuration lays them out; without torch."""

from __future__ import annotations

from collections.abc import Iterator

from codec.model.config import ModelConfig

GAIN_ANCHORS = 8  # points of the quality axis between which gains are interpolated
FOLD = 8  # pixels a side that become channels
FOLDED = 3 * FOLD * FOLD
Shapes = Iterator[tuple[str, tuple[int, ...]]]


def conv_tensors(name: str, inputs: int, outputs: int) -> Shapes:
    yield f"{name}.weight", (outputs, inputs, 1, 1)
    yield f"{name}.bias", (outputs,)


def block_tensors(name: str, channels: int) -> Shapes:
    yield from conv_tensors(f"{name}.a", channels, channels)
    yield f"{name}.dw.weight", (channels, 1, 3, 3)
    yield f"{name}.dw.bias", (channels,)
    yield from conv_tensors(f"{name}.b", channels, channels)
    yield from conv_tensors(f"{name}.f", channels, 2 * channels)
    yield from conv_tensors(f"{name}.g", 2 * channels, channels)


def blocks_tensors(name: str, count: int, channels: int) -> Shapes:
    for i in range(count):
        yield from block_tensors(f"{name}.{i}", channels)


def pixel_tensors(config: ModelConfig) -> Shapes:
    """Every tensor of analysis, synthesis and hyper analysis."""
    c, cy, cz = config.c, config.cy, config.cz
    yield from conv_tensors("analysis.stem", FOLDED, c)
    yield "analysis.gain.table", (GAIN_ANCHORS, c)
    yield from blocks_tensors("analysis.blocks", config.enc_depth, c)
    yield from conv_tensors("analysis.down", 4 * c, cy)
    yield from blocks_tensors("analysis.deep", config.deep, cy)
    yield from conv_tensors("analysis.head", cy, cy)
    yield "analysis.y_gain.table", (GAIN_ANCHORS, cy)
    yield "synthesis.y_inv.table", (GAIN_ANCHORS, cy)
    yield from conv_tensors("synthesis.stem", cy, cy)
    yield from blocks_tensors("synthesis.deep", config.deep, cy)
    yield from conv_tensors("synthesis.up", cy, 4 * c)
    yield "synthesis.gain.table", (GAIN_ANCHORS, c)
    yield from blocks_tensors("synthesis.blocks", config.dec_depth, c)
    yield from conv_tensors("synthesis.head", c, FOLDED)
    yield from block_tensors("hyper_analysis.net.0", cy)
    yield from conv_tensors("hyper_analysis.net.2", 4 * cy, cy)
    yield from block_tensors("hyper_analysis.net.3", cy)
    yield from conv_tensors("hyper_analysis.net.5", 4 * cy, cz)
