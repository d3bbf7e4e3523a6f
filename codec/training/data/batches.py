"""Batches of crops: from pictures that lie on the device, or from files that are read ahead. Both give the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from io import BytesIO
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from bitstream.errors import FileAccessError
from codec.notes import note
from codec.training.data.draws import Augmentation, Sampler, fitted, middle
from codec.training.data.pool import CropPool
from codec.training.data.sources import Entry, quietly, read_pictures, spread
from codec.training.data.stream import CropStream
from codec.work.threads import thread_count

_MOST_HELD_OUT = 1 / 4  # share of the pictures
_SIZED = 64  # pictures by which the memory for all is estimated
_SHARE_OF_FREE, _SHARE_OF_MEMORY = 1 / 2, 1 / 4  # what pictures may take: of a GPU's free memory, of the machine's
_UNKNOWN_MEMORY = 16 << 30  # bytes, where the system does not say
_MOST_WORKERS = 16


class Batches(Protocol):
    """Training batches, a pure function of the step: to go on where a run was interrupted takes no state."""

    def __len__(self) -> int:
        """Steps of an epoch, in which every picture gives one crop."""

    def batch(self, step: int) -> Tensor:
        """This process's crops of a step: (B, 3, S, S) float32 within 0..1, channels last, on the device."""

    def close(self) -> None:
        """End what was started for them."""


def split(entries: Sequence[Entry], validation: int) -> tuple[list[Entry], list[Entry]]:
    """-> (training, validation) pictures, by a hash of their names: the same pictures whatever else is there.

    At most a quarter is held out, but at least one if any is wanted; a single picture serves for both. Crops of one
    picture in a pack (`Entry.group`) never are on both sides: those that would be are left out.
    """
    if not validation:
        return list(entries), []
    if len(entries) == 1:
        note("there is one picture only: it is trained on, and validated on as well")
        return list(entries), list(entries)
    count = min(validation, max(int(len(entries) * _MOST_HELD_OUT), 1))
    held_out = sorted(entries, key=lambda entry: (_hash(entry.group), _hash(entry.name)))[:count]
    groups = {entry.group for entry in held_out}
    training = [entry for entry in entries if entry.group not in groups]
    if not training:
        raise FileAccessError("all crops are of one picture: there is nothing to validate on, take more pictures")
    return training, held_out


def _hash(name: str) -> bytes:
    return hashlib.sha256(name.encode(errors="surrogateescape")).digest()


def validation_crops(entries: Sequence[Entry], size: int) -> NDArray[np.uint8]:
    """The middle of each picture, (N, size, size, 3) uint8, smaller ones continued by reflection.

    What cannot be read is named in a note and left out. Raises FileAccessError where that leaves none of them.
    """
    crops = [pixels for _, pixels in read_pictures(entries, lambda pixels: middle(fitted(pixels, size), size))]
    if entries and not crops:
        raise FileAccessError("none of the pictures held out for validation can be used")
    return np.stack(crops) if crops else np.empty((0, size, size, 3), np.uint8)


def open_batches(
    entries: Sequence[Entry],
    *,
    batch: int,
    size: int,
    seed: int = 0,
    device: torch.device | str = "cpu",
    augment: Augmentation = Augmentation(),  # noqa: B008  # it is frozen
    memory_limit: int | None = None,
    workers: int | None = None,
    rank: int = 0,
    world: int = 1,
) -> Batches:
    """Batches of crops of `size`: a CropPool where all pictures fit, else a CropStream. Which it is changes no crop.

    Args:
        entries: the training pictures. One that cannot be used, damaged or with a side shorter than half of `size`, is
            named in a note, and the next one stands in for it.
        batch: crops a step, of all processes together.
        memory_limit: bytes that the pictures may take on the device; None is half of a GPU's free memory, or a quarter
            of the machine's, shared by all processes.
        workers: processes that read ahead for a CropStream, 0 for none; None is one a core, at most 16.
        rank, world: this process's number and how many there are; each gets `batch` / `world` crops.

    Raises FileAccessError (no picture can be used), RequestError (processes cannot share the batch evenly).
    """
    device = torch.device(device)
    sampler = Sampler(len(entries), batch, seed, augment, rank, world)
    limit = _memory(device) // world if memory_limit is None else memory_limit
    pool = CropPool.load(entries, sampler, size, device, limit) if _estimated_bytes(entries) <= limit else None
    workers = min(thread_count(), _MOST_WORKERS) if workers is None else workers
    return pool or CropStream(entries, sampler, size, device, workers)


def _memory(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0] * _SHARE_OF_FREE)
    try:
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        whole = _UNKNOWN_MEMORY
    return int(whole * _SHARE_OF_MEMORY)


def _estimated_bytes(entries: Sequence[Entry]) -> int:
    """Of all pixels, by the size that some pictures state."""
    some = spread(entries, _SIZED)
    return sum(map(_stated_bytes, some)) * len(entries) // max(len(some), 1)


def _stated_bytes(entry: Entry) -> int:
    try:
        with quietly(), Image.open(BytesIO(entry.read())) as image:
            return image.width * image.height * 3
    except Exception:  # whatever Pillow raises on damaged files: reading it will tell
        return 0
