"""Coded frames -> frames in memory: any number of passes side by side, and frames one by one, from any thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import closing, contextmanager
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from bitstream.errors import CorruptError, RequestError
from bitstream.sequence.audio import AudioPacket
from bitstream.sequence.index import FrameIndex
from bitstream.sequence.record import REPEAT, CodedFrame, Record
from codec.pixels.frame import Frame
from codec.sequence.coded import CodedFrames
from codec.sequence.frame_decoder import FrameDecoder, Pending, Pixels, Promised, Wanted
from codec.work.forks import ForkLock, renew_in_child

Shown = TypeVar("Shown", bound=Frame | AudioPacket)


class Pass(Iterator[Shown], Generic[Shown]):
    """One way through a video, which several threads may share; a forked process begins its own."""

    def __init__(self, made: Generator[Shown, None, None], shown: ShownFrames) -> None:
        self._made, self._shown = made, shown
        self._lock, self._process = ForkLock(), os.getpid()

    def __next__(self) -> Shown:
        """Raises RequestError in a process that was forked after the pass began, for it lacks what reads ahead."""
        if self.foreign:
            raise RequestError("a pass over a video does not go on in a forked process: begin another one there")
        with self._shown.in_use(), self._lock:
            return next(self._made)

    @property
    def foreign(self) -> bool:
        """Whether it began in another process."""
        return os.getpid() != self._process

    def close(self) -> None:
        """Read and decode no further."""
        with self._lock:
            self._made.close()


class ShownFrames:
    """The frames and the sound of a sequence. What it was opened with is closed once nobody is at work with it."""

    def __init__(self, coded: CodedFrames, decoder: FrameDecoder) -> None:
        assert coded.start.header.clip is not None  # the reader has seen to that
        self.coded, self._decoder, self._base = coded, decoder, coded.start.header.clip.time_base
        self.undecodable = 0  # frames that were passed over
        self._first: int | None = None  # timestamp of the clip's first frame, once that is known
        self._last: tuple[int, Pending] | None = None
        self._passes: WeakSet[Pass[Any]] = WeakSet()
        self._closed = False
        self.renew()
        renew_in_child(self)

    def renew(self) -> None:
        """The threads that may be at work in the parent are not there in a forked process."""
        self._lock, self._at_work = threading.Lock(), 0

    @property
    def index(self) -> FrameIndex:
        """Every frame's place and time. Raises NotSeekableError."""
        with self.in_use():
            return self.coded.index

    def items(self, start: int, wanted: Wanted) -> Pass[Frame | AudioPacket]:
        """Frames from number `start` on that are wanted, and packets of sound, as they are interleaved.

        A pass's first step raises NotSeekableError where the source is read forward by another one.
        """
        return self._pass(self._items(start, wanted))

    def frames(self, start: int, stop: int | None, every: int) -> Pass[Frame]:
        """Every so many-th frame of those from `start` on and before `stop`, in file order."""

        def wanted(record: Record) -> bool | None:
            return None if stop is not None and record.number >= stop else (record.number - start) % every == 0

        def made() -> Generator[Frame, None, None]:
            if stop is not None and start >= stop:
                return
            with closing(self._items(start, wanted)) as items:
                for item in items:
                    if isinstance(item, Frame):
                        yield item
                        if stop is not None and item.number + every >= stop:  # nor wait for the next in a pipe
                            return

        return self._pass(made())

    def chosen(self, numbers: Iterable[int]) -> Pass[Frame]:
        """These frames in this order, each read where it lies."""

        def promised() -> Generator[Promised, None, None]:
            last = None
            for number in numbers:
                frame, last = self._begun(number, last)
                yield frame, last[1]

        def made() -> Generator[Frame, None, None]:
            for each in self._decoder.ahead(promised()):
                if not isinstance(each, AudioPacket):
                    yield self._made(each[0].record, _pixels(each[1]))

        return self._pass(made())

    def frame(self, number: int) -> Frame:
        """One frame. Raises NotSeekableError, NoSuchFrameError."""
        with self.in_use():
            frame, begun = self._begun(number, self._last)
            pixels = _pixels(begun[1])
            self._last = begun
            return self._made(frame.record, pixels)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """The file stays open in the block. Raises ValueError where it was closed before."""
        with self._lock:
            if self._closed:
                raise ValueError("the video is closed")
            self._at_work += 1
        try:
            yield
        finally:
            with self._lock:
                self._at_work -= 1
                last = self._closed and not self._at_work
            if last:
                self._shut()

    def close(self) -> None:
        """At once, or, where another thread is at work, as soon as that has done its frame: nobody waits for it."""
        with self._lock:
            free = not self._closed and not self._at_work
            self._closed = True
        if free:
            self._shut()

    def _pass(self, made: Generator[Shown, None, None]) -> Pass[Shown]:
        begun = Pass(made, self)
        with self._lock:
            self._passes.add(begun)
        return begun

    def _items(self, start: int, wanted: Wanted) -> Generator[Frame | AudioPacket, None, None]:
        reader, items = self.coded.items_from(start)

        def choose(record: Record) -> bool | None:
            self._look_for_the_first(record)
            return record.number >= start and wanted(record)

        for promised in self._decoder.promised(items, choose):
            if isinstance(promised, AudioPacket):
                yield promised
                continue
            coded, pending = promised
            try:
                pixels = _pixels(pending)
            except CorruptError:
                if not self.coded.salvage:
                    raise
                self.undecodable += 1
                continue
            yield self._made(coded.record, pixels)
        self.coded.tell_of_damage(reader)

    def _begun(self, number: int, last: tuple[int, Pending] | None) -> tuple[CodedFrame, tuple[int, Pending]]:
        """A frame, and the number of what it shows with the pixels of that, which are those of `last` where it can."""
        frame = self.coded.frame(number)
        self._look_for_the_first(frame.record)
        shown = number - sum(frame.record.references)
        if last is not None and last[0] == shown:
            return frame, last
        source = frame if shown == number else self.coded.frame(shown)
        if source.record.kind == REPEAT:
            raise CorruptError(f"frame {number} repeats frame {shown}, which is a repeat")
        return frame, (shown, self._decoder.begin(source))

    def _look_for_the_first(self, record: Record) -> None:
        if self._first is None:
            is_first = record.number == 0 or not self.coded.seekable  # with salvage the first that is intact
            self._first = record.pts if is_first else self.coded.index.pts[0]

    def _made(self, record: Record, pixels: Pixels) -> Frame:
        own = pixels.copy()  # for the next frame may show the same again, and this one is the caller's
        first = self._first or 0
        return Frame(own, record.pts, record.duration, self._base, record.number, record.key, first)

    def _shut(self) -> None:
        with self._lock:
            passes = [each for each in self._passes if not each.foreign]
        for each in passes:
            each.close()
        self._decoder.close()
        self.coded.close()


def _pixels(pending: Pending) -> Pixels:
    try:
        return pending.result()
    except CancelledError:
        raise ValueError("the video is closed") from None
