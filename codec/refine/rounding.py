"""Rounding that gradients pass through, and the bits that rounded values cost."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from codec.exact.tensors import LOG_SCALE_MIN, LOG_SCALE_STEP

_EDGE = 1e-4  # keeps the logits of values on the grid finite
_UNDERFLOW = 2.0**-14


def anneal(values: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """A random mixture of each value's two neighbouring integers, nearly one of them at low temperatures.

    Stochastic Gumbel annealing (Yang, Bamler and Mandt, "Improving Inference for Neural Image Compression",
    2020): the odds of the upper neighbour fall with atanh of the distance to it.
    """
    below = values.detach().floor()
    distance = (values - below).clamp(_EDGE, 1 - _EDGE)
    odds = (torch.atanh(distance) - torch.atanh(1 - distance)) / temperature
    uniform = torch.rand(values.shape, generator=generator, dtype=values.dtype, device="cpu").clamp_(1e-6, 1 - 1e-6)
    noise = torch.logit(uniform).to(values.device)  # the difference of two Gumbel variates
    return below + torch.sigmoid((odds + noise) / temperature)


def bits(residual: Tensor, scale_index: Tensor) -> Tensor:
    """Bits of each residual under the normal distribution of its table; a slope is kept where it underflows."""
    scale = torch.exp(LOG_SCALE_MIN + LOG_SCALE_STEP * scale_index)
    size = residual.abs()
    inverse = 1 / (scale * math.sqrt(2))
    likelihood = 0.5 * (torch.erfc((size - 0.5) * inverse) - torch.erfc((size + 0.5) * inverse))
    excess = (size - 0.5).clamp_min(0) * inverse
    # The two limits of the tail: the density over a wide scale, half of erfc over a narrow one.
    tail = excess * excess * math.log2(math.e) + torch.log2(math.sqrt(2 * math.pi) * (scale + math.sqrt(2) * excess))
    return torch.where(likelihood > _UNDERFLOW, -torch.log2(likelihood.clamp_min(_UNDERFLOW / 2)), tail)
