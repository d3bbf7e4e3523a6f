"""How size and distortion usually rise with the quality: where a search begins, and how its curve bends.

Found on LIVE pictures with model image-v1 (`python -m benchmarks.checks typical`). With another model, or a picture of
another kind, a search takes a measurement or two more.
"""

from __future__ import annotations

import math
from io import BytesIO

import numpy as np
from PIL import Image

from bitstream.limits import MAX_QUALITY
from codec.pixels.distortion import ms_ssim, psnr
from codec.pixels.picture import Picture, as_rgb
from codec.rate.target import SIZE_KINDS, TargetKind, decibels

_JPEG_QUALITY = 50
_SIDE = 2048  # pixels of the JPEG's sides at most: the middle of a larger picture
_MOST_DB = 50.0  # of a JPEG that is all but exact
_LEAST_RISE = 0.05  # from one to the next of the qualities below
# At qualities evenly spaced over the range: how much a curve rises with the same value of a JPEG, and from where.
_LOG_BPP = (
    (1.607, 1.830, 1.866, 1.789, 1.610, 1.431, 1.284, 1.153, 0.997),
    (-2.823, -2.254, -1.727, -1.247, -0.817, -0.462, -0.169, 0.083, 0.318),
)
_PSNR = (
    (1.071, 0.991, 0.933, 0.903, 0.943, 1.047, 1.166, 1.265, 1.341),
    (-8.424, -4.258, -0.665, 2.108, 2.617, 0.911, -1.691, -4.048, -5.960),
)
_MS_SSIM = (
    (0.904, 0.987, 0.897, 0.864, 0.898, 1.009, 1.096, 1.115, 1.089),
    (-5.957, -5.753, -2.463, 0.003, 1.368, 1.282, 1.314, 2.212, 3.691),
)
_CURVES = {"size": _LOG_BPP, "bpp": _LOG_BPP, "psnr": _PSNR, "ms-ssim": _MS_SSIM}


def hint_of(kind: TargetKind, picture: Picture) -> float:
    """How hard a picture is, told by a JPEG: logarithm of the bits per pixel, PSNR, or MS-SSIM in dB."""
    starts = (max(side - _SIDE, 0) // 2 for side in picture.size[::-1])
    middle = tuple(slice(start, start + _SIDE) for start in starts)
    source, file = np.ascontiguousarray(as_rgb(picture.colours[middle])), BytesIO()
    height, width, _ = source.shape
    Image.fromarray(source).save(file, "JPEG", quality=_JPEG_QUALITY)
    if kind in SIZE_KINDS:
        return math.log(8 * file.tell() / (width * height))
    with Image.open(file) as image:
        shown = np.asarray(image)
    value = psnr(source, shown) if kind == "psnr" else decibels(ms_ssim(source, shown))
    return min(value, _MOST_DB)


class Typical:
    """A curve that rises all the way, against which a picture's own is nearly a straight line."""

    def __init__(self, kind: TargetKind, hint: float) -> None:
        slope, constant = (np.array(values) for values in _CURVES[kind])
        rises = np.maximum(np.diff(constant + slope * hint), _LEAST_RISE)
        self._values = np.concatenate([[0.0], np.cumsum(rises)]) + constant[0] + slope[0] * hint
        self._nodes = np.linspace(0, MAX_QUALITY, len(self._values))

    def at(self, quality: float) -> float:
        """Logarithm of the bits per pixel, or dB."""
        return float(np.interp(quality, self._nodes, self._values))

    def inverse(self, value: float) -> int:
        """The quality, an end where `value` lies beyond."""
        return round(float(np.interp(value, self._values, self._nodes)))
