"""The arithmetic of the entropy path as training sees it: on the grid of the exact one, with gradients.

The values are floats in their natural units, on the grid that codec/exact holds as integers, so that the tables that
training saw are those that the product computes. Gradients pass through each rounding as if it were not there
(straight-through, Bengio et al., arXiv 1308.3432), and stop where a value was clamped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.exact.layers import NEGATIVE_SLOPE
from codec.exact.tensors import ACTIVATION_MAX, ACTIVATION_STEPS, FINE_STEPS, MAX_SHIFT, WEIGHT_MAX

SMALLEST_TOP = 2.0**-10  # of a channel's largest weight, so that its shift is finite
_LIMIT = ACTIVATION_MAX / ACTIVATION_STEPS


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, x: Tensor, steps: float) -> Tensor:
        return (x * steps).round_().div_(steps)

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Any:
        return gradients[0], None


class _Snapped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x.abs() <= _LIMIT)
        return (x * ACTIVATION_STEPS).round_().clamp_(-ACTIVATION_MAX, ACTIVATION_MAX).div_(ACTIVATION_STEPS)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (inside,) = ctx.saved_tensors
        return gradients[0] * inside


def rounded(x: Tensor, steps: float = 1.0) -> Tensor:
    """Round half to even to multiples of 1 / `steps`; the gradient is passed through."""
    return cast(Tensor, _Rounded.apply(x, steps))


def snapped(x: Tensor) -> Tensor:
    """Onto the grid of activations (multiples of 1/16 within +-511/16); no gradient beyond its ends."""
    return cast(Tensor, _Snapped.apply(x))


class _Dyadic(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, weight: Tensor) -> Tensor:
        scale = weight_scale(weight)
        return (weight * scale).round_().clamp_(-WEIGHT_MAX, WEIGHT_MAX).div_(scale)

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Any:
        return gradients[0]


def weight_scale(weight: Tensor) -> Tensor:
    """(O, I, k, k) -> (O, 1, 1, 1): 2**shift, the largest power of two that keeps a channel's integers in +-127."""
    top = weight.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min_(SMALLEST_TOP)
    return top.reciprocal_().mul_(WEIGHT_MAX).log2_().floor_().clamp_(0, MAX_SHIFT).exp2_()


class GridConv(nn.Module):
    """1x1 or 3x3 depthwise convolution with 8-bit dyadic weights, on snapped inputs; sums rounded to 1/256."""

    def __init__(self, inputs: int, outputs: int, *, depthwise: bool = False) -> None:
        super().__init__()
        self.depthwise = depthwise
        shape = (outputs, 1, 3, 3) if depthwise else (outputs, inputs, 1, 1)
        self.weight = nn.Parameter(torch.empty(shape, device="cpu"))
        self.bias = nn.Parameter(torch.zeros(outputs, device="cpu"))
        bound = 1 / math.sqrt(9 if depthwise else inputs)
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x: Tensor, channels: Sequence[slice] = ()) -> Tensor:
        """(B, I, H, W) -> (B, O, H, W) float32, or only the output channels of the slices, one after the other."""
        weight: Tensor = self.weight
        bias: Tensor = self.bias
        if channels:
            weight, bias = (torch.cat([values[part] for part in channels]) for values in (weight, bias))
        groups, padding = (x.shape[1], 1) if self.depthwise else (1, 0)
        grid = cast(Tensor, _Dyadic.apply(weight))
        sums = rounded(F.conv2d(snapped(x), grid, None, padding=padding, groups=groups), FINE_STEPS)
        return sums + rounded(bias, FINE_STEPS)[None, :, None, None]


class GridBlock(nn.Module):
    """The residual block of the prior."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a = GridConv(channels, channels)
        self.dw = GridConv(channels, channels, depthwise=True)
        self.b = GridConv(channels, channels)
        self.f = GridConv(channels, 2 * channels)
        self.g = GridConv(2 * channels, channels)
        for last in (self.b, self.g):
            nn.init.normal_(last.weight, std=0.3 / math.sqrt(last.weight.shape[1]))

    def forward(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """(B, C, H, W) -> the same shape. Where `keep` (B, 1, H, W) is 0 the depthwise layer sees zeros."""
        h = F.leaky_relu(self.a(x), NEGATIVE_SLOPE)
        x = x + self.b(self.dw(h if keep is None else h * keep))
        return x + self.g(F.leaky_relu(self.f(x), NEGATIVE_SLOPE))
