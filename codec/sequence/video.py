"""Sequences in memory: `open_video`, a sequence of frames of which few are in memory at a time."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Sequence
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from bitstream.errors import NoSuchFrameError, RequestError
from bitstream.sequence.audio import AudioPacket
from bitstream.sequence.record import Record
from codec.api import Codec, default_codec
from codec.files.source import Source
from codec.pixels.frame import Frame
from codec.sequence.coded import CodedFrames
from codec.sequence.facts import VideoFacts
from codec.sequence.frame_decoder import FrameDecoder, Wanted
from codec.sequence.shown import Pass, ShownFrames
from codec.work.forks import ForkLock

if TYPE_CHECKING:
    from torch import Tensor

_NEAR = Fraction(1, 1000)  # of a unit of the time base: what a float of seconds may be off


def every_frame(_: Record) -> bool | None:
    """Every frame is wanted."""
    return True


class Video(VideoFacts, Sequence[Frame]):
    """The frames of a `.wisp` sequence; see `open_video`, which makes it.

    `len(video)`, `video[i]`, `video[a:b:c]` and loops are those of any sequence: each loop begins at the first frame.
    `frames` is a pass over a part. Beside these there is a position, at first 0, which `read` moves on and `seek`
    moves anywhere; it matters to these two alone. Any number of threads may use one video.

    From a path it can be pickled: it is opened anew elsewhere, at its position. A pipe, or any file object that cannot
    seek, is read forward once: by one loop, one pass of `frames`, or by `read`. All else raises NotSeekableError.

    Of a damaged or truncated file every frame before the fault comes, then the error. With salvage, which only reads
    forward, too, `lost` counts the frames left out so far, and `whole` tells whether anything had to be passed over.
    """

    def __init__(
        self, source: Source, codec: Codec, *, workers: int | None = 1, salvage: bool = False, fast: bool = False
    ) -> None:
        self._lock, self._codec, self._wanted_workers, self._fast = ForkLock(), codec, workers, fast
        self._position = 0
        self._pass: Pass[Frame] | None = None  # that `read` goes on with
        self._coded = CodedFrames(source, salvage=salvage)
        super().__init__(self._coded.start)
        decoder = FrameDecoder(self._start.header, codec, workers, fast=fast)
        self.workers = decoder.workers  # how many frames are decoded side by side
        self._shown = ShownFrames(self._coded, decoder)

    def __repr__(self) -> str:
        name = f"{self._coded.name!r}, " if self._coded.name else ""
        facts = f"{self.size[0]}x{self.size[1]} {self.mode}, rate={self.rate}, frames={self.clip.frames or None}"
        return f"Video({name}{facts}, position={self._position})"

    def __reduce__(self) -> tuple[Any, ...]:
        """How it was opened, and the position. Raises RequestError for a file object, NotSeekableError for a pipe."""
        with self._shown.in_use():
            path = self._coded.path_to_open_again()
        options = {"workers": self._wanted_workers, "salvage": self._coded.salvage, "fast": self._fast}
        return _opened_at, (self._position, path, self._codec, options)

    @property
    def seekable(self) -> bool:
        """Whether frames can be counted and chosen, and passes begun again."""
        return self._coded.seekable

    @property
    def lost(self) -> int:
        """With salvage: frames that are known to be missing or damaged, as far as was read."""
        return self._coded.missing + self._shown.undecodable

    @property
    def whole(self) -> bool:
        """With salvage: whether nothing had to be passed over so far."""
        return self._coded.whole and not self._shown.undecodable

    # A sequence

    def __len__(self) -> int:
        """How many frames there are: those before the fault, where the file is truncated. Raises NotSeekableError."""
        if not self.seekable and self.clip.frames:
            return self.clip.frames
        return len(self._shown.index)

    def __iter__(self) -> Iterator[Frame]:
        """From the first frame on. Raises as `frames`."""
        return self.frames()

    @overload
    def __getitem__(self, i: int) -> Frame: ...
    @overload
    def __getitem__(self, i: slice) -> VideoSlice: ...

    def __getitem__(self, i: int | slice) -> Frame | VideoSlice:
        """A frame, or a view of several, which are decoded when they are asked for.

        Raises NoSuchFrameError, an IndexError; the file's fault for frames behind it; NotSeekableError.
        """
        count = len(self._shown.index)
        if isinstance(i, slice):
            return VideoSlice(self, range(count)[i])
        i = operator.index(i)
        if not -count <= i < count:
            if self._coded.fault is not None and i >= count:
                raise self._coded.fault
            raise NoSuchFrameError(f"there is no frame {i}: the sequence has {count}")
        return self._shown.frame(i % count)

    def frames(self, start: int = 0, stop: int | None = None, every: int = 1) -> Iterator[Frame]:
        """One pass over every so many-th of the frames from number `start` on and before `stop` (None: to the end).

        Each pass has a place of its own; of a source that only reads forward there is one. A step raises what decoding
        raises, and NotSeekableError.

        Raises:
            ValueError: a negative number, or `every` below 1. Slices count from the end, too.
        """
        start, every = operator.index(start), operator.index(every)
        stop = None if stop is None else operator.index(stop)
        if start < 0 or every < 1 or (stop is not None and stop < 0):
            raise ValueError(f"frames from {start} to {stop}, every {every}: numbers begin at 0, steps at 1")
        return self._shown.frames(start, stop, every)

    def to_torch(
        self, batch_size: int = 1, *, start: int = 0, stop: int | None = None, every: int = 1, drop_last: bool = False
    ) -> Iterator[Tensor]:
        """A pass as `frames`, as tensors (batch_size, C, H, W) uint8 on the CPU.

        The last one is smaller where frames run out, or left out with `drop_last`.
        """
        import torch

        if batch_size < 1:
            raise ValueError(f"batch_size {batch_size} is not positive")
        batch: list[np.ndarray[Any, Any]] = []

        def stacked() -> Tensor:
            return torch.from_numpy(np.stack(batch).transpose(0, 3, 1, 2).copy())

        for frame in self.frames(start, stop, every):
            batch.append(frame.pixels)
            if len(batch) == batch_size:
                yield stacked()
                batch = []
        if batch and not drop_last:
            yield stacked()

    @property
    def times(self) -> Sequence[int]:
        """Every frame's timestamp, in units of the time base. Raises NotSeekableError."""
        return self._shown.index.pts

    def number_at(self, seconds: float) -> int:
        """The frame that is shown at this time, counted from the clip's first frame, as `Frame.seconds` is.

        That is the last that does not begin later; the first for what is below 0. Raises NotSeekableError, RequestError
        (not a finite number).
        """
        index = self._shown.index
        if not math.isfinite(seconds):
            raise RequestError(f"seconds = {seconds} is not a finite number")
        units = Fraction(seconds) / self.time_base
        near = round(units)
        return index.at_time(index.pts[0] + (near if abs(units - near) < _NEAR else units.__floor__())) if index else 0

    def items(self, start: int = 0, wanted: Wanted = every_frame) -> Iterator[Frame | AudioPacket]:
        """A pass over the frames from number `start` on that are wanted, and the sound, as they are interleaved."""
        return self._shown.items(start, wanted)

    # A player

    @property
    def position(self) -> int:
        """Number of the frame that `read` gives next."""
        return self._position

    def read(self) -> Frame | None:
        """The frame at the position, which moves on; None behind the last.

        Raises CorruptError, TruncatedError and the like where it cannot be decoded; NotSeekableError where a loop has
        taken the one pass of a source that only reads forward.
        """
        with self._shown.in_use(), self._lock:  # a closed video says so, even where another thread waits for a pipe
            if self._pass is None or self._pass.foreign:
                self._pass = self._shown.frames(self._position, None, 1)
            try:
                frame = next(self._pass, None)
            except Exception:
                if self.seekable:  # the same is found again, unless the file has grown meanwhile
                    self._pass = None
                    self._coded.look_again()
                raise
            if frame is not None:
                self._position = frame.number + 1
            return frame

    def __next__(self) -> Frame:
        """As `read`, but StopIteration behind the last frame."""
        frame = self.read()
        if frame is None:
            raise StopIteration
        return frame

    def seek(self, seconds: float) -> int:
        """Move the position to the frame of `number_at` -> its number. Raises NotSeekableError, RequestError."""
        return self.go_to(self.number_at(seconds))

    def go_to(self, number: int) -> int:
        """Move the position to this frame -> its number. Raises NotSeekableError."""
        _ = self._shown.index
        with self._lock:
            if self._pass is not None and not self._pass.foreign:
                self._pass.close()
            self._pass, self._position = None, number
        return number

    # Its end

    def close(self) -> None:
        """Stop decoding; a file that was opened here is closed.

        Where another thread is at work, it does its frame first, and nobody waits for it.
        """
        self._shown.close()

    def __enter__(self) -> Video:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()


