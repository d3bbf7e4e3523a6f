"""The processes of a run: one, or those that torchrun started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from bitstream.errors import RequestError, UnsupportedError


@dataclass(frozen=True)
class Processes:
    """This process's place (`rank` of `world`) and its device."""

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    def share(self, batch: int) -> slice:
        """This process's pictures of a batch. Raises RequestError where it cannot be split evenly."""
        if batch % self.world:
            raise RequestError(f"a batch of {batch} cannot be split among {self.world} processes")
        part = batch // self.world
        return slice(self.rank * part, (self.rank + 1) * part)

    def agreed(self, value: float) -> float:
        """The first process's value, in every process: for what depends on its clock."""
        if self.world == 1:
            return value
        shared = torch.tensor(value, dtype=torch.float64, device=self.device)
        dist.broadcast(shared, 0)
        return float(shared)


@contextmanager
def processes(device: str) -> Iterator[Processes]:
    """Join the group that torchrun has started (by gloo on CPUs, NCCL on GPUs), or stand alone.

    `device` is auto, cpu or cuda. Raises UnsupportedError for a GPU that is not here.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UnsupportedError("device cuda is not available here")
    kind = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Processes(0, 1, torch.device(kind))
        return
    rank, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    dist.init_process_group("nccl" if kind == "cuda" else "gloo")
    try:
        place = torch.device(kind, local) if kind == "cuda" else torch.device(kind)
        if kind == "cuda":
            torch.cuda.set_device(place)
        yield Processes(rank, world, place)
    finally:
        dist.destroy_process_group()
