"""The transform of the detail layer: the 16x16 orthonormal DCT of an orthonormal luma/chroma space.

It is applied to what the learned picture leaves. Blocks do not overlap, so any part of a picture decodes alone.
All coefficients of a picture share one quantiser step; coefficients, residuals and steps are in levels of 0..255.
"""

from __future__ import annotations

import functools
import math
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor

from bitstream.units import MAX_STEP_CODE, MIN_STEP_CODE
from codec.exact.tensors import DETAIL_COEFFICIENTS, LOG_SCALE_STEP

SIDE = 16  # pixels of a block, which is one latent position
COEFFICIENTS = DETAIL_COEFFICIENTS
_CHROMA = 0.6  # frequencies of chroma count as so much higher in the order of coefficients
CODES_PER_SHIFT = 32  # a file's steps lie 0.3 % apart, 0.03 dB
_REFERENCE_STEP = 8.0  # levels: the step at which scale indices are not shifted


def dct_basis(count: int, chroma: float) -> Tensor:
    """(count, 3, SIDE, SIDE) float32: orthonormal DCT in an orthonormal luma/chroma space, lowest frequencies first.

    The order is that of exact fractions, so that it is the same everywhere; frequencies of chroma are divided by
    `chroma`, and of equal ones luma comes first, then the first chroma, then the lower row.
    """
    k = torch.arange(SIDE, dtype=torch.float64, device="cpu")
    waves = torch.cos(math.pi * (k[None] + 0.5) * k[:, None] / SIDE) * math.sqrt(2 / SIDE)
    waves[0] /= math.sqrt(2)
    colours = torch.tensor([[1, 1, 1], [1, 0, -1], [-0.5, 1, -0.5]], dtype=torch.float64, device="cpu")
    colours /= colours.norm(dim=1, keepdim=True)
    share = Fraction(chroma).limit_denominator(100) ** 2
    found = [
        (((2 * u + 1) ** 2 + (2 * v + 1) ** 2) / (1 if c == 0 else share), (c, u, v))
        for c in range(3)
        for u in range(SIDE)
        for v in range(SIDE)
    ]
    chosen = torch.tensor([place for _, place in sorted(found, key=lambda item: item[0])[:count]], device="cpu")
    c, u, v = chosen.unbind(1)
    return torch.einsum("nk,ni,nj->nkij", colours[c], waves[u], waves[v]).float()


def analysed(residual: Tensor) -> Tensor:
    """Residual (B, 3, H, W) in levels, sides multiples of 16 -> coefficients (B, COEFFICIENTS, H/16, W/16)."""
    return F.conv2d(F.pixel_unshuffle(residual, SIDE), _matrix().to(residual)[:, :, None, None])


def synthesised(coefficients: Tensor) -> Tensor:
    """The inverse of `analysed`."""
    return F.pixel_shuffle(F.conv2d(coefficients, _matrix().to(coefficients).t()[:, :, None, None]), SIDE)


@functools.cache
def _matrix() -> Tensor:
    """(COEFFICIENTS, COEFFICIENTS): a coefficient's weights of a folded block's values."""
    with torch.inference_mode(False):
        return dct_basis(COEFFICIENTS, _CHROMA).flatten(1)


def index_shift(step: Tensor) -> Tensor:
    """Quantiser steps in levels -> what they add to every scale index, a whole number: finer steps, wider symbols."""
    return torch.round(-torch.log(step / _REFERENCE_STEP) / LOG_SCALE_STEP)


def step_of(code: int) -> float:
    """The quantiser step in levels of its code -1024..1024 in a file: 203 to 0.31, the finer the higher the code."""
    return _REFERENCE_STEP * math.exp(-code * LOG_SCALE_STEP / CODES_PER_SHIFT)


def shift_of(code: int) -> int:
    """What that step adds to every scale index: code / CODES_PER_SHIFT, rounded half to even, in whole numbers."""
    return round(Fraction(code, CODES_PER_SHIFT))


def nearest_code(step: float) -> int:
    """The code of the step nearest to one in levels, above 0."""
    code = round(-math.log(step / _REFERENCE_STEP) * CODES_PER_SHIFT / LOG_SCALE_STEP)
    return min(max(code, MIN_STEP_CODE), MAX_STEP_CODE)
