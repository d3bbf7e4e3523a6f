"""Sequences in memory: `open_video`, an iterator of frames in constant memory."""

from __future__ import annotations

import operator
import os
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from fractions import Fraction
from functools import cached_property
from itertools import chain
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, overload

import numpy as np

from bitstream.errors import CorruptError, FileAccessError, NoSuchFrameError, NotSeekableError, WispError
from bitstream.sequence.audio import AudioPacket
from bitstream.sequence.index import FrameIndex
from bitstream.sequence.reader import Item, SequenceReader
from bitstream.sequence.record import REPEAT, Record
from bitstream.sequence.salvage import SequenceRemains
from bitstream.sequence.seek import SequenceFile
from codec.files.cursor import Cursor, VideoSource, opened
from codec.notes import note
from codec.pixels.frame import Frame
from codec.sequence.facts import VideoFacts
from codec.sequence.frame_decoder import FrameDecoder, Pixels, Wanted, workers_for
from codec.sequence.span import Span

if TYPE_CHECKING:
    from torch import Tensor

    from codec.api import Codec

_NEAR = Fraction(1, 1000)  # of a unit of the time base: what a float of seconds may be off


def every(_: Record) -> bool | None:
    """Every frame is wanted."""
    return True


class Video(VideoFacts, Iterator[Frame]):
    """The frames of a `.wisp` sequence; see `open_video`, which makes it.

    Iterating goes on from the position, at first 0, which `seek` moves where the source can seek; `video[i]` and
    `video[a:b:c]` leave it alone. Of a damaged or truncated file every frame before the fault comes, then the error.
    With salvage `lost` counts the frames left out so far, and `whole` tells whether anything had to be passed over.
    """

    def __init__(self, source: VideoSource, codec: Codec, *, workers: int | None = 1, salvage: bool = False) -> None:
        self._stream, self._owned = opened(source)
        self._salvage, self._undecodable, self._position, self._taken = salvage, 0, 0, False
        self._pass: Generator[Frame | AudioPacket, None, None] | None = None
        self._lock, self._process, self._closed = threading.RLock(), os.getpid(), False
        self._last: tuple[int, Pixels] | None = None
        try:
            self._cursor = Cursor.where_possible(self._stream)
            forward = self._forward()
            self._opening = SequenceRemains(forward) if salvage else SequenceReader(forward)
            super().__init__(self._opening.start)
            workers = workers_for(self.header) if workers is None else workers
            self._decoder = FrameDecoder(self.header, codec.load, workers)
        except BaseException as error:
            self._close_stream()
            if isinstance(error, OSError) and not isinstance(error, FileAccessError):
                raise FileAccessError(error.strerror or str(error)) from error
            raise

    @property
    def seekable(self) -> bool:
        """Whether frames can be counted and leapt to."""
        return self._cursor is not None and not self._salvage

    @property
    def lost(self) -> int:
        """With salvage: frames that are known to be missing or damaged, as far as was read."""
        missing = self._opening.missing if isinstance(self._opening, SequenceRemains) else 0
        return missing + self._undecodable

    @property
    def whole(self) -> bool:
        """With salvage: whether nothing had to be passed over so far."""
        passed = isinstance(self._opening, SequenceRemains) and not self._opening.whole
        return not passed and not self._undecodable

    def __iter__(self) -> Video:
        return self

    def __next__(self) -> Frame:
        """The next frame. Raises CorruptError, TruncatedError and the like where that cannot be decoded."""
        with self._lock:
            return self._advanced()

    def _advanced(self) -> Frame:
        if self._pass is None or os.getpid() != self._process:  # a forked process lacks its parent's threads
            self._pass = self.items(self._position)
            self._process = os.getpid()
        try:
            for item in self._pass:
                if isinstance(item, Frame):
                    self._position = item.number + 1
                    return item
        except Exception:
            if self.seekable:  # the same is found again, unless the file has grown meanwhile
                self._pass = None
                self.__dict__.pop("_file", None)
            raise
        raise StopIteration

    def __len__(self) -> int:
        """How many frames there are: those before the fault, where the file is truncated. Raises NotSeekableError."""
        if self.seekable:
            return len(self._leaps)
        if self.clip.frames:
            return self.clip.frames
        raise NotSeekableError("the source only reads forward: its frames cannot be counted")

    @overload
    def __getitem__(self, i: int) -> Frame: ...
    @overload
    def __getitem__(self, i: slice) -> Span[Frame]: ...

    def __getitem__(self, i: int | slice) -> Frame | Span[Frame]:
        """A frame, or a view of several, which decodes them when they are asked for.

        Raises NoSuchFrameError, an IndexError; the file's fault for frames behind it; NotSeekableError.
        """
        if isinstance(i, slice):
            return Span(self._frame, range(len(self._leaps))[i])
        i, count = operator.index(i), len(self._leaps)
        if not -count <= i < count:
            if self._file.fault is not None and i >= count:
                raise self._file.fault
            raise NoSuchFrameError(f"there is no frame {i}: the sequence has {count}")
        return self._frame(i % count)

    def seek(self, seconds: float) -> int:
        """Move the position to the frame that is shown at this time -> its number.

        That is the last whose timestamp is not later, or the first. Raises NotSeekableError.
        """
        index = self._leaps
        units = Fraction(seconds) / self.time_base
        near = round(units)
        return self.go_to(index.at_time(near if abs(units - near) < _NEAR else units.__floor__()))

    def go_to(self, number: int) -> int:
        """Move the position to this frame -> its number. Raises NotSeekableError."""
        _ = self._leaps
        self._close_pass()
        self._position = number
        return number

    @property
    def times(self) -> Sequence[int]:
        """Every frame's timestamp, in units of the time base. Raises NotSeekableError."""
        return self._leaps.pts

    @property
    def position(self) -> int:
        """Number of the frame that comes next."""
        return self._position

    def items(self, start: int = 0, wanted: Wanted = every) -> Generator[Frame | AudioPacket, None, None]:
        """Frames from number `start` on that are wanted, and packets of sound, as they are interleaved.

        Only one such pass can be open over a source that reads forward. Raises as `__next__`.
        """
        self._check_open()
        reader, items = self._items_from(start)
        choose: Wanted = lambda record: record.number >= start and wanted(record)  # noqa: E731
        for promised in self._decoder.promised(items, choose):
            if isinstance(promised, AudioPacket):
                yield promised
                continue
            coded, pending = promised
            try:
                pixels = pending.result()
            except CancelledError:
                raise ValueError("the video is closed") from None
            except CorruptError:
                if not self._salvage:
                    raise
                self._undecodable += 1
                continue
            yield self._made(coded.record, pixels)
        self._tell_of_damage(reader)

    def to_torch(self, batch_size: int = 1, *, drop_last: bool = False) -> Iterator[Tensor]:
        """The frames from the position on as tensors (batch_size, C, H, W) uint8 on the CPU.

        The last one is smaller where frames run out, or left out with `drop_last`.
        """
        import torch

        if batch_size < 1:
            raise ValueError(f"batch_size {batch_size} is not positive")
        batch: list[Pixels] = []

        def stacked() -> Tensor:
            return torch.from_numpy(np.stack(batch).transpose(0, 3, 1, 2).copy())

        for frame in self:
            batch.append(frame.pixels)
            if len(batch) == batch_size:
                yield stacked()
                batch = []
        if batch and not drop_last:
            yield stacked()

    def close(self) -> None:
        """Stop decoding; a file that was opened here is closed."""
        self._closed = True
        self._close_pass()
        self._decoder.close()
        self._close_stream()

    def __enter__(self) -> Video:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()

    @cached_property
    def _file(self) -> SequenceFile:
        assert self._cursor is not None
        return SequenceFile(self._cursor.another())  # type: ignore[arg-type]

    @property
    def _leaps(self) -> FrameIndex:
        self._check_open()
        if not self.seekable:
            raise NotSeekableError("the source only reads forward: there is no way to leap in it")
        return self._file.index

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("the video is closed")

    def _forward(self) -> BinaryIO:
        return self._stream if self._cursor is None else self._cursor.another()  # type: ignore[return-value]

    def _items_from(self, number: int) -> tuple[SequenceReader | SequenceRemains, Iterator[Item]]:
        """What reads the coded frames and packets from this frame on, or from an earlier one that it needs."""
        if not self._taken and (number == 0 or not self.seekable):
            self._taken = True  # what read the header goes on
            return self._opening, self._opening.items()
        if not self.seekable:
            raise NotSeekableError("the source only reads forward, and has been read")
        if number == 0:
            reader = SequenceReader(self._forward())
            return reader, reader.items()
        file = self._file
        if number >= len(file.index):
            return self._opening, _nothing(file.fault)
        record = file.record(number)
        shown = file.shown_by(record)
        cursor = self._forward()
        cursor.seek(file.index.offsets[number])
        reader = SequenceReader.resumed(cursor, self._start, number, cursor.tell(), shown)
        return reader, chain([file.frame(shown)] if record.kind == REPEAT else [], reader.items())

    def _made(self, record: Record, pixels: Pixels) -> Frame:
        # A copy, for the next frame may show the same again, and this one is the caller's.
        return Frame(pixels.copy(), record.pts, record.duration, self.time_base, record.number, record.key)

    def _frame(self, number: int) -> Frame:
        """One frame by a leap."""
        with self._lock:
            return self._leapt_to(number)

    def _leapt_to(self, number: int) -> Frame:
        coded = self._file.frame(number)
        shown = self._file.shown_by(coded.record)
        if self._last is None or self._last[0] != shown or coded.record.kind != REPEAT:
            source = coded if shown == number else self._file.frame(shown)
            if source.record.kind == REPEAT:
                raise CorruptError(f"frame {number} repeats frame {shown}, which is a repeat")
            self._last = (shown, self._decoder.begin(source).result())
        return self._made(coded.record, self._last[1])

    def _close_pass(self) -> None:
        if self._pass is not None:
            self._pass.close()
            self._pass = None

    def _close_stream(self) -> None:
        if self._owned:
            self._stream.close()

    def _tell_of_damage(self, reader: SequenceReader | SequenceRemains) -> None:
        """What is odd about a file whose frames have all been shown."""
        if isinstance(reader, SequenceRemains) and reader.start.damaged:
            note(f"{' and '.join(reader.start.damaged)} damaged and left out")
        if not isinstance(reader, SequenceReader) or reader.tail is None:
            return
        if reader.damaged:
            note(f"{' and '.join(reader.damaged)} damaged and left out")
        if self._cursor is not None and (extra := self._cursor.another().seek(0, os.SEEK_END) - reader.offset) > 0:
            note(f"{extra} bytes after the end of the file are ignored")


def _nothing(fault: WispError | None) -> Iterator[Item]:
    if fault is not None:
        raise fault
    yield from ()


def open_video(
    source: VideoSource, *, codec: Codec | None = None, workers: int | None = 1, salvage: bool = False
) -> Video:
    """Open a sequence: `for frame in open_video("clip.wisp"): show(frame.pixels)`.

    Args:
        source: a path or a binary file object; one that only reads forward will do for iterating.
        codec: what decodes; by default the one behind `codec.decode`.
        workers: frames decoded side by side and ahead of the caller, each by an equal share of torch's threads.
            1 decodes in the caller's thread when a frame is asked for; None takes as many as threads and memory
            allow. Pixels may differ by one grey level between numbers of workers, latents never.
        salvage: pass over what is damaged and go on with the next intact frame; forward only.

    Raises:
        FileAccessError, NotWispError, TruncatedError, CorruptError, UnsupportedError, LimitError: as `decode`;
        those that a later frame causes come when that is reached. RequestError: a still picture.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers {workers} is not positive")
    if codec is None:
        from codec.api import default_codec

        codec = default_codec()
    return Video(source, codec, workers=workers, salvage=salvage)
