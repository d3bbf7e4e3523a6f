"""Coded frames -> pixels: one by one in the caller's thread, or several side by side; always in file order."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bitstream.errors import CorruptError
from bitstream.header import Header
from bitstream.sequence.audio import AudioPacket
from bitstream.sequence.reader import Item
from bitstream.sequence.record import REPEAT, CodedFrame, Record
from codec.still.decode import Decoding, ModelLoader
from codec.work.prefetch import drawn_ahead
from codec.work.progress import Progress
from codec.work.threads import take_torch_threads, thread_count

Pixels: TypeAlias = NDArray[np.uint8]
Wanted: TypeAlias = Callable[[Record], bool | None]  # None: neither this frame nor a later one
_PIXELS_AT_A_TIME = 1 << 22  # of all frames that are worked on side by side: bounds the memory
_AHEAD = 2  # frames in work or waiting, for each worker


class Pending(Protocol):
    """Pixels that are being made, or will be."""

    def result(self) -> Pixels:
        """Wait for them, or make them. Raises what decoding raises."""


Promised: TypeAlias = "tuple[CodedFrame, Pending] | AudioPacket"


def workers_for(header: Header) -> int:
    """How many frames of this size to decode side by side: one a thread, as far as memory goes."""
    fitting = max(_PIXELS_AT_A_TIME // (header.width * header.height), 1)
    return min(thread_count(), fitting)


class FrameDecoder:
    """Decodes the frames of one sequence, `workers` at a time, each by an equal share of torch's threads."""

    def __init__(self, header: Header, load: ModelLoader, workers: int) -> None:
        self._header, self._load, self._workers = header, load, workers
        self._warm = self._closed = False
        self._begin_here()

    def _begin_here(self) -> None:
        """Threads and locks of this process: a forked one has none of its parent's threads."""
        self._process, self._first, self._share = os.getpid(), threading.Lock(), _ThreadShare(self._workers)
        self._pool = ThreadPoolExecutor(self._workers, "wisp-frame") if self._workers > 1 else None

    def begin(self, frame: CodedFrame) -> Pending:
        """Have a frame decoded that is no repeat: (H, W, C) uint8, every unit checked."""
        if self._closed:
            raise ValueError("the video is closed")
        if os.getpid() != self._process:
            self._begin_here()
        if self._pool is None:
            return _Lazy(self, frame)
        try:
            return self._pool.submit(self._as_worker, frame)
        except RuntimeError as error:  # closed by another thread just now
            raise ValueError("the video is closed") from error

    def promised(self, items: Iterator[Item], wanted: Wanted) -> Iterator[Promised]:
        """Audio packets, and the frames that are wanted, in file order, read and begun ahead where there are workers.

        Raises CorruptError for a repeat of what is not there, and whatever `items` raises, behind what came before.
        """
        begun = _begun(items, wanted, self.begin)
        return begun if self._pool is None else drawn_ahead(begun, _AHEAD * self._workers)

    def close(self) -> None:
        """Begin nothing more."""
        self._closed = True
        if self._pool is not None and os.getpid() == self._process:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def decode(self, frame: CodedFrame) -> Pixels:
        """Now, in the caller's thread. Raises as decode_still."""
        if self._warm:
            return self._decode(frame)
        with self._first:  # the networks are built by one thread
            pixels = self._decode(frame)
            self._warm = self._warm or any(unit.learned for unit in frame.units)
            return pixels

    def _as_worker(self, frame: CodedFrame) -> Pixels:
        if any(unit.learned for unit in frame.units):
            self._share.take()
        return self.decode(frame)

    def _decode(self, frame: CodedFrame) -> Pixels:
        job = Decoding(self._header, dict(enumerate(frame.units)), self._load)
        try:
            job.run(Progress())
        except CorruptError as error:
            raise CorruptError(f"frame {frame.record.number}: {error}") from None
        return job.canvas


class _Lazy:
    """Made when it is asked for."""

    def __init__(self, decoder: FrameDecoder, frame: CodedFrame) -> None:
        self._decoder, self._frame = decoder, frame
        self._pixels: Pixels | None = None

    def result(self) -> Pixels:
        if self._pixels is None:
            self._pixels = self._decoder.decode(self._frame)
        return self._pixels


class _ThreadShare:
    """An equal share of torch's threads for each of so many threads of ours."""

    def __init__(self, workers: int) -> None:
        self._workers, self._taken = workers, threading.local()

    def take(self) -> None:
        """Called by a worker before it uses torch. The process's own number stays as it was."""
        if not getattr(self._taken, "done", False):
            import torch

            take_torch_threads(max(torch.get_num_threads() // self._workers, 1))
            self._taken.done = True


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
