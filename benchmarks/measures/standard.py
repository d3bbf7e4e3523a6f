"""The measures of every run besides the PSNR of RGB: PSNR over YCbCr, SSIM, MS-SSIM in decibels."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from benchmarks.measures.padding import at_least
from benchmarks.raw import Pixels
from codec.pixels.distortion import ms_ssim

MOST_DB = 100.0  # of one plane, exact ones too
SSIM_WINDOW = 11
_ROWS = 256  # compared at a time, which bounds the memory and keeps the sums within int64
_BLOCK = 1024  # windows of SSIM a side

# JFIF 1.02: Y = 0.299 R + 0.587 G + 0.114 B, Cb = (B - Y) / 1.772, Cr = (R - Y) / 1.402. In thousandths all of it is
# whole numbers, so that a plane that is exact is seen to be.
_LUMA = np.array([299, 587, 114], np.int64)
_UNIT = 1000
_SCALES = (_UNIT, 1772, 1402)
_WEIGHTS = (6, 1, 1)


def psnr_yuv611(reference: Pixels, shown: Pixels) -> float:
    """(6 Y + Cb + Cr) / 8 of the planes' PSNRs in dB, of two pictures (H, W, 3) uint8; inf where they are equal.

    YCbCr is that of BT.601 in full range (JPEG's), not rounded; the peak is 255 in each plane. A plane counts with
    MOST_DB at most: one that is exact (the chroma of a grey picture) must not hide the others. The weights are those
    of Ohm et al., "Comparison of the coding efficiency of video coding standards", IEEE TCSVT 22 (12), 2012.
    """
    totals = [0, 0, 0]
    for top in range(0, len(reference), _ROWS):
        difference = reference[top : top + _ROWS].astype(np.int64) - shown[top : top + _ROWS]
        luma = difference @ _LUMA
        planes = (luma, _UNIT * difference[..., 2] - luma, _UNIT * difference[..., 0] - luma)
        totals = [total + int(np.square(plane).sum()) for total, plane in zip(totals, planes, strict=True)]
    if not any(totals):
        return math.inf
    pixels = reference.shape[0] * reference.shape[1]
    values = [_plane_psnr(total / (scale**2 * pixels)) for total, scale in zip(totals, _SCALES, strict=True)]
    return sum(weight * value for weight, value in zip(_WEIGHTS, values, strict=True)) / sum(_WEIGHTS)


def _plane_psnr(mse: float) -> float:
    return MOST_DB if mse == 0 else min(10 * math.log10(255**2 / mse), MOST_DB)


def ssim(reference: Pixels, shown: Pixels) -> float:
    """SSIM (Wang, Bovik, Sheikh and Simoncelli 2004), at most 1, of two pictures (H, W, 3) uint8: the mean over
    R, G and B and all places of the 11x11 Gaussian window inside the picture, by pytorch_msssim.

    Nothing is scaled down first. A side below SSIM_WINDOW is replicated up to it. The windows are taken in blocks,
    which bounds the memory and leaves the mean as it is.
    """
    import torch
    from pytorch_msssim import ssim as measure

    pictures = [at_least(pixels, SSIM_WINDOW) for pixels in (reference, shown)]
    height, width = (side - SSIM_WINDOW + 1 for side in pictures[0].shape[:2])
    total = 0.0
    with torch.no_grad():
        for rows in _blocks(height):
            for columns in _blocks(width):
                tensors = [
                    torch.from_numpy(pixels[_seen(rows), _seen(columns)].transpose(2, 0, 1).astype(np.float32))[None]
                    for pixels in pictures
                ]
                total += float(measure(*tensors, data_range=255.0)) * len(rows) * len(columns)
    return total / (height * width)


def _blocks(windows: int) -> Iterator[range]:
    return (range(start, min(start + _BLOCK, windows)) for start in range(0, windows, _BLOCK))


def _seen(windows: range) -> slice:
    """The pixels under these places of the window."""
    return slice(windows.start, windows.stop + SSIM_WINDOW - 1)


def ms_ssim_or_exact(reference: Pixels, shown: Pixels) -> float:
    """MS-SSIM, at most 1, of two pictures (H, W, 3) uint8; inf where they are equal, for it is a float32: what is left
    of 1 tells up to about 70 dB."""
    return math.inf if np.array_equal(reference, shown) else ms_ssim(reference, shown)
