"""The prior of the detail layer: from what a decoder of the base has to table indices, exactly.

Tiles of equal size may be batched: B below; (H, W) is the size of their latents, both multiples of 4. Everything is
a float tensor that holds integers, as in codec/exact/prior.py: activations in 16ths, sums in 256ths.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.detail.halves import picked, place
from codec.exact.arithmetic import exact_arithmetic
from codec.exact.known_answer import EXTREMES, HEIGHT, WIDTH, generated
from codec.exact.layers import ExactBlock, ExactConv, snap
from codec.exact.prior import SCALE_FINE, SCALE_OFFSET, compand
from codec.exact.tensors import (
    ACTIVATION_MAX,
    ACTIVATION_STEPS,
    DETAIL_COEFFICIENTS,
    DETAIL_HALVES,
    DETAIL_SHIFT,
    SCALE_LEVELS,
    detail_block_names,
    detail_layers,
)
from codec.model.config import DetailConfig


class ExactDetailPrior:
    """The prior of one detail layer on one device in one dtype (float32 or float64)."""

    def __init__(
        self,
        config: DetailConfig,
        tensors: Mapping[str, NDArray[np.generic]],
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        layout: torch.memory_format = torch.channels_last,
    ) -> None:
        self.config, self.device, self.dtype, self.layout = config, device, dtype, layout
        convs = {layer.name: ExactConv(layer, tensors, device, dtype) for layer in detail_layers(config)}
        self.look_f, self.look_y, self.enter = convs["look_f"], convs["look_y"], convs["enter"]
        self.trunk = [
            [ExactBlock.of(convs, name) for name in detail_block_names(config, half)] for half in range(DETAIL_HALVES)
        ]
        self.leave = [convs[f"leave.{half}"] for half in range(DETAIL_HALVES)]
        shift_bias = torch.from_numpy(tensors["prior.shift_bias"].astype(np.float64))
        self.shift_bias = shift_bias.to(device=device, dtype=dtype)[:, :, None, None]  # (33, channels, 1, 1)

    def begin(self, features: Tensor, y16: Tensor, shifts: Sequence[int]) -> Tensor:
        """What the first half's table indices are made of, (B, channels, H, W) sums.

        Args:
            features: (B, features, H, W) activations, those of the base's prior.
            y16: (B, latents, H, W), 16 * y_hat of the base.
            shifts: of each tile's step, `shift_of`.
        """
        seen = compand(y16).round_().clamp_(-ACTIVATION_MAX, ACTIVATION_MAX)
        rows = [min(max(shift, -DETAIL_SHIFT), DETAIL_SHIFT) + DETAIL_SHIFT for shift in shifts]
        return self._through(0, self.look_f(features).add_(self.look_y(seen)).add_(self.shift_bias[rows]))

    def go_on(self, x: Tensor, first: Tensor) -> Tensor:
        """The same for the second half, `x` used up; `first` (B, 768, H, W) has the first one's symbols, else zeros."""
        sizes = compand(first.abs() * ACTIVATION_STEPS).round_().clamp_(max=ACTIVATION_MAX)
        return self._through(1, x.add_(self.enter(torch.cat([snap(x), sizes], 1))))

    def scale_index(self, half: int, x: Tensor, shifts: Sequence[int]) -> Tensor:
        """Table indices 0..63 of one half's coefficients, (B, 768, H / 2, W) as laid out by `picked`."""
        offsets = torch.tensor([SCALE_OFFSET + shift for shift in shifts], dtype=self.dtype, device=self.device)
        scale = self.leave[half](snap(picked(half, x)))
        highest = 4 * SCALE_LEVELS * SCALE_FINE  # beyond 0..63 in any case, and small enough for the sum to be exact
        index = scale.clamp_(-highest, highest).add_(offsets[:, None, None, None] * SCALE_FINE)
        return index.div_(SCALE_FINE).round_().clamp_(0, SCALE_LEVELS - 1)

    def _through(self, half: int, x: Tensor) -> Tensor:
        for block in self.trunk[half]:
            x = block(x)
        return x


def detail_known_answer(prior: ExactDetailPrior) -> bytes:
    """SHA-256 (32 bytes) over table indices for generated inputs, as <i4 in (tile, channel, row, column) order."""
    config, shifts = prior.config, (-DETAIL_SHIFT, DETAIL_SHIFT)
    counts = [2 * channels * HEIGHT * WIDTH for channels in (config.features, config.latents, DETAIL_COEFFICIENTS)]
    numbers = np.split(generated(sum(counts)), np.cumsum(counts)[:-1])
    ranges = (2 * ACTIVATION_MAX + 1, len(EXTREMES), 81)
    drawn = [values % top for values, top in zip(numbers, ranges, strict=True)]
    inputs = (drawn[0] - ACTIVATION_MAX, EXTREMES[drawn[1]], drawn[2] - 40)
    features, y16, symbols = (_tensor(prior, values.reshape(2, -1, HEIGHT, WIDTH)) for values in inputs)
    first, digest = torch.zeros_like(symbols), hashlib.sha256()
    place(0, picked(0, symbols), first)
    with exact_arithmetic(prior.device):
        x = prior.begin(features, y16, shifts)
        for half in range(DETAIL_HALVES):
            x = prior.go_on(x, first) if half else x
            index = prior.scale_index(half, x, shifts)
            digest.update(index.cpu().contiguous().numpy().astype("<i4").tobytes())
    return digest.digest()


def _tensor(prior: ExactDetailPrior, integers: NDArray[np.int64]) -> Tensor:
    values = torch.from_numpy(np.ascontiguousarray(integers)).to(device=prior.device, dtype=prior.dtype)
    return values.contiguous(memory_format=prior.layout)
