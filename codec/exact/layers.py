"""Convolutions on integers held in floats.

Values are float32 (or float64) tensors that hold integers: activations in units of 1/16, sums in units of
1/256. Weights are stored times 2**(4 - shift), so that a convolution of activations gives units of 1/256
at once; scaling by a power of two changes no bit of the argument that sums are exact.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from codec.exact.tensors import ACTIVATION_MAX, FINE_PER_ACTIVATION, Layer

NEGATIVE_SLOPE = 0.125


def snap(fine: Tensor) -> Tensor:
    """Units of 1/256 -> activations: round half to even to 1/16, then clamp. A new tensor."""
    return (fine / FINE_PER_ACTIVATION).round_().clamp_(-ACTIVATION_MAX, ACTIVATION_MAX)


def leaky_snap_(fine: Tensor) -> Tensor:
    """Leaky ReLU (x / 8 below zero, unrounded), then `snap`, in place."""
    return (
        F.leaky_relu_(fine, NEGATIVE_SLOPE).div_(FINE_PER_ACTIVATION).round_().clamp_(-ACTIVATION_MAX, ACTIVATION_MAX)
    )


class ExactConv:
    """Activations (B, I, H, W) -> sums (B, O, H, W) in units of 1/256, bias added after the rounding."""

    def __init__(
        self, layer: Layer, tensors: Mapping[str, NDArray[np.generic]], device: torch.device, dtype: torch.dtype
    ) -> None:
        name = f"prior.{layer.name}"
        scale = np.exp2(4.0 - tensors[f"{name}.shift"].astype(np.float64))
        weight = tensors[f"{name}.weight"].astype(np.float64) * scale[:, None, None, None]
        self.depthwise = layer.depthwise
        if self.depthwise:
            weight = np.ascontiguousarray(weight.reshape(layer.outputs, 9).T)  # (9 taps, O)
        self.weight = torch.from_numpy(weight).to(device=device, dtype=dtype)
        bias = torch.from_numpy(tensors[f"{name}.bias"].astype(np.float64))
        self.bias = bias.to(device=device, dtype=dtype)[None, :, None, None]

    def __call__(self, activations: Tensor) -> Tensor:
        sums = self._depthwise(activations) if self.depthwise else F.conv2d(activations, self.weight)
        return sums.round_().add_(self.bias)

    def part(self, outputs: Tensor) -> ExactConv:
        """The same convolution for some of its output channels only."""
        part = object.__new__(ExactConv)
        part.depthwise, part.weight, part.bias = self.depthwise, self.weight[outputs], self.bias[:, outputs]
        return part

    def _depthwise(self, x: Tensor) -> Tensor:
        """Nine shifted multiply-adds: a library's depthwise kernel may be a Winograd one, which is inexact.

        Rows are laid end to end with a zero column on either side, so that every shift is one contiguous
        run of memory (five times as fast as shifted views); what lands in those columns is dropped.
        """
        batch, channels, height, width = x.shape
        pitch = width + 2
        line = torch.zeros(batch, (height + 2) * pitch + 2, channels, dtype=x.dtype, device=x.device)
        grid = line[:, : (height + 2) * pitch].view(batch, height + 2, pitch, channels)
        grid[:, 1:-1, 1:-1] = x.permute(0, 2, 3, 1)
        length = height * pitch
        total = line[:, :length] * self.weight[0]
        for k in range(1, 9):
            start = k // 3 * pitch + k % 3
            total.addcmul_(line[:, start : start + length], self.weight[k])
        return total.view(batch, height, pitch, channels)[:, :, :width].permute(0, 3, 1, 2)


class ExactBlock:
    """The residual block of the prior on sums in units of 1/256."""

    def __init__(self, a: ExactConv, dw: ExactConv, b: ExactConv, f: ExactConv, g: ExactConv) -> None:
        self.a, self.dw, self.b, self.f, self.g = a, dw, b, f, g

    @classmethod
    def of(cls, convs: Mapping[str, ExactConv], name: str) -> ExactBlock:
        """The block of this name, from all convolutions by theirs."""
        return cls(*(convs[f"{name}.{part}"] for part in ("a", "dw", "b", "f", "g")))

    def __call__(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same tensor, updated."""
        x = x.add_(self.b(snap(self.dw(leaky_snap_(self.a(snap(x)))))))
        return x.add_(self.g(leaky_snap_(self.f(snap(x)))))
