"""Gradient descent on the Lagrangian rate + lambda * distortion of one window's latents."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from codec.exact.tensors import SCALE_LEVELS, STEPS
from codec.network.transforms import Synthesis
from codec.pixels.geometry import Area
from codec.refine.distortion import Distortion
from codec.refine.prior import SmoothPrior
from codec.refine.rounding import anneal, bits
from codec.still.entropy import quality_row

Number = TypeVar("Number", float, Tensor)
_LOWEST_LAMBDA, _LAMBDA_RATIO, _TOP = 0.0004, 625.0, 63.0  # as the model was trained: DESIGN.md, "The network"
_SHORT = 20  # steps
_STALL_STEPS, _STALL = 10, 1e-4  # no gain of this share between two such runs of steps: enough
_LOWEST_INDEX = -2.0  # below the lowest table a gradient may still lead back


@dataclass(frozen=True)
class _Pace:
    """Of Adam and of the annealing, whose temperature falls evenly on a logarithmic scale.

    Steps shrink where the gradient is below `small_gradient` bits per latent unit.
    """

    learning_rate: float
    small_gradient: float
    betas: tuple[float, float]
    warmest: float
    coldest: float

    def temperature(self, step: int, steps: int) -> float:
        return self.warmest * (self.coldest / self.warmest) ** (step / max(1, steps - 1))


# Found by trying some twenty on crops of two LIVE pictures; BD-rate there -2.2 % after 10 steps, -7.1 % after 80.
_FAST = _Pace(1.4e-2, 0.15, (0.8, 0.99), 0.4, 0.25)
_STEADY = _Pace(1e-2, 0.3, (0.9, 0.999), 0.5, 0.2)


def lagrange_multiplier(quality: Number) -> Number:
    """Bits per pixel that a squared level (0..255, mean of the colours) is worth, of a quality in steps of 1/256."""
    return _LOWEST_LAMBDA * _LAMBDA_RATIO ** (quality / (256 * _TOP))


@dataclass(frozen=True)
class Window:
    """What is refined: `latent` (1, cy, h, w) over `outer`, of which `core` may change, and its `z`.

    `z` (1, cz, core/4) is integer, `quality` that of the core, `qualities` () or (h, w) of all, in steps of 1/256.
    """

    latent: Tensor
    outer: Area
    core: Area
    z: Tensor
    quality: int
    qualities: Tensor
    distortion: Distortion

    @property
    def inner(self) -> Area:
        """The core in the coordinates of `latent`."""
        return self.core.within(self.outer)


@dataclass(frozen=True)
class Refined:
    """The core's latents (1, cy, H, W) float32, and the steps that were made."""

    latent: Tensor
    steps: int


class Descent:
    """Refines windows with one model's frozen synthesis and prior."""

    def __init__(self, synthesis: Synthesis, prior: SmoothPrior, skip_below: int) -> None:
        self._synthesis, self._prior, self._skip = synthesis, prior, skip_below

    def refine(self, window: Window, steps: int, on_step: Callable[[], None]) -> Refined:
        """Better latents than they were or, failing that, the same."""
        start = window.latent[(..., *window.inner.index)].contiguous(memory_format=torch.channels_last)
        y = start.clone().requires_grad_(True)
        with torch.no_grad():
            features = self._prior.hyper(window.z, quality_row(window.quality))
            before = self._lagrangian(window, features, start, torch.round)
        pace = _FAST if steps <= _SHORT else _STEADY
        optimiser = torch.optim.Adam([y], lr=pace.learning_rate, betas=pace.betas, eps=pace.small_gradient)
        generator = torch.Generator("cpu").manual_seed(0)  # the same file for the same picture
        losses: list[float] = []
        for step in range(steps):
            temperature = pace.temperature(step, steps)
            optimiser.zero_grad()
            loss = self._lagrangian(window, features, y, partial(anneal, temperature=temperature, generator=generator))
            loss.backward()
            optimiser.step()
            on_step()
            losses.append(loss.item())
            if _has_stalled(losses):
                break
        refined = y.detach()
        with torch.no_grad():
            after = self._lagrangian(window, features, refined, torch.round)
        return Refined(refined if bool(after < before) else start, len(losses))

    def _lagrangian(self, window: Window, features: Tensor, y: Tensor, rounded: Callable[[Tensor], Tensor]) -> Tensor:
        """Bits + lambda * squared levels of the window, rounding done by `rounded`."""
        y_hat, rate = self._quantised(features, y, rounded)
        field = y_hat
        if window.core != window.outer:
            field = window.latent.clone()
            field[(..., *window.inner.index)] = y_hat
        pixels = self._synthesis(field, window.qualities)
        return rate + lagrange_multiplier(window.quality) * window.distortion(pixels)

    def _quantised(self, features: Tensor, y: Tensor, rounded: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """-> y_hat (1, cy, H, W) and its bits, step by step as the decoder sees it."""
        y_hat = torch.zeros_like(y)
        rate = y.new_zeros(())
        for k in range(STEPS):
            mean, index = self._prior.step(k, features, y_hat)
            coded = index.detach().round() >= self._skip
            residual = rounded(self._prior.pick(k, y) - mean) * coded
            rate = rate + (bits(residual, index.clamp(_LOWEST_INDEX, SCALE_LEVELS - 1)) * coded).sum()
            y_hat = y_hat + self._prior.placed(k, residual + mean)
        return y_hat, rate


def _has_stalled(losses: list[float]) -> bool:
    if len(losses) < 2 * _STALL_STEPS:
        return False
    earlier, later = (math.fsum(part) for part in (losses[-2 * _STALL_STEPS : -_STALL_STEPS], losses[-_STALL_STEPS:]))
    return later > earlier * (1 - _STALL)
