"""Overlapped block motion compensation in whole numbers, so that equal references give equal predictions anywhere.

Quarter-pixel samples are those of HEVC's eight-tap luma filter (ITU-T H.265, 8.5.3.3.3), for all three colours.
A block's prediction spreads over half of each neighbour under a window (Orchard and Sullivan, "Overlapped block
motion compensation", IEEE Trans. Image Processing 3(5), 1994). All sums are whole numbers below 2**24, which float32
holds exactly in any order.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

BLOCK = 16  # pixels a side
PHASES = 4  # positions between two pixels
TAPS = (
    (0, 0, 0, 64, 0, 0, 0, 0),
    (-1, 4, -10, 58, 17, -5, 1, 0),
    (-1, 4, -11, 40, 40, -11, 4, -1),
    (0, 1, -5, 17, 58, -10, 4, -1),
)  # by phase, for the pixels from 3 before to 4 behind
_BEFORE, _MORE = 3, 7  # pixels that a filter needs before a row, and in all beyond its length
_GAIN = 64 * 64  # sum of the taps in both directions, and of windows that overlap
_REACH = BLOCK // 2  # pixels that a window reaches over its block


def block_corners(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Top and left of the blocks of a picture, (H/16 * W/16,) each, row by row."""
    tops, lefts = torch.arange(0, height, BLOCK), torch.arange(0, width, BLOCK)
    return tops.repeat_interleave(len(lefts)), lefts.repeat(len(tops))


def squares(picture: Tensor, top: Tensor, left: Tensor, side: int) -> Tensor:
    """(C, H, W) and whole corners (N,) -> (N, C, side, side); beyond the edges their pixels are repeated."""
    _, height, width = picture.shape
    offset = torch.arange(side)
    rows = (top[:, None] + offset).clamp(0, height - 1)
    columns = (left[:, None] + offset).clamp(0, width - 1)
    return picture[:, rows[:, :, None], columns[:, None, :]].transpose(0, 1)


@functools.cache
def _filters(length: int) -> Tensor:
    """(PHASES, length + 7, length): rows of samples -> interpolated rows, as matrices."""
    matrices = torch.zeros(PHASES, length + _MORE, length)
    for phase, taps in enumerate(TAPS):
        for k in range(length):
            matrices[phase, k : k + len(taps), k] = torch.tensor(taps, dtype=torch.float32)
    return matrices


def displaced(reference: Tensor, vectors: Tensor, top: Tensor, left: Tensor, side: int) -> Tensor:
    """Squares of a reference (C, H, W) of whole numbers, displaced by vectors (N, 2) in quarter pixels.

    `top` and `left` (N,) are the corners before. -> (N, C, side, side) float32, whole numbers in 0..255.
    """
    whole, phase = vectors >> 2, vectors & 3
    samples = squares(reference, top + whole[:, 0] - _BEFORE, left + whole[:, 1] - _BEFORE, side + _MORE).float()
    count, channels, rows, columns = samples.shape
    filters = _filters(side)
    samples = torch.bmm(samples.reshape(count, channels * rows, columns), filters[phase[:, 1]])
    samples = samples.reshape(count, channels, rows, side)
    samples = torch.matmul(filters[phase[:, 0]].transpose(1, 2)[:, None], samples)
    return torch.floor((samples + _GAIN // 2) / _GAIN).clamp(0, 255)


@functools.cache
def _window() -> Tensor:
    """(32, 32): 2, 6, ..., 62, 62, ..., 2 in both directions; where four overlap they sum to 4096."""
    rising = torch.arange(2, 64, 4, dtype=torch.float32)
    row = torch.cat([rising, rising.flip(0)])
    return row[:, None] * row


def compensate(reference: Tensor, vectors: Tensor) -> Tensor:
    """uint8 (C, H, W), sides multiples of 16, and vectors (H/16, W/16, 2) -> the prediction, uint8 (C, H, W).

    At the edges, where fewer windows overlap, it is their weighted mean, rounded half up.
    """
    _, height, width = reference.shape
    top, left = block_corners(height, width)
    side = BLOCK + 2 * _REACH
    blocks = displaced(reference, vectors.reshape(-1, 2), top - _REACH, left - _REACH, side)
    window = _window()
    total = _overlapped(blocks * window, height, width).long()
    weight = _overlapped(window.expand(len(blocks), 1, side, side), height, width).long()
    return ((2 * total + weight) // (2 * weight)).to(torch.uint8)


def _overlapped(blocks: Tensor, height: int, width: int) -> Tensor:
    """Add up squares (N, C, 32, 32) around the blocks of a picture -> (C, H, W)."""
    channels, rows, columns = blocks.shape[1], height // BLOCK, width // BLOCK
    grid = blocks.reshape(rows, columns, channels, 2, BLOCK, 2, BLOCK).permute(2, 3, 5, 0, 4, 1, 6)
    total = blocks.new_zeros(channels, height + BLOCK, width + BLOCK)
    for i in (0, 1):
        for j in (0, 1):
            quarter = grid[:, i, j].reshape(channels, height, width)
            total[:, i * BLOCK : i * BLOCK + height, j * BLOCK : j * BLOCK + width] += quarter
    return total[:, _REACH : _REACH + height, _REACH : _REACH + width]


def luma(picture: Tensor) -> Tensor:
    """(..., 3, H, W) -> (..., H, W) float32, by the weights of ITU-R BT.601."""
    red, green, blue = picture.float().unbind(-3)
    return red * 0.299 + green * 0.587 + blue * 0.114


def mirrored(vectors: Tensor, axis: int) -> Tensor:
    """Vectors (..., H/16, W/16, 2) of a picture that is flipped along its rows' axis (0) or its columns' (1)."""
    turned = vectors.flip(axis - 3).clone()
    turned[..., axis] *= -1
    return turned
