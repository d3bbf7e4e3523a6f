"""The colouriser on whole pictures of any size.

The network sees the picture scaled down, as it was trained. At full size its chroma follows the detail of luma that was
lost on the way down, by a linear function whose slope differs from place to place (that of He and Sun, "Fast guided
filter", arXiv 1505.00996), so that colours end where things end. Luma stays: where a colour would leave 0..255 it is
made paler.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from codec.restore.colour import to_rgb, to_ycbcr
from codec.restore.network import RestoreNetwork, colored

_SIDE = 128  # pixels of the shorter side that the network sees, at most: as in training
_RADIUS = 1  # of the windows whose slopes are measured, in pixels of what the network sees
_SMOOTH = 1e-2  # variance of luma (0..1) at which a slope is halved
_ROWS = 256  # brought to full size at a time, which bounds the memory
_LEVELS = 255


@dataclass(frozen=True)
class Chroma:
    """What the network made of a picture: `luma` (1, 1, h, w) as it saw it, `planes` (1, 2, h, w), Cb and Cr."""

    luma: Tensor
    planes: Tensor


def luma_of(colours: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H, W, 1 or 3) uint8 -> (H, W), in 0..1."""
    if colours.shape[2] == 1:
        return colours[:, :, 0].astype(np.float32) / _LEVELS
    parts = [to_ycbcr(planes(part))[0, 0].numpy() for part in _strips(colours)]
    return np.concatenate(parts)


def planes(pixels: NDArray[np.uint8]) -> Tensor:
    """(H, W, C) -> (1, C, H, W) in 0..1."""
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None] / _LEVELS


def _strips(pixels: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for top in range(0, len(pixels), _ROWS):
        yield pixels[top : top + _ROWS]


def chroma_of(network: RestoreNetwork, luma: NDArray[np.float32]) -> Chroma:
    """(H, W) in 0..1 -> its colours, small."""
    device = network.head.weight.device
    small = _small(torch.from_numpy(luma)[None, None].to(device))
    height, width = small.shape[2:]
    unit = network.config.multiple
    whole = _continued(small, -height % unit, -width % unit)
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        found = colored(network, whole)
    return Chroma(small.cpu(), found[:, :, :height, :width].float().cpu())


def _small(luma: Tensor) -> Tensor:
    shorter = min(luma.shape[2:])
    if shorter <= _SIDE:
        return luma
    height, width = (round(side * _SIDE / shorter) for side in luma.shape[2:])
    return F.interpolate(luma, (height, width), mode="area")


def _continued(small: Tensor, rows: int, columns: int) -> Tensor:
    """So many more rows and columns at the end, as in a mirror."""
    padded = np.pad(small.cpu().numpy(), ((0, 0), (0, 0), (0, rows), (0, columns)), mode="symmetric")
    return torch.from_numpy(padded).to(small.device)


def in_colour(luma: NDArray[np.float32], chroma: Chroma) -> NDArray[np.uint8]:
    """Luma (H, W) in 0..1 with these colours -> (H, W, 3), whose luma differs by rounding alone."""
    small = torch.cat([chroma.planes, _slopes(chroma), chroma.luma], 1)
    height, width = luma.shape
    wide = F.interpolate(small, (small.shape[2], width), mode="bilinear", align_corners=False)
    result = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _ROWS):
        part = torch.from_numpy(luma[top : top + _ROWS])[None, None]
        smooth, slope, before = _rows(wide, top, part.shape[2], height).split((2, 2, 1), 1)
        rgb = _within(part, smooth + slope * (part - before))[0]
        result[top : top + _ROWS] = (rgb * _LEVELS).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return result


def _slopes(chroma: Chroma) -> Tensor:
    """How chroma changes with luma around each pixel (1, 2, h, w)."""
    luma, wanted = chroma.luma, chroma.planes
    mean = _means(luma)
    variance, covariance = _means(luma * luma) - mean * mean, _means(luma * wanted) - mean * _means(wanted)
    return covariance / (variance + _SMOOTH)


def _means(x: Tensor) -> Tensor:
    """Of the square around each pixel, as far as it lies in the picture."""
    return F.avg_pool2d(x, 2 * _RADIUS + 1, 1, _RADIUS, count_include_pad=False)


def _rows(coefficients: Tensor, top: int, count: int, height: int) -> Tensor:
    """Rows `top` .. of (1, C, h, W) scaled to `height` rows, linearly."""
    small = coefficients.shape[2]
    place = ((torch.arange(top, top + count) + 0.5) * (small / height) - 0.5).clamp(0, small - 1)
    above = place.floor().long()
    below, share = (above + 1).clamp_max(small - 1), (place - above)[:, None]
    return coefficients[:, :, above] * (1 - share) + coefficients[:, :, below] * share


def _within(luma: Tensor, chroma: Tensor) -> Tensor:
    """(1, 1, H, W) and (1, 2, H, W) -> RGB within 0..1, its chroma made weaker where that needs it."""
    shift = to_rgb(torch.cat([torch.zeros_like(luma), chroma], 1))
    room = torch.where(shift > 0, 1 - luma, luma)
    share = (room / shift.abs().clamp_min(1e-6)).amin(1, keepdim=True).clamp_max(1)
    return (luma + share * shift).clamp(0, 1)
