"""Colours that stay from frame to frame: each frame's are blended with those of the frame before, along its motion."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from codec.motion.compensation import BLOCK
from codec.motion.search import search_whole
from codec.restore.colorize import Chroma
from codec.restore.temporal import moved

_MEMORY = 0.9  # of the colours before, where the picture is the same
_WIDTH = 50.0  # squared difference of luma, in levels, at which their weight is 1/e of it
_PART = 8  # pixels a side over which it is measured
_CUT = 0.25  # mean weight, in relation to the most, below which another scene has begun


def steadied(before: Chroma, now: Chroma) -> Chroma:
    """The colours of a frame, blended with those of the frame before. Those of another scene are left out."""
    if before.luma.shape != now.luma.shape:
        return now
    height, width = now.luma.shape[2:]
    old, new = (_padded(chroma) for chroma in (before, now))
    found = moved(old, search_whole(255 * old[0], 255 * new[0]))
    weight = _weight(255 * (found[:1] - new[:1]))[:, :height, :width]
    if weight.mean() < _CUT * _MEMORY:
        return now
    return Chroma(now.luma, now.planes + weight * (found[None, 1:, :height, :width] - now.planes))


def _padded(chroma: Chroma) -> Tensor:
    """Luma and chroma (3, H, W), sides multiples of blocks."""
    planes = torch.cat([chroma.luma, chroma.planes], 1)
    height, width = planes.shape[2:]
    return F.pad(planes, (0, -width % BLOCK, 0, -height % BLOCK), mode="replicate")[0]


def _weight(difference: Tensor) -> Tensor:
    """(1, H, W) in levels -> (1, H, W), without steps between its parts."""
    power = F.avg_pool2d(difference.square()[None], _PART)
    weight = _MEMORY * torch.exp(-power / _WIDTH)
    return F.interpolate(weight, scale_factor=_PART, mode="bilinear", align_corners=False)[0]
