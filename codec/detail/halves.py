"""The two halves of the positions of detail, the fields of a chessboard: the second is coded knowing the first."""

from __future__ import annotations

import torch
from torch import Tensor

from codec.exact.tensors import PHASES

_HALVES = (PHASES[:2], PHASES[2:])  # the (row, column) phases of each half


def picked(half: int, field: Tensor) -> Tensor:
    """One half of the positions, (B, C, h, w) -> (B, C, h/2, w), its two phases side by side."""
    phases = [field[:, :, row::2, column::2] for row, column in _HALVES[half]]
    return torch.cat(phases, 3).contiguous(memory_format=torch.channels_last)


def place(half: int, values: Tensor, field: Tensor) -> None:
    """The inverse: write one half to its positions in `field`."""
    for (row, column), part in zip(_HALVES[half], values.chunk(2, 3), strict=True):
        field[:, :, row::2, column::2] = part
