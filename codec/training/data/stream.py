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
from codec.work.processes import in_processes


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
        self._ahead: Generator[tuple[int, Crops | None], None, None] | None = None
        self._first = self._next = 0  # steps: the processes began with, comes next
        self._early: dict[int, Crops] = {}  # what came before its turn
        self._told: set[str] = set()

    def __len__(self) -> int:
        """See Batches."""
        return len(self._reader.sampler)

    def batch(self, step: int) -> Tensor:
        """See Batches. Steps that do not follow each other make the processes start again.

        Raises FileAccessError where no picture can be used.
        """
        crops = self._read_ahead(step) if self._workers else self._reader(step)
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
        self._early.clear()

    def _read_ahead(self, step: int) -> Crops:
        if self._ahead is None or step != self._next:
            self.close()
            self._first = step
            self._ahead = in_processes(self._reader, range(step, sys.maxsize), self._workers, lambda _: None)
        while step not in self._early:
            index, crops = next(self._ahead)
            if crops is None:
                raise FileAccessError("a process that reads pictures was killed, perhaps for want of memory")
            self._early[self._first + index] = crops
        self._next = step + 1
        return self._early.pop(step)
