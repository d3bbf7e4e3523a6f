"""Distortion of a decoded picture."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from codec.pixels.picture import Picture

MS_SSIM_SIDE = 161  # pixels a side that five scales with a window of 11 need
_ROWS = 256  # compared at a time, which bounds the memory
_BLOCK = 1024  # pixels a side


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """PSNR in dB between two pictures of one shape, over all of their channels together; inf where they are equal."""
    total = 0
    for top in range(0, len(a), _ROWS):
        difference = a[top : top + _ROWS].astype(np.int32) - b[top : top + _ROWS]
        total += int(np.square(difference).sum(dtype=np.int64))
    return math.inf if total == 0 else 10 * math.log10(255**2 * a.size / total)


def ms_ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """MS-SSIM (Wang, Simoncelli and Bovik 2003) between two pictures (H, W, C) uint8, the mean over channels.

    A side below MS_SSIM_SIDE is replicated up to it, for five scales do not fit otherwise. Larger pictures than
    _BLOCK squared are measured block by block, which bounds the memory; their mean is weighted by the pixels.
    """
    total, size = 0.0, a.shape[0] * a.shape[1]
    for rows in _parts(a.shape[0]):
        for columns in _parts(a.shape[1]):
            part = (rows, columns)
            total += _ms_ssim(a[part], b[part]) * (a[part].shape[0] * a[part].shape[1] / size)
    return total


def _parts(length: int) -> list[slice]:
    """Nearly equal parts of a side, none longer than _BLOCK."""
    count = -(-length // _BLOCK)
    return [slice(i * length // count, (i + 1) * length // count) for i in range(count)]


def _ms_ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    import torch
    from pytorch_msssim import ms_ssim as measure

    missing = [(0, max(MS_SSIM_SIDE - side, 0)) for side in a.shape[:2]]
    pictures = (np.pad(pixels, (*missing, (0, 0)), mode="edge") for pixels in (a, b))
    tensors = [torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32))[None] for pixels in pictures]
    with torch.no_grad(), torch.device("cpu"):  # where the library makes tensors of its own
        return float(measure(*tensors, data_range=255.0))


def seen_psnr(source: Picture, shown: Picture) -> float:
    """PSNR in dB over the colour channels, pixels that are wholly transparent left out."""
    if not source.has_alpha or source.alpha.all():
        return psnr(source.colours, shown.colours)
    seen = source.alpha != 0
    return psnr(source.colours[seen], shown.colours[seen])


def seen_ms_ssim(source: Picture, shown: Picture) -> float:
    """MS-SSIM over the colour channels; pixels that are wholly transparent count as equal."""
    colours = shown.colours
    if source.has_alpha and not source.alpha.all():
        colours = np.where((source.alpha == 0)[:, :, None], source.colours, colours)
    return ms_ssim(source.colours, colours)
