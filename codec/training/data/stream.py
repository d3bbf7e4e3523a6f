"""Batches from files that do not fit on the device: processes decode and crop ahead."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence

import torch
from torch import Tensor

from bitstream.errors import FileAccessError
from codec.notes import note
from codec.training.data.crops import Crops, StepReader
from codec.training.data.draws import Sampler
from codec.training.data.pool import as_batch
from codec.training.data.sources import Entry
from codec.work.processes import in_order


class CropStream:
    """Every picture is decoded when its turn has come, by `workers` processes, or by this one where that is 0.

    Each process has one step's crops ready. What cannot be used is named in a note once; the next picture stands in
    for it.
    """

    def __init__(
        self, entries: Sequence[Entry], sampler: Sampler, size: int, device: torch.device, workers: int
    ) -> None:
        self._reader = StepReader(entries, sampler, size)
        self._device, self._workers = device, workers
        self._ahead: Generator[Crops, None, None] | None = None
        self._next = 0
        self._told: set[str] = set()

    def __len__(self) -> int:
        """See Batches."""
        return len(self._reader.sampler)

    def batch(self, step: int) -> Tensor:
        """See Batches. Steps that do not follow each other make the processes start again.

        Raises FileAccessError where no picture can be used, LimitError where a process was killed.
        """
        crops = self._read(step)
        for name, why in crops.faults.items():
            if name not in self._told:
                note(why)
        self._told |= crops.faults.keys()
        if crops.pixels is None:
            raise FileAccessError(f"none of {len(self._reader.entries)} pictures can be used")
        return as_batch(torch.from_numpy(crops.pixels).to(self._device))

    def close(self) -> None:
        """See Batches."""
        if self._ahead is not None:
            self._ahead.close()
        self._ahead = None

    def _read(self, step: int) -> Crops:
        if self._ahead is None or step != self._next:
            self.close()
            self._ahead = in_order(self._reader, range(step, sys.maxsize), self._workers)
        self._next = step + 1
        return next(self._ahead)
