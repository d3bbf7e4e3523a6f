"""The image network while it is trained: the product's own transforms beside a prior that gradients pass through."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.model.config import ModelConfig
from codec.network.layers import Block, Conv, Gain
from codec.network.shapes import FOLD
from codec.network.transforms import Analysis, HyperAnalysis, Synthesis
from codec.training.prior import Noise, TrainedPrior

QUALITY_STEPS = 256  # of the pixel path's gains, per whole quality
_GAINS = (0.7, 18.0)  # of the latents at the lowest and the highest quality, before training


@dataclass(frozen=True)
class Coded:
    """A batch as it would be coded: `pixels` (B, 3, H, W) around 0..1, `latents` (B, cy, H/16, W/16), bits (B,)."""

    pixels: Tensor
    latents: Tensor
    y_bits: Tensor
    z_bits: Tensor


class ImageNetwork(nn.Module):
    """Analysis, synthesis, hyper analysis and prior with random weights; tensor names are the model file's."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.analysis, self.synthesis = Analysis(config), Synthesis(config)
        self.hyper_analysis, self.prior = HyperAnalysis(config), TrainedPrior(config)
        for part in (self.analysis, self.synthesis, self.hyper_analysis):
            draw_weights(part)
        set_latent_gains(self, *_GAINS)
        self.requires_grad_(True)

    def latents(self, pixels: Tensor, quality: Tensor) -> Tensor:
        """Pixels (B, 3, H, W) in 0..1, sides multiples of 64, and qualities (B,) 0..63 -> (B, cy, H/16, W/16)."""
        folded = F.pixel_unshuffle(pixels - 0.5, FOLD).contiguous(memory_format=torch.channels_last)
        return cast(Tensor, self.analysis(folded, quality * QUALITY_STEPS))

    def pixels(self, latents: Tensor, quality: Tensor) -> Tensor:
        """Latents -> pixels, unclamped."""
        return F.pixel_shuffle(self.synthesis(latents, quality * QUALITY_STEPS), FOLD) + 0.5

    def forward(self, pixels: Tensor, quality: Tensor, noise: Noise | None = None) -> Coded:
        """Code a batch; with `noise` as training sees the rate, without as the product does."""
        y = self.latents(pixels, quality)
        y_hat, y_bits, z_bits = self.prior(y, self.hyper_analysis(y), quality, noise)
        return Coded(self.pixels(y_hat, quality), y_hat, y_bits, z_bits)


@torch.no_grad()
def set_latent_gains(network: ImageNetwork, lowest: float, highest: float) -> None:
    """Gains of all latent channels at quality 0 and at the highest, log-linear between; the synthesis undoes them."""
    table = network.analysis.y_gain.table
    ramp = torch.linspace(math.log(lowest), math.log(highest), len(table), device=table.device)
    table.copy_(ramp[:, None].expand_as(table))
    network.synthesis.y_inv.table.copy_(-table)


def draw_weights(part: nn.Module) -> None:
    """Random weights for convolutions (the last ones of a residual small), gains of 1."""
    for module in part.modules():
        if isinstance(module, Conv):
            bound = 1 / math.sqrt(module.weight[0].numel())
            nn.init.uniform_(module.weight, -bound, bound)
            nn.init.zeros_(module.bias)
        elif isinstance(module, Gain):
            nn.init.zeros_(module.table)
    for module in part.modules():
        if isinstance(module, Block):
            for last in (module.b, module.g):
                nn.init.normal_(last.weight, std=0.3 / math.sqrt(last.weight.shape[1]))


def compute_in(network: nn.Module, dtype: torch.dtype | None) -> None:
    """Let the convolutions of the pixel path's blocks calculate in `dtype`; weights and all else stay float32."""
    for module in network.modules():
        if isinstance(module, Block):
            for conv in (module.a, module.dw, module.b, module.f, module.g):
                conv.compute = dtype


def load_tensors(network: nn.Module, tensors: Mapping[str, Tensor]) -> list[str]:
    """Copy what fits by name and shape into the network -> the names that it has and `tensors` lack."""
    missing = []
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name in tensors and tensors[name].shape == value.shape:
                value.copy_(tensors[name])
            else:
                missing.append(name)
    return missing
