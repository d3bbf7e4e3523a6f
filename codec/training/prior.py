"""Hyper synthesis and spatial prior with gradients; state-dict names are those of a training checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.exact.prior import SCALE_OFFSET, StepLayout, compand
from codec.exact.tensors import (
    ACTIVATION_STEPS,
    FINE_STEPS,
    HYPER_BLOCKS,
    LOG_SCALE_MIN,
    LOG_SCALE_STEP,
    PHASES,
    SCALE_LEVELS,
    STEP_PHASE,
    STEPS,
    TRUNK_BLOCKS,
)
from codec.model.config import ModelConfig
from codec.network.layers import anchor_weights
from codec.network.shapes import GAIN_ANCHORS
from codec.refine.rounding import bits
from codec.training.grid import GridBlock, GridConv, rounded

SCALE_SLOPE = 8  # scale index = 25 + 8 * s
_LOWEST_INDEX = -2.0  # below the lowest table a gradient may still lead back
Noise = Callable[[Tensor], Tensor]


class TrainedPrior(nn.Module):
    """The entropy path while it is trained, in float32."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        cp, cy, cz = config.cp, config.cy, config.cz
        self.config, self._steps = config, StepLayout(config)
        self.z_bias = nn.Parameter(torch.zeros(GAIN_ANCHORS, cz, device="cpu"))  # log scale of z by quality
        self.q_bias = nn.Parameter(torch.zeros(GAIN_ANCHORS, cp, device="cpu"))
        self.up1 = GridConv(cz, 4 * cp)
        self.b1 = GridBlock(cp)
        self.up2 = GridConv(cp, 4 * cp)
        self.b2 = nn.ModuleList(GridBlock(cp) for _ in range(HYPER_BLOCKS))
        self.enter = nn.ModuleList(GridConv(cp if k == 0 else cp + cy, cp) for k in range(STEPS))
        self.trunk = nn.ModuleList(nn.ModuleList(GridBlock(cp) for _ in range(n)) for n in TRUNK_BLOCKS)
        self.leave = nn.ModuleList(GridConv(cp, 2 * cy) for _ in range(STEPS))
        with torch.no_grad():
            for leave in self.leave:
                cast(GridConv, leave).weight.mul_(0.3)

    def z_index(self, quality: Tensor) -> Tensor:
        """(B,) qualities 0..63 -> table index of each hyper-latent channel (B, cz, 1, 1), unrounded."""
        log_scale = anchor_weights(quality) @ self.z_bias
        return ((log_scale - LOG_SCALE_MIN) / LOG_SCALE_STEP)[:, :, None, None]

    def hyper(self, z: Tensor, quality: Tensor, coded: Tensor | None = None) -> Tensor:
        """z (B, cz, h, w) of whole numbers, qualities (B,) 0..63 -> features (B, cp, 4h, 4w).

        `coded` (B, 1, h, w) is 0 where nothing is coded, see codec/training/predicted_network.py.
        """
        bias = rounded(anchor_weights(quality) @ self.q_bias.float(), FINE_STEPS).to(z)  # in any dtype the same
        h = self.b1(_shuffled(self.up1(z)) + bias[:, :, None, None], _kept(coded, 2))
        h = _shuffled(self.up2(h))
        for block in self.b2:
            h = block(h, _kept(coded, 4))
        return h

    def step(self, k: int, features: Tensor, y_hat: Tensor, coded: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Step k's means and unrounded scale indices, both (B, cy, H/2, W/2), laid out as by `ExactPrior.step`."""
        if k and self.config.context == "compand":
            y_hat = compand(y_hat * ACTIVATION_STEPS) / ACTIVATION_STEPS
        x = self.enter[k](features if k == 0 else torch.cat([features, y_hat], 1))
        for block in cast(nn.ModuleList, self.trunk[k]):
            x = block(x, _kept(coded, 4))
        means, scales = [], []
        for group, phase in zip(self._steps.groups, STEP_PHASE[k], strict=True):
            row, column = PHASES[phase]
            part = x[:, :, row::2, column::2].contiguous(memory_format=torch.channels_last)
            of_scale = slice(group.start + self.config.cy, group.stop + self.config.cy)
            mean, scale = self.leave[k](part, (group, of_scale)).chunk(2, 1)
            means.append(mean)
            scales.append(scale)
        mean = rounded(torch.cat(means, 1), ACTIVATION_STEPS)
        return mean, torch.cat(scales, 1) * SCALE_SLOPE + SCALE_OFFSET

    def forward(self, y: Tensor, z: Tensor, quality: Tensor, noise: Noise | None) -> tuple[Tensor, Tensor, Tensor]:
        """Latents (B, cy, H, W), hyper-latents, qualities (B,) 0..63 -> y_hat, bits of y (B,), bits of z (B,).

        Pixels and context see rounded latents; the rate sees `noise` (of the shape of its argument) added to them
        instead (Balle et al., arXiv 1611.01704), or, without one, what the tables of the product cost.
        """
        z_hat = rounded(z)
        z_index = self.z_index(quality)
        z_bits = bits_of(z, z_hat, z_index, noise).sum((1, 2, 3))
        features = self.hyper(z_hat, quality)
        y_hat, y_bits = torch.zeros_like(y), torch.zeros_like(z_bits)
        for k in range(STEPS):
            mean, index = self.step(k, features, y_hat)
            residual = self._steps.pick(k, y) - mean
            whole = rounded(residual)
            y_bits = y_bits + bits_of(residual, whole, index, noise).sum((1, 2, 3))
            y_hat = y_hat + self._steps.placed(k, whole + mean)
        return y_hat, y_bits, z_bits


def bits_of(exact: Tensor, whole: Tensor, index: Tensor, noise: Noise | None) -> Tensor:
    """Bits of values under unrounded scale indices: with noise of the exact values, else of whole ones and tables."""
    if noise is None:
        return bits(whole, index.round().clamp(0, SCALE_LEVELS - 1))
    return bits(exact + noise(exact), index.clamp(_LOWEST_INDEX, SCALE_LEVELS - 1))


def finer(blocks: Tensor, times: int) -> Tensor:
    """(B, 1, h, w) -> each value repeated in both directions."""
    return blocks.repeat_interleave(times, 2).repeat_interleave(times, 3)


def _kept(coded: Tensor | None, times: int) -> Tensor | None:
    return None if coded is None else finer(coded, times)


def _shuffled(x: Tensor) -> Tensor:
    return F.pixel_shuffle(x, 2).contiguous(memory_format=torch.channels_last)
