"""RGB and YCbCr of full range, the matrix of JPEG files (JFIF 1.02; ITU-R BT.601)."""

from __future__ import annotations

import torch
from torch import Tensor

_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114  # shares of luma


def to_ycbcr(rgb: Tensor) -> Tensor:
    """(B, 3, H, W) within 0..1 -> Y within 0..1, Cb and Cr within +-0.5."""
    red, green, blue = rgb.unbind(1)
    luma = _RED * red + _GREEN * green + _BLUE * blue
    return torch.stack([luma, (blue - luma) / (2 - 2 * _BLUE), (red - luma) / (2 - 2 * _RED)], 1)


def to_rgb(ycbcr: Tensor) -> Tensor:
    """The inverse, unclamped."""
    luma, cb, cr = ycbcr.unbind(1)
    red, blue = luma + (2 - 2 * _RED) * cr, luma + (2 - 2 * _BLUE) * cb
    return torch.stack([red, (luma - _RED * red - _BLUE * blue) / _GREEN, blue], 1)
