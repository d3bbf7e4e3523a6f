"""Hyper synthesis and four-step spatial prior: from integers to means and table indices, exactly.

Tiles of equal size may be batched: B below. A tile's latent has the size (H, W), both multiples of 4.
Everything is a float tensor that holds integers (codec/exact/layers.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from codec.exact.layers import ExactBlock, ExactConv, snap
from codec.exact.tensors import (
    ACTIVATION_MAX,
    ACTIVATION_STEPS,
    FINE_PER_ACTIVATION,
    PHASES,
    SCALE_LEVELS,
    STEP_PHASE,
    STEPS,
    hyper_block_names,
    prior_layers,
    trunk_block_names,
)
from codec.model.config import ModelConfig

SCALE_OFFSET, SCALE_FINE = 25, 32  # scale index = 25 + 8 * s = 25 + v / 32 for v in units of 1/256
_COMPAND_KNEES = (8 * ACTIVATION_STEPS, 72 * ACTIVATION_STEPS)


def compand(y16: Tensor) -> Tensor:
    """Latent in units of 1/16: slope 1 up to 8, 1/8 up to 72, 1/64 beyond; unrounded, exact."""
    a, b = (y16.clamp(-knee, knee) for knee in _COMPAND_KNEES)
    return a + (b - a) / 8 + (y16 - b) / 64


class StepLayout:
    """Which values of a field (B, cy, H, W) each step codes: channel group g those of phase STEP_PHASE[k][g]."""

    def __init__(self, config: ModelConfig) -> None:
        bounds = config.group_bounds
        self.groups = [slice(bounds[g], bounds[g + 1]) for g in range(4)]

    def place(self, k: int, values: Tensor, field: Tensor) -> None:
        """Write step k's values (B, cy, H/2, W/2) to their positions in `field` (B, cy, H, W)."""
        for group, phase in zip(self.groups, STEP_PHASE[k], strict=True):
            row, column = PHASES[phase]
            field[:, group, row::2, column::2] = values[:, group]

    def placed(self, k: int, values: Tensor) -> Tensor:
        """Step k's values in a new field (B, cy, H, W) that is zero elsewhere."""
        batch, channels, height, width = values.shape
        field = values.new_zeros(batch, channels, 2 * height, 2 * width).contiguous(memory_format=torch.channels_last)
        self.place(k, values, field)
        return field

    def pick(self, k: int, field: Tensor) -> Tensor:
        """The inverse of `place`: step k's values of `field`, (B, cy, H/2, W/2)."""
        parts = []
        for group, phase in zip(self.groups, STEP_PHASE[k], strict=True):
            row, column = PHASES[phase]
            parts.append(field[:, group, row::2, column::2])
        return torch.cat(parts, 1)


class ExactPrior(StepLayout):
    """The entropy path of one model on one device in one dtype (float32 or float64)."""

    def __init__(
        self,
        config: ModelConfig,
        tensors: Mapping[str, NDArray[np.generic]],
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        layout: torch.memory_format = torch.channels_last,
    ) -> None:
        super().__init__(config)
        self.config, self.device, self.dtype, self.layout = config, device, dtype, layout
        convs = {layer.name: ExactConv(layer, tensors, device, dtype) for layer in prior_layers(config)}
        self.up1, self.up2, self.b1 = convs["up1"], convs["up2"], ExactBlock.of(convs, "b1")
        self.b2 = [ExactBlock.of(convs, name) for name in hyper_block_names()]
        self.enter = [convs[f"enter.{k}"] for k in range(STEPS)]
        self.trunk = [[ExactBlock.of(convs, name) for name in trunk_block_names(k)] for k in range(STEPS)]
        self.leave = [[self._leave_part(convs[f"leave.{k}"], group) for group in self.groups] for k in range(STEPS)]
        quality_bias = torch.from_numpy(tensors["prior.quality_bias"].astype(np.float64))
        self.quality_bias = quality_bias.to(device=device, dtype=dtype)[:, :, None, None]  # (64, cp, 1, 1)

    def _leave_part(self, leave: ExactConv, group: slice) -> ExactConv:
        channels = torch.arange(group.start, group.stop, device=self.device)
        return leave.part(torch.cat([channels, channels + self.config.cy]))

    def tensor(self, integers: NDArray[np.integer[Any]]) -> Tensor:
        """A NumPy array (B, C, H, W) of integers as this path's kind of tensor."""
        values = torch.from_numpy(np.ascontiguousarray(integers)).to(device=self.device, dtype=self.dtype)
        return values.contiguous(memory_format=self.layout)

    def hyper(self, z: Tensor, rows: list[int]) -> Tensor:
        """z (B, cz, H/4, W/4) and each tile's quality row -> features (B, cp, H, W) as activations."""
        z16 = (z * ACTIVATION_STEPS).clamp_(-ACTIVATION_MAX, ACTIVATION_MAX)
        h = self._shuffle(self.up1(z16))
        h = self.b1(h.add_(self.quality_bias[rows]))
        h = self._shuffle(self.up2(snap(h)))
        for block in self.b2:
            h = block(h)
        return snap(h)

    def step(self, k: int, features: Tensor, y16: Tensor) -> tuple[Tensor, Tensor]:
        """Step k's means (units of 1/16) and scale indices 0..63, both (B, cy, H/2, W/2).

        `features` comes from `hyper`; `y16` (B, cy, H, W) holds 16 * y_hat as far as decoded, else zero.
        Channel group g of the result holds the positions of phase STEP_PHASE[k][g] (see `place`).
        """
        x = self.enter[k](features if k == 0 else torch.cat([features, self._context(y16)], 1))
        for block in self.trunk[k]:
            x = block(x)
        x = snap(x)
        means, scales = [], []
        for leave, phase in zip(self.leave[k], STEP_PHASE[k], strict=True):
            row, column = PHASES[phase]
            out = leave(x[:, :, row::2, column::2].contiguous(memory_format=self.layout))
            mean, scale = out.chunk(2, 1)
            means.append(mean)
            scales.append(scale)
        mean16 = torch.cat(means, 1).div_(FINE_PER_ACTIVATION).round_()
        scale = torch.cat(scales, 1)
        highest = SCALE_LEVELS * SCALE_FINE  # beyond 0..63 in any case, and small enough for the sum to be exact
        index = scale.clamp_(-highest, highest).add_(SCALE_OFFSET * SCALE_FINE).div_(SCALE_FINE).round_()
        return mean16, index.clamp_(0, SCALE_LEVELS - 1)

    def _context(self, y16: Tensor) -> Tensor:
        if self.config.context == "compand":
            y16 = compand(y16).round_()
        return y16.clamp(-ACTIVATION_MAX, ACTIVATION_MAX)

    def _shuffle(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(x, 2).contiguous(memory_format=self.layout)
