"""The prior of the detail layer with gradients, on the grid of exact arithmetic.

It tells the scale of each coefficient from what a decoder has: features and latents of the image network's prior,
and the quantiser step. Positions are coded in two halves, as on a chessboard; the second sees the first one's sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from codec.detail.halves import picked, place
from codec.detail.transform import COEFFICIENTS
from codec.exact.prior import SCALE_OFFSET, compand
from codec.exact.tensors import ACTIVATION_STEPS, DETAIL_HALVES, DETAIL_SHIFT, FINE_STEPS, SCALE_LEVELS
from codec.network.layers import anchor_weights
from codec.network.shapes import GAIN_ANCHORS
from codec.training.grid import GridBlock, GridConv, rounded
from codec.training.prior import SCALE_SLOPE, Noise, bits_of

_TOP_ANCHOR = 63.0  # where `anchor_weights` has its last anchor
_QUIET = 0.3  # what untrained layers are multiplied by, so that training begins calmly
Quantise = Callable[[Tensor, Tensor], Tensor]  # of values in steps and whole scale indices


def nearest(values: Tensor, _: Tensor) -> Tensor:
    """Plain rounding."""
    return values.round()


class DetailPrior(nn.Module):
    """Features of `features` channels and latents of `latents` -> scales of `COEFFICIENTS` coefficients.

    `channels` and `blocks` (of each half) are the network's own sizes.
    """

    def __init__(self, features: int, latents: int, channels: int = 128, blocks: int = 2) -> None:
        super().__init__()
        self.look_f, self.look_y = GridConv(features, channels), GridConv(latents, channels)
        self.q_bias = nn.Parameter(torch.zeros(GAIN_ANCHORS, channels, device="cpu"))  # by the quantiser step
        self.enter = GridConv(channels + COEFFICIENTS, channels)
        self.trunk = nn.ModuleList(
            nn.ModuleList(GridBlock(channels) for _ in range(blocks)) for _ in range(DETAIL_HALVES)
        )
        self.leave = nn.ModuleList(GridConv(channels, COEFFICIENTS) for _ in range(DETAIL_HALVES))
        with torch.no_grad():
            for conv in (self.enter, *self.leave):
                cast(GridConv, conv).weight.mul_(_QUIET)

    def begin(self, features: Tensor, latents: Tensor, shift: Tensor) -> Tensor:
        """What the first half's scales are told from, (B, channels, h, w). Arguments as of `forward`."""
        x = self.look_f(features) + self.look_y(compand(latents * ACTIVATION_STEPS) / ACTIVATION_STEPS)
        return self._through(0, x + self._bias(shift).to(x)[:, :, None, None])

    def go_on(self, x: Tensor, first: Tensor) -> Tensor:
        """The same for the second half; `first` (B, COEFFICIENTS, h, w) holds the first half's values, else zeros."""
        sizes = compand(first.abs() * ACTIVATION_STEPS) / ACTIVATION_STEPS
        return self._through(1, x + self.enter(torch.cat([x, sizes], 1)))

    def scale_index(self, half: int, x: Tensor, shift: Tensor) -> Tensor:
        """Unrounded scale indices of one half's positions, laid out as by `picked`."""
        index = self.leave[half](picked(half, x)) * SCALE_SLOPE + SCALE_OFFSET
        return index + shift[:, None, None, None]

    def forward(
        self,
        features: Tensor,
        latents: Tensor,
        values: Tensor,
        shift: Tensor,
        noise: Noise | None = None,
        quantise: Quantise = nearest,
    ) -> tuple[Tensor, Tensor]:
        """Code coefficients -> bits of each picture (B,), and the whole numbers that were coded.

        Args:
            features: (B, features, h, w) of the image network's `hyper`, on the grid of activations; h and w even.
            latents: (B, latents, h, w), y_hat.
            values: (B, COEFFICIENTS, h, w), coefficients in quantiser steps.
            shift: (B,) whole numbers, see `index_shift`.
            noise: as in `TrainedPrior`; without it bits are those of the product's tables.
            quantise: from values and whole scale indices to whole numbers.
        """
        x = self.begin(features, latents, shift)
        whole, total = torch.zeros_like(values), values.new_zeros(len(values))
        for half in range(DETAIL_HALVES):
            if half:
                x = self.go_on(x, whole)
            index = self.scale_index(half, x, shift)
            exact = picked(half, values)
            coded = quantise(exact, index.detach().round().clamp(0, SCALE_LEVELS - 1))
            total = total + bits_of(exact, coded, index, noise).sum((1, 2, 3))
            place(half, coded, whole)
        return total, whole

    def _bias(self, shift: Tensor) -> Tensor:
        """(B, channels) float32 whatever the network's dtype, so that roundings to the grid never differ."""
        return rounded(shift_weights(shift.float()) @ self.q_bias.float(), FINE_STEPS)

    def _through(self, half: int, x: Tensor) -> Tensor:
        for block in cast(nn.ModuleList, self.trunk[half]):
            x = block(x)
        return x


def shift_weights(shift: Tensor) -> Tensor:
    """Index shifts (N,) -> (N, GAIN_ANCHORS): weights of the anchors of the bias, which span +-DETAIL_SHIFT."""
    position = (shift + DETAIL_SHIFT).clamp(0, 2 * DETAIL_SHIFT) * (_TOP_ANCHOR / (2 * DETAIL_SHIFT))
    return anchor_weights(position)
