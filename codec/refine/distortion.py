"""What refinement makes small beside the rate: squared error, or what MS-SSIM sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from codec.network.shapes import FOLD
from codec.pixels.distortion import MS_SSIM_SIDE
from codec.settings import Tune

Distortion = Callable[[Tensor], Tensor]  # synthesised folded pixels -> squared levels per channel, a scalar
_LEVELS = 255.0


@dataclass(frozen=True)
class Wanted:
    """What a window should look like: `pixels` (1, 192, 2h, 2w) float32, folded, minus 0.5, and each one's `weight`.

    `weight` (1, 64, 2h, 2w) is 0 where nobody sees the pixel. `grey`: the mean of the three colours counts.
    """

    pixels: Tensor
    weight: Tensor
    grey: bool


def distortion_of(wanted: Wanted, tune: Tune) -> Distortion:
    """The distortion of a window in units of squared levels (0..255), times the seen pixels."""
    return _SquaredError(wanted) if tune == "psnr" else _Structure(wanted)


class _SquaredError:
    def __init__(self, wanted: Wanted) -> None:
        self._grey = wanted.grey
        self._pixels = _mean_colour(wanted.pixels) if wanted.grey else wanted.pixels
        colours = self._pixels.shape[1] // wanted.weight.shape[1]
        self._weight = wanted.weight.repeat(1, colours, 1, 1).sqrt_().mul_(_LEVELS / colours**0.5)

    def __call__(self, pixels: Tensor) -> Tensor:
        shown = (_mean_colour(pixels) if self._grey else pixels).clamp(-0.5, 0.5)
        return ((shown - self._pixels) * self._weight).square().sum()


class _Structure:
    """Squared error of the start times (1 - MS-SSIM) / (1 - MS-SSIM of the start): so the rate keeps its place."""

    def __init__(self, wanted: Wanted) -> None:
        self._squared, self._wanted = _SquaredError(wanted), wanted
        self._seen = _unfolded(wanted.weight) > 0
        self._picture = _colours(wanted.pixels, wanted.grey)
        self._unit: Tensor | None = None

    def __call__(self, pixels: Tensor) -> Tensor:
        from pytorch_msssim import ms_ssim

        shown = torch.where(self._seen, _colours(pixels, self._wanted.grey), self._picture)
        with shown.device:  # where the library makes its window
            loss = 1 - ms_ssim(_large_enough(shown), _large_enough(self._picture), data_range=1.0)
        if self._unit is None:
            self._unit = self._squared(pixels).detach() / loss.detach().clamp_min(1e-6)
        return loss * self._unit


def _mean_colour(folded: Tensor) -> Tensor:
    return folded.unflatten(1, (3, -1)).mean(1)


def _colours(folded: Tensor, grey: bool) -> Tensor:
    """(1, 192, 2h, 2w) around 0 -> (1, 1 or 3, 16h, 16w) within 0..1."""
    return (_unfolded(_mean_colour(folded) if grey else folded) + 0.5).clamp(0, 1)


def _unfolded(folded: Tensor) -> Tensor:
    return F.pixel_shuffle(folded, FOLD)


def _large_enough(picture: Tensor) -> Tensor:
    """Replicated up to the smallest size that five scales of MS-SSIM take."""
    missing = [max(MS_SSIM_SIDE - side, 0) for side in picture.shape[-2:]]
    return F.pad(picture, (0, missing[1], 0, missing[0]), mode="replicate") if any(missing) else picture
