"""Batches from pictures that all lie on the device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bitstream.errors import FileAccessError
from codec.training.data.draws import Draw, Sampler, fitted
from codec.training.data.sources import Entry, read_pictures


class CropPool:
    """All pictures decoded, one behind the other on the device; a batch is one gather that crops, flips and transposes.

    `load` makes one.
    """

    def __init__(self, pixels: Tensor, shapes: NDArray[np.int64], sampler: Sampler, size: int) -> None:
        self._pixels = pixels  # (P, 3) uint8
        self._shapes = shapes  # (N, 3), per picture its first pixel, height and width
        self._sampler, self._size = sampler, size
        self._steps = torch.arange(size, device=pixels.device)

    @classmethod
    def load(
        cls, entries: Sequence[Entry], sampler: Sampler, size: int, device: torch.device, limit: int
    ) -> CropPool | None:
        """Decode all pictures; None where they take more than `limit` bytes.

        What cannot be used is named in a note. Raises FileAccessError where that leaves none.
        """
        decoded: dict[int, NDArray[np.uint8]] = {}
        taken = 0
        for index, pixels in read_pictures(entries, lambda pixels: fitted(pixels, size)):
            decoded[index] = pixels
            taken += pixels.size
            if taken > limit:
                return None
        if not decoded:
            raise FileAccessError(f"none of {len(entries)} pictures can be used")
        return cls(*_laid_out(decoded, len(entries), device), sampler, size)

    def __len__(self) -> int:
        """See Batches."""
        return len(self._sampler)

    def batch(self, step: int) -> Tensor:
        """See Batches."""
        strides = torch.tensor([self._strides(draw) for draw in self._sampler.draws(step)])
        first, down, across = strides.to(self._pixels.device, non_blocking=True).T[:, :, None, None]
        places = first + down * self._steps[:, None] + across * self._steps
        return as_batch(self._pixels.index_select(0, places.flatten()).view(*places.shape, 3))

    def _strides(self, draw: Draw) -> tuple[int, int, int]:
        """The first pixel of a crop, and how far it is to the next one below and to the right of it."""
        start, height, width = map(int, self._shapes[draw.picture])
        top, left = draw.corner(height, width, self._size)
        first, down, across = start + top * width + left, width, 1
        if draw.flip:
            first, across = first + self._size - 1, -1
        return (first, across, down) if draw.transpose else (first, down, across)

    def close(self) -> None:
        """See Batches."""


def _laid_out(
    decoded: dict[int, NDArray[np.uint8]], count: int, device: torch.device
) -> tuple[Tensor, NDArray[np.int64]]:
    """Pixels and shapes of all `count` pictures; for one that is not there the next that is stands in."""
    pixels = torch.empty((sum(one.size // 3 for one in decoded.values()), 3), dtype=torch.uint8, device=device)
    shapes = np.zeros((count, 3), np.int64)
    start, there = 0, sorted(decoded)
    for index in there:
        one = decoded.pop(index)  # so that no more than one copy of all is held
        end = start + one.size // 3
        pixels[start:end] = torch.from_numpy(np.ascontiguousarray(one)).view(-1, 3).to(device)
        shapes[index] = start, *one.shape[:2]
        start = end
    stands_in = np.searchsorted(there, np.arange(count)) % len(there)
    return pixels, shapes[np.asarray(there)[stands_in]]


def as_batch(crops: Tensor) -> Tensor:
    """(B, S, S, 3) uint8 -> (B, 3, S, S) float32 within 0..1, channels last."""
    return crops.permute(0, 3, 1, 2).float().div_(255)


def as_crops(pixels: Tensor) -> NDArray[np.uint8]:
    """The way back, of pixels that may lie beyond 0..1: (B, 3, S, S) float32 -> (B, S, S, 3) uint8."""
    levels = pixels.clamp(0, 1).mul(255).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 1).cpu().numpy()
