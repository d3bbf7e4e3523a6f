"""Building blocks of the pixel path.

Parameters are created empty (their values always come from a file), which keeps construction out of the
start-up time, and on the CPU, whatever a host program's default device is. A block's convolutions may be
bfloat16; the residual stream that runs past them, the gains and the few convolutions that the whole signal
passes through stay float32: so bfloat16 costs nothing measurable, where a bfloat16 residual stream costs
0.1 dB at 36 dB (README, "Speed").
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.network.shapes import GAIN_ANCHORS

TOP_QUALITY = 63.0
NEGATIVE_SLOPE = 0.125


def _empty(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(*shape, dtype=torch.float32, device="cpu"), requires_grad=False)


class Conv(nn.Module):
    """1x1 convolution, or 3x3 depthwise with zero padding, in the dtype of its weights.

    Training sets `compute` to bfloat16 where it wants only the arithmetic, not the weights, in that dtype.
    """

    compute: torch.dtype | None = None

    def __init__(self, inputs: int, outputs: int, *, depthwise: bool = False) -> None:
        super().__init__()
        self.groups = inputs if depthwise else 1
        self.padding = 1 if depthwise else 0
        kernel = 3 if depthwise else 1
        self.weight = _empty(outputs, inputs // self.groups, kernel, kernel)
        self.bias = _empty(outputs)

    def forward(self, x: Tensor) -> Tensor:
        dtype = self.compute or self.weight.dtype
        weight, bias = self.weight.to(dtype), self.bias.to(dtype)
        return F.conv2d(x.to(dtype), weight, bias, padding=self.padding, groups=self.groups)


class Block(nn.Module):
    """Residual depthwise-separable mixing, then a residual pointwise feed-forward."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a = Conv(channels, channels)
        self.dw = Conv(channels, channels, depthwise=True)
        self.b = Conv(channels, channels)
        self.f = Conv(channels, 2 * channels)
        self.g = Conv(2 * channels, channels)

    def forward(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """(B, C, H, W) float32 -> the same shape; the additions are float32 whatever the convolutions are.

        Where `keep` (B, 1, H, W) is 0 the depthwise layer sees zeros, as outside the picture.
        """
        h = F.leaky_relu_(self.a(x), NEGATIVE_SLOPE)
        x = added(x, self.b(self.dw(h if keep is None else h * keep)))
        return added(x, self.g(F.leaky_relu_(self.f(x), NEGATIVE_SLOPE)))


def added(x: Tensor, y: Tensor) -> Tensor:
    """x + y; without gradients in place of x, for new memory would cost as much as half the convolutions."""
    return x + y if torch.is_grad_enabled() else x.add_(y)


def scaled(x: Tensor, gain: Tensor) -> Tensor:
    """x * gain; without gradients in place of x."""
    return x * gain if torch.is_grad_enabled() else x.mul_(gain)


def anchor_weights(quality: Tensor) -> Tensor:
    """Quality 0..63 (N,) float32 -> (N, GAIN_ANCHORS) float32: linear interpolation between the anchors."""
    position = quality * (GAIN_ANCHORS - 1) / TOP_QUALITY
    grid = torch.arange(GAIN_ANCHORS, device=quality.device, dtype=torch.float32)
    return (1 - (position[:, None] - grid).abs()).clamp_min(0)


class Gain(nn.Module):
    """Per-channel positive gain as a function of quality, log-linear between GAIN_ANCHORS points."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.table = _empty(GAIN_ANCHORS, channels)

    def forward(self, quality: Tensor) -> Tensor:
        """Quality in steps of 1/256: (), a map (H, W) or a batch (B,) -> (1, C, 1, 1), (1, C, H, W) or (B, C, 1, 1)."""
        if quality.ndim == 1:
            return self.at(quality)[:, :, None, None]
        levels, place = torch.unique(quality, return_inverse=True)
        gains = self.at(levels)
        if len(levels) == 1:
            return gains[0][None, :, None, None]
        return gains[place].permute(2, 0, 1)[None]  # channels last in memory

    def at(self, quality: Tensor) -> Tensor:
        """(N,) qualities in steps of 1/256 -> (N, C) gains."""
        hat = anchor_weights(quality.to(torch.float32) / 256)
        return torch.exp((hat[:, :, None] * self.table).sum(1))
