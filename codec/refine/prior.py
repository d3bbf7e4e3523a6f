"""The entropy path without its roundings and clamps: the same weights, in floats that gradients pass through.

It only guides the encoder. What is written is coded through the exact path (codec/exact), so nothing here has
to agree with anything on another machine.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from codec.exact.layers import NEGATIVE_SLOPE
from codec.exact.prior import SCALE_OFFSET, StepLayout, compand
from codec.exact.tensors import (
    ACTIVATION_MAX,
    ACTIVATION_STEPS,
    FINE_STEPS,
    PHASES,
    STEP_PHASE,
    hyper_block_names,
    prior_layers,
    trunk_block_names,
)
from codec.model.loaded import DTYPES, LoadedModel

_SCALE_SLOPE = 8  # scale index = SCALE_OFFSET + 8 * s
_LARGEST = ACTIVATION_MAX / ACTIVATION_STEPS


class SmoothPrior(StepLayout):
    """Hyper synthesis and spatial prior of one model, differentiable, its convolutions in the pixels' precision."""

    def __init__(self, model: LoadedModel) -> None:
        super().__init__(model.config)
        self._config, tensors = model.config, model.file.tensors
        self._dtype, device = DTYPES[model.runtime.precision], model.runtime.device
        self._weights, self._biases = {}, {}
        for layer in prior_layers(model.config):
            name = f"prior.{layer.name}"
            scale = np.exp2(-tensors[f"{name}.shift"].astype(np.float64))[:, None, None, None]
            weight = torch.from_numpy(tensors[f"{name}.weight"].astype(np.float64) * scale).reshape(layer.weight_shape)
            bias = torch.from_numpy(tensors[f"{name}.bias"].astype(np.float64) / FINE_STEPS)
            self._weights[layer.name] = weight.to(device, self._dtype, memory_format=torch.channels_last)
            self._biases[layer.name] = bias.to(device, self._dtype)
        self._quality_bias = torch.from_numpy(tensors["prior.quality_bias"].astype(np.float64) / FINE_STEPS).to(
            device, torch.float32
        )
        channels = torch.arange(self._config.cy, device=device)
        self._outputs = [torch.cat([channels[g], channels[g] + self._config.cy]) for g in self.groups]

    def hyper(self, z: Tensor, row: int) -> Tensor:
        """z (1, cz, H/4, W/4) and the quality row -> features (1, cp, H, W)."""
        h = self._shuffle(self._conv("up1", z)) + self._quality_bias[row][:, None, None]
        h = self._shuffle(self._conv("up2", self._block("b1", h)))
        for name in hyper_block_names():
            h = self._block(name, h)
        return h

    def step(self, k: int, features: Tensor, y_hat: Tensor) -> tuple[Tensor, Tensor]:
        """Step k's means and unrounded scale indices, both (1, cy, H/2, W/2) as `ExactPrior.step` lays them out."""
        x = self._conv(f"enter.{k}", features if k == 0 else torch.cat([features, self._context(y_hat)], 1))
        for name in trunk_block_names(k):
            x = self._block(name, x)
        means, scales = [], []
        for outputs, phase in zip(self._outputs, STEP_PHASE[k], strict=True):
            row, column = PHASES[phase]
            mean, scale = self._conv(f"leave.{k}", x[:, :, row::2, column::2], outputs).float().chunk(2, 1)
            means.append(mean)
            scales.append(scale)
        return torch.cat(means, 1), torch.cat(scales, 1) * _SCALE_SLOPE + SCALE_OFFSET

    def _conv(self, name: str, x: Tensor, outputs: Tensor | None = None) -> Tensor:
        weight, bias = self._weights[name], self._biases[name]
        if outputs is not None:
            weight, bias = weight[outputs], bias[outputs]
        depthwise = weight.shape[-1] == 3
        groups, padding = (len(weight), 1) if depthwise else (1, 0)
        return F.conv2d(x.to(self._dtype), weight, bias, padding=padding, groups=groups)

    def _block(self, name: str, x: Tensor) -> Tensor:
        mixed = self._conv(f"{name}.dw", F.leaky_relu_(self._conv(f"{name}.a", x), NEGATIVE_SLOPE))
        x = x + self._conv(f"{name}.b", mixed)
        return x + self._conv(f"{name}.g", F.leaky_relu_(self._conv(f"{name}.f", x), NEGATIVE_SLOPE))

    def _context(self, y_hat: Tensor) -> Tensor:
        if self._config.context == "compand":
            y_hat = compand(y_hat * ACTIVATION_STEPS) / ACTIVATION_STEPS
        return y_hat.clamp(-_LARGEST, _LARGEST)

    @staticmethod
    def _shuffle(x: Tensor) -> Tensor:
        return F.pixel_shuffle(x, 2).contiguous(memory_format=torch.channels_last)