class VideoSlice(Sequence[Frame]):
    """A view of some frames of a video: they are decoded when they are asked for, and not kept.

    A loop over it decodes as many side by side as the video has `workers`.
    """

    def __init__(self, video: Video, numbers: range) -> None:
        self._video, self._numbers = video, numbers

    def __repr__(self) -> str:
        return f"VideoSlice({self._video!r}, {self._numbers})"

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Frame]:
        return self._video._shown.chosen(self._numbers)

    @overload
    def __getitem__(self, i: int) -> Frame: ...
    @overload
    def __getitem__(self, i: slice) -> VideoSlice: ...

    def __getitem__(self, i: int | slice) -> Frame | VideoSlice:
        """A frame, or a view of fewer. Raises IndexError."""
        if isinstance(i, slice):
            return VideoSlice(self._video, self._numbers[i])
        return self._video[self._numbers[i]]


def _opened_at(position: int, source: Source, codec: Codec, options: dict[str, Any]) -> Video:
    video = Video(source, codec, **options)
    video._position = position
    return video


def open_video(
    source: Source,
    *,
    codec: Codec | None = None,
    workers: int | None = 1,
    salvage: bool = False,
    fast: bool = False,
) -> Video:
    """Open a sequence: `for frame in open_video("clip.wisp"): show(frame.pixels)`.

    Args:
        source: a path, bytes or a binary file object; one that only reads forward will do for one loop.
        codec: what decodes; by default the one behind `codec.decode`.
        workers: frames decoded side by side and ahead of the caller, each by an equal share of the codec's threads.
            1 decodes in the caller's thread when a frame is asked for; None takes as many as threads and memory
            allow. Pixels may differ by one grey level between numbers of workers, latents never.
        salvage: pass over what is damaged and go on with the next intact frame; forward only.
        fast: as in `decode`.

    Raises:
        FileAccessError, NotWispError, TruncatedError, CorruptError, UnsupportedError, LimitError: as `decode`;
        those that a later frame causes come when that is reached. RequestError: a still picture.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers {workers} is not positive")
    return Video(source, codec or default_codec(), workers=workers, salvage=salvage, fast=fast)
