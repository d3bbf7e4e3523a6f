"""The crops of a training step out of picture files, in a process that has no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bitstream.errors import WispError
from codec.training.data.draws import Draw, Sampler, fitted
from codec.training.data.sources import Entry, left_out, quietly, read_picture


@dataclass(frozen=True)
class Crops:
    """`pixels` (B, S, S, 3) uint8, None where no picture can be used; `faults`: why others could not be, by name."""

    pixels: NDArray[np.uint8] | None
    faults: dict[str, str]


class StepReader:
    """Reads the crops of a step. The next picture stands in for one that cannot be used."""

    def __init__(self, entries: Sequence[Entry], sampler: Sampler, size: int) -> None:
        self.entries, self.sampler, self._size = entries, sampler, size
        self._faults: dict[int, str] = {}  # known so far, so that no picture is tried twice

    def __call__(self, step: int) -> Crops:
        """Read them; what is odd about a picture that can be used is not told."""
        crops: list[NDArray[np.uint8]] = []
        faults: dict[str, str] = {}
        with quietly():
            for draw in self.sampler.draws(step):
                picture = self._usable(draw.picture, faults)
                if picture is None:
                    return Crops(None, faults)
                crops.append(self._cropped(picture, draw))
        return Crops(np.stack(crops), faults)

    def _usable(self, index: int, faults: dict[str, str]) -> NDArray[np.uint8] | None:
        """The picture of this index or the next that can be used; None if there is none."""
        for shift in range(len(self.entries)):
            at = (index + shift) % len(self.entries)
            entry = self.entries[at]
            if at not in self._faults:
                try:
                    return fitted(read_picture(entry), self._size)
                except WispError as error:
                    self._faults[at] = left_out(entry, error)
            faults[entry.name] = self._faults[at]
        return None

    def _cropped(self, pixels: NDArray[np.uint8], draw: Draw) -> NDArray[np.uint8]:
        top, left = draw.corner(pixels.shape[0], pixels.shape[1], self._size)
        crop = pixels[top : top + self._size, left : left + self._size]
        if draw.flip:
            crop = crop[:, ::-1]
        return crop.transpose(1, 0, 2) if draw.transpose else crop
