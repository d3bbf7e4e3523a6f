"""Coded frames -> pixels: one by one in the caller's thread, or several side by side; always in file order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bitstream.errors import CorruptError
from bitstream.header import Header
from bitstream.sequence.audio import AudioPacket
from bitstream.sequence.reader import Item
from bitstream.sequence.record import REPEAT, CodedFrame, Record
from codec.api import Codec
from codec.still.decode import Decoding
from codec.work.forks import renew_in_child
from codec.work.prefetch import drawn_ahead
from codec.work.progress import Progress
from codec.work.threads import take_torch_threads, thread_count, working_threads

Pixels: TypeAlias = NDArray[np.uint8]
Wanted: TypeAlias = Callable[[Record], bool | None]  # None: neither this frame nor a later one
_PIXELS_AT_A_TIME = 1 << 22  # of all frames that are worked on side by side: bounds the memory
_AHEAD = 2  # frames in work or waiting, for each worker


class Pending(Protocol):
    """Pixels that are being made, or will be."""

    def result(self) -> Pixels:
        """Wait for them, or make them. Raises what decoding raises."""


Promised: TypeAlias = "tuple[CodedFrame, Pending] | AudioPacket"


class FrameDecoder:
    """Decodes the frames of one sequence, `workers` at a time, each by an equal share of the codec's threads."""

    def __init__(self, header: Header, codec: Codec, workers: int | None, *, fast: bool = False) -> None:
        self._header, self._codec, self._load = header, codec, codec.loader(fast=fast)
        with codec.working(networks=False):
            self.workers = _workers_for(header) if workers is None else workers
        self.renew()
        renew_in_child(self)

    def renew(self) -> None:
        """Begin with threads of this process: a forked one has none of its parent's."""
        self._share = _ThreadShare(self._codec.threads, self.workers)
        self._pool = ThreadPoolExecutor(self.workers, "wisp-frame") if self.workers > 1 else None

    def begin(self, frame: CodedFrame) -> Pending:
        """Have a frame decoded that is no repeat: (H, W, C) uint8, every unit checked."""
        if self._pool is None:
            return _Lazy(self.decode, frame)
        try:
            return self._pool.submit(self._as_worker, frame)
        except RuntimeError as error:  # closed by another thread just now
            raise ValueError("the video is closed") from error

    def ahead(self, promised: Iterator[Promised]) -> Iterator[Promised]:
        """The same, drawn ahead where there are workers, so that these have something to do."""
        return promised if self._pool is None else drawn_ahead(promised, _AHEAD * self.workers)

    def promised(self, items: Iterator[Item], wanted: Wanted) -> Iterator[Promised]:
        """Audio packets, and the frames that are wanted, in file order, read and begun ahead where there are workers.

        Raises CorruptError for a repeat of what is not there, and whatever `items` raises, behind what came before.
        """
        return self.ahead(_begun(items, wanted, self.begin))

    def close(self) -> None:
        """Begin nothing more."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def decode(self, frame: CodedFrame) -> Pixels:
        """Now, in the caller's thread. Raises as decode_still."""
        with self._codec.working(networks=_is_learned(frame)):
            return self._decode(frame)

    def _as_worker(self, frame: CodedFrame) -> Pixels:
        with self._share.taken(networks=_is_learned(frame)):
            return self._decode(frame)

    def _decode(self, frame: CodedFrame) -> Pixels:
        job = Decoding(self._header, dict(enumerate(frame.units)), self._load)
        try:
            job.run(Progress())
        except CorruptError as error:
            raise CorruptError(f"frame {frame.record.number}: {error}") from None
        return job.canvas


def _workers_for(header: Header) -> int:
    """How many frames of this size to decode side by side: one a thread, as far as memory goes."""
    fitting = max(_PIXELS_AT_A_TIME // (header.width * header.height), 1)
    return min(thread_count(), fitting)


def _is_learned(frame: CodedFrame) -> bool:
    return any(unit.learned for unit in frame.units)


class _Lazy:
    """Made when it is asked for."""

    def __init__(self, decode: Callable[[CodedFrame], Pixels], frame: CodedFrame) -> None:
        self._decode, self._frame = decode, frame
        self._pixels: Pixels | None = None

    def result(self) -> Pixels:
        if self._pixels is None:
            self._pixels = self._decode(self._frame)
        return self._pixels


class _ThreadShare:
    """An equal share of `threads` (None: of the process's, torch's being its own) for each of so many workers."""

    def __init__(self, threads: int | None, workers: int) -> None:
        self._threads, self._workers, self._taken = threads, workers, threading.local()

    def taken(self, *, networks: bool) -> AbstractContextManager[None]:
        """A worker's block; what it takes of torch's threads it keeps. The process's own number stays as it was."""
        if networks and not getattr(self._taken, "done", False):
            import torch

            take_torch_threads(self._of(torch.get_num_threads()))
            self._taken.done = True
        return working_threads(self._of(thread_count()), networks=False)

    def _of(self, own: int) -> int:
        return max((self._threads or own) // self._workers, 1)


def _begun(items: Iterator[Item], wanted: Wanted, begin: Callable[[CodedFrame], Pending]) -> Iterator[Promised]:
    shown: CodedFrame | None = None
    pending: Pending | None = None
    for item in items:
        if isinstance(item, AudioPacket):
            yield item
            continue
        record = item.record
        if record.kind != REPEAT:
            shown, pending = item, None
        choice = wanted(record)
        if choice is None:
            return
        if not choice:
            continue
        if shown is None or record.number - sum(record.references) != shown.record.number:
            yield item, _Lost(record.number)
            continue
        pending = pending or begin(shown)
        yield item, pending


class _Lost:
    """The frame that a repeat shows again has not been there."""

    def __init__(self, number: int) -> None:
        self._number = number

    def result(self) -> Pixels:
        raise CorruptError(f"frame {self._number} repeats a frame that is not there")
