"""Distortions that training makes small, each in a unit that one lambda fits: squared levels of 0..255.

MSE counts the mean squared error in levels; L1 ten times the mean absolute error in levels, so that an error of ten
levels weighs as it does in MSE; MS-SSIM 1300 * (1 - MS-SSIM), the ratio of the multipliers that CompressAI trains
its models of the two kinds with (Begaint et al., arXiv 2011.03029, table 3).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from bitstream.errors import RequestError
from codec.pixels.distortion import MS_SSIM_SIDE
from codec.training.recipe import Recipe

LEVELS = 255.0
_L1_LEVELS = 10.0
_MS_SSIM = 1300.0


class Distortion:
    """The weighted sum that a recipe asks for. Raises RequestError where its crops are too small for MS-SSIM."""

    def __init__(self, recipe: Recipe) -> None:
        self._mse, self._l1, self._ms_ssim = recipe.mse, recipe.l1, recipe.ms_ssim
        if recipe.ms_ssim and recipe.crop < MS_SSIM_SIDE:
            raise RequestError(f"recipe: MS-SSIM needs crops of {MS_SSIM_SIDE} pixels, crop is {recipe.crop}")

    def __call__(self, decoded: Tensor, pixels: Tensor) -> Tensor:
        """Decoded, unclamped, and true pixels (B, C, H, W) in 0..1 -> (B,) of each picture."""
        total = torch.zeros(len(pixels), device=pixels.device)
        error = (decoded - pixels).flatten(1)
        if self._mse:
            total = total + self._mse * LEVELS**2 * error.square().mean(1)
        if self._l1:
            total = total + self._l1 * _L1_LEVELS * LEVELS * error.abs().mean(1)
        if self._ms_ssim:
            from pytorch_msssim import ms_ssim

            likeness = ms_ssim(
                decoded.clamp(0, 1).contiguous(), pixels.contiguous(), data_range=1.0, size_average=False
            )
            total = total + self._ms_ssim * _MS_SSIM * (1 - cast(Tensor, likeness))
        return total
